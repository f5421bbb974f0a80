//! The status of a pod, as the API shows it.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    HostIP, Pod, PodCondition, PodIP, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// A container that has not been started yet.
pub(super) fn initial(definition: &Container, reason: &str) -> ContainerStatus {
    ContainerStatus {
        name: definition.name.clone(),
        image: definition.image.clone().unwrap_or_default(),
        image_id: String::new(),
        state: Some(waiting(reason, None)),
        last_state: Some(ContainerState::default()),
        started: Some(false),
        ..ContainerStatus::default()
    }
}

/// The state of a container that waits.
pub(super) fn waiting(reason: &str, message: Option<String>) -> ContainerState {
    ContainerState {
        waiting: Some(ContainerStateWaiting {
            reason: Some(reason.to_owned()),
            message,
        }),
        ..ContainerState::default()
    }
}

/// Now, in whole seconds as the API writes times.
pub(super) fn now() -> Time {
    let now = Timestamp::now();
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

/// Of a container that will never run again in a pod that was deleted, as the kubelet tells it (`ShouldContainerBeRestarted` in
/// pkg/kubelet/container/helpers.go, `TerminatePod` in pkg/kubelet/status/status_manager.go): one that waits to be started again
/// has ended as it did last, and of one that never ran nobody knows more than that.
pub(super) fn end(status: &mut ContainerStatus) {
    let has_ended = |it: &ContainerState| it.terminated.is_some();
    if status.state.as_ref().is_some_and(has_ended) {
        return;
    }
    let last = status.last_state.replace(ContainerState::default());
    let unknown = || ContainerState {
        terminated: Some(ContainerStateTerminated {
            exit_code: 137,
            reason: Some("ContainerStatusUnknown".to_owned()),
            message: Some(
                "The container could not be located when the pod was terminated".to_owned(),
            ),
            ..ContainerStateTerminated::default()
        }),
        ..ContainerState::default()
    };
    status.state = Some(last.filter(has_ended).unwrap_or_else(unknown));
}

/// What the kubelet knows of a pod that it runs.
pub(super) struct Observed {
    /// Of the init containers, in the order of the pod's definition.
    pub(super) init: Vec<ContainerStatus>,
    /// Of the other containers, in the same order.
    pub(super) main: Vec<ContainerStatus>,
    /// Whether every init container has succeeded.
    pub(super) initialized: bool,
    /// The pod's address.
    pub(super) ip: String,
    /// The address of its node.
    pub(super) host_ip: Option<String>,
    /// When the kubelet took it up.
    pub(super) start_time: Time,
}

/// The whole status, with the times of what did not change taken from the old one.
pub(super) fn of(seen: Observed, pod: &Pod, old: PodStatus) -> PodStatus {
    let Observed {
        init,
        main,
        initialized,
        ip,
        host_ip,
        start_time,
    } = seen;
    let policy = restart_policy(pod);
    // As `generateAPIPodStatus` of `SyncTerminatingPod` and `SyncTerminatedPod` (pkg/kubelet/kubelet.go): nothing of
    // it starts again.
    let over = pod.metadata.deletion_timestamp.is_some();
    let phase = phase(policy, over, initialized, &init, &main);
    let conditions = conditions(pod, &phase, initialized, &init, &main, &old);
    PodStatus {
        phase: Some(phase),
        conditions: Some(conditions),
        init_container_statuses: Some(init).filter(|s| !s.is_empty()),
        container_statuses: Some(main),
        pod_ip: Some(ip.clone()),
        pod_ips: Some(vec![PodIP { ip }]),
        host_ip: host_ip.clone(),
        host_ips: host_ip.map(|ip| vec![HostIP { ip }]),
        start_time: Some(old.start_time.unwrap_or(start_time)),
        qos_class: old.qos_class,
        ..PodStatus::default()
    }
}

/// `Always`, `OnFailure` or `Never`.
pub(super) fn restart_policy(pod: &Pod) -> &str {
    pod.spec
        .as_ref()
        .and_then(|s| s.restart_policy.as_deref())
        .unwrap_or("Always")
}

fn exit_code(status: &ContainerStatus) -> Option<i32> {
    let state = status.state.as_ref()?;
    state.terminated.as_ref().map(|t| t.exit_code)
}

/// As `getPhase` of the kubelet (pkg/kubelet/kubelet_pods.go).
fn phase(
    policy: &str,
    over: bool,
    initialized: bool,
    init: &[ContainerStatus],
    main: &[ContainerStatus],
) -> String {
    let failed_init = init.iter().filter_map(exit_code).any(|code| code != 0);
    if failed_init && policy == "Never" {
        return "Failed".to_owned();
    }
    let begun = |s: &ContainerStatus| {
        let has = |state: &Option<ContainerState>| {
            state
                .as_ref()
                .is_some_and(|s| s.running.is_some() || s.terminated.is_some())
        };
        has(&s.state) || has(&s.last_state)
    };
    if !initialized || !main.iter().all(begun) {
        return "Pending".to_owned();
    }
    let codes: Vec<i32> = main.iter().filter_map(exit_code).collect();
    if codes.len() < main.len() {
        return "Running".to_owned();
    }
    let phase = match (policy, codes.iter().all(|c| *c == 0)) {
        ("Always", _) | ("OnFailure", false) if !over => "Running",
        (_, true) => "Succeeded",
        (_, false) => "Failed",
    };
    phase.to_owned()
}

fn conditions(
    pod: &Pod,
    phase: &str,
    initialized: bool,
    init: &[ContainerStatus],
    main: &[ContainerStatus],
    old: &PodStatus,
) -> Vec<PodCondition> {
    let names = |statuses: &[ContainerStatus], not: fn(&ContainerStatus) -> bool| {
        let list: Vec<&str> = statuses
            .iter()
            .filter(|s| not(s))
            .map(|s| s.name.as_str())
            .collect();
        list.join(" ")
    };
    let done = phase == "Succeeded";
    let unready = names(main, |s| !s.ready);
    let ready = match (done, unready.is_empty()) {
        (true, _) => Err(("PodCompleted", None)),
        (_, true) if phase == "Running" => Ok(()),
        _ if phase == "Failed" => Err(("PodFailed", None)),
        _ => Err((
            "ContainersNotReady",
            Some(format!("containers with unready status: [{unready}]")),
        )),
    };
    let incomplete = names(init, |s| exit_code(s) != Some(0));
    let initialized = if initialized || init.is_empty() {
        Ok(())
    } else {
        let message = format!("containers with incomplete status: [{incomplete}]");
        Err(("ContainersNotInitialized", Some(message)))
    };
    let live = main.iter().chain(init).any(|s| exit_code(s).is_none());
    let sandbox = if live { Ok(()) } else { Err(("", None)) };
    let mut all: Vec<PodCondition> = [
        ("PodReadyToStartContainers", sandbox),
        ("Initialized", initialized),
        ("Ready", ready.clone()),
        ("ContainersReady", ready),
        ("PodScheduled", Ok(())),
    ]
    .into_iter()
    .map(|(kind, outcome)| condition(pod, kind, outcome, old))
    .collect();
    let own: Vec<String> = all.iter().map(|c| c.type_.clone()).collect();
    let foreign = old.conditions.iter().flatten();
    all.extend(foreign.filter(|c| !own.contains(&c.type_)).cloned());
    all
}

fn condition(
    pod: &Pod,
    kind: &str,
    outcome: Result<(), (&str, Option<String>)>,
    old: &PodStatus,
) -> PodCondition {
    let status = if outcome.is_ok() { "True" } else { "False" };
    let before = old.conditions.iter().flatten().find(|c| c.type_ == kind);
    let since = before
        .filter(|c| c.status == status)
        .and_then(|c| c.last_transition_time.clone());
    let (reason, message) = match outcome {
        Ok(()) => (None, None),
        Err((reason, message)) => (Some(reason.to_owned()).filter(|r| !r.is_empty()), message),
    };
    PodCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason,
        message,
        last_transition_time: Some(since.unwrap_or_else(now)),
        observed_generation: pod.metadata.generation,
        ..PodCondition::default()
    }
}
