//! What is recorded of a backup when several have looked at it at the same time.

use jiff::Timestamp;

use super::entries::entry;
use super::retention::is_ahead;
use crate::backup::format::{RestoreTest, Verification};
use crate::backup::store::{Store, StoreError};

/// What is to be recorded now: what was found, and what others have recorded since that was begun. Reading all backups takes
/// hours, and so does a restore test: neither may take away what the other has found. To be called right before
/// [`record`](super::record): nothing keeps another process from writing in between.
///
/// # Errors
/// When the store can't be read: then nobody knows what would be written over.
pub fn with_what_came_meanwhile(
    store: &dyn Store,
    found: Verification,
) -> Result<Verification, StoreError> {
    let stored = entry(store, &found.id)?.verification;
    Ok(match stored {
        // Of another manifest it says nothing.
        Some(stored) if stored.manifest == found.manifest => {
            merged(stored, found, Timestamp::now())
        }
        _ => found,
    })
}

/// Of the reading the later one, and of each kind of restore test. What was recorded by a clock that is ahead loses: it would be
/// the later one for as long as that is.
fn merged(stored: Verification, found: Verification, now: Timestamp) -> Verification {
    let tests = stored.restore_tests().chain(found.restore_tests());
    let tests: Vec<&RestoreTest> = tests.collect();
    let mut last = [false, true].map(|with_wal| {
        let of_kind = tests.iter().filter(|it| it.with_wal() == with_wal);
        // Of equal ones the last: what was found now.
        let last = of_kind.max_by_key(|it| known_at(it, now));
        last.copied().cloned()
    });
    last.sort_by_key(|it| std::cmp::Reverse(it.as_ref().map(|it| known_at(it, now))));
    let [restore_test, other_restore_test] = last;
    let later = stored.at > found.at && !is_ahead(stored.at, now);
    let read = if later { stored } else { found };
    Verification {
        restore_test,
        other_restore_test,
        ..read
    }
}

fn known_at(test: &RestoreTest, now: Timestamp) -> (bool, Timestamp) {
    (!is_ahead(test.at, now), test.at)
}

#[cfg(test)]
mod tests {
    use super::super::record;
    use super::*;
    use crate::backup::format::{Fingerprint, MANIFEST_FILE};
    use crate::backup::store::DirectoryStore;

    const BACKUP: &str = "n_c_20261128T011500Z_physical_07d1";

    fn at(hour: u8) -> Timestamp {
        let text = format!("2026-11-28T{hour:02}:00:00Z");
        text.parse().expect("a time")
    }

    fn read(hour: u8, problems: &[&str], tests: &[&RestoreTest]) -> Verification {
        let mut read = Verification {
            at: at(hour),
            id: BACKUP.to_owned(),
            manifest: Fingerprint::of(&[]),
            content: true,
            problems: problems.iter().map(|&it| it.to_owned()).collect(),
            restore_test: None,
            other_restore_test: None,
        };
        for &test in tests {
            read.remember(test.clone());
        }
        read
    }

    fn test(hour: u8, with_wal: bool) -> RestoreTest {
        RestoreTest {
            at: at(hour),
            server: "17.2".to_owned(),
            amcheck: true,
            databases: 1,
            tables: 1,
            rows: 1,
            wal_segments: with_wal.then_some(3),
            problems: Vec::new(),
        }
    }

    #[test]
    fn a_restore_test_that_was_made_while_all_were_read_stays_recorded() {
        let (before, meanwhile) = (test(1, false), test(9, false));
        let stored = read(8, &[], &[&meanwhile]);
        let merged = merged(stored, read(10, &[], &[&before]), at(12));
        assert_eq!(merged, read(10, &[], &[&meanwhile]));
    }

    #[test]
    fn what_a_reading_has_found_during_a_restore_test_stays_recorded() {
        let made = test(11, false);
        let stored = read(10, &["it is cut"], &[]);
        let merged = merged(stored, read(9, &[], &[&made]), at(12));
        assert_eq!(merged, read(10, &["it is cut"], &[&made]));
    }

    #[test]
    fn of_each_kind_of_restore_test_the_later_one_stays_recorded() {
        let (replay, base) = (test(9, true), test(10, false));
        let stored = read(9, &[], &[&test(3, false), &replay]);
        let merged = merged(stored, read(10, &[], &[&test(2, true), &base]), at(12));
        assert_eq!(merged, read(10, &[], &[&replay, &base]));
    }

    #[test]
    fn what_a_clock_that_is_ahead_has_recorded_is_none_of_later() {
        let stored = read(22, &["it is cut"], &[&test(22, false)]);
        let made = test(11, false);
        let merged = merged(stored, read(10, &[], &[&made]), at(12));
        assert_eq!(merged, read(10, &[], &[&made]));
    }

    #[test]
    fn what_another_has_recorded_is_looked_for_in_the_store_and_counts_for_that_manifest_alone() {
        let root = tempfile::tempdir().expect("a folder");
        let store = DirectoryStore::new(root.path()).expect("a path");
        let folder = root.path().join(BACKUP);
        std::fs::create_dir(&folder).expect("a folder");
        let manifest = folder.join(MANIFEST_FILE);
        let is_now = |text: &str| std::fs::write(&manifest, text).expect("it is written");
        is_now("{}");
        let of_it = |read: Verification| Verification {
            manifest: Fingerprint::of(b"{}"),
            ..read
        };
        let found = of_it(read(10, &[], &[]));
        let current = || with_what_came_meanwhile(&store, found.clone()).expect("it can be read");
        assert_eq!(current(), found);
        let made = test(9, false);
        record(&store, &of_it(read(8, &[], &[&made]))).expect("it is written");
        assert_eq!(current(), of_it(read(10, &[], &[&made])));
        is_now("{ }");
        assert_eq!(current(), found);
    }
}
