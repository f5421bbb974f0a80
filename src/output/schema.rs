//! The JSON Schemas of all documents, made from the very types that are printed.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};

use super::document::{
    BackupDocument, BackupListDocument, ClusterListDocument, ClusterStatusDocument, ErrorDocument,
    LagReportDocument, PruningDocument, VerificationDocument,
};

/// Each schema with the name of its file in `docs/schema/`.
pub fn schemas() -> Vec<(&'static str, Schema)> {
    fn of<T: JsonSchema>() -> Schema {
        // What is printed, not what would be read.
        let settings = SchemaSettings::draft2020_12().for_serialize();
        settings.into_generator().into_root_schema_for::<T>()
    }
    vec![
        ("cluster-status.json", of::<ClusterStatusDocument>()),
        ("cluster-list.json", of::<ClusterListDocument>()),
        ("lag-report.json", of::<LagReportDocument>()),
        ("backup.json", of::<BackupDocument>()),
        ("backup-list.json", of::<BackupListDocument>()),
        ("backup-verification.json", of::<VerificationDocument>()),
        ("backup-pruning.json", of::<PruningDocument>()),
        ("error.json", of::<ErrorDocument>()),
    ]
}
