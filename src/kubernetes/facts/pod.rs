//! Pods and the nodes that they run on.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{self as core, ContainerStatus, Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use crate::cluster::{ContainerState, PodFacts, StartDecision, TerminationRecord};
use crate::kubernetes::discovery::component_of;
use crate::kubernetes::labels;

/// What a pod's object says; none for a pod that belongs to neither StatefulSet.
pub(crate) fn pod_facts(pod: &Pod, node_ready: Option<bool>) -> Option<PodFacts> {
    let metadata = &pod.metadata;
    let component = component_of(metadata)?;
    let name = metadata.name.clone()?;
    let ordinal = name.rsplit_once('-')?.1.parse().ok()?;
    let spec = pod.spec.as_ref();
    let status = pod.status.as_ref();
    let condition = |kind: &str| {
        status?
            .conditions
            .as_ref()?
            .iter()
            .find(|condition| condition.type_ == kind)
    };
    let container = status.and_then(database_container);
    let unschedulable = condition("PodScheduled")
        .filter(|condition| condition.status == "False")
        .map(|condition| {
            let message = condition.message.clone();
            message
                .or_else(|| condition.reason.clone())
                .unwrap_or_else(|| "no reason given".to_owned())
        });
    Some(PodFacts {
        uid: metadata.uid.clone().unwrap_or_default(),
        component,
        ordinal,
        phase: status
            .and_then(|status| status.phase.clone())
            .unwrap_or_else(|| "Unknown".to_owned()),
        ready: condition("Ready").is_some_and(|condition| condition.status == "True"),
        restarts: container.map_or(0, |c| u32::try_from(c.restart_count).unwrap_or(0)),
        container: container
            .and_then(|container| container.state.as_ref())
            .map_or(ContainerState::Unknown, container_state),
        last_termination: container
            .and_then(|container| container.last_state.as_ref()?.terminated.as_ref())
            .map(termination),
        ip: status.and_then(|status| status.pod_ip.clone()),
        node: spec.and_then(|spec| spec.node_name.clone()),
        node_ready,
        unschedulable,
        created: metadata.creation_timestamp.as_ref().map(time),
        deleting_since: deleting_since(metadata),
        term: metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(labels::TERM)?.parse().ok()),
        claim: spec.and_then(data_claim),
        name,
    })
}

/// Condition `Ready` of a node.
pub(crate) fn node_ready(node: &Node) -> Option<bool> {
    let conditions = node.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .find(|condition| condition.type_ == "Ready")
        .map(|condition| condition.status == "True")
}

/// What the start script said, out of a termination message or its wait file.
pub(crate) fn start_decision(text: &str) -> Option<StartDecision> {
    // Other programs may have written before it: the script's JSON is the last line of its own.
    text.lines()
        .rev()
        .find_map(|line| serde_json::from_str(line.trim()).ok())
}

/// When the deletion was asked for: the API stores when the grace period will be over.
fn deleting_since(metadata: &ObjectMeta) -> Option<Timestamp> {
    let due = metadata.deletion_timestamp.as_ref().map(time)?;
    let grace = metadata.deletion_grace_period_seconds.unwrap_or(0);
    due.checked_sub(SignedDuration::from_secs(grace)).ok()
}

pub(super) fn time(time: &Time) -> Timestamp {
    time.0
}

fn database_container(status: &core::PodStatus) -> Option<&ContainerStatus> {
    let statuses = status.container_statuses.as_ref()?;
    statuses
        .iter()
        .find(|container| container.name == labels::CONTAINER)
        .or_else(|| statuses.first())
}

fn container_state(state: &core::ContainerState) -> ContainerState {
    if let Some(running) = &state.running {
        ContainerState::Running {
            since: running.started_at.as_ref().map(time),
        }
    } else if let Some(terminated) = &state.terminated {
        ContainerState::Terminated(termination(terminated))
    } else if let Some(waiting) = &state.waiting {
        ContainerState::Waiting {
            reason: waiting.reason.clone().unwrap_or_default(),
            message: waiting.message.clone().unwrap_or_default(),
        }
    } else {
        ContainerState::Unknown
    }
}

fn termination(terminated: &core::ContainerStateTerminated) -> TerminationRecord {
    TerminationRecord {
        exit_code: terminated.exit_code,
        reason: terminated.reason.clone(),
        finished: terminated.finished_at.as_ref().map(time),
        decision: terminated.message.as_deref().and_then(start_decision),
    }
}

/// The claim behind the volume that the database container's data are on.
fn data_claim(spec: &core::PodSpec) -> Option<String> {
    let volumes = spec.volumes.as_ref()?;
    let claim = |volume: &core::Volume| {
        let source = volume.persistent_volume_claim.as_ref()?;
        Some(source.claim_name.clone())
    };
    volumes
        .iter()
        .find(|volume| volume.name == labels::DATA_VOLUME)
        .and_then(claim)
        .or_else(|| volumes.iter().find_map(claim))
}
