//! What of an archive no base backup needs any more.

use super::archive::WalArchiveFacts;
use super::object_name::ArchiveObject;
use crate::cluster::Lsn;

/// What may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredWal {
    /// The oldest base backup begins its replay here.
    pub before: Lsn,
    /// The objects, oldest first.
    pub objects: Vec<ArchiveObject>,
    /// How many of them are segments.
    pub segments: u64,
    /// Bytes of those.
    pub stored_bytes: u64,
}

impl WalArchiveFacts {
    /// What is not needed to reach any moment after one of the base backups that are kept, of which `starts` are the
    /// positions where replay begins: what ends before the first of them, on every timeline. None when nothing may
    /// go; without a base backup nothing may, because the one that the WAL belongs to may be elsewhere.
    pub fn expired(&self, starts: &[Lsn]) -> Option<ExpiredWal> {
        let before = *starts.iter().min()?;
        let ends_before = |end: Lsn| end <= before;
        let segments: Vec<_> = self
            .segments
            .iter()
            .filter(|it| ends_before(it.name.segment.end(self.segment_size)))
            .collect();
        let gaps = self.gaps.iter().filter(|gap| ends_before(gap.to));
        let gaps = gaps.map(|gap| ArchiveObject::Gap {
            timeline: gap.timeline,
            from: gap.from,
        });
        let expired = ExpiredWal {
            before,
            segments: segments.len() as u64,
            stored_bytes: segments.iter().map(|it| it.stored_bytes).sum(),
            objects: segments
                .iter()
                .map(|it| ArchiveObject::Segment(it.name.clone()))
                .chain(gaps)
                .collect(),
        };
        (!expired.objects.is_empty()).then_some(expired)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::archive::tests::{facts, segment, time};
    use super::super::reach::WalPosition;
    use super::super::recoverable::BaseBackup;
    use super::*;
    use crate::cluster::Timeline;

    fn at(segment: u64, bytes: u64) -> Lsn {
        Lsn::new((segment << 24) + bytes)
    }

    #[test]
    fn the_segment_in_which_the_oldest_backup_begins_stays() {
        let facts = facts(vec![
            segment(1, 1, None, 'a'),
            segment(1, 2, None, 'a'),
            segment(1, 3, Some(9), 'a'),
            segment(2, 3, None, 'a'),
        ]);
        let expired = facts.expired(&[at(3, 40), at(2, 40)]).expect("one goes");
        assert_eq!((expired.before, expired.segments), (at(2, 40), 1));
        assert_eq!(facts.expired(&[at(1, 40)]), None);
        assert_eq!(facts.expired(&[]), None, "nobody knows what it belongs to");
        let expired = facts.expired(&[at(4, 0)]).expect("all go");
        assert_eq!(expired.segments, 4);
    }

    proptest! {
        /// Whatever is pruned: what the backups that stay lead to is what it was.
        #[test]
        fn no_moment_of_a_kept_backup_is_lost(
            there in proptest::collection::vec(any::<bool>(), 1..30),
            backups in proptest::collection::vec((0_u64..30, 0_u64..100), 1..4),
        ) {
            let all = there.iter().enumerate().filter(|(_, there)| **there);
            let all: Vec<_> = all.map(|(number, _)| segment(1, number as u64, None, 'a')).collect();
            let before = facts(all.clone());
            let backups: Vec<BaseBackup> = backups
                .iter()
                .map(|(number, bytes)| BaseBackup {
                    id: format!("{number}-{bytes}"),
                    timeline: Timeline(1),
                    start: at(*number, *bytes),
                    end: at(*number, *bytes + 10),
                    ended: time(0),
                })
                .collect();
            let starts: Vec<Lsn> = backups.iter().map(|it| it.start).collect();
            let gone = before.expired(&starts).map_or_else(Vec::new, |it| it.objects);
            let left = all.into_iter().filter(|it| !gone.contains(&ArchiveObject::Segment(it.name.clone())));
            let after = facts(left.collect());
            for backup in &backups {
                let from = WalPosition { timeline: Timeline(1), position: backup.start };
                let reached = |facts: &WalArchiveFacts| facts.reach(from, Timeline(1)).end;
                prop_assert_eq!(reached(&after), reached(&before));
            }
            prop_assert!(after.expired(&starts).is_none(), "once is enough");
        }
    }
}
