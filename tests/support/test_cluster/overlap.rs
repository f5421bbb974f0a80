//! When do answers of servers prove that two of them accepted writes in the same instant?

use std::collections::BTreeMap;
use std::time::Duration;

/// One life of one server: its address, and when its postmaster started.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Life {
    pub(crate) pod: String,
    pub(crate) address: String,
    pub(crate) started: String,
}

/// "I accept writes", said at some moment between the question and the arrival of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Writable {
    pub(crate) asked: Duration,
    pub(crate) answered: Duration,
}

/// Every time that each server said so.
pub(crate) type Sightings = BTreeMap<Life, Vec<Writable>>;

/// From when to when a server accepted writes for certain: a server that has left recovery does
/// not go back in the same life, so it did from its first answer to its last question.
fn certain(seen: &[Writable]) -> Option<(Duration, Duration)> {
    let first = seen.iter().map(|it| it.answered).min()?;
    let last = seen.iter().map(|it| it.asked).max()?;
    (first <= last).then_some((first, last))
}

/// Every two lives that are proven to have accepted writes in the same instant. Answers that only
/// may have been at the same time prove nothing and are not reported.
pub(crate) fn overlaps(sightings: &Sightings) -> Vec<(Life, Life)> {
    let mut found = Vec::new();
    let lives: Vec<_> = sightings.iter().collect();
    for (index, (one, seen)) in lives.iter().enumerate() {
        for (other, other_seen) in &lives[index + 1..] {
            if within(certain(seen), other_seen) || within(certain(other_seen), seen) {
                found.push(((*one).clone(), (*other).clone()));
            } else if let (Some(a), Some(b)) = (certain(seen), certain(other_seen))
                && a.0.max(b.0) <= a.1.min(b.1)
            {
                found.push(((*one).clone(), (*other).clone()));
            }
        }
    }
    found
}

/// Whether one of the answers was given, whenever it was, inside this time.
fn within(time: Option<(Duration, Duration)>, seen: &[Writable]) -> bool {
    time.is_some_and(|(from, to)| seen.iter().any(|it| from <= it.asked && it.answered <= to))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pod, which of its lives, and when it was asked and answered, in milliseconds.
    type Told<'a> = (&'a str, &'a str, &'a [(u64, u64)]);

    fn seen(lives: &[Told<'_>]) -> Sightings {
        let life = |pod: &str, started: &str| Life {
            pod: pod.to_owned(),
            address: pod.to_owned(),
            started: started.to_owned(),
        };
        let at = |&(asked, answered): &(u64, u64)| Writable {
            asked: Duration::from_millis(asked),
            answered: Duration::from_millis(answered),
        };
        lives
            .iter()
            .map(|(pod, started, times)| (life(pod, started), times.iter().map(at).collect()))
            .collect()
    }

    #[test]
    fn one_after_the_other_is_no_overlap() {
        let it = seen(&[
            ("a", "1", &[(0, 2), (50, 52)]),
            ("b", "1", &[(60, 62), (90, 91)]),
        ]);
        assert_eq!(overlaps(&it), []);
    }

    #[test]
    fn an_old_primary_that_answers_again_after_the_new_one_is_one() {
        let it = seen(&[("a", "1", &[(0, 2), (100, 102)]), ("b", "1", &[(60, 62)])]);
        assert_eq!(overlaps(&it).len(), 1);
    }

    #[test]
    fn two_that_take_turns_are_one() {
        let it = seen(&[
            ("a", "1", &[(0, 2), (70, 72)]),
            ("b", "1", &[(60, 62), (110, 112)]),
        ]);
        assert_eq!(overlaps(&it).len(), 1);
    }

    #[test]
    fn answers_that_only_may_have_been_at_the_same_time_are_none() {
        // a may have answered at 1 and b at 9.
        let it = seen(&[("a", "1", &[(0, 10)]), ("b", "1", &[(0, 10)])]);
        assert_eq!(overlaps(&it), []);
        let it = seen(&[("a", "1", &[(0, 2), (50, 90)]), ("b", "1", &[(55, 60)])]);
        assert_eq!(overlaps(&it), []);
    }

    #[test]
    fn a_primary_that_was_restarted_does_not_count_as_writable_in_between() {
        let it = seen(&[
            ("a", "1", &[(0, 2), (10, 12)]),
            ("a", "2", &[(100, 102), (110, 112)]),
            ("b", "1", &[(50, 52), (60, 62)]),
        ]);
        assert_eq!(overlaps(&it), []);
    }
}
