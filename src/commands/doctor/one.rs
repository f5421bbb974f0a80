//! The cluster of a namespace: look at everything at once, judge, show.

use super::judge::{Judge, Seen};
use crate::commands::context::Context;
use crate::commands::journal::JournalSeen;
use crate::commands::looking::Looking;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::{Observed, examined};
use crate::output::{DoctorDocument, Screen, doctor_answer, doctor_screen};

/// Looks at everything that a check goes by.
pub(super) struct OneCluster {
    pub(super) kube: Kube,
    pub(super) judge: Judge,
    /// Whether checks that passed are named.
    pub(super) verbose: bool,
}

/// What all checks find in what was observed, without the backups: for a report.
pub(in crate::commands) async fn examination(
    context: &Context,
    kube: &Kube,
    observed: &Observed,
) -> DoctorDocument {
    let seen = examine(context, kube, &Judge::of_report(), observed).await;
    DoctorDocument::new(&seen.snapshot, &seen.examination)
}

/// Asks what a snapshot does not know, and judges it all.
async fn examine(context: &Context, kube: &Kube, judge: &Judge, observed: &Observed) -> Seen {
    let (examined, backups) = futures::join!(
        examined(kube, observed, &context.selection),
        judge.backups(context.timeout()),
    );
    judge
        .judge(kube, &observed.snapshot, examined, &backups)
        .await
}

impl Looking for OneCluster {
    type Seen = Seen;

    async fn look(&mut self, context: &Context) -> Result<Seen, Failure> {
        let mut observed = context.observe(&self.kube).await?;
        let journal = JournalSeen::look(&self.kube, &observed.snapshot.cluster).await;
        journal.note(&mut observed.snapshot);
        Ok(examine(context, &self.kube, &self.judge, &observed).await)
    }

    fn document(&self, seen: &Seen) -> impl serde::Serialize {
        DoctorDocument::new(&seen.snapshot, &seen.examination)
    }

    fn screen(&self, seen: &Seen, screen: &Screen) -> String {
        doctor_screen(&seen.examination, self.verbose, screen)
    }

    fn answer(&self, seen: &Seen, screen: &Screen) -> String {
        doctor_answer(&seen.examination, screen) + "\n"
    }

    fn exit(&self, seen: &Seen) -> ExitCode {
        self.judge.exit(std::iter::once(seen))
    }
}
