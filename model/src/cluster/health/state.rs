//! What a pod and its database do, in one word.

use std::fmt;

use crate::cluster::{
    ContainerState, Database, DatabaseFacts, Instance, Snapshot, StartDecision, TerminationRecord,
    sender_of,
};

/// What an instance does right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceState {
    /// A primary that runs.
    Running,
    /// A primary that refuses writes (`default_transaction_read_only`).
    ReadOnly,
    /// A standby that streams.
    Streaming,
    /// A standby that streams, with replay paused.
    Paused,
    /// A standby that is sent old WAL, to catch up.
    CatchingUp,
    /// A standby that nobody streams to.
    NotStreaming,
    /// A server with data of another cluster.
    OtherSystem,
    /// The start script holds PostgreSQL back, with its word for why.
    Waiting(String),
    /// The start script will not start PostgreSQL, with its word for why.
    Refused(String),
    /// The container does not run, with Kubernetes' word for why.
    Down(String),
    /// No node takes it.
    Unscheduled,
    /// It is being deleted.
    Terminating,
    /// The container runs; the database does not answer.
    Silent,
    /// Its database takes our password for a wrong one.
    LockedOut,
    /// The container runs; whoever looks may not ask the database.
    NotAsked,
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::ReadOnly => f.write_str("read-only"),
            Self::Streaming => f.write_str("streaming"),
            Self::Paused => f.write_str("replay paused"),
            Self::CatchingUp => f.write_str("catching up"),
            Self::NotStreaming => f.write_str("not streaming"),
            Self::OtherSystem => f.write_str("other system"),
            Self::Waiting(reason) => write!(f, "waiting: {reason}"),
            Self::Refused(reason) => write!(f, "refused: {reason}"),
            Self::Down(reason) => f.write_str(reason),
            Self::Unscheduled => f.write_str("not scheduled"),
            Self::Terminating => f.write_str("terminating"),
            Self::Silent => f.write_str("no answer"),
            Self::LockedOut => f.write_str("wrong password"),
            Self::NotAsked => f.write_str("not asked"),
        }
    }
}

/// Works out what an instance does.
pub fn instance_state(snapshot: &Snapshot, instance: &Instance) -> InstanceState {
    if instance.pod.deleting_since.is_some() {
        return InstanceState::Terminating;
    }
    match &instance.database {
        Database::Reached(facts) => database_state(snapshot, instance, facts),
        Database::Unreachable { .. } => match &instance.waiting {
            Some(StartDecision::Waiting { reason, .. }) => InstanceState::Waiting(reason.clone()),
            _ => InstanceState::Silent,
        },
        Database::LockedOut { .. } => InstanceState::LockedOut,
        Database::NotAllowed { .. } => InstanceState::NotAsked,
        Database::NotRunning => pod_state(instance),
    }
}

fn database_state(
    snapshot: &Snapshot,
    instance: &Instance,
    facts: &DatabaseFacts,
) -> InstanceState {
    let Some(recovery) = &facts.recovery else {
        return if facts.takes_writes() {
            InstanceState::Running
        } else {
            InstanceState::ReadOnly
        };
    };
    if system_of(snapshot).is_some_and(|system| *system != facts.system_identifier) {
        return InstanceState::OtherSystem;
    }
    match sender_of(snapshot, instance).map(|(_, sender)| sender.state.as_str()) {
        Some("streaming") if recovery.replay_paused => InstanceState::Paused,
        Some("streaming") => InstanceState::Streaming,
        Some("catchup") => InstanceState::CatchingUp,
        Some(_) => InstanceState::NotStreaming,
        // With no primary to ask, the standby's own word has to do.
        None if snapshot.primaries().next().is_none()
            && recovery
                .receiver
                .as_ref()
                .is_some_and(|receiver| receiver.is_streaming()) =>
        {
            InstanceState::Streaming
        }
        None => InstanceState::NotStreaming,
    }
}

fn pod_state(instance: &Instance) -> InstanceState {
    if let Some(StartDecision::Waiting { reason, .. }) = &instance.waiting {
        return InstanceState::Waiting(reason.clone());
    }
    if let Some(StartDecision::Refused { reason, .. }) = refusal(instance) {
        return InstanceState::Refused(reason.clone());
    }
    if instance.pod.unschedulable.is_some() {
        return InstanceState::Unscheduled;
    }
    InstanceState::Down(match &instance.pod.container {
        ContainerState::Waiting { reason, .. } if !reason.is_empty() => reason.clone(),
        ContainerState::Terminated(record) => ended(record),
        _ => instance.pod.phase.clone(),
    })
}

/// How a container ended, in a few words.
pub(super) fn ended(record: &TerminationRecord) -> String {
    match &record.reason {
        Some(reason) if reason != "Error" && reason != "Completed" => reason.clone(),
        _ => format!("exited {}", record.exit_code),
    }
}

/// The Secret and the key whose password this database takes for a wrong one.
pub(super) fn wrong_password(instance: &Instance) -> Option<(&str, &str)> {
    match &instance.database {
        Database::LockedOut { secret, key, .. } => Some((secret, key)),
        _ => None,
    }
}

/// Why the start script refused, when that is how the container ended.
pub(super) fn refusal(instance: &Instance) -> Option<&StartDecision> {
    let record = match &instance.pod.container {
        ContainerState::Terminated(record) => Some(record),
        // Between two attempts Kubernetes shows the last end beside the waiting.
        ContainerState::Waiting { .. } => instance.pod.last_termination.as_ref(),
        ContainerState::Running { .. } | ContainerState::Unknown => None,
    };
    let decision = record?.decision.as_ref()?;
    matches!(decision, StartDecision::Refused { .. }).then_some(decision)
}

/// The system identifier that the cluster has: as recorded, else the primary's, else the one
/// that most standbys have.
pub(super) fn system_of(snapshot: &Snapshot) -> Option<&String> {
    let recorded = snapshot.topology.system_identifier.as_ref();
    let primary = || Some(&snapshot.primary()?.facts()?.system_identifier);
    let most = || {
        let all = || {
            let facts = snapshot.instances.iter().filter_map(|i| i.facts());
            facts.map(|facts| &facts.system_identifier)
        };
        all().max_by_key(|system| all().filter(|other| other == system).count())
    };
    recorded.or_else(primary).or_else(most)
}
