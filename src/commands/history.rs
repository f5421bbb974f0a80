//! `pgctl history`.

use super::context::Context;
use super::looking::{self, Looking};
use crate::change::ChangeRecord;
use crate::cluster::ClusterId;
use crate::engine::{Journal, Record};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::output::{
    HistoryContent, OperationDocument, Screen, changes_screen, history_screen, plain,
};
use crate::world::{changes_of, journal_of};

pub(super) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    looking::once(context, History { kube }).await
}

struct History {
    kube: Kube,
}

struct Seen {
    cluster: ClusterId,
    journal: Option<Journal>,
    changes: Vec<ChangeRecord>,
}

impl Seen {
    fn unfinished(&self) -> Option<&Journal> {
        let journal = self.journal.as_ref();
        journal.filter(|it| it.unfinished().is_some())
    }

    fn operations(&self) -> &[Record] {
        self.journal.as_ref().map_or(&[], |it| &it.history)
    }
}

impl Looking for History {
    type Seen = Seen;

    async fn look(&mut self, context: &Context) -> Result<Seen, Failure> {
        let cluster = context.observe(&self.kube).await?.snapshot.cluster;
        let (journal, changes) = futures::join!(
            journal_of(&self.kube, &cluster),
            changes_of(&self.kube, &cluster)
        );
        Ok(Seen {
            journal: journal?,
            changes: changes?,
            cluster,
        })
    }

    fn document(&self, seen: &Seen) -> impl serde::Serialize {
        let content = HistoryContent {
            unfinished: seen.unfinished(),
            operations: seen.operations(),
            changes: &seen.changes,
        };
        OperationDocument::new("History", content, 0)
    }

    fn screen(&self, seen: &Seen, screen: &Screen) -> String {
        let mut parts = Vec::new();
        if !seen.operations().is_empty() {
            parts.push(history_screen(seen.operations(), screen));
        }
        if !seen.changes.is_empty() {
            parts.push(changes_screen(&seen.changes, screen));
        }
        parts.extend(seen.unfinished().map(left));
        if parts.is_empty() {
            return format!("no operation has run on {}\n", seen.cluster);
        }
        parts.join("\n")
    }
}

fn left(journal: &Journal) -> String {
    let line = format!(
        "unfinished: {} ({}); {}",
        journal.plan.operation,
        journal.plan.id,
        journal.plan.resume_command()
    );
    plain(&line) + "\n"
}
