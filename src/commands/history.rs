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
use crate::world::{RecordOf, changes_of, journal_of};

pub(super) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    looking::once(context, History { kube }).await
}

struct History {
    kube: Kube,
}

struct Seen {
    cluster: ClusterId,
    journals: Vec<Journal>,
    /// Oldest first.
    operations: Vec<Record>,
    changes: Vec<ChangeRecord>,
}

impl Seen {
    /// Of those that change the cluster first.
    fn unfinished(&self) -> impl Iterator<Item = &Journal> {
        let journals = self.journals.iter();
        journals.filter(|it| it.unfinished().is_some())
    }
}

impl Looking for History {
    type Seen = Seen;

    async fn look(&mut self, context: &Context) -> Result<Seen, Failure> {
        let cluster = context.observe(&self.kube).await?.snapshot.cluster;
        let (journal, throw_away, changes) = futures::join!(
            journal_of(&self.kube, &cluster, RecordOf::Cluster),
            journal_of(&self.kube, &cluster, RecordOf::ThrowAway),
            changes_of(&self.kube, &cluster)
        );
        let journals: Vec<Journal> = journal?.into_iter().chain(throw_away?).collect();
        Ok(Seen {
            operations: operations(&journals),
            journals,
            changes: changes?,
            cluster,
        })
    }

    fn document(&self, seen: &Seen) -> impl serde::Serialize {
        let content = HistoryContent {
            unfinished: seen.unfinished().next(),
            unfinished_throw_aways: seen.unfinished().filter(|it| makes_server(it)).collect(),
            operations: &seen.operations,
            changes: &seen.changes,
        };
        OperationDocument::new("History", content, 0)
    }

    fn screen(&self, seen: &Seen, screen: &Screen) -> String {
        let mut parts = Vec::new();
        if !seen.operations.is_empty() {
            parts.push(history_screen(&seen.operations, screen));
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

/// Whether it makes a throw-away server.
pub(super) fn makes_server(journal: &Journal) -> bool {
    journal.plan.operation.throw_away().is_some()
}

/// The operations that several journals remember, oldest first.
pub(super) fn operations<'a>(journals: impl IntoIterator<Item = &'a Journal>) -> Vec<Record> {
    let journals = journals.into_iter();
    let all = journals.flat_map(|it| it.history.iter().cloned());
    let mut operations: Vec<Record> = all.collect();
    // An id ends with the time when the operation was planned.
    operations.sort_by(|a, b| planned(a).cmp(planned(b)));
    operations
}

fn planned(record: &Record) -> &str {
    record.id.0.rsplit_once('-').map_or("", |(_, time)| time)
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
