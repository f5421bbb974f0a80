//! One question to several pods: what each answered, or why it did not.

use std::fmt;

use super::Role;

/// What one pod answered when it was asked something, or why it did not.
#[derive(Debug, Clone, PartialEq)]
pub struct PodAnswer<T> {
    /// Name of the pod.
    pub pod: String,
    /// What it is, as it said itself; unknown when it said nothing.
    pub role: Role,
    /// The answer.
    pub answer: Result<T, NoAnswer>,
}

/// Why a pod did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// It was not asked: its container does not run.
    NotRunning,
    /// The topology names it as the primary, and there is no such pod.
    Absent,
    /// The API lets whoever asks not do that: nothing is known of it.
    NotAllowed(String),
    /// Nothing came, or nothing that says anything of PostgreSQL: it may well be alive.
    Silent(String),
    /// PostgreSQL itself said no: it is alive.
    Refused(String),
}

impl NoAnswer {
    /// Whether that is because no PostgreSQL runs there: then it has no sessions, and changes nothing.
    pub const fn nothing_runs(&self) -> bool {
        matches!(self, Self::NotRunning | Self::Absent)
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => f.write_str("its container does not run"),
            Self::Absent => f.write_str("there is no such pod, and it is to be the primary"),
            Self::NotAllowed(reason) | Self::Silent(reason) | Self::Refused(reason) => {
                f.write_str(reason)
            }
        }
    }
}

/// Those that answered.
pub fn answered<T>(answers: &[PodAnswer<T>]) -> impl Iterator<Item = (&PodAnswer<T>, &T)> {
    answers
        .iter()
        .filter_map(|it| Some((it, it.answer.as_ref().ok()?)))
}

/// Those that did not, and why.
pub fn silent<T>(answers: &[PodAnswer<T>]) -> impl Iterator<Item = (&PodAnswer<T>, &NoAnswer)> {
    answers
        .iter()
        .filter_map(|it| Some((it, it.answer.as_ref().err()?)))
}

/// The primary first, then the standbys, then those that said nothing; among equals as they were.
pub fn primary_first<T>(answers: &mut [PodAnswer<T>]) {
    answers.sort_by_key(|it| match it.role {
        Role::Primary => 0,
        Role::Standby => 1,
        Role::Unknown => 2,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_nothing_comes_last_and_keeps_its_reason() {
        let of = |pod: &str, role, answer| PodAnswer {
            pod: pod.to_owned(),
            role,
            answer,
        };
        let mut answers = [
            of("a", Role::Unknown, Err(NoAnswer::NotRunning)),
            of("b", Role::Standby, Ok(1)),
            of("c", Role::Primary, Ok(2)),
        ];
        primary_first(&mut answers);
        let said: Vec<_> = answered(&answers).map(|(it, n)| (&*it.pod, *n)).collect();
        assert_eq!(said, [("c", 2), ("b", 1)]);
        let reasons: Vec<_> = silent(&answers).map(|(_, why)| why.to_string()).collect();
        assert_eq!(reasons, ["its container does not run"]);
        assert_eq!(answers[2].pod, "a");
    }
}
