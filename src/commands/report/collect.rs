//! What goes into a report: every file's name with its text, or why it could not be collected.

use serde::Serialize;
use serde_json::Value;

use super::logs::logs;
use super::piece::Piece;
use super::redaction::Redaction;
use crate::cluster::{Limits, Snapshot, assess, slot_report};
use crate::commands::context::Context;
use crate::commands::history::{makes_server, operations};
use crate::commands::journal::JournalSeen;
use crate::engine::Journal;
use crate::kubernetes::Kube;
use crate::observe::{Observed, settings_and_sessions};
use crate::output::{
    ClusterStatusDocument, Format, HistoryContent, LagReportDocument, LagView, OperationDocument,
    SlotsDocument, encode,
};
use crate::world::changes_of;

/// How much of it.
pub(super) struct Extent {
    pub(super) limits: Limits,
    pub(super) lines: u32,
    pub(super) with_queries: bool,
}

/// Collects everything at once.
pub(super) async fn collect(
    context: &Context,
    kube: &Kube,
    observed: &Observed,
    journal: &JournalSeen,
    redaction: &Redaction,
    extent: &Extent,
) -> Vec<Piece> {
    let snapshot = &observed.snapshot;
    let (objects, logs, servers, history) = futures::join!(
        objects(context, kube, snapshot, redaction),
        logs(kube, observed, redaction, extent.lines),
        servers(kube, observed, redaction, extent.with_queries),
        history(kube, snapshot, journal, redaction),
    );
    let mut pieces = states(snapshot, &extent.limits, redaction);
    pieces.push(history);
    pieces.extend(objects);
    pieces.extend(servers);
    pieces.extend(logs);
    pieces
}

/// A document as `-o json` prints it, without secrets.
pub(super) fn document(document: &impl Serialize, redaction: &Redaction) -> String {
    match serde_json::to_value(document) {
        Ok(mut value) => {
            redaction.object(&mut value);
            encode(&value, Format::Json)
        }
        Err(error) => format!("{error}\n"),
    }
}

fn states(snapshot: &Snapshot, limits: &Limits, redaction: &Redaction) -> Vec<Piece> {
    let health = assess(snapshot, limits);
    let view = LagView {
        report: &health.lag,
        rates: None,
        limit: None,
    };
    let slots = slot_report(None, snapshot);
    let (status, lag, slots) = (
        ClusterStatusDocument::new(snapshot, &health),
        LagReportDocument::new(snapshot, &view),
        SlotsDocument::new(snapshot, &slots),
    );
    vec![
        Piece::new("status.json", Ok(document(&status, redaction))),
        Piece::new("lag.json", Ok(document(&lag, redaction))),
        Piece::new("slots.json", Ok(document(&slots, redaction))),
    ]
}

async fn history(
    kube: &Kube,
    snapshot: &Snapshot,
    journal: &JournalSeen,
    redaction: &Redaction,
) -> Piece {
    let changes = changes_of(kube, &snapshot.cluster).await;
    let content = match (&journal.journal, &journal.throw_aways.journal, changes) {
        (Ok(journal), Ok(throw_aways), Ok(changes)) => {
            let journals: Vec<&Journal> = journal.iter().chain(throw_aways).collect();
            let unfinished = |it: &&Journal| it.unfinished().is_some();
            let mut left = journals.iter().copied().filter(unfinished);
            let operations = operations(journals.iter().copied());
            let content = HistoryContent {
                unfinished_throw_aways: left.clone().filter(|it| makes_server(it)).collect(),
                unfinished: left.next(),
                operations: &operations,
                changes: &changes,
            };
            Ok(document(
                &OperationDocument::new("History", content, 0),
                redaction,
            ))
        }
        (Err(error), _, _) | (_, Err(error), _) => Err(error.to_string()),
        (_, _, Err(error)) => Err(error.to_string()),
    };
    Piece::new("history.json", content)
}

async fn objects(
    context: &Context,
    kube: &Kube,
    snapshot: &Snapshot,
    redaction: &Redaction,
) -> Vec<Piece> {
    let namespace = &snapshot.cluster.namespace;
    let selector = context.selection.label_selector();
    let (mut found, own) = futures::join!(
        kube.raw_objects(namespace, &selector),
        kube.raw_own_objects(&snapshot.cluster)
    );
    found.extend(own);
    let piece = |(kind, objects): (&str, Result<Vec<Value>, _>)| {
        let text = objects.map(|mut objects| {
            objects.iter_mut().for_each(|it| redaction.object(it));
            encode(&Value::Array(objects), Format::Yaml)
        });
        let text = text.map_err(|error: crate::kubernetes::KubeError| error.to_string());
        Piece::new(format!("objects/{kind}.yaml"), text)
    };
    found.into_iter().map(piece).collect()
}

async fn servers(
    kube: &Kube,
    observed: &Observed,
    redaction: &Redaction,
    with_queries: bool,
) -> Vec<Piece> {
    let answers = settings_and_sessions(kube, observed, with_queries).await;
    let mut pieces = Vec::new();
    for (pod, answer) in answers {
        let (settings, sessions) = match answer {
            Ok((settings, sessions)) => (
                Ok(document(&settings, redaction)),
                Ok(document(&sessions, redaction)),
            ),
            Err(why) => (Err(why.clone()), Err(why)),
        };
        pieces.push(Piece::new(format!("settings/{pod}.json"), settings));
        pieces.push(Piece::new(format!("sessions/{pod}.json"), sessions));
    }
    pieces
}
