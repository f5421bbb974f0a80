//! Snapshots for unit tests: a healthy cluster, to be damaged.

mod accounts;
mod activity;
mod config;
mod throw_away;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    Autoscaler, AutoscalerMetric, ClusterId, Component, ContainerState, DataUsage, Database,
    DatabaseFacts, FileFacts, Instance, Lsn, PodEncryption, PodFacts, ReceiverFacts, RecoveryFacts,
    ReplicationLogin, ReplicationRole, SenderFacts, ServiceEndpoint, ServiceFacts, ServicePurpose,
    Settings, SlotFacts, SlotKind, Snapshot, StartDecision, StatefulSetFacts, SyncState,
    TerminationRecord, Timeline, Topology, TopologySource, VolumeFacts, slot_name,
};

pub use accounts::{database_entry, role_entry};
pub use activity::{backend, prepared};
pub use config::{server_config, setting};
pub use throw_away::throw_away;

/// Where the primary of a fixture is.
pub const POSITION: Lsn = Lsn::new(0x0A00_0060);
/// `system_identifier` of a fixture.
pub const SYSTEM: &str = "7561234567890123456";

/// When a fixture was taken.
pub fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a valid timestamp")
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// `staging-postgres-primary-0` and `standbys` standbys, all well.
pub fn healthy(standbys: u32) -> Snapshot {
    let replicas: Vec<String> = (0..standbys).map(replica).collect();
    let mut instances = vec![primary_instance(&replicas)];
    instances.extend((0..standbys).map(standby_instance));
    Snapshot {
        cluster: ClusterId {
            namespace: "staging".into(),
            name: "staging".into(),
        },
        taken: now(),
        topology: Topology {
            primary: PRIMARY.into(),
            term: 0,
            system_identifier: None,
            synchronous: None,
            unproven: BTreeMap::new(),
            source: TopologySource::Default {
                config_map: "staging-postgres-topology".into(),
            },
        },
        stateful_sets: vec![
            stateful_set(Component::Primary, 1),
            stateful_set(Component::Replica, standbys),
        ],
        volumes: instances.iter().map(volume).collect(),
        services: vec![
            service(ServicePurpose::Write, &instances[..1]),
            service(ServicePurpose::Read, &instances[1..]),
        ],
        instances,
        autoscaler: Some(autoscaler(standbys)),
        unseen: Vec::new(),
        unfinished: None,
        unreadable_journal: None,
        throw_aways: Vec::new(),
    }
}

/// Name of the pod that is primary in [`healthy`].
pub const PRIMARY: &str = "staging-postgres-primary-0";

/// Name of a replica.
pub fn replica(ordinal: u32) -> String {
    format!("staging-postgres-replica-{ordinal}")
}

/// The primary's facts, to be changed.
pub fn primary(snapshot: &mut Snapshot) -> &mut DatabaseFacts {
    facts(snapshot, PRIMARY)
}

/// The facts of a pod, to be changed.
pub fn facts<'a>(snapshot: &'a mut Snapshot, pod: &str) -> &'a mut DatabaseFacts {
    match &mut instance(snapshot, pod).database {
        Database::Reached(facts) => facts,
        other => panic!("{pod} has no facts to change: {other:?}"),
    }
}

/// The recovery facts of a replica, to be changed.
pub fn recovery(snapshot: &mut Snapshot, ordinal: u32) -> &mut RecoveryFacts {
    facts(snapshot, &replica(ordinal))
        .recovery
        .as_mut()
        .expect("a replica is in recovery")
}

/// The primary's view of a replica, to be changed.
pub fn sender(snapshot: &mut Snapshot, ordinal: u32) -> &mut SenderFacts {
    let name = replica(ordinal);
    primary(snapshot)
        .senders
        .iter_mut()
        .find(|sender| sender.application_name == name)
        .expect("the replica streams")
}

/// The primary's slot of a replica, to be changed.
pub fn slot(snapshot: &mut Snapshot, ordinal: u32) -> &mut SlotFacts {
    let name = slot_name(&replica(ordinal));
    let slots = &mut primary(snapshot).slots;
    slots
        .iter_mut()
        .find(|slot| slot.name == name)
        .expect("the replica has a slot")
}

/// How a container ends whose server of this cluster was shut down properly, at this position of timeline 1.
pub fn shut_down_at(checkpoint_lsn: Lsn) -> TerminationRecord {
    TerminationRecord {
        exit_code: 0,
        reason: Some("Completed".into()),
        finished: Some(now()),
        decision: Some(StartDecision::Stopped {
            state: "shut down".into(),
            checkpoint_lsn,
            timeline: Timeline(1),
            system_identifier: SYSTEM.into(),
            clean: true,
        }),
    }
}

/// How a container ends that the kernel has killed for its memory.
pub fn killed_for_memory() -> TerminationRecord {
    TerminationRecord {
        exit_code: 137,
        reason: Some("OOMKilled".into()),
        finished: None,
        decision: None,
    }
}

/// A pod, to be changed.
pub fn instance<'a>(snapshot: &'a mut Snapshot, pod: &str) -> &'a mut Instance {
    let mut instances = snapshot.instances.iter_mut();
    instances
        .find(|instance| instance.pod.name == pod)
        .expect("the fixture has this pod")
}

/// A StatefulSet, to be changed.
pub fn set(snapshot: &mut Snapshot, component: Component) -> &mut StatefulSetFacts {
    let mut sets = snapshot.stateful_sets.iter_mut();
    sets.find(|set| set.component == component)
        .expect("the fixture has this StatefulSet")
}

/// Somebody applies another template of both StatefulSets: every pod is older than it from then on.
pub fn change_templates(snapshot: &mut Snapshot) {
    for set in &mut snapshot.stateful_sets {
        set.revision = Some(format!("{}-7d4f", set.name));
        set.image = Some("postgres:17.6".into());
    }
}

/// A Service, to be changed.
pub fn service_for(snapshot: &mut Snapshot, purpose: ServicePurpose) -> &mut ServiceFacts {
    let mut services = snapshot.services.iter_mut();
    services
        .find(|service| service.purpose == purpose)
        .expect("the fixture has this Service")
}

/// The standby breaks off: its receiver is gone, its stream and the activity of its slot too.
pub fn cut_stream(snapshot: &mut Snapshot, ordinal: u32) {
    let name = replica(ordinal);
    primary(snapshot)
        .senders
        .retain(|sender| sender.application_name != name);
    slot(snapshot, ordinal).active = false;
    recovery(snapshot, ordinal).receiver = None;
}

/// The pod's container ends and its database with it.
pub fn stop(snapshot: &mut Snapshot, pod: &str, container: ContainerState) {
    let stopped = instance(snapshot, pod);
    stopped.database = Database::NotRunning;
    stopped.pod.ready = false;
    stopped.pod.container = container;
    for service in &mut snapshot.services {
        for endpoint in &mut service.endpoints {
            endpoint.ready &= endpoint.pod.as_deref() != Some(pod);
        }
    }
    let ordinal = pod.rsplit('-').next().and_then(|tail| tail.parse().ok());
    if let Some(ordinal) = ordinal.filter(|_| pod != PRIMARY)
        && snapshot
            .instance(PRIMARY)
            .is_some_and(|primary| primary.facts().is_some())
    {
        primary(snapshot)
            .senders
            .retain(|sender| sender.application_name != pod);
        slot(snapshot, ordinal).active = false;
    }
    let from = |host: &Option<String>| host.as_deref().is_some_and(|it| it.starts_with(pod));
    for standby in &mut snapshot.instances {
        if let Database::Reached(facts) = &mut standby.database
            && let Some(recovery) = &mut facts.recovery
        {
            recovery.receiver.take_if(|it| from(&it.sender_host));
        }
    }
}

fn primary_instance(replicas: &[String]) -> Instance {
    let mut facts = database_facts();
    facts.insert_lsn = POSITION;
    facts.flush_lsn = POSITION;
    facts.senders = replicas
        .iter()
        .map(|name| SenderFacts {
            application_name: name.clone(),
            client_address: None,
            state: "streaming".into(),
            sync_state: SyncState::Async,
            sent_lsn: Some(POSITION),
            write_lsn: Some(POSITION),
            flush_lsn: Some(POSITION),
            replay_lsn: Some(POSITION),
            write_lag: None,
            flush_lag: None,
            replay_lag: None,
            reply_time: Some(now()),
            slot: Some(slot_name(name)),
        })
        .collect();
    facts.slots = replicas.iter().map(|name| standby_slot(name)).collect();
    Instance {
        pod: pod(PRIMARY.into(), Component::Primary, 0),
        database: Database::Reached(Box::new(facts)),
        waiting: None,
        last_words: None,
        expired_certificate: None,
    }
}

fn standby_slot(pod: &str) -> SlotFacts {
    SlotFacts {
        invalidation: None,
        name: slot_name(pod),
        kind: SlotKind::Physical,
        active: true,
        temporary: false,
        restart_lsn: Some(POSITION),
        wal_status: Some("reserved".into()),
        safe_wal_bytes: Some(4 << 30),
        retained_bytes: 0,
    }
}

fn standby_instance(ordinal: u32) -> Instance {
    let mut facts = database_facts();
    facts.recovery = Some(RecoveryFacts {
        receive_lsn: Some(POSITION),
        replay_lsn: Some(POSITION),
        last_commit_replayed: Some(ago(3600)),
        replay_paused: false,
        apply_delay_seconds: 0.0,
        replay_waits_for: Some("Activity/RecoveryWalStream".into()),
        receiver: Some(ReceiverFacts {
            status: "streaming".into(),
            sender_host: Some("staging-postgres-primary-0.staging-postgres-primary".into()),
            slot: Some(slot_name(&replica(ordinal))),
            timeline: Timeline(1),
            written_lsn: Some(POSITION),
            flushed_lsn: Some(POSITION),
            latest_end_lsn: Some(POSITION),
            last_message: Some(now()),
            last_message_age: Some(0.1),
            timeout_seconds: Some(60.0),
        }),
        upstream_host: Some("staging-postgres-primary-0.staging-postgres-primary".into()),
    });
    Instance {
        pod: pod(replica(ordinal), Component::Replica, ordinal),
        database: Database::Reached(Box::new(facts)),
        waiting: None,
        last_words: None,
        expired_certificate: None,
    }
}

fn database_facts() -> DatabaseFacts {
    DatabaseFacts {
        version: 150_018,
        system_identifier: SYSTEM.into(),
        timeline: Timeline(1),
        recovery: None,
        insert_lsn: Lsn::ZERO,
        flush_lsn: Lsn::ZERO,
        senders: Vec::new(),
        slots: Vec::new(),
        settings: Settings {
            max_connections: 200,
            max_worker_processes: 8,
            max_wal_senders: 10,
            max_replication_slots: 10,
            max_prepared_transactions: 0,
            max_locks_per_transaction: 64,
            max_slot_wal_keep_bytes: Some(4 << 30),
            standby_delay_ms: Some(30_000),
            synchronous_standby_names: String::new(),
            synchronized_standby_slots: String::new(),
            synchronous_commit: "on".into(),
            default_transaction_read_only: false,
            rewindable: true,
            hot_standby: true,
            archiving: false,
            allow_alter_system: true,
            logging_collector: false,
        },
        usage: DataUsage {
            size_bytes: Some(10 << 30),
            used_bytes: Some(3 << 30),
            available_bytes: Some(7 << 30),
            wal_bytes: 96 << 20,
        },
        base_backups: Vec::new(),
        archiver: None,
        prepared_transactions: 0,
        oldest_transaction_seconds: None,
        started: ago(3 * 86400),
        clock: now(),
        files: Some(FileFacts::default()),
        replication_role: Some(ReplicationRole {
            can_log_in: true,
            can_replicate: true,
            connects: true,
            valid_until: None,
        }),
        replication_login: ReplicationLogin::Works,
        certificate: None,
    }
}

fn pod(name: String, component: Component, ordinal: u32) -> PodFacts {
    let number = if component == Component::Primary {
        1
    } else {
        ordinal + 2
    };
    PodFacts {
        uid: format!("uid-{name}"),
        claim: Some(format!("data-{name}")),
        name,
        component,
        ordinal,
        revision: Some(format!("staging-postgres-{component}-6b9c")),
        image: Some("postgres:17".into()),
        encryption: PodEncryption::None,
        phase: "Running".into(),
        ready: true,
        restarts: 0,
        container: ContainerState::Running {
            since: Some(ago(3 * 86400)),
        },
        last_termination: None,
        ip: Some(format!("10.0.0.{number}")),
        node: Some(format!("node-{number}")),
        node_ready: Some(true),
        unschedulable: None,
        created: Some(ago(3 * 86400)),
        deleting_since: None,
        term: None,
        grace_seconds: Some(120),
        terminal: false,
        held: false,
    }
}

fn stateful_set(component: Component, wanted: u32) -> StatefulSetFacts {
    StatefulSetFacts {
        name: format!("staging-postgres-{component}"),
        component,
        wanted,
        existing: wanted,
        ready: wanted,
        observed: true,
        revision: Some(format!("staging-postgres-{component}-6b9c")),
        image: Some("postgres:17".into()),
        encryption: PodEncryption::None,
        on_delete: true,
        topology_aware: true,
        topology_config_map: Some("staging-postgres-topology".into()),
        unrequested: Vec::new(),
        highest_ordinal: super::names::DEFAULT_MAX_ORDINAL,
        service: format!("staging-postgres-{component}"),
        deletes_claims: false,
        git_ops: None,
    }
}

fn service(purpose: ServicePurpose, behind: &[Instance]) -> ServiceFacts {
    let name = match purpose {
        ServicePurpose::Write => "staging-postgres-write",
        ServicePurpose::Read => "staging-postgres-read",
        ServicePurpose::Headless => "staging-postgres-primary",
    };
    ServiceFacts {
        name: name.into(),
        annotations: BTreeMap::new(),
        purpose,
        cluster_ip: Some("10.96.0.10".into()),
        port: Some(5432),
        selector: BTreeMap::new(),
        endpoints: behind
            .iter()
            .map(|instance| ServiceEndpoint {
                pod: Some(instance.pod.name.clone()),
                address: instance.pod.ip.clone().unwrap_or_default(),
                ready: true,
            })
            .collect(),
        git_ops: None,
    }
}

fn autoscaler(current: u32) -> Autoscaler {
    let metric = |name: &str, current, target| AutoscalerMetric {
        name: name.into(),
        current_percent: Some(current),
        target_percent: Some(target),
    };
    Autoscaler {
        name: "staging-postgres-replica-hpa".into(),
        target: "staging-postgres-replica".into(),
        rivals: Vec::new(),
        min: 2,
        max: 5,
        current,
        desired: current,
        metrics: vec![metric("cpu", 12, 70), metric("memory", 31, 80)],
        metric_specs: [("cpu", 70), ("memory", 80)]
            .map(|(name, percent)| {
                serde_json::json!({"type": "Resource", "resource": {"name": name,
                    "target": {"type": "Utilization", "averageUtilization": percent}}})
            })
            .to_vec(),
        down_window_seconds: 300,
        conditions: Vec::new(),
        last_scaled: None,
        annotations: BTreeMap::new(),
        resource_version: "1".into(),
        git_ops: None,
    }
}

fn volume(instance: &Instance) -> VolumeFacts {
    VolumeFacts {
        claim: format!("data-{}", instance.pod.name),
        pod: instance.pod.name.clone(),
        component: instance.pod.component,
        in_use: true,
        phase: "Bound".into(),
        capacity_bytes: Some(10 << 30),
        created: Some(ago(3 * 86400)),
        uid: Some(format!("claim-of-{}", instance.pod.name)),
        deleting_since: None,
        storage_class: Some("standard".into()),
    }
}
