//! Do the standbys follow?

use super::advice::in_psql;
use super::finding::{FindingCode, HealthFinding, ObjectRef};
use super::headline::streaming;
use super::limits::Limits;
use super::state::{InstanceState, instance_state, system_of};
use crate::cluster::names;
use crate::cluster::suggestion::{show_queries, show_settings};
use crate::cluster::{
    DatabaseFacts, HeldUp, Instance, LagCheck, LagReport, RecoveryFacts, Shape, SlotFacts,
    SlotKind, Snapshot, StandbyLag, SyncState, slot_name, synchronous_candidates,
    synchronous_names, synchronous_needed, words,
};

pub(super) fn check(
    snapshot: &Snapshot,
    lag: &LagReport,
    limits: &Limits,
    findings: &mut Vec<HealthFinding>,
) {
    findings.extend(no_standby(snapshot));
    findings.extend(synchronous_standby_missing(snapshot));
    findings.extend(synchronous_names_differ(snapshot));
    for instance in snapshot.standbys() {
        findings.extend(standby(snapshot, lag, limits, instance));
    }
    for instance in &snapshot.instances {
        let slots = instance.facts().map_or(&[][..], |facts| &facts.slots);
        findings.extend(
            slots
                .iter()
                .filter_map(|slot| slot_finding(snapshot, limits, instance, slot)),
        );
    }
}

fn no_standby(snapshot: &Snapshot) -> Option<HealthFinding> {
    let wanted = snapshot.standbys_wanted();
    // Without a primary nobody can stream: that is told already.
    let primary = snapshot.primaries().next().is_some();
    (primary && wanted > 0 && streaming(snapshot) == 0).then(|| {
        HealthFinding::critical(
            FindingCode::NoStandby,
            ObjectRef::new("cluster", &snapshot.cluster.to_string()),
            format!("no standby streams ({wanted} wanted)"),
        )
        .why("there is nothing to fail over to: a loss of the primary now loses data")
        .next(format!(
            "kubectl -n {} get pods -l {}=replica -o wide",
            snapshot.cluster.namespace,
            names::COMPONENT
        ))
    })
}

fn synchronous_standby_missing(snapshot: &Snapshot) -> Option<HealthFinding> {
    let primary = snapshot.primary()?;
    let facts = primary.facts()?;
    let asked = facts.settings.synchronous_standby_names.trim();
    let waits = !matches!(facts.settings.synchronous_commit.as_str(), "off" | "local");
    let confirms = facts.senders.iter().filter(|sender| {
        matches!(sender.sync_state, SyncState::Sync | SyncState::Quorum) && sender.is_streaming()
    });
    let (there, needed) = (confirms.count(), synchronous_needed(asked));
    let namespace = &snapshot.cluster.namespace;
    (waits && there < needed as usize).then(|| {
        HealthFinding::critical(
            FindingCode::SynchronousStandbyMissing,
            ObjectRef::pod(primary.name()),
            match there {
                0 => "no synchronous standby is there: every commit waits".to_owned(),
                _ => format!(
                    "{there} of {needed} synchronous standbys are there: every commit waits"
                ),
            },
        )
        .why(format!(
            "synchronous_standby_names is {asked:?}, and {} of them streams",
            if there == 0 { "none" } else { "only a part" }
        ))
        .next(format!("pgctl -n {namespace} sync show"))
        .next(format!(
            "pgctl -n {namespace} sync set --standbys {}   # commits wait for no more than that",
            if there == 0 {
                "off".to_owned()
            } else {
                there.to_string()
            }
        ))
    })
}

/// Commits were said to wait for standbys, and they do not, or for others: what is acknowledged may
/// be on the primary only, and a failover would not know it.
fn synchronous_names_differ(snapshot: &Snapshot) -> Option<HealthFinding> {
    let wanted = snapshot.topology.synchronous.filter(|count| *count > 0)?;
    let primary = snapshot.primary()?;
    let settings = &primary.facts()?.settings;
    let candidates = synchronous_candidates(snapshot, &Shape::of(snapshot), primary.name());
    let names = settings.synchronous_standby_names.trim();
    let level = settings.synchronous_commit.as_str();
    let object = ObjectRef::pod(primary.name());
    let code = FindingCode::SynchronousNamesDiffer;
    let finding = if names.is_empty() {
        HealthFinding::critical(
            code,
            object,
            format!("commits were to wait for {wanted} of the standbys, and wait for none"),
        )
        .why(
            "what is acknowledged now is lost with the primary; synchronous_standby_names is empty",
        )
    } else if matches!(level, "off" | "local") {
        return Some(
            HealthFinding::warning(
                code,
                object,
                format!("commits were to wait for {wanted} of the standbys, and wait for none"),
            )
            .why(format!(
                "synchronous_commit is {level}: what is acknowledged may be lost with the primary"
            ))
            .next(format!("pgctl -n {} sync show", snapshot.cluster.namespace)),
        );
    } else if names != synchronous_names(wanted, &candidates) {
        HealthFinding::warning(
            code,
            object,
            format!(
                "commits do not wait for those that they are to wait for: {wanted} of {}",
                candidates.join(", ")
            ),
        )
        .why(format!("synchronous_standby_names is {names:?}"))
    } else {
        return None;
    };
    Some(finding.next(format!(
        "pgctl -n {} sync set --standbys {wanted}",
        snapshot.cluster.namespace
    )))
}

fn standby(
    snapshot: &Snapshot,
    lag: &LagReport,
    limits: &Limits,
    instance: &Instance,
) -> Vec<HealthFinding> {
    let mut findings = Vec::new();
    let (Some(facts), Some(recovery)) = (
        instance.facts(),
        instance.facts().and_then(|facts| facts.recovery.as_ref()),
    ) else {
        return findings;
    };
    // Another system is a finding of its own, and explains all others.
    if system_of(snapshot).is_some_and(|system| *system != facts.system_identifier) {
        return findings;
    }
    let pod = ObjectRef::pod(instance.name());
    let namespace = &snapshot.cluster.namespace;
    let name = instance.name();
    let of_primary = snapshot.primary().and_then(|primary| primary.facts());
    let other_timeline = of_primary.filter(|primary| primary.timeline != facts.timeline);
    let state = instance_state(snapshot, instance);
    let streams = matches!(state, InstanceState::Streaming | InstanceState::Paused);
    if let Some(primary) = other_timeline {
        findings.push(
            HealthFinding::warning(
                FindingCode::OtherTimeline,
                pod.clone(),
                format!(
                    "it is on timeline {}, the primary on {}",
                    facts.timeline, primary.timeline
                ),
            )
            .why(why_other_timeline(facts, primary, streams))
            .next(format!("pgctl -n {namespace} logs {name} --tail 20"))
            .next(format!("pgctl -n {namespace} rejoin {name} --dry-run")),
        );
    }
    let could_stream = snapshot.primaries().next().is_some();
    if could_stream && matches!(state, InstanceState::NotStreaming) {
        findings.push(
            HealthFinding::warning(
                FindingCode::StandbyNotStreaming,
                pod.clone(),
                "it is not streaming",
            )
            .why(why_not_streaming(snapshot, recovery))
            .next(format!("pgctl -n {namespace} logs {name} --tail 20")),
        );
    }
    if matches!(state, InstanceState::CatchingUp) {
        findings.push(
            HealthFinding::warning(
                FindingCode::StandbyNotStreaming,
                pod.clone(),
                "it is catching up, and not streaming yet",
            )
            .why("it is sent old WAL: what is written now is not on it")
            .next(format!("pgctl -n {namespace} lag -w")),
        );
    }
    findings.extend(held_up(namespace, name, recovery));
    let row = lag.standbys.iter().find(|standby| standby.pod == name);
    if let Some(row) = row
        && other_timeline.is_none()
        && limits.lag.check(lag, row) == LagCheck::Exceeded
    {
        findings.push(
            HealthFinding::warning(FindingCode::StandbyBehind, pod, behind_words(row))
                .why(format!("more than --max-lag {}", limits.lag))
                .next(format!("pgctl -n {namespace} lag -w")),
        );
    }
    findings
}

/// It receives WAL and does not replay it as it comes.
fn held_up(namespace: &str, name: &str, recovery: &RecoveryFacts) -> Option<HealthFinding> {
    let pod = ObjectRef::pod(name);
    let held_up = recovery.held_up()?;
    Some(match &held_up {
        HeldUp::Paused => {
            HealthFinding::warning(FindingCode::ReplayPaused, pod, "replay is paused")
                .why("it receives WAL, but readers see old data until replay goes on")
                .next(in_psql(namespace, name, "select pg_wal_replay_resume()"))
        }
        HeldUp::Delayed(_) => {
            HealthFinding::warning(FindingCode::ReplayDelayed, pod, held_up.to_string())
                .why("readers see old data, and a switchover to it would wait that long")
                .next(show_settings(namespace, &["recovery_min_apply_delay"]))
        }
        // A moment of it is daily life: it counts when WAL piles up behind it.
        HeldUp::Conflict(_) => {
            let waiting = recovery.receive_lsn?.bytes_since(recovery.replay_lsn?);
            if waiting == 0 {
                return None;
            }
            HealthFinding::warning(FindingCode::ReplayDelayed, pod, held_up.to_string())
                .why(format!(
                    "{} wait to be replayed; the longest that queries may hold it up is \
                     max_standby_streaming_delay",
                    words::bytes(waiting)
                ))
                .next(show_queries(namespace, name))
        }
    })
}

fn behind_words(row: &StandbyLag) -> String {
    let bytes = row.behind.bytes.map(words::bytes);
    let time = row.behind.time.map(|time| {
        let most = if time.at_most { "at most " } else { "" };
        format!("{most}{}", words::seconds(time.seconds))
    });
    let parts: Vec<String> = [bytes, time].into_iter().flatten().collect();
    format!("it is behind by {}", parts.join(", "))
}

fn why_other_timeline(facts: &DatabaseFacts, primary: &DatabaseFacts, streams: bool) -> String {
    if facts.timeline > primary.timeline {
        "it followed a primary that is not the primary now".to_owned()
    } else if streams {
        "it is about to switch, or has not replayed the switch yet".to_owned()
    } else {
        "it did not follow the last promotion: what it has may go beyond where the primary branched off".to_owned()
    }
}

fn why_not_streaming(snapshot: &Snapshot, recovery: &RecoveryFacts) -> String {
    let host = recovery.upstream_host.as_deref();
    match (&recovery.receiver, host, snapshot.primary()) {
        (_, _, None) => "there is no single primary to stream from".to_owned(),
        (Some(receiver), Some(host), _) => {
            format!("its receiver is {}, asking {host}", receiver.status)
        }
        (Some(receiver), None, _) => format!("its receiver is {}", receiver.status),
        (None, Some(host), Some(primary)) if !host.starts_with(primary.name()) => {
            format!(
                "no receiver runs; it asks {host}, the primary is {}",
                primary.name()
            )
        }
        (None, Some(host), _) => format!("no receiver runs; it asks {host}: its log says why"),
        (None, None, _) => "no primary_conninfo is set: nothing tells it whom to follow".to_owned(),
    }
}

fn slot_finding(
    snapshot: &Snapshot,
    limits: &Limits,
    holder: &Instance,
    slot: &SlotFacts,
) -> Option<HealthFinding> {
    let namespace = &snapshot.cluster.namespace;
    let object = ObjectRef::new("slot", &format!("{}/{}", holder.name(), slot.name));
    let owner = snapshot
        .instances
        .iter()
        .find(|instance| slot_name(instance.name()) == slot.name);
    let absent = match owner {
        Some(_) => None,
        None => snapshot
            .absent_pods()
            .find(|pod| slot_name(pod) == slot.name),
    };
    if let Some(reason) = slot.invalid_for_another_reason() {
        let what = format!("it was invalidated ({reason})");
        let finding = HealthFinding::warning(FindingCode::SlotLost, object, what);
        return Some(match (owner, absent) {
            (Some(owner), _) => finding
                .why(format!("{} can't stream through it any more", owner.name()))
                .next(format!("pgctl -n {namespace} rejoin {}", owner.name())),
            (None, Some(pod)) => finding
                .why(format!("{pod} can't stream through it when it is back"))
                .next(look_for(namespace, &pod)),
            (None, None) => finding
                .why("nobody can use it any more")
                .next(drop_slot(namespace, holder, slot)?),
        });
    }
    if slot.is_lost() {
        let finding = HealthFinding::warning(
            FindingCode::SlotLost,
            object,
            "its WAL is gone (wal_status lost)",
        );
        return Some(match (owner, absent) {
            // It copies anew what it lacks, and keeps what it has until then.
            (Some(owner), _) => finding
                .why(format!(
                    "{} was away for longer than max_slot_wal_keep_size allows, and must be cloned anew",
                    owner.name()
                ))
                .next(format!("pgctl -n {namespace} rejoin {}", owner.name())),
            (None, Some(pod)) => finding
                .why(format!(
                    "{pod} is away for longer than max_slot_wal_keep_size allows, and must be cloned anew when it is back"
                ))
                .next(look_for(namespace, &pod)),
            (None, None) => finding
                .why("nobody can use it any more")
                .next(drop_slot(namespace, holder, slot)?),
        });
    }
    let holds = slot.restart_lsn.is_some() && slot.retained_bytes > limits.idle_slot_bytes;
    if slot.active || slot.temporary || !holds {
        return None;
    }
    let safe = match slot.safe_wal_bytes {
        None => "no max_slot_wal_keep_size limits it: it can fill the disk".to_owned(),
        Some(left) => format!(
            "{} more may be written before its WAL is removed",
            words::bytes(u64::try_from(left).unwrap_or(0))
        ),
    };
    let finding = HealthFinding::warning(
        FindingCode::InactiveSlot,
        object,
        format!(
            "nobody uses it, and it holds {} of WAL back",
            words::bytes(slot.retained_bytes)
        ),
    );
    if let (Some(pod), SlotKind::Physical) = (absent, &slot.kind) {
        return Some(
            finding
                .why(format!(
                    "it is of {pod}, which is to be there and is not; {safe}"
                ))
                .next(look_for(namespace, &pod)),
        );
    }
    Some(match (owner, &slot.kind) {
        (Some(owner), SlotKind::Physical) => finding
            .why(format!("{} does not stream from it; {safe}", owner.name()))
            .next(format!(
                "kubectl -n {namespace} describe pod {}",
                owner.name()
            )),
        (None, SlotKind::Physical) => {
            let finding = finding.why(format!("no pod belongs to it; {safe}"));
            match drop_slot(namespace, holder, slot) {
                Some(command) => finding.next(command),
                None => finding,
            }
        }
        (_, SlotKind::Logical { database, .. }) => finding.why(format!(
            "a logical consumer of database {database} is away; {safe}"
        )),
    })
}

/// The command that shows why a pod is not there: its StatefulSet's Events.
fn look_for(namespace: &str, pod: &str) -> String {
    let set = pod.rsplit_once('-').map_or(pod, |(set, _)| set);
    format!("kubectl -n {namespace} describe statefulset {set}")
}

/// The command that drops a slot. Slot names hold nothing that needs quoting (PostgreSQL allows
/// lower-case letters, digits and underscore); of any other name nothing is offered to type.
fn drop_slot(namespace: &str, holder: &Instance, slot: &SlotFacts) -> Option<String> {
    slot.name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        .then(|| {
            let (pod, slot) = (holder.name(), &slot.name);
            format!("pgctl -n {namespace} slots drop {slot} --pod {pod}")
        })
}
