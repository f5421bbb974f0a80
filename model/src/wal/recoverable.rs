//! To which moments base backups and the WAL after them lead.

use jiff::Timestamp;

use super::archive::WalArchiveFacts;
use super::reach::{ReachEnd, WalPosition};
use crate::cluster::{Lsn, Timeline};

/// A base backup, as far as this is about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseBackup {
    /// Its name in the store.
    pub id: String,
    /// The timeline on which it was taken.
    pub timeline: Timeline,
    /// Where its replay begins.
    pub start: Lsn,
    /// Where it is consistent: no moment before can be reached with it.
    pub end: Lsn,
    /// When its last byte had arrived: by then it was consistent.
    pub ended: Timestamp,
}

/// The moments that one base backup and the WAL after it lead to, on the way to one timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryWindow {
    /// Name of the base backup.
    pub backup: String,
    /// The timeline that is followed.
    pub timeline: Timeline,
    /// The first moment: the end of the backup.
    pub from: Timestamp,
    /// The last moment, by the server's clock.
    pub to: Timestamp,
    /// The position of the last moment.
    pub to_position: Lsn,
    /// The timeline of that position: the one that is followed, or one before it.
    pub to_timeline: Timeline,
    /// Why no further.
    pub stop: ReachEnd,
}

/// The moments without a break that lead up to the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recoverable {
    /// The timeline on which the last one is.
    pub timeline: Timeline,
    /// The first: the end of the oldest base backup from which there is no break.
    pub from: Timestamp,
    /// The last, by the server's clock.
    pub to: Timestamp,
    /// The position of the last.
    pub to_position: Lsn,
    /// Name of the oldest of those base backups.
    pub backup: String,
}

impl WalArchiveFacts {
    /// What each base backup leads to on the way to a timeline, oldest first. One from which the timeline
    /// can't be reached, or of whose own WAL something is missing, leads nowhere and is left out.
    pub fn windows(&self, backups: &[BaseBackup], timeline: Timeline) -> Vec<RecoveryWindow> {
        let mut windows: Vec<RecoveryWindow> = backups
            .iter()
            .filter_map(|backup| self.window(backup, timeline))
            .collect();
        windows.sort_by(|a, b| (a.from, &a.backup).cmp(&(b.from, &b.backup)));
        windows
    }

    fn window(&self, backup: &BaseBackup, timeline: Timeline) -> Option<RecoveryWindow> {
        // A base backup has the WAL up to its end with it.
        let from = WalPosition {
            timeline: backup.timeline,
            position: backup.end,
        };
        let reach = self.reach(from, timeline);
        match reach.stop {
            ReachEnd::NoHistory(_) | ReachEnd::NotOnTheWay => return None,
            ReachEnd::End | ReachEnd::Missing(_) | ReachEnd::Gap(_) | ReachEnd::Several(_) => {}
        }
        let all_until = self
            .newest
            .as_ref()
            .filter(|newest| newest.timeline == reach.timeline && newest.position <= reach.end);
        let to = reach
            .last_commit
            .max(all_until.map(|newest| newest.as_of))
            .max(Some(backup.ended))?;
        Some(RecoveryWindow {
            backup: backup.id.clone(),
            timeline,
            from: backup.ended,
            to,
            to_position: reach.end,
            to_timeline: reach.timeline,
            stop: reach.stop,
        })
    }

    /// The moments without a break up to the newest of the newest timeline. None when there is no base
    /// backup, or none leads there.
    pub fn recoverable(&self, backups: &[BaseBackup]) -> Option<Recoverable> {
        let windows = self.windows(backups, self.newest_timeline()?);
        let furthest = windows
            .iter()
            .map(|it| (it.to_timeline, it.to_position))
            .max()?;
        let oldest = windows
            .into_iter()
            .find(|it| (it.to_timeline, it.to_position) == furthest)?;
        Some(Recoverable {
            timeline: oldest.to_timeline,
            from: oldest.from,
            to: oldest.to,
            to_position: oldest.to_position,
            backup: oldest.backup,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::archive::NewestWal;
    use super::super::archive::tests::{facts, segment, time};
    use super::*;

    fn at(segment: u64, bytes: u64) -> Lsn {
        Lsn::new((segment << 24) + bytes)
    }

    fn backup(id: &str, segment: u64) -> BaseBackup {
        BaseBackup {
            id: id.to_owned(),
            timeline: Timeline(1),
            start: at(segment, 40),
            end: at(segment, 400),
            ended: time(segment as i64),
        }
    }

    fn newest(position: Lsn, seconds: i64) -> NewestWal {
        NewestWal {
            timeline: Timeline(1),
            position,
            as_of: time(seconds),
            last_commit: None,
            written: time(seconds),
        }
    }

    #[test]
    fn it_begins_with_the_oldest_backup_from_which_there_is_no_break() {
        let mut facts = facts(vec![
            segment(1, 1, None, 'a'),
            segment(1, 2, None, 'a'),
            segment(1, 4, None, 'a'),
            segment(1, 5, None, 'a'),
            segment(1, 6, Some(9), 'a'),
        ]);
        facts.newest = Some(newest(at(6, 9), 100));
        let backups = [backup("new", 5), backup("old", 1), backup("middle", 4)];
        let found = facts.recoverable(&backups).expect("there are moments");
        assert_eq!(found.backup, "middle");
        assert_eq!((found.from, found.to), (time(4), time(100)));
        let windows = facts.windows(&backups, Timeline(1));
        assert_eq!(windows[0].backup, "old");
        assert_eq!(windows[0].to, time(2), "the last commit before the hole");
        assert!(matches!(windows[0].stop, ReachEnd::Missing(_)));
        assert_eq!(facts.recoverable(&[]), None);
    }

    #[test]
    fn what_is_said_to_be_stored_and_is_not_there_counts_for_nothing() {
        let mut facts = facts(vec![segment(1, 1, None, 'a')]);
        facts.newest = Some(newest(at(6, 9), 100));
        let found = facts.recoverable(&[backup("one", 1)]).expect("a moment");
        assert_eq!(found.to, time(1));
        assert_eq!(found.to_position, at(2, 0));
    }

    #[test]
    fn a_backup_alone_leads_to_its_own_end() {
        let mut facts = facts(vec![segment(1, 9, None, 'a')]);
        facts.newest = Some(newest(at(10, 0), 100));
        let windows = facts.windows(&[backup("one", 3)], Timeline(1));
        assert_eq!(windows[0].to, time(3));
        assert_eq!(windows[0].to_position, at(3, 400));
    }
}
