//! How fast lag changes: two looks at the same cluster.

use super::{LagReport, lag_report};
use crate::cluster::two_looks::{seconds_between, seen_twice};
use crate::cluster::{DatabaseFacts, Lsn, Snapshot};

/// What happened between two looks.
#[derive(Debug, Clone, PartialEq)]
pub struct LagRates {
    /// Time between the looks, by the primary's clock (else by ours), in seconds.
    pub sample_seconds: f64,
    /// WAL that the primary wrote, in bytes per second; none when it was not seen twice.
    pub produced: Option<f64>,
    /// Each standby of the second look.
    pub standbys: Vec<StandbyRate>,
}

/// The pace of one standby.
#[derive(Debug, Clone, PartialEq)]
pub struct StandbyRate {
    /// Name of its pod.
    pub pod: String,
    /// WAL that it received, in bytes per second; none when it was not seen twice.
    pub received: Option<f64>,
    /// WAL that it replayed, in bytes per second.
    pub replayed: Option<f64>,
    /// When it will have caught up.
    pub catch_up: CatchUp,
}

/// When a standby will have caught up, if both paces stay as they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CatchUp {
    /// Nothing is missing.
    Done,
    /// What is missing is less than the primary writes in a second, or was not missing a moment
    /// ago: it is on the heels.
    Keeping,
    /// In this many seconds.
    In(f64),
    /// Never: the primary writes faster than it replays.
    Never,
    /// Never: it replays nothing.
    Stalled,
    /// It can't be told.
    Unknown,
}

/// The pace of production and replay between two looks, `before` and `after`.
pub fn lag_rates(before: &Snapshot, after: &Snapshot) -> LagRates {
    let elapsed = seconds_between(before.taken, after.taken);
    let primary = after.primary().and_then(|primary| {
        // A failover in between makes positions incomparable.
        let same = before.primary()?.name() == primary.name();
        let (old, new) = (before.primary()?.facts()?, primary.facts()?);
        (same && old.timeline == new.timeline).then_some((old, new))
    });
    let produced = primary.and_then(|(old, new)| {
        pace(
            old.flush_lsn,
            new.flush_lsn,
            seconds_between(old.clock, new.clock),
        )
    });
    let (earlier, report) = (lag_report(before), lag_report(after));
    let standbys = report
        .standbys
        .iter()
        .map(|standby| {
            let both = seen_twice(before, after, &standby.pod);
            let received = both.and_then(|(old, new)| {
                pace_of(old, new, |facts| facts.recovery.as_ref()?.receive_lsn)
            });
            let replayed = both.and_then(|(old, new)| {
                pace_of(old, new, |facts| facts.recovery.as_ref()?.replay_lsn)
            });
            StandbyRate {
                pod: standby.pod.clone(),
                received,
                replayed,
                catch_up: catch_up(
                    &report,
                    standby.behind.bytes,
                    standby.stream.is_none() || was_behind(&earlier, &standby.pod),
                    produced,
                    replayed,
                ),
            }
        })
        .collect();
    LagRates {
        sample_seconds: primary.map_or(elapsed, |(old, new)| seconds_between(old.clock, new.clock)),
        produced,
        standbys,
    }
}

/// Whether it had something to replay at the earlier look: only then (or when nobody streams to it)
/// does replaying nothing mean that it hangs.
fn was_behind(earlier: &LagReport, pod: &str) -> bool {
    let mut standbys = earlier.standbys.iter();
    standbys.any(|standby| standby.pod == pod && standby.behind.bytes > Some(0))
}

fn pace_of(
    old: &DatabaseFacts,
    new: &DatabaseFacts,
    lsn: impl Fn(&DatabaseFacts) -> Option<Lsn>,
) -> Option<f64> {
    pace(lsn(old)?, lsn(new)?, seconds_between(old.clock, new.clock))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no server writes 2^53 bytes between two looks"
)]
fn pace(old: Lsn, new: Lsn, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| new.bytes_since(old) as f64 / seconds)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a time to catch up is an estimate"
)]
fn catch_up(
    report: &LagReport,
    behind: Option<u64>,
    may_stall: bool,
    produced: Option<f64>,
    replayed: Option<f64>,
) -> CatchUp {
    let by_primary = report
        .reference
        .as_ref()
        .is_some_and(|reference| reference.is_primary);
    let Some(behind) = behind.filter(|_| by_primary) else {
        return CatchUp::Unknown;
    };
    if behind == 0 {
        return CatchUp::Done;
    }
    let (Some(produced), Some(replayed)) = (produced, replayed) else {
        return CatchUp::Unknown;
    };
    let behind = behind as f64;
    if replayed <= 0.0 && may_stall {
        CatchUp::Stalled
    } else if behind <= produced || !may_stall {
        CatchUp::Keeping
    } else if replayed > produced {
        CatchUp::In(behind / (replayed - produced))
    } else {
        CatchUp::Never
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::{self, POSITION};
    use jiff::SignedDuration;

    /// Two looks 2 s apart: how far the primary and the standby came, and how far the standby is
    /// behind at the end.
    fn pace(produced: u64, replayed: u64, behind: u64) -> StandbyRate {
        let mut before = fixture::healthy(1);
        let mut after = before.clone();
        let end = POSITION.bytes() + produced;
        after.taken = before.taken + SignedDuration::from_secs(2);
        for pod in [fixture::PRIMARY.to_owned(), fixture::replica(0)] {
            fixture::facts(&mut after, &pod).clock = after.taken;
        }
        fixture::primary(&mut after).flush_lsn = Lsn::new(end);
        for (look, lsn) in [
            (&mut before, end - behind - replayed),
            (&mut after, end - behind),
        ] {
            fixture::recovery(look, 0).replay_lsn = Some(Lsn::new(lsn));
            fixture::sender(look, 0).replay_lsn = Some(Lsn::new(lsn));
        }
        let mut rates = lag_rates(&before, &after);
        assert_eq!(rates.sample_seconds, 2.0);
        assert_eq!(rates.produced, Some(produced as f64 / 2.0));
        rates.standbys.remove(0)
    }

    #[test]
    fn the_time_to_catch_up_is_what_is_missing_over_the_difference_of_paces() {
        let standby = pace(1000, 3000, 10_000);
        assert_eq!(standby.replayed, Some(1500.0));
        assert_eq!(standby.catch_up, CatchUp::In(10.0));
    }

    #[test]
    fn each_other_case_has_its_word() {
        assert_eq!(pace(0, 0, 0).catch_up, CatchUp::Done);
        assert_eq!(pace(4000, 4000, 1000).catch_up, CatchUp::Keeping);
        assert_eq!(pace(4000, 2000, 9000).catch_up, CatchUp::Never);
        assert_eq!(pace(1000, 0, 9000).catch_up, CatchUp::Stalled);
    }

    #[test]
    fn one_late_transaction_on_an_idle_primary_is_not_a_stall() {
        // Nothing was missing at the first look.
        assert_eq!(pace(200, 0, 200).catch_up, CatchUp::Keeping);
    }

    #[test]
    fn a_restart_or_a_failover_in_between_gives_no_rate() {
        let before = fixture::healthy(1);
        let mut after = before.clone();
        after.taken = before.taken + SignedDuration::from_secs(2);
        fixture::facts(&mut after, &fixture::replica(0)).started = after.taken;
        fixture::primary(&mut after).timeline = crate::cluster::Timeline(2);
        let rates = lag_rates(&before, &after);
        assert_eq!(rates.produced, None);
        assert_eq!(rates.standbys[0].replayed, None);
        assert_eq!(rates.standbys[0].catch_up, CatchUp::Unknown);
    }

    #[test]
    fn two_looks_at_the_same_instant_do_not_divide_by_zero() {
        let snapshot = fixture::healthy(1);
        assert_eq!(lag_rates(&snapshot, &snapshot).produced, None);
    }
}
