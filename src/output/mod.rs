//! What is shown: screens for people, documents for scripts. Nothing here looks at a cluster or
//! decides anything.

mod accounts;
mod advice;
mod answers;
mod backup;
mod backup_copies;
mod change;
mod cluster_backups;
mod clusters;
mod config;
mod config_file;
mod connections;
mod disk;
mod doctor;
mod document;
mod encode;
mod event;
mod examinations;
mod explain;
mod failure;
mod field;
mod findings;
mod fleet;
mod fleet_query;
mod forward;
mod known_fields;
mod lag;
mod logs;
mod metrics;
mod operation;
mod plain;
mod pooler;
mod prompt;
mod queries;
mod query;
mod rollout;
mod scaling;
mod schema;
mod screen;
mod sections;
mod slots;
mod status;
mod table;
#[cfg(test)]
mod tests;
mod top;
mod tune;
mod version;
mod wal;
mod writer;

pub use accounts::{databases_screen, users_screen};
pub use advice::{Given, as_plugin};
pub use backup::{
    Pruning, Undeleted, WalPruning, backup_taken, backups_screen, pruning_screen, verified_screen,
};
pub use backup_copies::{
    BackupCopies, BackupCopy, CopyEnd, CopyOutcome, backup_copies_screen, comparisons_screen,
    copy_end_screen,
};
pub use change::{changes_screen, effects_screen, proposal_screen, refused_proposal_screen};
pub use cluster_backups::{BackupState, ClusterBackups, LastRestoreTest, cluster_backups_screen};
pub use clusters::clusters_screen;
pub use config::{Deployed, config_diff_screen, config_screen};
pub use config_file::{OwnDefault, OwnDefaults, own_defaults_screen};
pub use connections::{ConnectionsView, connections_screen};
pub use disk::{DiskView, disk_screen};
pub use doctor::{doctor_answer, doctor_screen};
pub use document::{
    API_VERSION, AutoscalerDocument, BackupCopiesDocument, BackupDocument, BackupListDocument,
    ChangeDocument, ChangeEnd, ClusterBackupListDocument, ClusterListDocument,
    ClusterStatusDocument, ConfigDiffDocument, ConfigDocument, ConfigFileDocument,
    ConnectionsDocument, DatabasesDocument, DiskDocument, DoctorDocument, ErrorDocument,
    ExaminationListDocument, ExplanationsDocument, LagReportDocument, LogEntryDocument,
    PoolersDocument, PortForwardDocument, PruningDocument, QueriesDocument, QueryResultDocument,
    QueryResultListDocument, SlotsDocument, SlowStatementsDocument, StatementsDocument,
    SynchronousDocument, TuneDocument, UsersDocument, VerificationDocument, VersionDocument,
    WalArchiveListDocument, WalVerificationDocument,
};
pub use encode::{Format, encode, encode_line, encode_next, write_json};
pub use event::{backup_event_line, event_line, exit_event};
pub use examinations::examinations_screen;
pub use explain::{explanation_screen, explanations_screen};
pub use failure::failure_screen;
pub use field::Field;
pub use fleet::FleetView;
pub use fleet_query::{ClusterAnswers, fleet_query_csv, fleet_query_screen};
pub use forward::{Forwarded, forward_screen};
pub use known_fields::{UnknownField, known_field};
pub use lag::{LagView, failing_standbys, lag_screen};
pub use logs::{LogPrinter, slow_screen};
pub use metrics::{BackupFigures, LastLook, Looked, Measured, OperationFigures, exposition};
pub use operation::{
    HistoryContent, OperationDocument, candidates_screen, checks_screen, history_screen,
    plan_screen, refusal_screen, report_screen,
};
pub use plain::plain;
pub use pooler::{PoolerView, poolers_screen};
pub use prompt::{choose_candidate, choose_way};
pub use queries::{queries_screen, statements_screen};
pub use query::{query_csv, query_screen, written_screen};
pub use rollout::{RolloutContent, rollout_report_screen, rollout_screen};
pub use scaling::{autoscaler_screen, synchronous_screen};
pub use schema::schemas;
pub use screen::{Screen, Tone};
pub use slots::slots_screen;
pub use status::{status_screen, verdict_line};
pub use table::{Column, Table};
pub use top::{TopSort, TopView, draw_top, sorted_statements, top_heading, top_lines};
pub use tune::{TuneView, tune_screen};
pub use version::{
    ClientVersion, ClusterVersions, KubernetesVersion, ServerVersion, Versions, version_answer,
    version_screen,
};
pub use wal::{
    ArchiveView, VerifiedArchive, wal_archives_screen, wal_event_line, wal_verified_screen,
};
pub use writer::{WatchScreen, write_all_of, write_stderr, write_stdout, written};
