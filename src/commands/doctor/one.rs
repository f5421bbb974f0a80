//! The cluster of a namespace: look at everything at once, judge, show.

use super::judge::{Judge, Seen};
use crate::cli::JudgingArgs;
use crate::commands::context::Context;
use crate::commands::journal::JournalSeen;
use crate::commands::looking::Looking;
use crate::commands::throw_away::beside;
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

/// What all checks find in what was observed, and in the store where one is named: for a report.
pub(in crate::commands) async fn examination(
    context: &Context,
    kube: &Kube,
    observed: &Observed,
    judging: &JudgingArgs,
) -> DoctorDocument {
    let judge = Judge::of_report(judging);
    let (examined, backups) = futures::join!(
        examined(kube, observed, &context.selection),
        judge.backups(context.timeout()),
    );
    let seen = judge.judge(kube, &observed.snapshot, examined, &backups);
    let seen = seen.await;
    DoctorDocument::new(seen.taken, &seen.examination)
}

impl Looking for OneCluster {
    type Seen = Seen;

    async fn look(&mut self, context: &Context) -> Result<Seen, Failure> {
        let (seen, backups) = futures::join!(
            beside(&self.kube, context.observe_and_examine(&self.kube)),
            self.judge.backups(context.timeout()),
        );
        let ((mut observed, examined), found) = seen?;
        let journal = JournalSeen::look(&self.kube, &observed.snapshot.cluster, &found).await;
        journal.note(&mut observed.snapshot);
        let snapshot = &observed.snapshot;
        let judged = self.judge.judge(&self.kube, snapshot, examined, &backups);
        Ok(judged.await)
    }

    fn document(&self, seen: &Seen) -> impl serde::Serialize {
        DoctorDocument::new(seen.taken, &seen.examination)
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
