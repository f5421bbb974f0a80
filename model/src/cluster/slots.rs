//! Replication slots: what each holds back, how fast that grows, and when it ends badly.

use super::two_looks::{seconds_between, seen_twice};
use super::{DatabaseFacts, Instance, Role, SlotFacts, SlotKind, Snapshot, slot_name};

/// The slots of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotReport {
    /// Time between the two looks, in seconds; none when there was one only.
    pub sample_seconds: Option<f64>,
    /// Every server that answers, the primary first.
    pub servers: Vec<ServerSlots>,
}

/// The slots of one server.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerSlots {
    /// Name of its pod.
    pub pod: String,
    /// What its server says it is: primary or standby.
    pub role: Role,
    /// Bytes that the database may still write to its volume; none when unknown.
    pub free_bytes: Option<u64>,
    /// In how many seconds the volume is full, if the WAL that is held back goes on growing like this;
    /// none when it does not grow, when a limit takes it away before, or when that is not known.
    pub full_in_seconds: Option<f64>,
    /// The slots, by what they hold back, the most first.
    pub slots: Vec<SlotUse>,
}

/// A slot, and whom it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotUse {
    /// What the server says of it.
    pub facts: SlotFacts,
    /// The pod that streams through it by the start script's naming; none for any other consumer.
    pub pod: Option<String>,
    /// The pod of a StatefulSet that would stream through it, when that has been scaled away.
    pub scaled_away: Option<String>,
    /// How fast the WAL that it holds back grows, in bytes per second, less than 0 when it shrinks; none
    /// when it was not seen twice.
    pub growth: Option<f64>,
    /// In how many seconds WAL that it needs is removed (`max_slot_wal_keep_size`), if it goes on like
    /// this; none when nothing limits it, when it does not grow, or when that is not known.
    pub lost_in_seconds: Option<f64>,
}

impl SlotUse {
    /// WAL that it needs is gone, or may go at the next checkpoint (`wal_status` `lost`, `unreserved`:
    /// PostgreSQL documentation, section 54.20).
    pub fn endangered(&self) -> bool {
        self.facts.is_lost() || self.facts.wal_status.as_deref() == Some("unreserved")
    }
}

impl SlotReport {
    /// Whether any slot has lost its WAL, or is about to.
    pub fn endangered(&self) -> bool {
        let mut slots = self.servers.iter().flat_map(|it| &it.slots);
        slots.any(SlotUse::endangered)
    }
}

/// What the slots hold back at the look `after`, and how that has changed since the look `before`.
pub fn slot_report(before: Option<&Snapshot>, after: &Snapshot) -> SlotReport {
    let servers = after.primaries().chain(after.standbys());
    let servers = servers.filter_map(|instance| {
        let both = before.and_then(|before| seen_twice(before, after, instance.name()));
        let earlier = both.map(|(earlier, _)| earlier);
        Some(server(after, instance, instance.facts()?, earlier))
    });
    SlotReport {
        sample_seconds: before.map(|before| seconds_between(before.taken, after.taken)),
        servers: servers.collect(),
    }
}

fn server(
    snapshot: &Snapshot,
    instance: &Instance,
    facts: &DatabaseFacts,
    earlier: Option<&DatabaseFacts>,
) -> ServerSlots {
    let mut slots: Vec<SlotUse> = facts
        .slots
        .iter()
        .map(|slot| slot_use(snapshot, facts, slot, earlier))
        .collect();
    slots.sort_by_key(|it| std::cmp::Reverse(it.facts.retained_bytes));
    // The volume fills as fast as the WAL of the slot that is furthest behind grows: the others' is
    // part of it. One that is lost holds nothing back any more.
    let furthest = slots.iter().find(|it| !it.facts.is_lost());
    let free_bytes = facts.usage.left_bytes();
    let full_in_seconds = furthest.zip(free_bytes).and_then(|(furthest, free)| {
        let full = time_until(free, furthest.growth)?;
        let limited = furthest.lost_in_seconds.is_some_and(|lost| lost < full);
        (!limited).then_some(full)
    });
    ServerSlots {
        pod: instance.name().to_owned(),
        role: instance.role(),
        free_bytes,
        full_in_seconds,
        slots,
    }
}

fn slot_use(
    snapshot: &Snapshot,
    facts: &DatabaseFacts,
    slot: &SlotFacts,
    earlier: Option<&DatabaseFacts>,
) -> SlotUse {
    let growth = earlier.and_then(|earlier| {
        let old = earlier.slots.iter().find(|it| it.name == slot.name)?;
        pace(old, slot, seconds_between(earlier.clock, facts.clock))
    });
    let pods = snapshot.instances.iter().map(|it| it.name().to_owned());
    let pod = match slot.kind {
        SlotKind::Physical => pods
            .chain(snapshot.absent_pods())
            .find(|pod| slot_name(pod) == slot.name),
        SlotKind::Logical { .. } => None,
    };
    let scaled_away = snapshot.stateful_sets.iter().find_map(|set| {
        let ordinal = set.ordinal_of_slot(&slot.name)?;
        let physical = pod.is_none() && slot.kind == SlotKind::Physical;
        physical.then(|| format!("{}-{ordinal}", set.name))
    });
    let safe = slot.safe_wal_bytes.and_then(|it| u64::try_from(it).ok());
    SlotUse {
        pod,
        scaled_away,
        growth,
        lost_in_seconds: safe.and_then(|safe| time_until(safe, growth)),
        facts: slot.clone(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no slot holds 2^53 bytes of WAL back"
)]
fn pace(old: &SlotFacts, new: &SlotFacts, seconds: f64) -> Option<f64> {
    // A slot that reserves nothing, or lost what it had, holds nothing that could grow.
    old.restart_lsn.and(new.restart_lsn)?;
    (seconds > 0.0).then(|| (new.retained_bytes as f64 - old.retained_bytes as f64) / seconds)
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn time_until(bytes: u64, growth: Option<f64>) -> Option<f64> {
    let growth = growth.filter(|it| *it > 0.0)?;
    Some(bytes as f64 / growth)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::cluster::fixture;

    const MIB: u64 = 1024 * 1024;

    /// Two looks 2 s apart, in which the slot of replica-0 came to hold 10 MiB more.
    fn twice() -> (Snapshot, Snapshot) {
        let mut before = fixture::healthy(2);
        fixture::slot(&mut before, 0).retained_bytes = 90 * MIB;
        let mut after = before.clone();
        after.taken = before.taken + SignedDuration::from_secs(2);
        let taken = after.taken;
        let primary = fixture::primary(&mut after);
        primary.clock = taken;
        primary.usage.available_bytes = Some(500 * MIB);
        let slot = fixture::slot(&mut after, 0);
        slot.retained_bytes = 100 * MIB;
        slot.safe_wal_bytes = Some(i64::try_from(50 * MIB).expect("it fits"));
        (before, after)
    }

    #[test]
    fn what_grows_is_told_with_the_time_that_is_left() {
        let (before, after) = twice();
        let report = slot_report(Some(&before), &after);
        let server = &report.servers[0];
        assert_eq!(server.pod, fixture::PRIMARY);
        let slot = &server.slots[0];
        assert_eq!(slot.pod, Some(fixture::replica(0)));
        assert_eq!(slot.growth, Some(5.0 * MIB as f64));
        assert_eq!(slot.lost_in_seconds, Some(10.0));
        // The limit comes first: then the WAL is removed, and the volume does not fill.
        assert_eq!(server.full_in_seconds, None);
        assert!(!report.endangered());
    }

    #[test]
    fn what_nothing_limits_fills_the_volume() {
        let (before, mut after) = twice();
        fixture::slot(&mut after, 0).safe_wal_bytes = None;
        let server = &slot_report(Some(&before), &after).servers[0];
        assert_eq!(server.slots[0].lost_in_seconds, None);
        assert_eq!(server.full_in_seconds, Some(100.0));
    }

    #[test]
    fn one_look_has_no_pace() {
        let (_, after) = twice();
        let report = slot_report(None, &after);
        assert_eq!(report.sample_seconds, None);
        let server = &report.servers[0];
        assert_eq!(server.full_in_seconds, None);
        assert!(server.slots.iter().all(|it| it.growth.is_none()));
    }

    #[test]
    fn a_server_that_was_restarted_in_between_has_no_pace() {
        let (before, mut after) = twice();
        fixture::primary(&mut after).started = after.taken;
        let report = slot_report(Some(&before), &after);
        assert_eq!(report.servers[0].slots[0].growth, None);
    }

    #[test]
    fn what_shrinks_never_fills_anything() {
        let (mut before, after) = twice();
        fixture::slot(&mut before, 0).retained_bytes = 200 * MIB;
        let server = &slot_report(Some(&before), &after).servers[0];
        assert!(server.slots[0].growth < Some(0.0));
        assert_eq!(server.slots[0].lost_in_seconds, None);
        assert_eq!(server.full_in_seconds, None);
    }

    #[test]
    fn lost_wal_is_a_danger_and_holds_nothing_back() {
        let (before, mut after) = twice();
        let slot = fixture::slot(&mut after, 0);
        slot.wal_status = Some("lost".to_owned());
        slot.restart_lsn = None;
        let report = slot_report(Some(&before), &after);
        assert!(report.endangered());
        assert_eq!(report.servers[0].full_in_seconds, None);
    }
}
