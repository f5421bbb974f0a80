//! Every cluster of all namespaces, of several contexts, or both: a line for each.

use jiff::Timestamp;

use super::judge::{Judge, Seen};
use crate::commands::context::Context;
use crate::commands::fleet::{Fleet, FleetLook};
use crate::commands::journal::JournalSeen;
use crate::commands::looking::Looking;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, NamespaceScope};
use crate::observe::{Observed, examined_all};
use crate::output::{ExaminationListDocument, Screen, examinations_screen};

pub(super) struct ManyClusters {
    pub(super) fleet: Fleet,
    pub(super) judge: Judge,
}

impl Looking for ManyClusters {
    type Seen = FleetLook<Seen>;

    async fn look(&mut self, context: &Context) -> Result<Self::Seen, Failure> {
        let judge = &self.judge;
        // One store has the backups of all.
        let backups = &judge.backups(context.timeout()).await;
        let examine =
            async |kube: &Kube, place: &NamespaceScope, mut observed: Vec<Observed>, found| {
                JournalSeen::note_all(kube, place, &found, &mut observed).await;
                let rights = judge.names_rights();
                let selection = &context.selection;
                let judge = async |observed: Observed, examined| {
                    let snapshot = &observed.snapshot;
                    judge.judge(kube, snapshot, examined, backups).await
                };
                examined_all(kube, place, selection, observed, rights, judge).await
            };
        self.fleet.look_also_beside(context, examine).await
    }

    fn document(&self, seen: &Self::Seen) -> impl serde::Serialize {
        let clusters = seen.clusters.iter();
        let taken = clusters.map(|(_, it)| it.taken).min();
        let view = seen.view(|it| &it.examination);
        ExaminationListDocument::new(taken.unwrap_or_else(Timestamp::now), &view)
    }

    fn screen(&self, seen: &Self::Seen, screen: &Screen) -> String {
        examinations_screen(&seen.view(|it| &it.examination), screen)
    }

    fn exit(&self, seen: &Self::Seen) -> ExitCode {
        let clusters = seen.clusters.iter().map(|(_, it)| it);
        seen.exit(self.judge.exit(clusters))
    }
}
