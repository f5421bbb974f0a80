//! The newest backup of a cluster that is known to be whole: what `pgctl status` shows.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::entries::entry;
use super::retention::is_ahead;
use crate::backup::format::{Kind, could_be_of, started};
use crate::backup::store::{Store, StoreError, blocking};
use crate::cluster::ClusterId;

/// What a store has of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastBackup {
    /// The store, as `--store` takes it.
    pub store: String,
    /// What was found, or why nothing could be.
    pub found: Result<Option<Newest>, String>,
}

/// The newest backup that was whole when it was last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// The backup's name in the store.
    pub id: String,
    /// Whether it holds SQL of databases or a data directory.
    pub kind: Kind,
    /// When it was begun: what was committed before is in it.
    pub started: Timestamp,
    /// When it was last known to be whole.
    pub verified: Timestamp,
}

/// Looks for it, for at most so long. Where the cluster's system identifier is known, backups of one
/// that had its name before do not count.
pub async fn last_backup(
    store: &Arc<dyn Store>,
    cluster: &ClusterId,
    system_identifier: Option<&str>,
    limit: Duration,
) -> LastBackup {
    let (asked, id) = (Arc::clone(store), cluster.clone());
    let system = system_identifier.map(str::to_owned);
    let looking = blocking(move || newest(asked.as_ref(), &id, system.as_deref()));
    let found = match tokio::time::timeout(limit, looking).await {
        Ok(found) => found.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs_f64())),
    };
    LastBackup {
        store: store.location(),
        found,
    }
}

fn newest(
    store: &dyn Store,
    cluster: &ClusterId,
    system_identifier: Option<&str>,
) -> Result<Option<Newest>, StoreError> {
    let now = Timestamp::now();
    let mut ids = store.list()?.finished;
    ids.retain(|id| could_be_of(id, cluster));
    ids.sort_by_key(|id| std::cmp::Reverse(started(id)));
    let mut best: Option<Newest> = None;
    for id in ids {
        // A name knows the second only: those of the best one's own are looked at, too.
        let older = |best: &Newest| started(&id) < started(&best.id);
        if best.as_ref().is_some_and(older) {
            break;
        }
        let entry = entry(store, &id)?;
        if let (Ok(manifest), Some(verified)) = (&entry.manifest, entry.verified())
            && manifest.source.cluster == *cluster
            && system_identifier.is_none_or(|it| it == manifest.system_identifier)
            // By a clock that is wrong it would be the newest for as long as that is.
            && !is_ahead(manifest.started, now)
            && best
                .as_ref()
                .is_none_or(|best| best.started < manifest.started)
        {
            best = Some(Newest {
                id,
                kind: manifest.backup,
                started: manifest.started,
                verified,
            });
        }
    }
    Ok(best)
}
