//! The tables of `pgctl status`.

use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::cluster::{
    DataUsage, Health, Instance, InstanceState, Role, ServiceEndpoint, ServicePurpose, Snapshot,
    StandbyLag, VolumeFacts, instance_state, words,
};

/// The instances: what each does, how far it is behind, whether Kubernetes trusts it.
pub(super) fn instances_section(snapshot: &Snapshot, health: &Health, screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("POD"),
        Column::kept("ROLE"),
        Column::kept("STATE"),
        Column::ranked("TL", 4).right(),
        Column::ranked("LAG", 1).right(),
        Column::ranked("TIME", 2).right(),
        Column::ranked("READY", 3),
        Column::ranked("SYNC", 6),
        Column::ranked("SLOT", 8),
        Column::ranked("WAL KEPT", 7).right(),
        Column::ranked("RESTARTS", 5).right(),
        Column::ranked("AGE", 9).right(),
        Column::ranked("NODE", 10),
        Column::wide("IP"),
        Column::wide("VERSION"),
        Column::wide("POSITION"),
        Column::wide("UPSTREAM"),
    ]);
    for instance in &snapshot.instances {
        let lag = health
            .lag
            .standbys
            .iter()
            .find(|lag| lag.pod == instance.name());
        table.row(instance_row(snapshot, instance, lag));
    }
    table.draw(screen)
}

fn instance_row(
    snapshot: &Snapshot,
    instance: &Instance,
    lag: Option<&StandbyLag>,
) -> [(String, Tone); 17] {
    let pod = &instance.pod;
    let facts = instance.facts();
    let state = instance_state(snapshot, instance);
    let role = match instance.role() {
        Role::Primary => ("primary".to_owned(), Tone::Strong),
        Role::Standby => normal("standby"),
        Role::Unknown => ("unknown".to_owned(), Tone::Warning),
    };
    let time = lag.and_then(|lag| lag.behind.time).map(|time| {
        let most = if time.at_most { "≤" } else { "" };
        format!("{most}{}", words::seconds(time.seconds))
    });
    let slot = lag.and_then(|lag| lag.slot.as_ref());
    let age = pod
        .created
        .map(|created| words::age(snapshot.taken.duration_since(created).as_secs()));
    let position = facts.map(|facts| match &facts.recovery {
        None => facts.flush_lsn.to_string(),
        Some(recovery) => recovery
            .replay_lsn
            .map(|lsn| lsn.to_string())
            .unwrap_or_default(),
    });
    let ready = if pod.ready {
        normal("yes")
    } else {
        ("no".to_owned(), Tone::Warning)
    };
    [
        normal(&pod.name),
        role,
        (state.to_string(), state_tone(&state)),
        normal(
            facts
                .map(|facts| facts.timeline.to_string())
                .unwrap_or_default(),
        ),
        normal(
            lag.and_then(|lag| lag.behind.bytes)
                .map(words::bytes)
                .unwrap_or_default(),
        ),
        normal(time.unwrap_or_default()),
        ready,
        normal(
            lag.and_then(|lag| lag.sync_state)
                .map(sync_word)
                .unwrap_or_default(),
        ),
        match slot {
            None => normal(""),
            Some(slot) if slot.wal_status.as_deref() == Some("lost") => ("lost".into(), Tone::Bad),
            Some(slot) if slot.active => normal("active"),
            Some(_) => ("inactive".into(), Tone::Warning),
        },
        normal(
            slot.map(|slot| words::bytes(slot.retained_bytes))
                .unwrap_or_default(),
        ),
        normal(pod.restarts.to_string()),
        normal(age.unwrap_or_default()),
        match pod.node_ready {
            Some(false) => (pod.node.clone().unwrap_or_default(), Tone::Warning),
            _ => normal(pod.node.clone().unwrap_or_default()),
        },
        normal(pod.ip.clone().unwrap_or_default()),
        normal(
            facts
                .map(|facts| words::server_version(facts.version))
                .unwrap_or_default(),
        ),
        normal(position.unwrap_or_default()),
        normal(lag.and_then(|lag| lag.upstream.clone()).unwrap_or_default()),
    ]
}

pub(super) fn sync_word(state: crate::cluster::SyncState) -> &'static str {
    use crate::cluster::SyncState;
    match state {
        SyncState::Async => "async",
        SyncState::Potential => "potential",
        SyncState::Sync => "sync",
        SyncState::Quorum => "quorum",
    }
}

pub(super) fn state_tone(state: &InstanceState) -> Tone {
    match state {
        InstanceState::Running | InstanceState::Streaming => Tone::Good,
        InstanceState::ReadOnly | InstanceState::OtherSystem | InstanceState::Refused(_) => {
            Tone::Bad
        }
        InstanceState::Paused
        | InstanceState::CatchingUp
        | InstanceState::NotStreaming
        | InstanceState::Waiting(_)
        | InstanceState::Down(_)
        | InstanceState::Unscheduled
        | InstanceState::Terminating
        | InstanceState::Silent
        | InstanceState::LockedOut
        | InstanceState::NotAsked => Tone::Warning,
    }
}

/// The Services for writes and for reads, with the pods that they really lead to.
pub(super) fn services_section(snapshot: &Snapshot, screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("SERVICE"),
        Column::ranked("FOR", 2),
        Column::ranked("ADDRESS", 1),
        Column::kept("LEADS TO"),
    ]);
    let mut any = false;
    for service in &snapshot.services {
        let (purpose, wanted) = match service.purpose {
            ServicePurpose::Write => ("writes", Role::Primary),
            ServicePurpose::Read => ("reads", Role::Standby),
            ServicePurpose::Headless => continue,
        };
        any = true;
        let address = match (&service.cluster_ip, service.port) {
            (Some(ip), Some(port)) => format!("{ip}:{port}"),
            (Some(ip), None) => ip.clone(),
            (None, _) => String::new(),
        };
        let name = service.name.clone();
        table.row([
            normal(name),
            normal(purpose),
            normal(address),
            leads_to(snapshot, &service.endpoints, wanted),
        ]);
    }
    if any {
        table.draw(screen)
    } else {
        String::new()
    }
}

fn leads_to(snapshot: &Snapshot, endpoints: &[ServiceEndpoint], wanted: Role) -> (String, Tone) {
    let ready = endpoints.iter().filter(|endpoint| endpoint.ready).count();
    let mut tone = Tone::Good;
    let names: Vec<String> = endpoints
        .iter()
        .map(|endpoint| {
            let name = endpoint.pod.as_ref().unwrap_or(&endpoint.address);
            let role = snapshot.instance(name).map(Instance::role);
            let suffix = match role {
                _ if !endpoint.ready => " (not ready)",
                Some(role) if role == wanted => "",
                Some(Role::Primary) => " (primary)",
                Some(Role::Standby) => " (standby)",
                Some(Role::Unknown) => " (no answer)",
                None => " (no pod of this cluster)",
            };
            if endpoint.ready && role != Some(wanted) {
                tone = if wanted == Role::Primary {
                    Tone::Bad
                } else {
                    Tone::Warning
                };
            }
            format!("{name}{suffix}")
        })
        .collect();
    match ready {
        0 if names.is_empty() => ("nothing".to_owned(), Tone::Bad),
        0 => (format!("nothing: {}", names.join(", ")), Tone::Bad),
        _ => (names.join(", "), tone),
    }
}

/// The autoscaler, when there is one.
pub(super) fn autoscaler_section(snapshot: &Snapshot, screen: &Screen) -> String {
    let Some(autoscaler) = &snapshot.autoscaler else {
        return String::new();
    };
    let mut table = Table::new(&[
        Column::kept("AUTOSCALER"),
        Column::kept("MIN").right(),
        Column::kept("MAX").right(),
        Column::kept("NOW").right(),
        Column::ranked("WANTED", 1).right(),
        Column::kept("METRICS"),
        Column::wide("LAST SCALED"),
    ]);
    let percent =
        |value: Option<u32>| value.map_or_else(|| "?".to_owned(), |value| format!("{value}%"));
    let metrics: Vec<String> = autoscaler
        .metrics
        .iter()
        .map(|metric| {
            let (now, target) = (
                percent(metric.current_percent),
                percent(metric.target_percent),
            );
            format!("{} {now}/{target}", metric.name)
        })
        .collect();
    let at_maximum = autoscaler.current >= autoscaler.max && autoscaler.max > autoscaler.min;
    let tone = if at_maximum {
        Tone::Warning
    } else {
        Tone::Normal
    };
    table.row([
        normal(&autoscaler.name),
        normal(autoscaler.min.to_string()),
        normal(autoscaler.max.to_string()),
        (autoscaler.current.to_string(), tone),
        normal(autoscaler.desired.to_string()),
        normal(metrics.join(", ")),
        normal(
            autoscaler
                .last_scaled
                .map(|at| at.to_string())
                .unwrap_or_default(),
        ),
    ]);
    table.draw(screen)
}

/// The data volumes and what fills them.
pub(super) fn volumes_section(snapshot: &Snapshot, screen: &Screen) -> String {
    if snapshot.volumes.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        Column::kept("VOLUME"),
        Column::kept("SIZE").right(),
        Column::kept("FULL").right(),
        Column::ranked("USED", 1).right(),
        Column::ranked("WAL", 2).right(),
        Column::ranked("STATE", 3),
        Column::wide("CLASS"),
        Column::wide("AGE").right(),
    ]);
    for volume in &snapshot.volumes {
        table.row(volume_row(snapshot, volume));
    }
    table.draw(screen)
}

fn volume_row(snapshot: &Snapshot, volume: &VolumeFacts) -> [(String, Tone); 8] {
    let usage = snapshot
        .instance(&volume.pod)
        .and_then(Instance::facts)
        .map(|facts| &facts.usage);
    let size = usage
        .and_then(|usage| usage.size_bytes)
        .or(volume.capacity_bytes);
    let used = usage.and_then(|usage| usage.used_bytes);
    let wal = usage.map(|usage| usage.wal_bytes);
    // A share of what is there; the volume's own size says nothing about the disk when a quota or
    // a local directory lies behind it.
    let share = |part: Option<u64>| {
        let (part, size) = (part?, size.filter(|size| *size > 0)?);
        Some(u128::from(part) * 100 / u128::from(size))
    };
    let full = usage.and_then(DataUsage::full_percent);
    let with_share = |part: Option<u64>| match (part, share(part)) {
        (Some(part), Some(share)) => format!("{} {share}%", words::bytes(part)),
        (Some(part), None) => words::bytes(part),
        (None, _) => String::new(),
    };
    let state = match (volume.in_use, volume.phase.as_str()) {
        (true, _) if volume.deleting_since.is_some() => ("deleting".to_owned(), Tone::Bad),
        (true, "Bound") => normal("bound"),
        (false, _) => ("unused".to_owned(), Tone::Faint),
        (true, phase) => (phase.to_lowercase(), Tone::Warning),
    };
    let tone = match full {
        Some(full) if full > 95.0 => Tone::Bad,
        Some(full) if full > 85.0 => Tone::Warning,
        _ => Tone::Normal,
    };
    [
        normal(&volume.claim),
        normal(size.map(words::bytes).unwrap_or_default()),
        (
            full.map(|full| format!("{full:.0}%")).unwrap_or_default(),
            tone,
        ),
        normal(used.map(words::bytes).unwrap_or_default()),
        normal(with_share(wal)),
        state,
        normal(volume.storage_class.clone().unwrap_or_default()),
        normal(
            volume
                .created
                .map(|created| words::age(snapshot.taken.duration_since(created).as_secs()))
                .unwrap_or_default(),
        ),
    ]
}
