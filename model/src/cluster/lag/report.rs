//! The lag of every standby at one moment.

use crate::cluster::{
    Database, DatabaseFacts, Instance, Lsn, ReceiverFacts, SenderFacts, SlotFacts, Snapshot,
    SyncState, slot_name,
};

/// The lag of every standby, and what it is measured against.
#[derive(Debug, Clone, PartialEq)]
pub struct LagReport {
    /// What the bytes are counted from; none when no database answered, or all that did accept writes.
    pub reference: Option<Reference>,
    /// The pods that accept writes, when they are several.
    pub several_primaries: Vec<String>,
    /// Every pod but the primary, in the order of the snapshot.
    pub standbys: Vec<StandbyLag>,
}

impl LagReport {
    /// The standby that is furthest behind in bytes, of those whose lag is known.
    pub fn worst(&self) -> Option<&StandbyLag> {
        self.standbys
            .iter()
            .filter(|standby| standby.behind.bytes.is_some())
            .max_by_key(|standby| standby.behind.bytes)
    }
}

/// The position that lag is measured against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The pod that stands there.
    pub pod: String,
    /// The primary's flush position, or the furthest received by any standby.
    pub lsn: Lsn,
    /// Whether `pod` is the primary; otherwise it is the standby that has received the most.
    pub is_primary: bool,
}

/// One standby.
#[derive(Debug, Clone, PartialEq)]
pub struct StandbyLag {
    /// Name of its pod.
    pub pod: String,
    /// Why its database does not answer, when it doesn't.
    pub silent: Option<String>,
    /// The pod that it streams from.
    pub upstream: Option<String>,
    /// `pg_stat_replication.state` of its stream.
    pub stream: Option<String>,
    /// `pg_stat_replication.sync_state` of its stream.
    pub sync_state: Option<SyncState>,
    /// Replay is paused.
    pub paused: bool,
    /// It is on another timeline or of another system: byte distances mean nothing.
    pub diverged: bool,
    /// The sender's view: sent to the standby.
    pub sent: LagStage,
    /// The sender's view: written by the standby to its operating system.
    pub written: LagStage,
    /// The sender's view: safely on the standby's disk.
    pub flushed: LagStage,
    /// The sender's view: visible to readers there.
    pub replayed: LagStage,
    /// The receiver's view: on the standby's disk, by its own account.
    pub received_here: LagStage,
    /// The receiver's view: visible to readers, by its own account.
    pub replayed_here: LagStage,
    /// The receiver's view: the sender's position as last told to it.
    pub told: Option<Lsn>,
    /// Its slot on the sender.
    pub slot: Option<SlotLag>,
    /// How far behind readers there are, all views taken together.
    pub behind: Behind,
}

/// One stage of the way of WAL to a standby.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LagStage {
    /// The position reached in the WAL; none when unknown.
    pub lsn: Option<Lsn>,
    /// Bytes that are still missing.
    pub bytes: Option<u64>,
    /// Seconds behind, where the sender measures them; 0 when nothing is missing.
    pub seconds: Option<f64>,
}

/// How far behind a standby's readers are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Behind {
    /// Bytes of WAL not yet replayed; none when unknown.
    pub bytes: Option<u64>,
    /// Time; none when unknown.
    pub time: Option<TimeLag>,
}

/// A time behind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeLag {
    /// In seconds, by the clock of the one that measured.
    pub seconds: f64,
    /// It is an upper bound (the age of the last replayed commit), not a measurement: nobody
    /// measures a stream that is cut or paused.
    pub at_most: bool,
}

/// The WAL that a slot holds.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotLag {
    /// `slot_name`.
    pub name: String,
    /// `active`.
    pub active: bool,
    /// `wal_status`.
    pub wal_status: Option<String>,
    /// Bytes held back for it.
    pub retained_bytes: u64,
    /// Bytes that may still be written before WAL that it needs is removed; none when unlimited.
    pub safe_bytes: Option<i64>,
}

/// The stream that feeds a pod: who sends, and the sender's view of it. The primary's are looked
/// at first; a cascading standby is found behind the standby that feeds it.
pub fn sender_of<'a>(
    snapshot: &'a Snapshot,
    instance: &Instance,
) -> Option<(&'a Instance, &'a SenderFacts)> {
    let pod = instance.name();
    let slot = slot_name(pod);
    let by_name = |sender: &SenderFacts| {
        sender.application_name == pod || sender.slot.as_deref() == Some(slot.as_str())
    };
    // A server that was not told its name still has an address; but pods may share one (host
    // network), so a name that belongs to another pod rules it out.
    let by_address = |sender: &SenderFacts| {
        instance.pod.ip.is_some()
            && sender.client_address == instance.pod.ip
            && snapshot.instance(&sender.application_name).is_none()
    };
    let streams = || {
        let upstreams = snapshot
            .primaries()
            .chain(snapshot.standbys())
            .filter(|upstream| upstream.name() != pod);
        upstreams.flat_map(|upstream| {
            let senders = upstream.facts().map_or(&[][..], |facts| &facts.senders);
            senders
                .iter()
                // A running pg_basebackup is a walsender too.
                .filter(|sender| sender.state != "backup")
                .map(move |sender| (upstream, sender))
        })
    };
    streams()
        .find(|(_, sender)| by_name(sender))
        .or_else(|| streams().find(|(_, sender)| by_address(sender)))
}

/// Works out the lag of every standby.
pub fn lag_report(snapshot: &Snapshot) -> LagReport {
    let reference = reference(snapshot);
    let standbys = snapshot
        .instances
        .iter()
        .filter(|instance| {
            // Of two primaries neither is a standby.
            snapshot
                .primaries()
                .all(|primary| primary.name() != instance.name())
        })
        .map(|instance| standby_lag(snapshot, reference.as_ref(), instance))
        .collect();
    let primaries = snapshot.primaries();
    let mut primaries: Vec<String> = primaries.map(|it| it.name().to_owned()).collect();
    if primaries.len() < 2 {
        primaries.clear();
    }
    LagReport {
        reference,
        several_primaries: primaries,
        standbys,
    }
}

fn reference(snapshot: &Snapshot) -> Option<Reference> {
    if let Some((primary, facts)) = snapshot
        .primary()
        .and_then(|primary| Some((primary, primary.facts()?)))
    {
        return Some(Reference {
            pod: primary.name().to_owned(),
            lsn: facts.flush_lsn,
            is_primary: true,
        });
    }
    let received = |instance: &Instance| {
        let recovery = instance.facts()?.recovery.as_ref()?;
        recovery.receive_lsn.max(recovery.replay_lsn)
    };
    snapshot
        .standbys()
        .filter_map(|standby| Some((received(standby)?, standby)))
        .max_by_key(|(lsn, _)| *lsn)
        .map(|(lsn, standby)| Reference {
            pod: standby.name().to_owned(),
            lsn,
            is_primary: false,
        })
}

fn standby_lag(
    snapshot: &Snapshot,
    reference: Option<&Reference>,
    instance: &Instance,
) -> StandbyLag {
    let facts = instance.facts();
    let recovery = facts.and_then(|facts| facts.recovery.as_ref());
    let receiver = recovery.and_then(|recovery| recovery.receiver.as_ref());
    let stream = sender_of(snapshot, instance);
    let sender = stream.map(|(_, sender)| sender);
    let origin = reference.and_then(|reference| snapshot.instance(&reference.pod)?.facts());
    let diverged = diverged(origin, facts);

    let stage = |lsn: Option<Lsn>, seconds: Option<f64>| {
        let bytes = distance(reference, lsn).filter(|_| !diverged);
        let seconds = if bytes == Some(0) { Some(0.0) } else { seconds };
        LagStage {
            lsn,
            bytes,
            seconds,
        }
    };
    let seen = |lsn: fn(&SenderFacts) -> Option<Lsn>, lag: fn(&SenderFacts) -> Option<f64>| {
        stage(sender.and_then(lsn), sender.and_then(lag))
    };
    let replayed_here = recovery.and_then(|recovery| recovery.replay_lsn);
    let received_here = receiver
        .and_then(|receiver| receiver.flushed_lsn)
        .or_else(|| recovery.and_then(|recovery| recovery.receive_lsn));
    let paused = recovery.is_some_and(|recovery| recovery.replay_paused);
    // Both are lower bounds of where it is by now, read at slightly different moments.
    let replayed = replayed_here.max(sender.and_then(|sender| sender.replay_lsn));
    let bytes = distance(reference, replayed).filter(|_| !diverged);
    let behind = Behind {
        bytes,
        time: bytes.and_then(|bytes| time_behind(bytes, sender, paused, origin, facts)),
    };

    StandbyLag {
        pod: instance.name().to_owned(),
        silent: silence(instance),
        upstream: stream.map(|(upstream, _)| upstream.name().to_owned()),
        stream: sender.map(|sender| sender.state.clone()),
        sync_state: sender.map(|sender| sender.sync_state),
        paused,
        diverged,
        sent: seen(|sender| sender.sent_lsn, |_| None),
        written: seen(|sender| sender.write_lsn, |sender| sender.write_lag),
        flushed: seen(|sender| sender.flush_lsn, |sender| sender.flush_lag),
        replayed: seen(|sender| sender.replay_lsn, |sender| sender.replay_lag),
        received_here: stage(received_here, None),
        replayed_here: stage(replayed_here, None),
        told: receiver.and_then(|receiver: &ReceiverFacts| receiver.latest_end_lsn),
        slot: slot_of(snapshot, instance),
        behind,
    }
}

fn silence(instance: &Instance) -> Option<String> {
    match &instance.database {
        Database::Reached(_) => None,
        Database::Unreachable { reason, .. }
        | Database::LockedOut { reason, .. }
        | Database::NotAllowed { reason } => Some(reason.clone()),
        Database::NotRunning => Some("PostgreSQL does not run".to_owned()),
    }
}

fn diverged(origin: Option<&DatabaseFacts>, facts: Option<&DatabaseFacts>) -> bool {
    let (Some(origin), Some(facts)) = (origin, facts) else {
        return false;
    };
    origin.timeline != facts.timeline || origin.system_identifier != facts.system_identifier
}

fn distance(reference: Option<&Reference>, lsn: Option<Lsn>) -> Option<u64> {
    Some(reference?.lsn.bytes_since(lsn?))
}

/// Time behind. PostgreSQL's own `replay_lag` is a measurement of the last WAL that came through,
/// not of the WAL that has not: it stands still when replay is paused and is unknown when the
/// stream is cut. And the age of the last replayed commit grows on an idle primary. So: nothing
/// missing is 0; a living stream is what the sender measured, unless it is still being sent old WAL
/// (`catchup`), which is measured from when that was sent; else the age of the last replayed
/// commit is an upper bound.
fn time_behind(
    bytes: u64,
    sender: Option<&SenderFacts>,
    paused: bool,
    origin: Option<&DatabaseFacts>,
    facts: Option<&DatabaseFacts>,
) -> Option<TimeLag> {
    if bytes == 0 {
        return Some(TimeLag {
            seconds: 0.0,
            at_most: false,
        });
    }
    let measured = sender.and_then(|sender| sender.replay_lag);
    if sender.is_some_and(|sender| !paused && sender.is_streaming()) {
        return measured.map(|seconds| TimeLag {
            seconds: seconds.max(0.0),
            at_most: false,
        });
    }
    let facts = facts?;
    let last = facts.recovery.as_ref()?.last_commit_replayed?;
    // The commit's time comes from the primary's clock: compare it with the same clock.
    let now = origin.map_or(facts.clock, |origin| origin.clock);
    let age = now.duration_since(last).as_secs_f64();
    Some(TimeLag {
        seconds: age.max(measured.unwrap_or(0.0)).max(0.0),
        at_most: true,
    })
}

/// The slot that a pod streams through, on whoever has it (the primary first).
fn slot_of(snapshot: &Snapshot, instance: &Instance) -> Option<SlotLag> {
    let own = slot_name(instance.name());
    let used = sender_of(snapshot, instance).and_then(|(_, sender)| sender.slot.clone());
    let wanted = used.unwrap_or(own);
    let has = |candidate: &&SlotFacts| candidate.name == wanted;
    snapshot
        .primaries()
        .chain(snapshot.standbys())
        .filter(|upstream| upstream.name() != instance.name())
        .find_map(|upstream| upstream.facts()?.slots.iter().find(has))
        .map(|slot| SlotLag {
            name: slot.name.clone(),
            active: slot.active,
            wal_status: slot.wal_status.clone(),
            retained_bytes: slot.retained_bytes,
            safe_bytes: slot.safe_wal_bytes,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::{self, POSITION};
    use jiff::SignedDuration;

    fn back(bytes: u64) -> Option<Lsn> {
        Some(Lsn::new(POSITION.bytes() - bytes))
    }

    fn only(snapshot: &Snapshot) -> StandbyLag {
        let mut report = lag_report(snapshot);
        assert_eq!(report.standbys.len(), 1);
        report.standbys.remove(0)
    }

    #[test]
    fn an_idle_primary_shows_no_time_lag_however_old_the_last_commit() {
        let snapshot = fixture::healthy(1);
        let behind = only(&snapshot).behind;
        assert_eq!(behind.bytes, Some(0));
        assert_eq!(behind.time.map(|time| time.seconds), Some(0.0));
    }

    #[test]
    fn each_stage_counts_from_the_flush_position_of_the_primary() {
        let mut snapshot = fixture::healthy(1);
        fixture::recovery(&mut snapshot, 0).replay_lsn = back(4000);
        let sender = fixture::sender(&mut snapshot, 0);
        sender.sent_lsn = back(1000);
        sender.write_lsn = back(2000);
        sender.flush_lsn = back(3000);
        sender.replay_lsn = back(4000);
        (sender.write_lag, sender.flush_lag, sender.replay_lag) = (Some(0.1), Some(0.2), Some(0.3));
        let lag = only(&snapshot);
        let stages = [lag.sent, lag.written, lag.flushed, lag.replayed];
        assert_eq!(
            stages.map(|stage| stage.bytes),
            [1000, 2000, 3000, 4000].map(Some)
        );
        assert_eq!(
            stages.map(|stage| stage.seconds),
            [None, Some(0.1), Some(0.2), Some(0.3)]
        );
        assert_eq!(lag.upstream.as_deref(), Some(fixture::PRIMARY));
    }

    #[test]
    fn a_paused_standby_is_behind_by_the_age_of_its_last_commit_at_most() {
        let mut snapshot = fixture::healthy(1);
        let recovery = fixture::recovery(&mut snapshot, 0);
        recovery.replay_paused = true;
        recovery.replay_lsn = back(5000);
        recovery.last_commit_replayed = Some(fixture::now() - SignedDuration::from_secs(90));
        let sender = fixture::sender(&mut snapshot, 0);
        sender.replay_lsn = back(5000);
        // What was measured before the pause stands still.
        sender.replay_lag = Some(0.001);
        let time = only(&snapshot).behind.time.expect("known");
        assert_eq!((time.seconds, time.at_most), (90.0, true));
    }

    #[test]
    fn the_fresher_of_both_views_counts() {
        let mut snapshot = fixture::healthy(1);
        fixture::sender(&mut snapshot, 0).replay_lsn = back(9000);
        assert_eq!(only(&snapshot).behind.bytes, Some(0));
    }

    #[test]
    fn another_timeline_has_no_distance() {
        let mut snapshot = fixture::healthy(1);
        fixture::facts(&mut snapshot, &fixture::replica(0)).timeline = crate::cluster::Timeline(2);
        let lag = only(&snapshot);
        assert!(lag.diverged);
        assert_eq!(lag.behind, Behind::default());
    }

    #[test]
    fn without_a_primary_the_furthest_standby_is_the_measure() {
        let mut snapshot = fixture::healthy(2);
        fixture::stop(
            &mut snapshot,
            fixture::PRIMARY,
            crate::cluster::ContainerState::Unknown,
        );
        let recovery = fixture::recovery(&mut snapshot, 1);
        (recovery.receive_lsn, recovery.replay_lsn) = (back(700), back(700));
        let report = lag_report(&snapshot);
        let reference = report.reference.clone().expect("two standbys answer");
        assert_eq!(
            (reference.pod, reference.is_primary),
            (fixture::replica(0), false)
        );
        // The dead primary's row is there too, and says that it is silent.
        assert_eq!(report.standbys.len(), 3);
        assert!(report.standbys[0].silent.is_some());
        assert_eq!(report.standbys[2].behind.bytes, Some(700));
    }

    #[test]
    fn a_stream_is_found_by_slot_or_address_when_it_has_no_name() {
        let mut snapshot = fixture::healthy(2);
        fixture::sender(&mut snapshot, 0).application_name = "walreceiver".into();
        assert!(lag_report(&snapshot).standbys[0].upstream.is_some());
        for sender in &mut fixture::primary(&mut snapshot).senders {
            sender.application_name = "walreceiver".into();
            sender.slot = None;
            sender.client_address = Some("10.0.0.2".into());
        }
        let report = lag_report(&snapshot);
        assert!(report.standbys[0].upstream.is_some());
        assert!(report.standbys[1].upstream.is_none());
    }

    #[test]
    fn a_cascading_standby_is_found_behind_its_upstream() {
        let mut snapshot = fixture::healthy(2);
        let sender = fixture::sender(&mut snapshot, 1).clone();
        fixture::cut_stream(&mut snapshot, 1);
        let upstream = fixture::replica(0);
        fixture::facts(&mut snapshot, &upstream)
            .senders
            .push(sender);
        assert_eq!(lag_report(&snapshot).standbys[1].upstream, Some(upstream));
    }

    #[test]
    fn a_running_base_backup_is_not_a_stream() {
        let mut snapshot = fixture::healthy(1);
        fixture::sender(&mut snapshot, 0).state = "backup".into();
        assert_eq!(only(&snapshot).stream, None);
    }

    #[test]
    fn a_slot_says_what_it_holds_and_what_is_safe() {
        let mut snapshot = fixture::healthy(1);
        fixture::cut_stream(&mut snapshot, 0);
        fixture::slot(&mut snapshot, 0).retained_bytes = 123;
        let slot = only(&snapshot).slot.expect("it has one");
        assert_eq!((slot.active, slot.retained_bytes), (false, 123));
        assert_eq!(slot.safe_bytes, Some(4 << 30));
    }
}
