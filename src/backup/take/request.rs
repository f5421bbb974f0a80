//! What is asked for when a backup is taken: what it shall hold, and where it comes from.

use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::SecretString;

use super::original_names::OriginalNames;
use crate::backup::format::{Compression, Kind, Recipient};
use crate::backup::tools::ToolLocation;
use crate::cluster::ClusterId;
use crate::postgres::Session;

/// What to take.
#[derive(Debug, Clone)]
pub struct TakeRequest {
    /// What it shall hold.
    pub kind: Kind,
    /// For [`Kind::Database`]: which.
    pub database: Option<String>,
    /// How to compress; none: zstd where it is installed, else gzip.
    pub compression: Option<Compression>,
    /// Databases that are dumped at the same time.
    pub jobs: usize,
    /// The most bytes a second over the wire, for each of them.
    pub rate: Option<u64>,
    /// What a person calls it.
    pub label: Option<String>,
    /// Whom to encrypt it for.
    pub recipients: Vec<Recipient>,
    /// What the server was before some of its databases were replaced.
    pub original_names: OriginalNames,
}

/// Where from.
pub struct SourcePod {
    /// The cluster, by namespace and name.
    pub cluster: ClusterId,
    /// Name of the pod whose server is dumped or copied.
    pub pod: String,
    /// `primary` or `standby`.
    pub role: String,
    /// Where the tools run.
    pub tool_location: ToolLocation,
    /// A connection to the pod's database.
    pub session: Session,
    /// The superuser.
    pub user: String,
    /// Its password, which is never shown.
    pub password: SecretString,
    /// Opens another connection like it, where that is possible.
    pub reconnect: Option<Reconnect>,
}

/// Opens another connection to the same pod's database, or says why there is none.
pub type Reconnect =
    Arc<dyn Fn() -> BoxFuture<'static, Result<Session, String>> + Send + Sync + 'static>;
