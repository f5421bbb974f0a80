//! The newest backup of a cluster that is known to be whole: one rule for all that tell of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::entries::{Catalogue, Entry, entry};
use super::retention::is_ahead;
use crate::backup::format::{Kind, Manifest, RestoreTest, could_be_of, started};
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
        let found = manifest_of(&entry, cluster, system_identifier)
            .and_then(|manifest| whole(&entry, manifest, now));
        best = later(best, found);
    }
    Ok(best)
}

impl Catalogue {
    /// The backups of a cluster, oldest first. Where its system identifier is known, those of one that had
    /// its name before do not count.
    pub fn of<'a>(
        &'a self,
        cluster: &'a ClusterId,
        system_identifier: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Entry, &'a Manifest)> {
        self.entries.iter().filter_map(move |entry| {
            let manifest = manifest_of(entry, cluster, system_identifier)?;
            Some((entry, manifest))
        })
    }

    /// The newest of them that is known to be whole.
    pub fn newest_of(
        &self,
        cluster: &ClusterId,
        system_identifier: Option<&str>,
        now: Timestamp,
    ) -> Option<Newest> {
        self.of(cluster, system_identifier)
            .filter_map(|(entry, manifest)| whole(entry, manifest, now))
            .fold(None, |best, found| later(best, Some(found)))
    }

    /// The last restore of one of them into a throw-away server, and the backup's name.
    pub fn last_restore_test_of(
        &self,
        cluster: &ClusterId,
        system_identifier: Option<&str>,
        now: Timestamp,
    ) -> Option<(&str, &RestoreTest)> {
        self.entries
            .iter()
            .filter(|it| manifest_of(it, cluster, system_identifier).is_some())
            .filter_map(|it| Some((it.id.as_str(), it.restore_test()?)))
            .filter(|(_, test)| !is_ahead(test.at, now))
            .max_by_key(|(_, test)| test.at)
    }
}

/// What a backup's manifest says, when it can be read and the backup is the cluster's.
fn manifest_of<'a>(
    entry: &'a Entry,
    cluster: &ClusterId,
    system_identifier: Option<&str>,
) -> Option<&'a Manifest> {
    let manifest = entry.manifest.as_ref().ok()?;
    let of_cluster = manifest.source.cluster == *cluster
        && system_identifier.is_none_or(|it| it == manifest.system_identifier);
    of_cluster.then_some(manifest)
}

/// A backup that may be the newest whole one.
fn whole(entry: &Entry, manifest: &Manifest, now: Timestamp) -> Option<Newest> {
    // By a clock that is wrong it would be the newest for as long as that is.
    if is_ahead(manifest.started, now) {
        return None;
    }
    Some(Newest {
        id: entry.id.clone(),
        kind: manifest.backup,
        started: manifest.started,
        verified: entry.verified()?,
    })
}

fn later(best: Option<Newest>, found: Option<Newest>) -> Option<Newest> {
    match (best, found) {
        (Some(best), Some(found)) if found.started > best.started => Some(found),
        (None, found) => found,
        (best, _) => best,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::format::{Fingerprint, Verification};
    use serde_json::json;

    /// A whole backup of this data directory that was begun then.
    fn backup(system_identifier: &str, started: &str) -> Entry {
        let manifest = json!({
            "apiVersion": "pgctl/v1", "kind": "Backup", "id": started, "type": "logical",
            "source": {"cluster": {"namespace": "n", "name": "c"}, "pod": "c-0", "role": "primary",
                "architecture": "x86_64", "tool": "pg_dump", "user": "postgres", "via": "exec"},
            "serverVersion": 170_002, "systemIdentifier": system_identifier,
            "wal": {"timeline": 1, "start": "0/1", "end": "0/2"},
            "started": started, "ended": started, "pgctlVersion": "0.1.0", "archives": [],
        });
        Entry {
            id: started.to_owned(),
            manifest: serde_json::from_value(manifest).map_err(|error| error.to_string()),
            fingerprint: Fingerprint::of(&[]),
            verification: None,
            spoiled_record: None,
        }
    }

    /// The same, of which the last verification found that it is not whole.
    fn spoiled(mut entry: Entry) -> Entry {
        entry.verification = Some(Verification {
            at: Timestamp::UNIX_EPOCH,
            id: entry.id.clone(),
            manifest: entry.fingerprint.clone(),
            content: true,
            problems: vec!["it is cut".to_owned()],
            restore_test: None,
        });
        entry
    }

    fn newest_in(entries: Vec<Entry>) -> Option<String> {
        let catalogue = Catalogue {
            entries,
            partial: Vec::new(),
        };
        let cluster = ClusterId {
            namespace: "n".to_owned(),
            name: "c".to_owned(),
        };
        let now = "2026-11-28T12:00:00Z".parse().expect("a time");
        let newest = catalogue.newest_of(&cluster, Some("7"), now);
        newest.map(|it| it.id)
    }

    #[test]
    fn the_newest_is_whole_of_this_cluster_and_of_no_time_to_come() {
        const GOOD: &str = "2026-11-27T12:00:00Z";
        let newer = "2026-11-28T11:00:00Z";
        for other in [
            backup("8", newer),
            backup("7", "2027-11-28T12:00:00Z"),
            spoiled(backup("7", newer)),
            backup("7", "2026-11-26T12:00:00Z"),
        ] {
            for entries in [
                vec![backup("7", GOOD), other.clone()],
                vec![other, backup("7", GOOD)],
            ] {
                assert_eq!(newest_in(entries).as_deref(), Some(GOOD));
            }
        }
        assert_eq!(newest_in(vec![backup("8", GOOD)]), None);
    }
}
