//! `pgctl history`.

use super::context::Context;
use crate::engine::{Journal, Record};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{HistoryContent, OperationDocument, encode, history_screen, plain};
use crate::world::journal_of;

pub(super) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let cluster = context.observe(&kube).await?.snapshot.cluster;
    let journal = journal_of(&kube, &cluster)
        .await
        .map_err(|error| Failure::new(ExitCode::Failed, error.reason))?;
    let unfinished = journal.as_ref().filter(|it| it.unfinished().is_some());
    let records: &[Record] = journal.as_ref().map_or(&[], |it| &it.history);
    let text = if context.format.is_document() {
        let content = HistoryContent {
            unfinished,
            operations: records,
        };
        encode(
            &OperationDocument::new("History", &content, 0),
            context.format,
        )
    } else if records.is_empty() && unfinished.is_none() {
        format!("no operation has run on {cluster}\n")
    } else {
        history_screen(records, &context.screen) + &unfinished.map(left).unwrap_or_default()
    };
    context.print(&text)?;
    Ok(ExitCode::Done)
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
