//! A failure as people and scripts are told of it: what happened, on which object, why, and what
//! to type next.

use std::fmt;

use crate::cluster::NameError;
use crate::cluster::suggestion::option;
use crate::exit::ExitCode;

/// A command that failed. Adapters' errors are turned into this at the edge (`commands/`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How the process ends.
    pub exit: ExitCode,
    /// What happened, in one sentence without a full stop: "the API server refused to list pods".
    pub what: String,
    /// On which object (`secret/postgres-secret`), when on one.
    pub object: Option<String>,
    /// Why, outermost cause first.
    pub why: Vec<String>,
    /// What to type next, or to do.
    pub next: Vec<String>,
}

impl Failure {
    /// A failure with nothing but its code and what happened.
    pub fn new(exit: ExitCode, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            object: None,
            why: Vec::new(),
            next: Vec::new(),
        }
    }

    /// Names the object.
    #[must_use]
    pub fn on(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    /// Adds a cause.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }

    /// Adds every cause of an error, outermost first, without repeating what an outer one says
    /// already.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            let text = error.to_string();
            if !self.why.iter().any(|said| said.contains(&text)) {
                self.why.push(text);
            }
            cause = error.source();
        }
        self
    }

    /// The same, with something to type next if there is nothing yet.
    #[must_use]
    pub fn with_a_next(self) -> Self {
        if !self.next.is_empty() {
            return self;
        }
        let next = match self.exit {
            ExitCode::Usage => "pgctl --help",
            ExitCode::Refused | ExitCode::Unhealthy | ExitCode::Failed => "pgctl status",
            ExitCode::Incomplete | ExitCode::RolledBack | ExitCode::TimedOut => {
                "see how far it came: pgctl history"
            }
            ExitCode::Unreachable => "check the network and the VPN: kubectl cluster-info",
            ExitCode::Done | ExitCode::Interrupted => "give the command once more",
        };
        self.next(next)
    }

    /// Adds what to type next.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
        self
    }
}

/// A pod's name that could not be made out: the sentence lists those that there are.
impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        let next = match error.nearest() {
            // All commands that end here name their pods so.
            Some(nearest) => format!("the nearest name: {}", option("--pod", nearest)),
            None => "pgctl status".to_owned(),
        };
        Self::new(ExitCode::Usage, error.to_string()).next(next)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        f.write_str(&self.what)?;
        for why in &self.why {
            write!(f, ": {why}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer: inner")]
    struct Outer(#[source] Inner);
    #[derive(Debug, thiserror::Error)]
    #[error("inner")]
    struct Inner;

    #[test]
    fn every_failure_says_what_is_next() {
        for exit in ExitCode::ALL {
            let failure = Failure::new(exit, "it broke").with_a_next();
            assert_eq!(failure.next.len(), 1, "{exit:?}");
            let own = Failure::new(exit, "it broke").next("mend it").with_a_next();
            assert_eq!(own.next, ["mend it"]);
        }
    }

    #[test]
    fn a_slip_of_the_finger_has_the_nearest_name_next() {
        let of = |given: &str| {
            let given = given.to_owned();
            let candidates = vec!["db-replica-0".to_owned()];
            Failure::from(NameError::Unknown { given, candidates }).next
        };
        assert_eq!(of("repilca-0"), ["the nearest name: --pod db-replica-0"]);
        for far in ["something-else", "x", "7", ""] {
            assert_eq!(of(far), ["pgctl status"], "{far}");
        }
    }

    #[test]
    fn a_cause_that_was_said_is_not_said_again() {
        let failure = Failure::new(ExitCode::Failed, "it broke").caused_by(&Outer(Inner));
        assert_eq!(failure.why, ["outer: inner"]);
    }
}
