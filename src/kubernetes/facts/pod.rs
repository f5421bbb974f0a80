//! Pods and the nodes that they run on.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{self as core, ContainerStatus, Node, Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use super::container::{database_container, encryption};
use crate::cluster::names;
use crate::cluster::{Component, ContainerState, PodFacts, StartDecision, TerminationRecord};
use crate::kubernetes::discovery::component_of;

/// What a pod's object says; none for a pod that belongs to neither StatefulSet.
pub(crate) fn pod_facts(pod: &Pod, node_ready: Option<bool>) -> Option<PodFacts> {
    let metadata = &pod.metadata;
    let component = component_of(metadata)?;
    let ordinal = metadata.name.as_ref()?.rsplit_once('-')?.1.parse().ok()?;
    facts_of(pod, component, ordinal, node_ready)
}

/// The same of a pod that has no place among those of a StatefulSet.
pub(crate) fn facts_of(
    pod: &Pod,
    component: Component,
    ordinal: u32,
    node_ready: Option<bool>,
) -> Option<PodFacts> {
    let metadata = &pod.metadata;
    let name = metadata.name.clone()?;
    let spec = pod.spec.as_ref();
    let status = pod.status.as_ref();
    let condition = |kind: &str| {
        status?
            .conditions
            .as_ref()?
            .iter()
            .find(|condition| condition.type_ == kind)
    };
    let container = status.and_then(database_status);
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
        revision: metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get(names::REVISION).cloned()),
        image: spec.and_then(|spec| database_container(spec)?.image.clone()),
        encryption: spec.map(encryption).unwrap_or_default(),
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
        node_ready: node_ready.or_else(|| marked_as_lost(pod).then_some(false)),
        unschedulable,
        created: metadata.creation_timestamp.as_ref().map(time),
        deleting_since: deleting_since(metadata),
        term: metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(names::TERM)?.parse().ok()),
        held: metadata
            .finalizers
            .iter()
            .flatten()
            .any(|name| name == names::SHUTDOWN_RECORD),
        claim: spec.and_then(data_claim),
        grace_seconds: metadata
            .deletion_grace_period_seconds
            .or_else(|| spec?.termination_grace_period_seconds)
            .and_then(|seconds| u32::try_from(seconds).ok()),
        terminal: status.is_some_and(ended_for_good),
        name,
    })
}

/// Whether the kubelet has ended a pod for good. It gives a pod whose containers would be started again one of these phases
/// only then (`getPhase` and `generateAPIPodStatus` in pkg/kubelet/kubelet_pods.go, from 1.27 on). Others write `Failed` who
/// have not seen its containers: the garbage collector of pods whose node is gone (`markFailedAndDeletePod` in
/// pkg/controller/podgc/gc_controller.go), and leaves the rest as the kubelet said it last. So a `Failed` has to be explained:
/// by a container that failed, or by the kubelet's own reason (`Evicted`, `Terminated` in a shutdown of the node).
fn ended_for_good(status: &PodStatus) -> bool {
    const COLLECTED: &str = "DeletionByPodGC";
    const NODE_LOST: &str = "NodeLost";
    match status.phase.as_deref() {
        Some("Succeeded") => true,
        Some("Failed") => {
            let conditions = status.conditions.iter().flatten();
            let collected = conditions
                .into_iter()
                .any(|it| it.status == "True" && it.reason.as_deref() == Some(COLLECTED));
            let init = status.init_container_statuses.iter().flatten();
            let main = status.container_statuses.iter().flatten();
            let failed = init.chain(main).any(|it| {
                let state = it.state.as_ref();
                let ended = state.and_then(|it| it.terminated.as_ref());
                ended.is_some_and(|it| it.exit_code != 0)
            });
            let reason = status.reason.as_deref().filter(|it| !it.is_empty());
            !collected && (failed || reason.is_some_and(|it| it != NODE_LOST))
        }
        _ => false,
    }
}

/// Whether Kubernetes has marked a pod because its node does not report any more: the node lifecycle
/// controller sets the pod's condition `Ready` to False (`MarkPodsNotReady` in
/// pkg/controller/util/node/controller_utils.go) and leaves all else as the kubelet said it last. A
/// kubelet that finds a container not ready says so of the container, too
/// (`GeneratePodReadyCondition` in pkg/kubelet/status/generate.go). So this tells of a lost node
/// where nodes may not be read.
fn marked_as_lost(pod: &Pod) -> bool {
    let gated = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.readiness_gates.as_ref())
        .is_some_and(|gates| !gates.is_empty());
    let Some(status) = pod.status.as_ref().filter(|_| !gated) else {
        return false;
    };
    let is = |kind: &str, value: &str| {
        let conditions = status.conditions.iter().flatten();
        conditions
            .into_iter()
            .any(|it| it.type_ == kind && it.status == value)
    };
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    let running = |it: &ContainerStatus| {
        it.ready
            && it
                .state
                .as_ref()
                .is_some_and(|state| state.running.is_some())
    };
    is("Ready", "False")
        && !is("ContainersReady", "False")
        && !containers.is_empty()
        && containers.iter().all(running)
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
pub fn start_decision(text: &str) -> Option<StartDecision> {
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

fn database_status(status: &core::PodStatus) -> Option<&ContainerStatus> {
    let statuses = status.container_statuses.as_ref()?;
    statuses
        .iter()
        .find(|container| container.name == names::CONTAINER)
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
        .find(|volume| volume.name == names::DATA_VOLUME)
        .and_then(claim)
        .or_else(|| volumes.iter().find_map(claim))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Component, Lsn, Timeline};
    use serde_json::json;

    /// As the API gives a pod whose container was stopped and runs again.
    fn pod() -> serde_json::Value {
        json!({
            "metadata": {"name": "staging-postgres-replica-1", "uid": "u-1",
                "labels": {"app.kubernetes.io/component": "replica"},
                "annotations": {"pgctl.io/term": "4"},
                "creationTimestamp": "2026-01-02T03:04:05Z"},
            "spec": {"nodeName": "n-1", "containers": [{"name": "postgres"}],
                "volumes": [{"name": "config", "configMap": {"name": "c"}},
                    {"name": "data", "persistentVolumeClaim": {"claimName": "data-x"}}]},
            "status": {"phase": "Running", "podIP": "10.1.0.7",
                "conditions": [{"type": "Ready", "status": "True"},
                    {"type": "PodScheduled", "status": "True"}],
                "containerStatuses": [
                    {"name": "sidecar", "image": "i", "imageID": "", "ready": true,
                        "restartCount": 9},
                    {"name": "postgres", "image": "i", "imageID": "", "ready": true,
                        "restartCount": 2,
                        "state": {"running": {"startedAt": "2026-01-02T03:05:00Z"}},
                        "lastState": {"terminated": {"exitCode": 0, "reason": "Completed",
                            "finishedAt": "2026-01-02T03:04:59Z", "message":
                            "{\"pgctl\":\"stopped\",\"state\":\"shut down\",\
                             \"checkpoint_lsn\":\"0/5000028\",\"timeline\":3,\
                             \"system_identifier\":\"7300\",\"clean\":true}"}}}]}
        })
    }

    fn facts(pod: serde_json::Value) -> PodFacts {
        let pod = serde_json::from_value(pod).expect("a Pod");
        pod_facts(&pod, Some(true)).expect("one of the cluster")
    }

    #[test]
    fn a_pod_that_was_marked_tells_that_its_node_is_lost() {
        let running = json!({"running": {"startedAt": "2026-01-02T03:05:00Z"}});
        let container = |ready: bool| {
            json!([{"name": "postgres", "image": "i", "imageID": "", "ready": ready,
                "restartCount": 0, "state": running}])
        };
        let node_ready = |ready: &str, container_ready: bool, known: Option<bool>, gates: bool| {
            let mut pod = pod();
            pod["status"]["conditions"][0]["status"] = ready.into();
            pod["status"]["containerStatuses"] = container(container_ready);
            if gates {
                pod["spec"]["readinessGates"] = json!([{"conditionType": "example.com/up"}]);
            }
            let pod = serde_json::from_value(pod).expect("a Pod");
            pod_facts(&pod, known)
                .expect("one of the cluster")
                .node_ready
        };
        assert_eq!(node_ready("False", true, None, false), Some(false));
        // The kubelet itself says that it is not ready.
        assert_eq!(node_ready("False", false, None, false), None);
        assert_eq!(node_ready("True", true, None, false), None);
        // A gate of somebody else's.
        assert_eq!(node_ready("False", true, None, true), None);
        // Who may look at nodes knows better.
        assert_eq!(node_ready("False", true, Some(true), false), Some(true));
    }

    #[test]
    fn a_running_pod_with_the_record_of_its_last_shutdown() {
        let facts = facts(pod());
        assert_eq!((facts.component, facts.ordinal), (Component::Replica, 1));
        assert!(facts.ready);
        assert_eq!(facts.restarts, 2, "of the database, not of a sidecar");
        assert_eq!(facts.term, Some(4));
        assert_eq!(facts.claim.as_deref(), Some("data-x"));
        assert!(matches!(
            facts.container,
            ContainerState::Running { since: Some(_) }
        ));
        assert_eq!(
            facts
                .last_termination
                .expect("a record")
                .clean_shutdown("7300"),
            Some((Timeline(3), Lsn::new(0x500_0028)))
        );
        assert_eq!(facts.unschedulable, None);
    }

    #[test]
    fn only_the_kubelets_own_word_ends_a_pod_for_good() {
        let ended = |phase: &str, exit: i32, more: serde_json::Value| {
            let mut pod = pod();
            pod["status"]["phase"] = json!(phase);
            for container in 0..2 {
                pod["status"]["containerStatuses"][container]["state"] =
                    json!({"terminated": {"exitCode": exit}});
            }
            for (key, value) in more.as_object().into_iter().flatten() {
                pod["status"][key] = value.clone();
            }
            facts(pod).terminal
        };
        assert!(!ended("Running", 0, json!({})), "it may be started again");
        assert!(ended("Succeeded", 0, json!({})));
        assert!(ended("Failed", 137, json!({})));
        assert!(ended("Failed", 0, json!({"reason": "Evicted"})));
        // Written by others, who have not seen how it ended.
        assert!(!ended("Failed", 0, json!({})));
        assert!(!ended("Failed", 0, json!({"reason": "NodeLost"})));
        let collected = json!({"conditions": [{"type": "DisruptionTarget", "status": "True",
            "reason": "DeletionByPodGC"}]});
        assert!(!ended("Failed", 1, collected));
    }

    /// Its kubelet may not know of the deletion yet, and starts it again.
    #[test]
    fn a_crash_from_before_the_deletion_is_no_end_and_an_earlier_record_is_not_of_the_last_container()
     {
        let seen = |phase: &str, deleted: bool, state: &serde_json::Value| {
            let mut pod = pod();
            pod["status"]["phase"] = json!(phase);
            for container in 0..2 {
                pod["status"]["containerStatuses"][container]["state"] = state.clone();
            }
            if deleted {
                pod["metadata"]["deletionTimestamp"] = json!("2026-01-02T04:01:00Z");
            }
            facts(pod)
        };
        let crashed = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        let waits = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        for state in [&crashed, &waits] {
            assert!(!seen("Running", true, state).has_ended(), "{state}");
            assert!(!seen("Running", false, state).has_ended(), "{state}");
        }
        // One that nobody deletes is started again by whoever made it: what is told of it may be of before.
        assert!(!seen("Failed", false, &crashed).has_ended());
        let ended = seen("Failed", true, &crashed);
        assert!(ended.has_ended());
        assert_eq!(ended.restarts, 2);
        let ContainerState::Terminated(record) = &ended.container else {
            panic!("{:?}", ended.container);
        };
        assert_eq!(record.clean_shutdown("7300"), None);
        let earlier = ended.last_termination.expect("the record of another run");
        assert!(earlier.clean_shutdown("7300").is_some());
    }

    #[test]
    fn a_deletion_began_before_its_grace_period() {
        let mut pod = pod();
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-02T04:01:00Z");
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(60);
        assert_eq!(
            facts(pod).deleting_since,
            "2026-01-02T04:00:00Z".parse().ok()
        );
    }

    #[test]
    fn an_unscheduled_pod_says_why() {
        let mut pod = pod();
        pod["status"] = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled",
            "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}]});
        let facts = facts(pod);
        assert_eq!(
            facts.unschedulable.as_deref(),
            Some("0/3 nodes are available")
        );
        assert_eq!(facts.container, ContainerState::Unknown);
        assert!(!facts.ready);
    }

    #[test]
    fn pods_of_other_things_are_left_out() {
        let mut pod = pod();
        pod["metadata"]["name"] = json!("postgres-backup-28391-x7x");
        pod["metadata"]["labels"] = json!({});
        let pod: Pod = serde_json::from_value(pod).expect("a Pod");
        assert_eq!(pod_facts(&pod, None), None);
    }

    #[test]
    fn the_script_is_heard_and_nothing_else() {
        let waiting = "{\"pgctl\":\"waiting\",\"reason\":\"former-primary\",\"message\":\"m\"}";
        for text in [waiting.to_owned(), format!("noise\n{waiting}\n")] {
            assert!(matches!(
                start_decision(&text),
                Some(StartDecision::Waiting { reason, .. }) if reason == "former-primary"
            ));
        }
        for text in ["", "panic", "{}", "{\"pgctl\":\"else\"}"] {
            assert_eq!(start_decision(text), None, "{text:?}");
        }
    }
}
