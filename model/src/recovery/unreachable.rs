//! Why a target can't be reached, and what can instead.

use std::fmt;

use jiff::Timestamp;

use super::target::RecoveryTarget;
use crate::cluster::{Lsn, Timeline, words};
use crate::wal::ReachEnd;

/// A target that can't be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// Why.
    pub reason: UnreachableReason,
    /// The nearest before it that can.
    pub earlier: Option<Box<Nearest>>,
    /// The nearest after it that can.
    pub later: Option<Box<Nearest>>,
}

/// Why a target can't be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnreachableReason {
    /// There is no base backup to begin with.
    NoBackup,
    /// The backup that was named is none of those that a recovery can begin with.
    OtherBackup {
        /// Its name.
        backup: String,
    },
    /// There is nothing of this timeline.
    NoTimeline {
        /// The one that was asked for.
        wanted: Timeline,
        /// Those that there are.
        there: Vec<Timeline>,
    },
    /// No base backup lies on the way to this timeline.
    NotOnTheWay {
        /// The timeline that was to be followed.
        timeline: Timeline,
    },
    /// The history of the timeline is not archived, so nobody knows where it came from.
    NoHistory {
        /// The timeline.
        timeline: Timeline,
    },
    /// It lies before the end of the base backup (the first one, or the one that was named).
    BeforeBackup {
        /// Its name.
        backup: String,
    },
    /// WAL on the way is missing.
    Broken {
        /// Up to where one comes.
        end: Lsn,
        /// Why no further.
        stop: ReachEnd,
    },
    /// The archived WAL ends before it.
    AfterEnd {
        /// Where it ends.
        end: Lsn,
        /// What was committed until then is in it, by the server's clock; none when that is not known.
        until: Option<Timestamp>,
    },
    /// There is no WAL after the backup.
    NoWal {
        /// Name of the backup.
        backup: String,
    },
    /// Several timelines have something else there.
    Ambiguous {
        /// Which, and where each was left by the newest of them; none for that one itself.
        timelines: Vec<(Timeline, Option<Lsn>)>,
    },
}

/// A target that can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// The target.
    pub target: RecoveryTarget,
    /// The timeline that leads there, where that has to be said.
    pub timeline: Option<Timeline>,
}

impl Nearest {
    /// The options that ask for it.
    pub fn options(&self) -> String {
        let timeline = self.timeline.map(|it| format!(" --timeline {it}"));
        self.target.option() + &timeline.unwrap_or_default()
    }
}

impl fmt::Display for UnreachableReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBackup => f.write_str("there is no base backup of this system to begin with"),
            Self::OtherBackup { backup } => write!(
                f,
                "a recovery begins with a base backup of the archive's own system, and {backup} is none"
            ),
            Self::NoTimeline { wanted, there } => {
                let there: Vec<String> = there.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "nothing of timeline {wanted} is archived; there is {}",
                    match there.as_slice() {
                        [] => "none".to_owned(),
                        some => some.join(", "),
                    }
                )
            }
            Self::NotOnTheWay { timeline } => write!(
                f,
                "no base backup lies on the way to timeline {timeline}: it came from elsewhere before they were taken"
            ),
            Self::NoHistory { timeline } => write!(
                f,
                "the history of timeline {timeline} is not archived, so that nobody knows where it came from"
            ),
            Self::BeforeBackup { backup } => write!(
                f,
                "it lies before the end of {backup}, and no earlier base backup leads there"
            ),
            Self::Broken { end, stop } => {
                write!(f, "WAL on the way is missing after {end}: ")?;
                match stop {
                    ReachEnd::Missing(name) => {
                        write!(f, "the segment {name} is not archived, and later ones are")
                    }
                    ReachEnd::Gap(gap) => write!(
                        f,
                        "{} to {} of timeline {}, because {}",
                        gap.from,
                        gap.to,
                        gap.timeline,
                        gap.reason.words()
                    ),
                    ReachEnd::Several(name) => write!(
                        f,
                        "of the segment {name} there are several with different contents, as two primaries write them"
                    ),
                    ReachEnd::NoHistory(timeline) => {
                        write!(f, "there is no history of timeline {timeline}")
                    }
                    ReachEnd::NotOnTheWay | ReachEnd::End => f.write_str("it ends there"),
                }
            }
            Self::AfterEnd { end, until } => {
                write!(f, "the archived WAL ends before it, at {end}")?;
                match until {
                    Some(until) => write!(
                        f,
                        ", with what was committed until {}",
                        words::moment(*until)
                    ),
                    None => Ok(()),
                }
            }
            Self::NoWal { backup } => {
                write!(f, "no WAL after the end of {backup} is archived")
            }
            Self::Ambiguous { timelines } => {
                let each: Vec<String> = timelines
                    .iter()
                    .map(|(timeline, left)| match left {
                        Some(left) => format!("{timeline} (left at {left})"),
                        None => timeline.to_string(),
                    })
                    .collect();
                write!(
                    f,
                    "timelines {} have something else there: say which one is meant",
                    each.join(" and ")
                )
            }
        }
    }
}
