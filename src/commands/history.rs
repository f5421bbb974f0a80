//! `pgctl history`.

use super::context::Context;
use super::looking::{self, Looking};
use crate::cluster::ClusterId;
use crate::engine::{Journal, Record};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::output::{HistoryContent, OperationDocument, Screen, history_screen, plain};
use crate::world::journal_of;

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
        let journal = journal_of(&self.kube, &cluster).await?;
        Ok(Seen { cluster, journal })
    }

    fn document(&self, seen: &Seen) -> impl serde::Serialize {
        let content = HistoryContent {
            unfinished: seen.unfinished(),
            operations: seen.operations(),
        };
        OperationDocument::new("History", content, 0)
    }

    fn screen(&self, seen: &Seen, screen: &Screen) -> String {
        let unfinished = seen.unfinished();
        if seen.operations().is_empty() && unfinished.is_none() {
            return format!("no operation has run on {}\n", seen.cluster);
        }
        history_screen(seen.operations(), screen) + &unfinished.map(left).unwrap_or_default()
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
