//! The JSON Schemas of all documents, made from the very types that are printed.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};

use super::document::{
    AutoscalerDocument, BackupDocument, BackupListDocument, ClusterListDocument,
    ClusterStatusDocument, ErrorDocument, LagReportDocument, PruningDocument, SynchronousDocument,
    VerificationDocument,
};
use super::operation::{HistoryContent, OperationDocument};
use crate::engine::Report;
use crate::plan::{Plan, Refusal};

/// What is printed, not what would be read.
fn of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>()
}

/// A document of a guided operation: all are printed by one type, and told apart by their `kind`.
fn operation<T: JsonSchema + 'static>(kind: &str) -> Schema {
    let mut schema = of::<OperationDocument<'static, T>>();
    schema.insert("title".to_owned(), kind.into());
    if let Some(of_kind) = schema.pointer_mut("/properties/kind") {
        of_kind["const"] = kind.into();
    }
    // Nothing but what is described.
    schema.insert("unevaluatedProperties".to_owned(), false.into());
    schema
}

/// Each schema with the name of its file in `docs/schema/`.
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("cluster-status.json", of::<ClusterStatusDocument>()),
        ("cluster-list.json", of::<ClusterListDocument>()),
        ("lag-report.json", of::<LagReportDocument>()),
        ("backup.json", of::<BackupDocument>()),
        ("backup-list.json", of::<BackupListDocument>()),
        ("backup-verification.json", of::<VerificationDocument>()),
        ("backup-pruning.json", of::<PruningDocument>()),
        ("plan.json", operation::<Plan>("Plan")),
        ("refusal.json", operation::<Refusal>("Refusal")),
        ("report.json", operation::<Report>("Report")),
        ("history.json", operation::<HistoryContent<'_>>("History")),
        ("autoscaler.json", of::<AutoscalerDocument>()),
        ("synchronous-replication.json", of::<SynchronousDocument>()),
        ("error.json", of::<ErrorDocument>()),
    ]
}
