//! The JSON Schemas of all documents, made from the very types that are printed.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::document::{
    AutoscalerDocument, BackupCopiesDocument, BackupDocument, BackupListDocument, ChangeDocument,
    ClusterBackupListDocument, ClusterListDocument, ClusterStatusDocument, ConfigDiffDocument,
    ConfigDocument, ConfigFileDocument, ConnectionsDocument, DatabasesDocument, DiskDocument,
    DoctorDocument, ErrorDocument, ExaminationListDocument, ExplanationsDocument,
    LagReportDocument, LogEntryDocument, PoolersDocument, PortForwardDocument, PruningDocument,
    QueriesDocument, QueryResultDocument, QueryResultListDocument, SlotsDocument,
    SlowStatementsDocument, StatementsDocument, SynchronousDocument, TuneDocument, UsersDocument,
    VerificationDocument, VersionDocument, WalArchiveListDocument, WalVerificationDocument,
};
use super::operation::{HistoryContent, OperationDocument};
use super::rollout::RolloutContent;
use crate::engine::Report;
use crate::events::{EventLine, WalEventLine};
use crate::plan::{Plan, Refusal};

/// The file with what several documents have in common. Others refer to it relative to their own
/// place, so that a copy of the folder is all that a validator needs.
const COMMON: &str = "common.json";

const LOCAL: &str = "#/$defs/";

/// What is printed, not what would be read.
fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>().into()
}

/// A document of a guided operation: all are printed by one type, and told apart by their `kind`.
fn operation<T: JsonSchema>(kind: &str) -> Value {
    let mut schema = Schema::try_from(of::<OperationDocument<T>>())
        .expect("what was a schema before still is one");
    schema.insert("title".to_owned(), kind.into());
    if let Some(of_kind) = schema.pointer_mut("/properties/kind") {
        of_kind["const"] = kind.into();
    }
    // Nothing but what is described.
    schema.insert("unevaluatedProperties".to_owned(), false.into());
    schema.into()
}

/// A line of `--events`, or of `pgctl wal archive -o json`.
fn event<T: JsonSchema>() -> Value {
    let mut schema = of::<T>();
    // Nothing but what is described.
    schema["unevaluatedProperties"] = false.into();
    schema
}

/// Each schema by the name of its file in `docs/schema/`. What more than one of them defines is in
/// `common.json`.
pub fn schemas() -> BTreeMap<&'static str, Value> {
    let mut schemas = BTreeMap::from([
        ("cluster-status.json", of::<ClusterStatusDocument>()),
        ("cluster-list.json", of::<ClusterListDocument>()),
        ("lag-report.json", of::<LagReportDocument>()),
        ("query-result.json", of::<QueryResultDocument>()),
        ("query-result-list.json", of::<QueryResultListDocument>()),
        ("port-forward.json", of::<PortForwardDocument>()),
        ("log-entry.json", of::<LogEntryDocument>()),
        ("slow-statements.json", of::<SlowStatementsDocument>()),
        ("slots.json", of::<SlotsDocument>()),
        ("examination.json", of::<DoctorDocument>()),
        ("examination-list.json", of::<ExaminationListDocument>()),
        ("queries.json", of::<QueriesDocument>()),
        ("statements.json", of::<StatementsDocument>()),
        ("connections.json", of::<ConnectionsDocument>()),
        ("poolers.json", of::<PoolersDocument>()),
        ("databases.json", of::<DatabasesDocument>()),
        ("users.json", of::<UsersDocument>()),
        ("config.json", of::<ConfigDocument>()),
        ("config-diff.json", of::<ConfigDiffDocument>()),
        ("config-file.json", of::<ConfigFileDocument>()),
        ("disk.json", of::<DiskDocument>()),
        ("tuning.json", of::<TuneDocument>()),
        ("version.json", of::<VersionDocument>()),
        ("explanations.json", of::<ExplanationsDocument>()),
        ("change.json", of::<ChangeDocument>()),
        ("backup.json", of::<BackupDocument>()),
        ("backup-list.json", of::<BackupListDocument>()),
        (
            "cluster-backup-list.json",
            of::<ClusterBackupListDocument>(),
        ),
        ("backup-verification.json", of::<VerificationDocument>()),
        ("backup-copies.json", of::<BackupCopiesDocument>()),
        ("backup-pruning.json", of::<PruningDocument>()),
        ("wal-archive-list.json", of::<WalArchiveListDocument>()),
        ("wal-verification.json", of::<WalVerificationDocument>()),
        ("plan.json", operation::<Plan>("Plan")),
        ("refusal.json", operation::<Refusal>("Refusal")),
        ("report.json", operation::<Report>("Report")),
        ("rollout.json", operation::<RolloutContent<'_>>("Rollout")),
        ("history.json", operation::<HistoryContent<'_>>("History")),
        ("autoscaler.json", of::<AutoscalerDocument>()),
        ("synchronous-replication.json", of::<SynchronousDocument>()),
        ("error.json", of::<ErrorDocument>()),
        ("event.json", event::<EventLine>()),
        ("wal-event.json", event::<WalEventLine>()),
    ]);
    let common = shared(&schemas);
    for schema in schemas.values_mut() {
        if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
            definitions.retain(|name, _| !common.contains_key(name));
        }
        if schema
            .pointer("/$defs")
            .and_then(Value::as_object)
            .is_some_and(Map::is_empty)
            && let Some(fields) = schema.as_object_mut()
        {
            fields.remove("$defs");
        }
        each_reference(schema, &mut |reference| {
            let name = reference.strip_prefix(LOCAL)?;
            let moved = common.contains_key(name);
            moved.then(|| format!("{COMMON}{reference}"))
        });
    }
    let schema_dialect = "https://json-schema.org/draft/2020-12/schema";
    let common = json!({
        "$schema": schema_dialect,
        "title": "What several documents have in common",
        "$defs": common,
    });
    schemas.insert(COMMON, common);
    schemas
}

/// The definitions that more than one schema has, and all have alike, with all that they refer to.
fn shared(schemas: &BTreeMap<&str, Value>) -> Map<String, Value> {
    let mut seen: BTreeMap<&String, Vec<&Value>> = BTreeMap::new();
    let definitions = |schema| Value::get(schema, "$defs").and_then(Value::as_object);
    for (name, definition) in schemas.values().filter_map(definitions).flatten() {
        seen.entry(name).or_default().push(definition);
    }
    let mut shared: Map<String, Value> = seen
        .into_iter()
        .filter(|(_, same)| same.len() > 1 && same.iter().all(|it| *it == same[0]))
        .map(|(name, same)| (name.clone(), same[0].clone()))
        .collect();
    // One that refers to something that stays where it is has to stay, too.
    loop {
        let strays: Vec<String> = shared
            .iter()
            .filter(|(_, definition)| {
                let mut strays = false;
                each_reference(&mut (*definition).clone(), &mut |reference| {
                    let name = reference.strip_prefix(LOCAL).unwrap_or(reference);
                    strays |= !shared.contains_key(name);
                    None
                });
                strays
            })
            .map(|(name, _)| name.clone())
            .collect();
        if strays.is_empty() {
            return shared;
        }
        shared.retain(|name, _| !strays.contains(name));
    }
}

/// Gives each `$ref` below to `change`, and puts what it answers in its place.
fn each_reference(value: &mut Value, change: &mut impl FnMut(&str) -> Option<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == "$ref"
                    && let Value::String(reference) = field
                {
                    if let Some(changed) = change(reference) {
                        *reference = changed;
                    }
                } else {
                    each_reference(field, change);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|it| each_reference(it, change)),
        _ => (),
    }
}
