//! The documents that scripts read: `apiVersion: pgctl/v1` and a `kind`. Fields are only ever
//! added. Bytes are integers, times RFC 3339 UTC, durations seconds.

mod accounts;
mod answers;
mod backup;
mod behind;
mod change;
mod cluster_backups;
mod config;
mod connections;
mod disk;
mod doctor;
mod error;
mod explain;
mod fleet;
mod forward;
mod instance;
mod lag;
mod logs;
mod objects;
mod queries;
mod query;
mod scaling;
mod slots;
mod status;
mod version;

pub use accounts::{DatabasesDocument, UsersDocument};
pub use backup::{BackupDocument, BackupListDocument, PruningDocument, VerificationDocument};
pub use change::{ChangeDocument, ChangeEnd};
pub use cluster_backups::ClusterBackupListDocument;
pub use config::{ConfigDiffDocument, ConfigDocument};
pub use connections::ConnectionsDocument;
pub use disk::DiskDocument;
pub use doctor::{DoctorDocument, ExaminationListDocument};
pub use error::ErrorDocument;
pub use explain::ExplanationsDocument;
pub use forward::PortForwardDocument;
pub use lag::LagReportDocument;
pub use logs::{LogEntryDocument, SlowStatementsDocument};
pub use queries::{QueriesDocument, StatementsDocument};
pub use query::{QueryResultDocument, QueryResultListDocument};
pub use scaling::{AutoscalerDocument, SynchronousDocument};
pub use slots::SlotsDocument;
pub use status::{ClusterListDocument, ClusterStatusDocument};
pub use version::API_VERSION;
