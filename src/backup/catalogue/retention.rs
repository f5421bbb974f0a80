//! Which backups to keep: pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::backup::format::Kind;
use crate::cluster::ClusterId;

/// A backup that began so much later than now was taken where the clock is wrong, or is looked at
/// where it is.
const WRONG_CLOCK: SignedDuration = SignedDuration::from_hours(1);

/// Whether a backup that began then can't have been: somebody's clock is wrong.
pub(super) fn is_ahead(started: Timestamp, now: Timestamp) -> bool {
    started.duration_since(now) > WRONG_CLOCK
}

/// What `prune` is told to keep, of each cluster and kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// The newest so many.
    pub last: usize,
    /// The newest of each of the last so many days (UTC) that have one.
    pub daily: usize,
    /// The newest of each of the last so many weeks (Monday to Sunday, UTC) that have one.
    pub weekly: usize,
    /// What was begun no longer ago than this, and the newest before it: with the WAL, every moment since.
    pub window: Option<SignedDuration>,
}

/// What the decision needs to know of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionCandidate {
    /// The backup's name in the store.
    pub id: String,
    /// The cluster that was backed up.
    pub cluster: ClusterId,
    /// Of that cluster's data directory: a cluster that was made anew under the same name is another.
    pub system_identifier: String,
    /// What it holds, and of which database when it holds one.
    pub kind: Kind,
    /// The database that a backup of one database holds.
    pub database: Option<String>,
    /// When the backup began, by pgctl's own clock.
    pub started: Timestamp,
    /// Whether it is known to be whole: verified when it was taken and not found broken since.
    pub verified: bool,
}

/// Why a backup is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeepReason {
    /// It is the newest verified one of its cluster and kind: kept whatever the policy says.
    NewestVerified,
    /// Among the newest.
    Last,
    /// The newest of its day.
    Daily,
    /// The newest of its week.
    Weekly,
    /// Moments of the window are reached with it.
    Window,
    /// It began in the future: what it is worth can't be told until the clock is right.
    AheadOfClock,
}

/// What is to become of a backup: kept for these reasons, or, when there are none, deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionVerdict {
    /// The backup's name in the store.
    pub id: String,
    /// Why it stays; empty: it goes.
    pub reasons: Vec<KeepReason>,
}

impl RetentionVerdict {
    /// Whether it stays.
    pub fn keep(&self) -> bool {
        !self.reasons.is_empty()
    }
}

/// Decides about each backup, newest first. Backups of different clusters, kinds or databases do
/// not stand in for each other, nor do those of a cluster that was made anew for those of the one
/// before it. A broken one never takes the place of a good one: it is kept only where there are
/// fewer good ones, or days or weeks with one, than were asked for. One from the future takes
/// nobody's place and is kept.
pub fn decide(
    candidates: &[RetentionCandidate],
    policy: RetentionPolicy,
    now: Timestamp,
) -> Vec<RetentionVerdict> {
    type Group<'a> = (&'a ClusterId, &'a str, Kind, Option<&'a str>);
    let mut groups: BTreeMap<Group<'_>, Vec<&RetentionCandidate>> = BTreeMap::new();
    let mut reasons: BTreeMap<&str, BTreeSet<KeepReason>> = BTreeMap::new();
    for candidate in candidates {
        if is_ahead(candidate.started, now) {
            let ahead = BTreeSet::from([KeepReason::AheadOfClock]);
            reasons.insert(candidate.id.as_str(), ahead);
            continue;
        }
        groups
            .entry((
                &candidate.cluster,
                candidate.system_identifier.as_str(),
                candidate.kind,
                candidate.database.as_deref(),
            ))
            .or_default()
            .push(candidate);
    }
    for group in groups.values_mut() {
        group.sort_by(|a, b| newest_first(a, b));
        let (good, broken): (Vec<&RetentionCandidate>, Vec<&RetentionCandidate>) =
            group.iter().partition(|candidate| candidate.verified);
        let newest = good.first().map(|one| (*one, KeepReason::NewestVerified));
        let last = good.iter().chain(&broken).copied().take(policy.last);
        let daily = newest_of_each(&good, &broken, day).take(policy.daily);
        let weekly = newest_of_each(&good, &broken, week).take(policy.weekly);
        let window = of_window(&good, policy, now);
        let chosen = newest
            .into_iter()
            .chain(last.map(|one| (one, KeepReason::Last)))
            .chain(daily.map(|one| (one, KeepReason::Daily)))
            .chain(weekly.map(|one| (one, KeepReason::Weekly)))
            .chain(window.map(|one| (one, KeepReason::Window)));
        for (candidate, reason) in chosen {
            reasons
                .entry(candidate.id.as_str())
                .or_default()
                .insert(reason);
        }
    }
    let mut all: Vec<&RetentionCandidate> = candidates.iter().collect();
    all.sort_by(|a, b| newest_first(a, b));
    all.into_iter()
        .map(|candidate| RetentionVerdict {
            id: candidate.id.clone(),
            reasons: reasons
                .get(candidate.id.as_str())
                .map(|set| set.iter().copied().collect())
                .unwrap_or_default(),
        })
        .collect()
}

fn newest_first(a: &RetentionCandidate, b: &RetentionCandidate) -> std::cmp::Ordering {
    b.started.cmp(&a.started).then_with(|| b.id.cmp(&a.id))
}

/// The newest good backup of each span that has one, newest span first; then the newest broken one of
/// each other span. Both lists are sorted, newest first.
fn newest_of_each<'a>(
    good: &[&'a RetentionCandidate],
    broken: &[&'a RetentionCandidate],
    span: fn(Timestamp) -> Date,
) -> impl Iterator<Item = &'a RetentionCandidate> {
    let mut seen = BTreeSet::new();
    let all: Vec<&'a RetentionCandidate> = good.iter().chain(broken).copied().collect();
    all.into_iter()
        .filter(move |candidate| seen.insert(span(candidate.started)))
}

/// The good ones of the window, and the newest before it: the moments up to the next one are reached with that.
fn of_window<'a>(
    good: &[&'a RetentionCandidate],
    policy: RetentionPolicy,
    now: Timestamp,
) -> impl Iterator<Item = &'a RetentionCandidate> {
    let since = policy.window.map(|window| now - window);
    let within = good
        .iter()
        .filter(move |one| since.is_some_and(|since| one.started >= since))
        .count();
    let before = usize::from(since.is_some());
    let chosen: Vec<&'a RetentionCandidate> = good.iter().copied().take(within + before).collect();
    chosen.into_iter()
}

fn day(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

/// The Monday of its week.
fn week(time: Timestamp) -> Date {
    let date = day(time);
    let since_monday = i64::from(date.weekday().to_monday_zero_offset());
    date.saturating_sub(jiff::Span::new().days(since_monday))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(id: usize, hours: i64, kind: Kind, verified: bool) -> RetentionCandidate {
        RetentionCandidate {
            id: format!("b{id:04}"),
            cluster: ClusterId {
                namespace: "n".to_owned(),
                name: "c".to_owned(),
            },
            system_identifier: "7".to_owned(),
            kind,
            database: None,
            started: Timestamp::from_second(1_790_000_000 + hours * 3600)
                .expect("a time of this century"),
            verified,
        }
    }

    /// When all of them are over.
    fn now() -> Timestamp {
        candidate(0, 2000, Kind::Logical, true).started
    }

    fn kept(candidates: &[RetentionCandidate], policy: RetentionPolicy) -> Vec<String> {
        decide(candidates, policy, now())
            .into_iter()
            .filter(RetentionVerdict::keep)
            .map(|verdict| verdict.id)
            .collect()
    }

    #[test]
    fn seven_daily_of_a_month_of_hourly_backups() {
        let all: Vec<RetentionCandidate> = (0..720)
            .map(|hour| candidate(hour as usize, hour, Kind::Logical, true))
            .collect();
        let policy = RetentionPolicy {
            daily: 7,
            ..RetentionPolicy::default()
        };
        let kept = kept(&all, policy);
        assert_eq!(kept.len(), 7);
        assert_eq!(kept[0], "b0719");
    }

    #[test]
    fn kinds_do_not_stand_in_for_each_other() {
        let all = [
            candidate(0, 0, Kind::Logical, true),
            candidate(1, 1, Kind::Physical, true),
        ];
        let policy = RetentionPolicy {
            last: 1,
            ..RetentionPolicy::default()
        };
        assert_eq!(kept(&all, policy), ["b0001", "b0000"]);
    }

    #[test]
    fn a_window_keeps_what_reaches_back_to_its_beginning() {
        let all: Vec<RetentionCandidate> = (0..10)
            .map(|day| candidate(day, 24 * day as i64, Kind::Physical, day != 5))
            .collect();
        let policy = RetentionPolicy {
            window: Some(SignedDuration::from_hours(4 * 24)),
            ..RetentionPolicy::default()
        };
        let now = candidate(0, 24 * 9 + 12, Kind::Physical, true).started;
        let kept: Vec<String> = decide(&all, policy, now)
            .into_iter()
            .filter(RetentionVerdict::keep)
            .map(|verdict| verdict.id)
            .collect();
        // The broken one of the fifth day does not reach anything.
        assert_eq!(kept, ["b0009", "b0008", "b0007", "b0006", "b0004"]);
    }

    #[test]
    fn a_day_keeps_its_verified_backup_and_not_the_later_broken_one() {
        let all = [
            candidate(0, 30, Kind::Logical, true),
            candidate(1, 1, Kind::Logical, true),
            candidate(2, 2, Kind::Logical, false),
        ];
        let policy = RetentionPolicy {
            daily: 2,
            ..RetentionPolicy::default()
        };
        assert_eq!(kept(&all, policy), ["b0000", "b0001"]);
    }

    #[test]
    fn broken_ones_take_no_place_that_a_good_one_could_have() {
        // Three good days, and then a week of backups that verify found broken.
        let all: Vec<RetentionCandidate> = (0..10)
            .map(|day| candidate(day, 24 * day as i64, Kind::Physical, day < 3))
            .collect();
        let last = RetentionPolicy {
            last: 3,
            ..RetentionPolicy::default()
        };
        let daily = RetentionPolicy {
            daily: 3,
            ..RetentionPolicy::default()
        };
        for policy in [last, daily] {
            assert_eq!(kept(&all, policy), ["b0002", "b0001", "b0000"]);
        }
        // Where there are fewer good ones than asked for, the newest broken ones stay, too.
        let daily = RetentionPolicy {
            daily: 5,
            ..RetentionPolicy::default()
        };
        let wanted = ["b0009", "b0008", "b0002", "b0001", "b0000"];
        assert_eq!(kept(&all, daily), wanted);
    }

    #[test]
    fn a_cluster_made_anew_under_the_same_name_displaces_nothing() {
        let mut all: Vec<RetentionCandidate> = (0..20)
            .map(|day| candidate(day, 24 * day as i64, Kind::Logical, true))
            .collect();
        for anew in &mut all[5..] {
            anew.system_identifier = "8".to_owned();
        }
        let policy = RetentionPolicy {
            daily: 2,
            ..RetentionPolicy::default()
        };
        assert_eq!(kept(&all, policy), ["b0019", "b0018", "b0004", "b0003"]);
    }

    #[test]
    fn one_from_the_future_is_kept_and_takes_nobodys_place() {
        let all = [
            candidate(0, 1990, Kind::Logical, true),
            candidate(1, 1991, Kind::Logical, true),
            candidate(2, 2002, Kind::Logical, true),
        ];
        let policy = RetentionPolicy {
            last: 1,
            ..RetentionPolicy::default()
        };
        assert_eq!(kept(&all, policy), ["b0002", "b0001"]);
    }

    fn any_candidates() -> impl Strategy<Value = Vec<RetentionCandidate>> {
        let one = (0_i64..2000, 0_usize..3, any::<bool>());
        proptest::collection::vec(one, 0..60).prop_map(|list| {
            list.into_iter()
                .enumerate()
                .map(|(id, (hours, kind, verified))| {
                    candidate(id, hours, Kind::ALL[kind], verified)
                })
                .collect()
        })
    }

    fn any_policy() -> impl Strategy<Value = RetentionPolicy> {
        (0_usize..6, 0_usize..6, 0_usize..6).prop_map(|(last, daily, weekly)| RetentionPolicy {
            last,
            daily,
            weekly,
            window: None,
        })
    }

    proptest! {
        #[test]
        fn the_newest_verified_of_each_kind_always_stays(all in any_candidates(), policy in any_policy()) {
            let kept = kept(&all, policy);
            for kind in Kind::ALL {
                let newest = all
                    .iter()
                    .filter(|one| one.kind == kind && one.verified)
                    .max_by(|a, b| a.started.cmp(&b.started).then_with(|| a.id.cmp(&b.id)));
                if let Some(newest) = newest {
                    prop_assert!(kept.contains(&newest.id));
                }
            }
        }

        #[test]
        fn which_good_ones_stay_does_not_depend_on_the_broken_ones(all in any_candidates(), policy in any_policy()) {
            let good: Vec<RetentionCandidate> = all.iter().filter(|one| one.verified).cloned().collect();
            let mut left = kept(&all, policy);
            left.retain(|id| good.iter().any(|one| one.id == *id));
            prop_assert_eq!(left, kept(&good, policy));
        }

        #[test]
        fn every_backup_gets_one_verdict(all in any_candidates(), policy in any_policy()) {
            let verdicts = decide(&all, policy, now());
            let ids: BTreeSet<_> = verdicts.iter().map(|verdict| verdict.id.clone()).collect();
            prop_assert_eq!(verdicts.len(), all.len());
            prop_assert_eq!(ids.len(), all.len());
        }

        #[test]
        fn no_more_is_kept_than_was_asked_for(all in any_candidates(), policy in any_policy()) {
            for kind in Kind::ALL {
                let of_kind: Vec<RetentionCandidate> = all.iter().filter(|one| one.kind == kind).cloned().collect();
                let most = policy.last + policy.daily + policy.weekly + 1;
                prop_assert!(kept(&of_kind, policy).len() <= most);
            }
        }

        #[test]
        fn pruning_twice_deletes_nothing_more(all in any_candidates(), policy in any_policy()) {
            let once = kept(&all, policy);
            let left: Vec<RetentionCandidate> = all.into_iter().filter(|one| once.contains(&one.id)).collect();
            prop_assert_eq!(kept(&left, policy), once);
        }
    }
}
