//! Histories of timelines: where each has left the one before it.

use serde::{Deserialize, Serialize};

use super::segment::{SegmentName, SegmentSize};
use crate::cluster::{Lsn, Timeline};

/// A place where one timeline has left another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// The timeline that was left.
    pub timeline: Timeline,
    /// Where: the first position that it does not share with the one after it.
    pub at: Lsn,
    /// Why, in the server's words.
    pub reason: String,
}

/// What a file such as `00000003.history` says: through which timelines this one has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineHistory {
    /// The timeline.
    pub timeline: Timeline,
    /// Those that were left on the way to it, oldest first. None for the first timeline.
    pub forks: Vec<Fork>,
}

/// The text was no history of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the history of timeline {timeline} can't be read: {text:?}")]
pub struct ParseHistoryError {
    timeline: Timeline,
    line: usize,
    text: String,
}

impl TimelineHistory {
    /// Of a timeline that has come from no other.
    pub const fn first(timeline: Timeline) -> Self {
        Self {
            timeline,
            forks: Vec::new(),
        }
    }

    /// Reads a history file of this timeline.
    ///
    /// # Errors
    /// [`ParseHistoryError`] when a line is not `TIMELINE LSN REASON`, or timelines or positions go back.
    pub fn parse(timeline: Timeline, text: &str) -> Result<Self, ParseHistoryError> {
        let mut forks: Vec<Fork> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let content = line.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let fork = Self::fork(content).filter(|fork| {
                let before = forks.last();
                fork.timeline < timeline
                    && fork.timeline.0 > 0
                    && before.is_none_or(|it| it.timeline < fork.timeline && it.at <= fork.at)
            });
            forks.push(fork.ok_or_else(|| ParseHistoryError {
                timeline,
                line: number + 1,
                text: line.to_owned(),
            })?);
        }
        Ok(Self { timeline, forks })
    }

    fn fork(line: &str) -> Option<Fork> {
        let (timeline, rest) = line.split_once(char::is_whitespace)?;
        let rest = rest.trim_start();
        let (at, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        Some(Fork {
            timeline: Timeline(timeline.parse().ok()?),
            at: at.parse().ok()?,
            reason: reason.trim().to_owned(),
        })
    }

    /// Where this timeline begins: 0/0 for one that has come from no other.
    pub fn begins(&self) -> Lsn {
        self.forks.last().map_or(Lsn::ZERO, |fork| fork.at)
    }

    /// Where this history leaves a timeline: none of this one itself, and of those that it has not come
    /// through.
    pub fn leaves(&self, timeline: Timeline) -> Option<Lsn> {
        let fork = self.forks.iter().find(|fork| fork.timeline == timeline)?;
        Some(fork.at)
    }

    /// Whether it has come through this timeline, or is it.
    pub fn has(&self, timeline: Timeline) -> bool {
        timeline == self.timeline || self.leaves(timeline).is_some()
    }

    /// The timeline on which this history has the byte at a position.
    pub fn timeline_of(&self, position: Lsn) -> Timeline {
        let fork = self.forks.iter().find(|fork| position < fork.at);
        fork.map_or(self.timeline, |fork| fork.timeline)
    }

    /// Its timelines with where each begins, oldest first, this one last.
    pub fn chain(&self) -> Vec<(Timeline, Lsn)> {
        let mut begins = Lsn::ZERO;
        let mut chain = Vec::new();
        for fork in &self.forks {
            chain.push((fork.timeline, begins));
            begins = fork.at;
        }
        chain.push((self.timeline, begins));
        chain
    }

    /// The segment with the byte at this position, on the newest timeline that has begun in it or before: the
    /// one that a server on this timeline has.
    pub fn segment_at(&self, position: Lsn, size: SegmentSize) -> SegmentName {
        let name = SegmentName::at(self.timeline, position, size);
        let begun = self
            .chain()
            .into_iter()
            .rev()
            .find(|(_, begins)| *begins < name.end(size));
        name.on(begun.map_or(self.timeline, |(timeline, _)| timeline))
    }

    /// A range of positions, by the timelines that they are on.
    pub(super) fn pieces(&self, from: Lsn, to: Lsn) -> Vec<(Timeline, Lsn, Lsn)> {
        let chain = self.chain();
        let ends = chain.iter().skip(1).map(|(_, begins)| *begins);
        let ends = ends.chain([Lsn::new(u64::MAX)]);
        chain
            .iter()
            .zip(ends)
            .map(|((timeline, begins), end)| (*timeline, from.max(*begins), to.min(end)))
            .filter(|(_, from, to)| from < to)
            .collect()
    }

    /// Whether a server on this timeline has all that was written on another one up to a position: it
    /// has not left that one before it.
    pub fn continues(&self, timeline: Timeline, position: Lsn) -> bool {
        timeline == self.timeline || self.leaves(timeline).is_some_and(|at| position <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lsn(text: &str) -> Lsn {
        text.parse().expect("a position")
    }

    fn third() -> TimelineHistory {
        let text = "1\t0/5000148\tno recovery target specified\n\n# a comment\n2\t0/7000000\tbefore 2026-11-29 01:00:00+00\n";
        TimelineHistory::parse(Timeline(3), text).expect("a history")
    }

    #[test]
    fn it_says_on_which_timeline_a_position_is() {
        let history = third();
        assert_eq!(history.begins(), lsn("0/7000000"));
        for (position, timeline) in [
            ("0/1", 1),
            ("0/5000147", 1),
            ("0/5000148", 2),
            ("0/6FFFFFF", 2),
            ("0/7000000", 3),
        ] {
            assert_eq!(history.timeline_of(lsn(position)), Timeline(timeline));
        }
        assert_eq!(history.leaves(Timeline(1)), Some(lsn("0/5000148")));
        assert_eq!(history.leaves(Timeline(3)), None);
        assert!(history.has(Timeline(3)) && !history.has(Timeline(4)));
        assert!(history.continues(Timeline(1), lsn("0/5000148")));
        assert!(!history.continues(Timeline(1), lsn("0/5000149")));
        assert_eq!(
            history.chain(),
            [
                (Timeline(1), Lsn::ZERO),
                (Timeline(2), lsn("0/5000148")),
                (Timeline(3), lsn("0/7000000")),
            ]
        );
    }

    #[test]
    fn what_is_no_history_is_refused_with_its_line() {
        for (text, line) in [
            ("x\t0/1\treason", 1),
            ("1\tnowhere\treason", 1),
            ("1", 1),
            ("3\t0/1\tits own timeline", 1),
            ("1\t0/5\ta\n1\t0/6\ttwice", 2),
            ("1\t0/5\ta\n2\t0/4\tgoes back", 2),
            ("0\t0/5\ta", 1),
        ] {
            let error = TimelineHistory::parse(Timeline(3), text).expect_err(text);
            assert_eq!(error.line, line, "{text}");
        }
        let first = TimelineHistory::parse(Timeline(1), "").expect("an empty one");
        assert_eq!(first, TimelineHistory::first(Timeline(1)));
    }
}
