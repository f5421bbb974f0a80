//! Which base backup, which timeline, and which WAL.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::target::RecoveryTarget;
use super::unreachable::{Nearest, Unreachable, UnreachableReason};
use super::way::{RecoveryWay, runs};
use crate::cluster::Timeline;
use crate::wal::{
    BaseBackup, Reach, ReachEnd, SegmentName, TimelineHistory, WalArchiveFacts, WalPosition,
};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryRequest {
    /// Where it is to end.
    pub target: RecoveryTarget,
    /// The timeline that is to be followed; none: the one that is meant, if that is clear.
    pub timeline: Option<Timeline>,
    /// Name of the base backup to begin with; none: the best one.
    pub backup: Option<String>,
}

/// A base backup, and how far the WAL leads from it on the way to a timeline.
struct Road<'a> {
    backup: &'a BaseBackup,
    history: TimelineHistory,
    reach: Reach<'a>,
    /// What was committed until then is in it, by the server's clock.
    until: Timestamp,
    /// When its last segment was stored, where its name does not tell of commits: it may lead up to then.
    perhaps_until: Timestamp,
}

/// What a road has where the target lies.
struct Spot<'a> {
    road: &'a Road<'a>,
    /// How many of its segments it takes.
    segments: usize,
    /// On which timeline's WAL it ends, and in which segment: what two roads have in common.
    place: (Timeline, Option<SegmentName>),
    end_will_do: bool,
}

/// Chooses the way to a target: the newest base backup before it, and only the WAL that is needed.
///
/// # Errors
/// [`Unreachable`], with the nearest targets that can be reached.
pub fn choose_way(
    wal: &WalArchiveFacts,
    backups: &[BaseBackup],
    request: &RecoveryRequest,
) -> Result<RecoveryWay, Unreachable> {
    let alone = |reason| Unreachable {
        reason,
        earlier: None,
        later: None,
    };
    if backups.is_empty() {
        return Err(alone(UnreachableReason::NoBackup));
    }
    let named: Vec<&BaseBackup> = backups
        .iter()
        .filter(|it| request.backup.as_ref().is_none_or(|id| *id == it.id))
        .collect();
    if named.is_empty() {
        return Err(alone(UnreachableReason::OtherBackup {
            backup: request.backup.clone().unwrap_or_default(),
        }));
    }
    let timelines = timelines(wal, backups, request).map_err(alone)?;
    let roads = roads(wal, &named, &timelines);
    if roads.is_empty() {
        return Err(alone(no_road(wal, &timelines)));
    }
    let spots: Vec<Spot<'_>> = roads
        .iter()
        .filter_map(|road| spot(wal, road, &request.target))
        .collect();
    if spots.is_empty() {
        let (earlier, later) = nearest(&roads, request);
        return Err(Unreachable {
            reason: why_not(&roads, &request.target),
            earlier: earlier.map(Box::new),
            later: later.map(Box::new),
        });
    }
    let chosen = the_one_meant(&spots, request)?;
    Ok(way(wal, chosen, &request.target))
}

/// The timelines that may be meant, oldest first.
fn timelines(
    wal: &WalArchiveFacts,
    backups: &[BaseBackup],
    request: &RecoveryRequest,
) -> Result<Vec<Timeline>, UnreachableReason> {
    let mut all: BTreeSet<Timeline> = wal.timelines().into_iter().collect();
    all.extend(backups.iter().map(|it| it.timeline));
    if let Some(wanted) = request.timeline {
        return if all.contains(&wanted) {
            Ok(vec![wanted])
        } else {
            Err(UnreachableReason::NoTimeline {
                wanted,
                there: all.into_iter().collect(),
            })
        };
    }
    Ok(match &request.target {
        RecoveryTarget::Time { .. } | RecoveryTarget::Lsn { .. } => all.into_iter().collect(),
        // Nothing tells where these lie but the WAL itself: it is that of the newest.
        RecoveryTarget::Latest | RecoveryTarget::Name { .. } | RecoveryTarget::Xid { .. } => {
            all.into_iter().next_back().into_iter().collect()
        }
    })
}

/// From each backup to each timeline, where that is possible; the newest backup of a timeline first.
fn roads<'a>(
    wal: &'a WalArchiveFacts,
    backups: &[&'a BaseBackup],
    timelines: &[Timeline],
) -> Vec<Road<'a>> {
    let mut roads = Vec::new();
    for timeline in timelines {
        let Some(history) = wal.history(*timeline) else {
            continue;
        };
        let mut on_it: Vec<&BaseBackup> = backups.to_vec();
        on_it.sort_by(|a, b| (b.end, &b.id).cmp(&(a.end, &a.id)));
        for backup in on_it {
            let from = WalPosition {
                timeline: backup.timeline,
                position: backup.end,
            };
            let reach = wal.reach(from, *timeline);
            match reach.stop {
                ReachEnd::NoHistory(_) | ReachEnd::NotOnTheWay => continue,
                ReachEnd::End | ReachEnd::Missing(_) | ReachEnd::Gap(_) | ReachEnd::Several(_) => {}
            }
            let all_until = wal
                .newest
                .as_ref()
                .filter(|it| it.timeline == reach.timeline && it.position <= reach.end)
                .map(|it| it.as_of);
            let until = reach.last_commit.max(all_until).unwrap_or(backup.ended);
            let until = until.max(backup.ended);
            let untold = reach.segments.last();
            let untold = untold.filter(|it| it.name.last_commit.is_none());
            roads.push(Road {
                backup,
                history: history.clone(),
                until,
                perhaps_until: untold.map_or(until, |it| it.stored.max(until)),
                reach,
            });
        }
    }
    roads
}

fn no_road(wal: &WalArchiveFacts, timelines: &[Timeline]) -> UnreachableReason {
    match timelines {
        [timeline] if wal.history(*timeline).is_none() => UnreachableReason::NoHistory {
            timeline: *timeline,
        },
        several => UnreachableReason::NotOnTheWay {
            timeline: several.last().copied().unwrap_or(Timeline(1)),
        },
    }
}

/// Where a target lies on a road, if it does.
fn spot<'a>(
    wal: &WalArchiveFacts,
    road: &'a Road<'a>,
    target: &RecoveryTarget,
) -> Option<Spot<'a>> {
    let segments = &road.reach.segments;
    let whole = |end_will_do| Spot {
        road,
        segments: segments.len(),
        place: (road.reach.timeline, None),
        end_will_do,
    };
    match target {
        RecoveryTarget::Latest => {
            (road.reach.stop == ReachEnd::End && !segments.is_empty()).then(|| whole(false))
        }
        // Whether it is there only the WAL itself can tell.
        RecoveryTarget::Name { .. } | RecoveryTarget::Xid { .. } => {
            (!segments.is_empty()).then(|| whole(false))
        }
        RecoveryTarget::Lsn { position, .. } => {
            let size = wal.segment_size;
            if *position < road.backup.end || *position >= road.reach.end {
                return None;
            }
            let of_it = segments
                .iter()
                .position(|it| it.name.segment.end(size) > *position);
            // The record may begin in the next one, and end there.
            let needed = of_it.map_or(segments.len(), |it| (it + 2).min(segments.len()));
            Some(Spot {
                road,
                segments: needed,
                place: (road.history.timeline_of(*position), None),
                end_will_do: false,
            })
        }
        RecoveryTarget::Time { time, exclusive } => {
            if *time < road.backup.ended || *time > road.perhaps_until || segments.is_empty() {
                return None;
            }
            let goes_beyond = |commit: Timestamp| commit > *time || (*exclusive && commit == *time);
            let first_beyond = segments
                .iter()
                .position(|it| it.name.last_commit.is_some_and(goes_beyond));
            Some(match first_beyond {
                Some(index) => Spot {
                    road,
                    segments: index + 1,
                    place: (
                        segments[index].name.segment.timeline,
                        Some(segments[index].name.segment),
                    ),
                    end_will_do: false,
                },
                // What the names don't tell is found out by the replay, which has to find it.
                None => whole(*time <= road.until),
            })
        }
    }
}

/// The way of the newest timeline, when no other one has something else where the target lies.
fn the_one_meant<'a>(
    spots: &'a [Spot<'a>],
    request: &RecoveryRequest,
) -> Result<&'a Spot<'a>, Unreachable> {
    // Of each timeline the newest backup comes first.
    let mut of_each: Vec<&Spot<'_>> = Vec::new();
    for spot in spots {
        let seen = |it: &&Spot<'_>| it.road.history.timeline == spot.road.history.timeline;
        if !of_each.iter().any(seen) {
            of_each.push(spot);
        }
    }
    // All of it is on a newer timeline, too.
    let is_part_of = |old: &Spot<'_>, new: &Spot<'_>| {
        let (old, new) = (old.road, new.road);
        old.history.timeline < new.history.timeline
            && new.history.continues(old.history.timeline, old.reach.end)
    };
    let own: Vec<&Spot<'_>> = of_each
        .iter()
        .copied()
        .filter(|old| !of_each.iter().any(|new| is_part_of(old, new)))
        .collect();
    let newest = own.last().or(of_each.last()).copied();
    let Some(newest) = newest else {
        return Err(Unreachable {
            reason: UnreachableReason::NoBackup,
            earlier: None,
            later: None,
        });
    };
    let others: Vec<&Spot<'_>> = own
        .iter()
        .copied()
        .filter(|it| it.place != newest.place)
        .collect();
    if others.is_empty() {
        return Ok(newest);
    }
    let meant = |spot: &Spot<'_>| {
        Box::new(Nearest {
            target: request.target.clone(),
            timeline: Some(spot.road.history.timeline),
        })
    };
    let left = |spot: &Spot<'_>| newest.road.history.leaves(spot.road.history.timeline);
    Err(Unreachable {
        reason: UnreachableReason::Ambiguous {
            timelines: others
                .iter()
                .copied()
                .chain([newest])
                .map(|it| (it.road.history.timeline, left(it)))
                .collect(),
        },
        earlier: others.last().copied().map(meant),
        later: Some(meant(newest)),
    })
}

fn way(wal: &WalArchiveFacts, spot: &Spot<'_>, target: &RecoveryTarget) -> RecoveryWay {
    let road = spot.road;
    let taken = &road.reach.segments[..spot.segments];
    let names: Vec<SegmentName> = taken.iter().map(|it| it.name.segment).collect();
    let size = wal.segment_size;
    let whole = taken.len() == road.reach.segments.len();
    let end = match names.last() {
        Some(last) if !whole => last.end(size),
        _ => road.reach.end,
    };
    let histories: BTreeSet<Timeline> = road
        .history
        .chain()
        .into_iter()
        .map(|(timeline, _)| timeline)
        .filter(|it| wal.histories.contains_key(it))
        .collect();
    let all: BTreeSet<Timeline> = wal.timelines().into_iter().collect();
    RecoveryWay {
        target: target.clone(),
        backup: road.backup.id.clone(),
        timeline: road.history.timeline,
        segments: runs(&names, size),
        count: names.len() as u64,
        stored_bytes: taken.iter().map(|it| it.stored_bytes).sum(),
        segment_bytes: size.bytes(),
        end,
        last_commit: taken.iter().filter_map(|it| it.name.last_commit).max(),
        encrypted: taken.iter().any(|it| it.name.encrypted),
        histories: histories.into_iter().collect(),
        end_will_do: spot.end_will_do,
        newest: all
            .last()
            .copied()
            .unwrap_or(road.history.timeline)
            .max(road.backup.timeline),
    }
}

/// Why no road leads there.
fn why_not(roads: &[Road<'_>], target: &RecoveryTarget) -> UnreachableReason {
    let before = |backup: &BaseBackup| match target {
        RecoveryTarget::Time { time, .. } => *time < backup.ended,
        RecoveryTarget::Lsn { position, .. } => *position < backup.end,
        RecoveryTarget::Latest | RecoveryTarget::Name { .. } | RecoveryTarget::Xid { .. } => false,
    };
    // The road that comes nearest: the furthest of those that begin before it.
    let nearest = roads
        .iter()
        .filter(|it| !before(it.backup))
        .max_by_key(|it| (it.until, it.reach.end));
    let Some(road) = nearest else {
        let first = roads.iter().min_by_key(|it| it.backup.ended);
        return UnreachableReason::BeforeBackup {
            backup: first.map(|it| it.backup.id.clone()).unwrap_or_default(),
        };
    };
    match &road.reach.stop {
        ReachEnd::End if road.reach.segments.is_empty() => UnreachableReason::NoWal {
            backup: road.backup.id.clone(),
        },
        ReachEnd::End => UnreachableReason::AfterEnd {
            end: road.reach.end,
            until: Some(road.until),
        },
        stop => UnreachableReason::Broken {
            end: road.reach.end,
            stop: stop.clone(),
        },
    }
}

/// The nearest that can be reached, before and after it.
fn nearest(roads: &[Road<'_>], request: &RecoveryRequest) -> (Option<Nearest>, Option<Nearest>) {
    let with = |target, road: &Road<'_>| Nearest {
        target,
        timeline: request.timeline.map(|_| road.history.timeline),
    };
    let leads_on = || roads.iter().filter(|it| !it.reach.segments.is_empty());
    match &request.target {
        RecoveryTarget::Time { time, .. } => {
            let at = |time| RecoveryTarget::Time {
                time,
                exclusive: false,
            };
            let earlier = leads_on()
                .filter(|it| it.until < *time)
                .max_by_key(|it| it.until)
                .map(|it| with(at(it.until), it));
            let later = leads_on()
                .filter(|it| it.backup.ended > *time)
                .min_by_key(|it| it.backup.ended)
                .map(|it| with(at(rounded_up(it.backup.ended)), it));
            (earlier, later)
        }
        RecoveryTarget::Lsn { position, .. } => {
            let at = |position| RecoveryTarget::Lsn {
                position,
                exclusive: false,
            };
            let earlier = leads_on()
                .filter(|it| it.reach.end <= *position)
                .max_by_key(|it| it.reach.end)
                .map(|it| {
                    let time = RecoveryTarget::Time {
                        time: it.until,
                        exclusive: false,
                    };
                    with(time, it)
                });
            let later = leads_on()
                .filter(|it| it.backup.end > *position)
                .min_by_key(|it| it.backup.end)
                .map(|it| with(at(it.backup.end), it));
            (earlier, later)
        }
        RecoveryTarget::Latest | RecoveryTarget::Name { .. } | RecoveryTarget::Xid { .. } => {
            let earlier = leads_on()
                .max_by_key(|it| (it.until, it.reach.end))
                .map(|it| {
                    let time = RecoveryTarget::Time {
                        time: it.until,
                        exclusive: false,
                    };
                    with(time, it)
                });
            (earlier, None)
        }
    }
}

/// A time to the microsecond, as it can be typed, that is not before it.
fn rounded_up(time: Timestamp) -> Timestamp {
    let micros = time.as_microsecond();
    let whole = Timestamp::from_microsecond(micros).unwrap_or(time);
    if whole == time {
        whole
    } else {
        Timestamp::from_microsecond(micros + 1).unwrap_or(time)
    }
}
