//! Where the WAL of an archive breaks off and goes on later.

use super::archive::{Held, WalArchiveFacts};
use super::gap::GapReason;
use super::recoverable::BaseBackup;
use crate::cluster::{Lsn, Timeline};

/// A place that no recovery crosses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalBreak {
    /// The timeline.
    pub timeline: Timeline,
    /// Where it begins.
    pub from: Lsn,
    /// Where it ends.
    pub to: Lsn,
    /// Why.
    pub why: BreakReason,
    /// Whether a base backup was taken after it: what is written from now on can be reached.
    pub closed: bool,
}

/// Why no recovery crosses a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakReason {
    /// Whoever archived has recorded that it is missing.
    Recorded(GapReason),
    /// It is not there, and nobody has said why.
    Missing,
    /// Two servers have written it, each something else.
    SeveralContents,
}

impl BreakReason {
    /// In a few words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Recorded(reason) => reason.words(),
            Self::Missing => "it is not there, and nobody has recorded why",
            Self::SeveralContents => {
                "two servers have written it, each something else: both were primary"
            }
        }
    }
}

impl WalArchiveFacts {
    /// The places that no recovery crosses, by timeline and position.
    pub fn breaks(&self, backups: &[BaseBackup]) -> Vec<WalBreak> {
        let size = self.segment_size;
        let new = |timeline, from, to, why| WalBreak {
            timeline,
            from,
            to,
            why,
            closed: backups.iter().any(|it| it.end >= to),
        };
        let recorded = self.gaps.iter().map(|gap| {
            new(
                gap.timeline,
                gap.from,
                gap.to,
                BreakReason::Recorded(gap.reason),
            )
        });
        let several = self.several().into_iter().map(|name| {
            let (from, to) = (name.start(size), name.end(size));
            new(name.timeline, from, to, BreakReason::SeveralContents)
        });
        let mut breaks: Vec<WalBreak> = recorded.chain(several).collect();
        let runs = self.runs();
        for (run, next) in runs.iter().zip(runs.iter().skip(1)) {
            let told = |it: &WalBreak| {
                it.timeline == run.timeline && it.from <= run.to && next.from <= it.to
            };
            if run.timeline == next.timeline && !breaks.iter().any(told) {
                breaks.push(new(run.timeline, run.to, next.from, BreakReason::Missing));
            }
        }
        breaks.sort_by_key(|it| (it.timeline, it.from));
        breaks
    }

    /// Segments with several contents, as two servers write them that are both primary on one timeline.
    fn several(&self) -> Vec<super::segment::SegmentName> {
        let names = self.segments.iter().map(|it| it.name.segment);
        let mut names: Vec<_> = names
            .filter(|name| self.held(*name) == Held::Several)
            .collect();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::super::archive::tests::{facts, segment, time};
    use super::super::gap::WalGap;
    use super::*;

    fn at(segment: u64) -> Lsn {
        Lsn::new(segment << 24)
    }

    #[test]
    fn each_place_is_told_once_and_whether_a_backup_lies_behind_it() {
        let mut facts = facts(vec![
            segment(1, 1, None, 'a'),
            segment(1, 3, None, 'a'),
            segment(1, 5, None, 'a'),
            segment(1, 6, None, 'a'),
            segment(1, 6, None, 'b'),
            // The old side of a fork just ends.
            segment(1, 7, Some(9), 'a'),
            segment(2, 7, None, 'a'),
        ]);
        facts.gaps.push(WalGap {
            timeline: Timeline(1),
            from: at(2),
            to: at(3),
            reason: GapReason::RemovedByServer,
            detail: String::new(),
            found: time(0),
        });
        let backup = BaseBackup {
            id: "b".to_owned(),
            timeline: Timeline(1),
            start: at(3),
            end: at(4),
            ended: time(4),
        };
        let found: Vec<_> = facts
            .breaks(&[backup])
            .into_iter()
            .map(|it| (it.from, it.to, it.why, it.closed))
            .collect();
        let recorded = BreakReason::Recorded(GapReason::RemovedByServer);
        assert_eq!(
            found,
            [
                (at(2), at(3), recorded, true),
                (at(4), at(5), BreakReason::Missing, false),
                (at(6), at(7), BreakReason::SeveralContents, false),
            ]
        );
    }
}
