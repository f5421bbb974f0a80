//! Where a new standby is on its way to serving reads.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::words;

/// A stage of its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "kind"
)]
pub enum StandbyStage {
    /// Its pod does not exist.
    Absent,
    /// Kubernetes finds no place for it.
    Unschedulable {
        /// The scheduler's words.
        why: String,
    },
    /// Its container starts.
    Starting {
        /// What Kubernetes or the start script says about it; may be empty.
        why: String,
    },
    /// The start script holds PostgreSQL back.
    Held {
        /// Stable word, for machines.
        reason: String,
        /// Says it in a sentence for people.
        message: String,
    },
    /// It copies the data of the primary.
    Copying {
        /// How much is done, in %; none when the size is not known.
        percent: Option<u32>,
    },
    /// It streams, and is too far behind.
    Behind {
        /// How far; none when that is not known yet.
        bytes: Option<u64>,
    },
    /// It streams, and Kubernetes does not count it as ready yet.
    NotReady,
    /// It is ready, and the read Service does not lead to it yet.
    NoReads,
    /// It serves reads.
    Serving,
}

impl StandbyStage {
    /// Whether a later look at the same pod is worth a word: another stage, or well ahead in this
    /// one.
    pub fn is_news(&self, later: &Self) -> bool {
        match (self, later) {
            (Self::Copying { percent: before }, Self::Copying { percent: now }) => {
                before.map(|it| it / 20) != now.map(|it| it / 20)
            }
            (Self::Behind { .. }, Self::Behind { .. }) => false,
            _ => self != later,
        }
    }
}

impl fmt::Display for StandbyStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => write!(f, "its pod does not exist yet"),
            Self::Unschedulable { why } => write!(f, "can't be scheduled: {why}"),
            Self::Starting { why } if why.is_empty() => write!(f, "starting"),
            Self::Starting { why } => write!(f, "starting: {why}"),
            Self::Held { message, .. } => write!(f, "waiting: {message}"),
            Self::Copying { percent: None } => write!(f, "copying the data"),
            Self::Copying {
                percent: Some(percent),
            } => write!(f, "copying the data, {percent} %"),
            Self::Behind { bytes: None } => write!(f, "streaming"),
            Self::Behind { bytes: Some(bytes) } => {
                write!(f, "streaming, {} behind", words::bytes(*bytes))
            }
            Self::NotReady => write!(f, "streaming, not ready yet"),
            Self::NoReads => write!(f, "ready, gets no reads yet"),
            Self::Serving => write!(f, "serves reads"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_news_is_told() {
        let at = |percent| StandbyStage::Copying {
            percent: Some(percent),
        };
        assert!(!at(41).is_news(&at(59)));
        assert!(at(59).is_news(&at(60)));
        assert!(StandbyStage::Absent.is_news(&at(0)));
        assert!(!StandbyStage::Serving.is_news(&StandbyStage::Serving));
    }
}
