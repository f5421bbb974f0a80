//! The newest backup of a cluster that is known to be whole: one rule for all that tell of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::entries::{Catalogue, Entry, entry};
use super::retention::is_ahead;
use crate::backup::format::{Kind, Manifest, RestoreTest, RestoreTestKind, could_be_of, started};
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

    /// The last restore of one of them into a throw-away server, and the backup's name. Of several kinds it is one that failed, as
    /// long as that kind has not worked since.
    pub fn last_restore_test_of(
        &self,
        cluster: &ClusterId,
        system_identifier: Option<&str>,
        now: Timestamp,
    ) -> Option<(&str, &RestoreTest)> {
        self.restore_tests_of(cluster, system_identifier, now)
            .into_values()
            .max_by_key(|(_, test)| (!test.problems.is_empty(), test.at))
    }

    /// The last restore test of each kind, and the name of its backup.
    pub fn restore_tests_of(
        &self,
        cluster: &ClusterId,
        system_identifier: Option<&str>,
        now: Timestamp,
    ) -> BTreeMap<RestoreTestKind, (&str, &RestoreTest)> {
        let mut last: BTreeMap<RestoreTestKind, (&str, &RestoreTest)> = BTreeMap::new();
        for entry in &self.entries {
            let Some(manifest) = manifest_of(entry, cluster, system_identifier) else {
                continue;
            };
            for test in entry.restore_tests().filter(|it| !is_ahead(it.at, now)) {
                let kind = RestoreTestKind::of(manifest.backup, test);
                let newer = last.get(&kind).is_none_or(|(_, it)| it.at <= test.at);
                if newer {
                    last.insert(kind, (entry.id.as_str(), test));
                }
            }
        }
        last
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
            other_restore_test: None,
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

    fn test(at: &str, with_wal: bool, problem: Option<&str>) -> RestoreTest {
        RestoreTest {
            at: at.parse().expect("a time"),
            server: "17.2".to_owned(),
            amcheck: false,
            databases: 1,
            tables: 1,
            rows: 1,
            wal_segments: with_wal.then_some(3),
            problems: problem.map(str::to_owned).into_iter().collect(),
        }
    }

    /// A backup of that kind, restored in this order.
    fn tried(mut entry: Entry, kind: Kind, tests: impl IntoIterator<Item = RestoreTest>) -> Entry {
        entry = spoiled(entry);
        let manifest = entry.manifest.as_mut().expect("it can be read");
        manifest.backup = kind;
        let verification = entry.verification.as_mut().expect("it has one");
        verification.problems.clear();
        for test in tests {
            verification.remember(test);
        }
        entry
    }

    const SATURDAY: &str = "2026-11-21T09:20:00Z";
    const SUNDAY: &str = "2026-11-22T09:20:00Z";
    const WEDNESDAY: &str = "2026-11-25T09:20:00Z";

    /// The kinds of tests that are known, whether each worked, and the time of the one that is told.
    fn told(entries: Vec<Entry>) -> (Vec<(&'static str, bool)>, Option<String>) {
        let catalogue = Catalogue {
            entries,
            partial: Vec::new(),
        };
        let cluster = ClusterId {
            namespace: "n".to_owned(),
            name: "c".to_owned(),
        };
        let now = "2026-11-28T12:00:00Z".parse().expect("a time");
        let kinds = catalogue.restore_tests_of(&cluster, Some("7"), now);
        let kinds = kinds
            .iter()
            .map(|(kind, (_, test))| (kind.name(), test.problems.is_empty()));
        let last = catalogue.last_restore_test_of(&cluster, Some("7"), now);
        (kinds.collect(), last.map(|(_, it)| it.at.to_string()))
    }

    #[test]
    fn a_restore_test_that_works_hides_none_of_another_kind_that_failed() {
        let replay = || test(SATURDAY, true, Some("the last segment was not replayed"));
        let base = |tests: Vec<RestoreTest>| {
            tried(backup("7", "2026-11-21T01:15:00Z"), Kind::Physical, tests)
        };
        let dump = tried(
            backup("7", "2026-11-22T03:15:00Z"),
            Kind::Logical,
            [test(SUNDAY, false, None)],
        );
        let failed = ("physical-with-wal", false);
        assert_eq!(
            told(vec![base(vec![replay()]), dump.clone()]),
            (vec![("logical", true), failed], Some(SATURDAY.to_owned()))
        );
        // Nor when it was made with the same backup.
        let both = base(vec![replay(), test(WEDNESDAY, false, None)]);
        assert_eq!(
            told(vec![both, dump.clone()]),
            (
                vec![("logical", true), ("physical", true), failed],
                Some(SATURDAY.to_owned())
            )
        );
        // The same kind works again: with the same backup, and with a later one.
        let again = base(vec![replay(), test(WEDNESDAY, true, None)]);
        let later = tried(
            backup("7", "2026-11-25T01:15:00Z"),
            Kind::Physical,
            [test(WEDNESDAY, true, None)],
        );
        for entries in [
            vec![again, dump.clone()],
            vec![base(vec![replay()]), later, dump],
        ] {
            assert_eq!(
                told(entries),
                (
                    vec![("logical", true), ("physical-with-wal", true)],
                    Some(WEDNESDAY.to_owned())
                )
            );
        }
    }
}
