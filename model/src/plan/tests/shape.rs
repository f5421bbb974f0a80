//! The steps that a plan has, and their order.

use super::super::simulation::{Model, simulate};
use super::super::{
    Action, CheckName, CheckVerdict, Circumstances, Condition, FailoverRequest, Hold, Mode,
    ORIGINAL_SELECTOR, OnFailure, Operation, Plan, ReinitRequest, RejoinRequest, StepName, Undo,
    plan_failover, plan_reinit, plan_rejoin,
};
use super::super::{COMPONENT_LABEL, POD_NAME_LABEL};
use crate::cluster::fixture::{
    PRIMARY, facts, healthy, instance, killed_for_memory, now, replica, stop,
};
use crate::cluster::{
    Component, ContainerState, Database, HandPause, PoolerPod, PoolerPurpose, Poolers,
    ServicePurpose, Snapshot, Timeline, TopologySource, names,
};

pub(super) fn to(pod: &str) -> FailoverRequest {
    FailoverRequest {
        to: Some(pod.to_owned()),
        ..FailoverRequest::default()
    }
}

pub(super) fn plan(snapshot: &Snapshot, request: &FailoverRequest) -> Plan {
    plan_failover(snapshot, request, &Circumstances::default(), now())
        .unwrap_or_else(|refusal| panic!("{refusal}"))
}

pub(super) fn names(plan: &Plan) -> Vec<StepName> {
    plan.steps.iter().map(|step| step.name).collect()
}

pub(super) fn runs_well(plan: &Plan, snapshot: &Snapshot) {
    let mut model = Model::of(snapshot);
    if let Err(broken) = simulate(plan, &mut model, &mut |_: &mut Model| {}) {
        panic!("{broken:#?}");
    }
}

/// The cluster after `replica-0` took over: the primary's pod is gone and its StatefulSet at 0.
pub(in crate::plan) fn moved_to_replica_0() -> Snapshot {
    let mut snapshot = healthy(3);
    let (old, new) = (PRIMARY.to_owned(), replica(0));
    let mut senders = Vec::new();
    let mut slots = Vec::new();
    {
        let primary = facts(&mut snapshot, &old);
        senders.append(&mut primary.senders);
        slots.append(&mut primary.slots);
    }
    senders.retain(|sender| sender.application_name != new);
    snapshot.instances.retain(|it| it.name() != old);
    for volume in &mut snapshot.volumes {
        volume.in_use &= volume.pod != old;
    }
    let promoted = facts(&mut snapshot, &new);
    promoted.recovery = None;
    promoted.flush_lsn = crate::cluster::fixture::POSITION;
    promoted.insert_lsn = promoted.flush_lsn;
    promoted.senders = senders;
    promoted.slots = slots;
    for it in &mut snapshot.instances {
        if let crate::cluster::Database::Reached(facts) = &mut it.database {
            facts.timeline = Timeline(2);
            let host = Some(format!("{new}.staging-postgres-replica"));
            if let Some(recovery) = &mut facts.recovery {
                recovery.upstream_host.clone_from(&host);
                if let Some(receiver) = &mut recovery.receiver {
                    receiver.sender_host = host;
                }
            }
        }
    }
    snapshot.topology.primary = new;
    snapshot.topology.term = 1;
    snapshot.topology.source = TopologySource::Recorded {
        config_map: "staging-postgres-topology".into(),
        resource_version: "7".into(),
    };
    for set in &mut snapshot.stateful_sets {
        if set.component == Component::Primary {
            set.wanted = 0;
            set.existing = 0;
        }
    }
    snapshot
}

#[test]
fn a_switchover_fences_stops_catches_up_and_only_then_promotes() {
    let snapshot = healthy(3);
    let plan = plan(&snapshot, &to("replica-0"));
    assert_eq!(
        names(&plan),
        [
            StepName::CreateSlots,
            StepName::Checkpoint,
            StepName::DropStandbyDelay,
            StepName::LingerOnStop,
            StepName::HoldRecord,
            StepName::Fence,
            StepName::DetachLaggards,
            StepName::MoveClients,
            StepName::StopPrimary,
            StepName::CatchUp,
            StepName::Promote,
            StepName::PointService,
            StepName::Repoint,
            StepName::ProveWrite,
            StepName::RestoreStandbyDelay,
            StepName::SettleProofs,
            StepName::ReleaseRecord,
        ]
    );
    runs_well(&plan, &snapshot);
}

#[test]
fn a_candidate_that_the_autoscaler_may_delete_is_guarded_first() {
    let snapshot = healthy(3);
    let plan = plan(&snapshot, &to("replica-2"));
    assert_eq!(names(&plan)[0], StepName::GuardAutoscaler);
    runs_well(&plan, &snapshot);
}

#[test]
fn the_old_primary_comes_back_in_the_same_plan_when_asked() {
    let snapshot = healthy(3);
    let request = FailoverRequest {
        rejoin: true,
        ..to("replica-0")
    };
    let plan = plan(&snapshot, &request);
    assert!(names(&plan).ends_with(&[StepName::Rejoin, StepName::DropStaleSlots]));
    runs_well(&plan, &snapshot);
}

#[test]
fn a_primary_in_the_replica_stateful_set_is_deleted_and_comes_back_by_itself() {
    let snapshot = moved_to_replica_0();
    let plan = plan(&snapshot, &to("replica-1"));
    assert!(names(&plan).contains(&StepName::Rejoin));
    runs_well(&plan, &snapshot);
}

#[test]
fn an_emergency_stops_what_is_left_of_the_old_primary_and_promotes_the_furthest() {
    let mut snapshot = healthy(3);
    let record = killed_for_memory();
    stop(&mut snapshot, PRIMARY, ContainerState::Terminated(record));
    let behind = facts(&mut snapshot, &replica(0));
    let recovery = behind.recovery.as_mut().expect("a standby");
    recovery.receive_lsn = Some(crate::cluster::Lsn::new(0x0900_0000));
    recovery.replay_lsn = recovery.receive_lsn;
    let plan = plan(&snapshot, &FailoverRequest::default());
    let Operation::Failover { mode, to, .. } = &plan.operation else {
        panic!("not a failover");
    };
    assert_eq!((*mode, to), (Mode::Emergency, &replica(1)));
    runs_well(&plan, &snapshot);
}

/// No WAL is removed by the new primary before it is archived, and the old one holds none back for nobody.
#[test]
fn the_slot_of_the_archive_moves_with_the_primary() {
    let mut snapshot = healthy(2);
    let request = FailoverRequest {
        rejoin: true,
        ..to("replica-0")
    };
    let without = plan(&snapshot, &request);
    let slots = |plan: &Plan, step| match &plan.step(step).expect("it is there").action {
        Action::CreateSlots { slots, .. } | Action::DropSlots { slots, .. } => slots.clone(),
        other => panic!("{other:?}"),
    };
    let archive = names::WAL_SLOT.to_owned();
    assert!(!slots(&without, StepName::CreateSlots).contains(&archive));
    let mut slot = facts(&mut snapshot, PRIMARY).slots[0].clone();
    slot.name.clone_from(&archive);
    facts(&mut snapshot, PRIMARY).slots.push(slot);
    let with = plan(&snapshot, &request);
    for step in [StepName::CreateSlots, StepName::DropStaleSlots] {
        assert!(slots(&with, step).contains(&archive), "{step}");
    }
    runs_well(&with, &snapshot);
}

#[test]
fn a_former_primary_at_zero_is_scaled_up_to_rejoin() {
    let snapshot = moved_to_replica_0();
    let request = RejoinRequest {
        pod: "primary-0".into(),
        accept_split_brain_risk: false,
        clone: false,
        timeout_seconds: 300,
    };
    let plan = plan_rejoin(&snapshot, &request, &Circumstances::default(), now())
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(
        names(&plan),
        [
            StepName::CreateSlots,
            StepName::Rejoin,
            StepName::DropStaleSlots
        ]
    );
    assert_eq!(
        plan.point_of_no_return(),
        None,
        "a rewind loses nothing that others need"
    );
    runs_well(&plan, &snapshot);
}

/// What an interrupted rejoin leaves behind for a moment: its StatefulSet is at 0, and its pod still
/// there. Nothing would replace that.
#[test]
fn a_pod_on_its_way_out_is_not_waited_for_to_be_replaced() {
    let mut snapshot = moved_to_replica_0();
    let mut leaving = instance(&mut healthy(3), PRIMARY).clone();
    leaving.pod.deleting_since = Some(now());
    leaving.database = Database::Unreachable {
        reason: "it is going".to_owned(),
        alive: false,
    };
    snapshot.instances.push(leaving);
    for clone in [false, true] {
        let request = RejoinRequest {
            pod: "primary-0".into(),
            accept_split_brain_risk: false,
            clone,
            timeout_seconds: 300,
        };
        let plan = plan_rejoin(&snapshot, &request, &Circumstances::default(), now())
            .unwrap_or_else(|refusal| panic!("{refusal}"));
        assert!(!names(&plan).contains(&StepName::RestartPod), "{plan:#?}");
        runs_well(&plan, &snapshot);
    }
    // A standby that a smaller number takes away does not come back either.
    let mut fewer = healthy(3);
    for set in &mut fewer.stateful_sets {
        if set.component == Component::Replica {
            set.wanted = 2;
        }
    }
    let request = RejoinRequest {
        pod: "replica-2".into(),
        accept_split_brain_risk: false,
        clone: true,
        timeout_seconds: 300,
    };
    let refused = plan_rejoin(&fewer, &request, &Circumstances::default(), now());
    let refused = refused.expect_err("it is about to go").to_string();
    assert!(refused.contains("is scaled to 2"), "{refused}");
}

#[test]
fn throwing_data_away_is_a_point_of_no_return() {
    let snapshot = moved_to_replica_0();
    let clone = RejoinRequest {
        pod: "primary-0".into(),
        accept_split_brain_risk: false,
        clone: true,
        timeout_seconds: 300,
    };
    let plan = plan_rejoin(&snapshot, &clone, &Circumstances::default(), now())
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    assert!(plan.point_of_no_return().is_some());
    runs_well(&plan, &snapshot);

    let mut broken = healthy(2);
    instance(&mut broken, &replica(1)).database = crate::cluster::Database::Unreachable {
        reason: "it panicked".into(),
        alive: false,
    };
    let request = ReinitRequest {
        pod: "replica-1".into(),
        timeout_seconds: 300,
    };
    let plan = plan_reinit(&broken, &request, &Circumstances::default(), now())
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(plan.point_of_no_return(), Some(1));
    runs_well(&plan, &broken);
}

/// Clients are moved in one change, before anything is taken from them, and are never moved again.
#[test]
fn clients_are_led_to_the_candidate_before_the_primary_is_stopped() {
    let snapshot = healthy(3);
    let planned = plan(&snapshot, &to("replica-0"));
    let actions = |name| planned.step(name).map(|step| step.action.clone());
    let moved = actions(StepName::MoveClients).expect("they are moved");
    assert_eq!(Some(&moved), actions(StepName::PointService).as_ref());
    let service = snapshot.service(ServicePurpose::Write).expect("it has one");
    let led = Condition::ClientsLedTo {
        service: service.name.clone(),
        pod: replica(0),
    };
    let stop = planned.step(StepName::StopPrimary).expect("it is stopped");
    assert!(stop.requires.contains(&led), "{:?}", stop.requires);
    let step = planned.step(StepName::MoveClients).expect("a step");
    let Undo::Actions {
        actions, proves, ..
    } = &step.undo
    else {
        panic!("it has a way back");
    };
    let Some(Action::PointService {
        selector,
        pod,
        remember,
        ..
    }) = actions.first()
    else {
        panic!("the way back leads back");
    };
    assert_eq!(
        (selector, pod.as_str(), remember),
        (&service.selector, PRIMARY, &None)
    );
    let back = Condition::ServiceLeadsTo {
        service: service.name.clone(),
        pod: PRIMARY.to_owned(),
    };
    assert_eq!(proves, &back);

    // The other way round: what is remembered is put back as well.
    let mut moved = moved_to_replica_0();
    let home = service.selector.clone();
    let away = moved
        .services
        .iter_mut()
        .find(|it| it.purpose == ServicePurpose::Write);
    let away = away.expect("it has one");
    let json = serde_json::to_string(&home).expect("it can be written");
    away.annotations.insert(ORIGINAL_SELECTOR.to_owned(), json);
    away.selector.insert(POD_NAME_LABEL.to_owned(), replica(0));
    let before = away.selector.clone();
    let planned = plan(&moved, &to("replica-1"));
    let step = planned.step(StepName::MoveClients).expect("a step");
    let Undo::Actions { actions, .. } = &step.undo else {
        panic!("it has a way back");
    };
    assert!(
        matches!(&actions[0], Action::PointService { selector, remember, .. }
            if *selector == before && remember.as_ref() == Some(&home)),
        "{actions:?}"
    );
}

/// With a start script that reads no topology, the first thing that is done to the old primary is to stop it.
#[test]
fn clients_are_moved_before_the_fence_when_the_fence_is_the_stop() {
    let mut snapshot = healthy(3);
    snapshot.topology.source = TopologySource::Unaware;
    for set in &mut snapshot.stateful_sets {
        set.topology_aware = false;
    }
    let plan = plan(&snapshot, &to("replica-0"));
    let fence = plan.step(StepName::Fence).expect("a fence");
    let moved = |it: &Condition| matches!(it, Condition::ClientsLedTo { .. });
    assert!(fence.requires.iter().any(moved), "{:?}", fence.requires);
    runs_well(&plan, &snapshot);
}

/// In an emergency nothing waits for the Service, and still nobody new is led to a pod that may be alive.
#[test]
fn an_emergency_leads_clients_away_before_it_promotes() {
    let mut snapshot = healthy(3);
    let record = killed_for_memory();
    stop(&mut snapshot, PRIMARY, ContainerState::Terminated(record));
    let plan = plan(&snapshot, &FailoverRequest::default());
    let at = |name| plan.steps.iter().position(|step| step.name == name);
    assert!(
        at(StepName::MoveClients) < at(StepName::StopPrimary),
        "{:?}",
        names(&plan)
    );
    assert!(at(StepName::MoveClients) < at(StepName::Promote));
    let step = plan.step(StepName::MoveClients).expect("a step");
    assert_eq!(step.on_failure, OnFailure::Report);
    assert_eq!(step.proves, Condition::Answered);
}

/// At home the replicas serve reads, away from home everybody: no standby is idle, and it is said in Services only.
#[test]
fn reads_follow_the_primary_out_and_back() {
    let mut home = healthy(3);
    let manifests = [
        ("app.kubernetes.io/name", "postgres"),
        (COMPONENT_LABEL, "replica"),
    ];
    let reads = crate::cluster::fixture::service_for(&mut home, ServicePurpose::Read);
    reads.selector = manifests
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let service = home
        .service(ServicePurpose::Read)
        .expect("it has one")
        .clone();
    let mut everybody = service.selector.clone();
    everybody.remove(COMPONENT_LABEL);
    let spread = |plan: &Plan| plan.step(StepName::SpreadReads).map(|it| it.action.clone());
    let out = plan(&home, &to("replica-0"));
    let Some(Action::SpreadReads {
        selector, remember, ..
    }) = spread(&out)
    else {
        panic!("{:?}", names(&out));
    };
    assert_eq!(
        (&selector, &remember),
        (&everybody, &Some(service.selector.clone()))
    );

    let mut away = moved_to_replica_0();
    let reads = away
        .services
        .iter_mut()
        .find(|it| it.purpose == ServicePurpose::Read);
    let reads = reads.expect("it has one");
    let json = serde_json::to_string(&service.selector).expect("it can be written");
    reads.annotations.insert(ORIGINAL_SELECTOR.to_owned(), json);
    reads.selector = everybody.clone();
    let along = plan(&away, &to("replica-1"));
    assert_eq!(spread(&along), None, "nothing to change");

    let reads = away
        .services
        .iter_mut()
        .find(|it| it.purpose == ServicePurpose::Read);
    reads.expect("it has one").annotations.clear();
    let request = RejoinRequest {
        pod: "primary-0".into(),
        accept_split_brain_risk: false,
        clone: false,
        timeout_seconds: 300,
    };
    let custom = plan_rejoin(&away, &request, &Circumstances::default(), now());
    let custom = custom.unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(
        spread(&custom),
        None,
        "a selector of somebody's own is left alone"
    );
}

#[test]
fn a_plan_survives_being_stored() {
    let plan = plan(&healthy(3), &to("replica-2"));
    let json = serde_json::to_string(&plan).expect("a plan can be stored");
    let back: Plan = serde_json::from_str(&json).expect("a plan can be read back");
    assert_eq!(back, plan);
}

/// The ConfigMap was deleted, or restored from an old copy: every volume that has seen the terms of before would
/// hold a lower one for stale.
#[test]
fn the_fence_is_above_every_term_that_a_pod_was_annotated_with() {
    let mut snapshot = healthy(2);
    snapshot.topology.term = 0;
    instance(&mut snapshot, &replica(1)).pod.term = Some(7);
    let plan = plan(&snapshot, &to("replica-0"));
    let written: Vec<u64> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::WriteTopology { term, .. } => Some(*term),
            _ => None,
        })
        .collect();
    assert_eq!(written, [8]);
    runs_well(&plan, &snapshot);
}

/// Whoever asks a standby lets its answer wait for `max_standby_streaming_delay`; in a failover that is
/// writes that wait.
#[test]
fn queries_on_the_candidate_hold_nothing_up_and_may_do_so_again_afterwards() {
    let mut snapshot = healthy(2);
    let files = facts(&mut snapshot, &replica(0)).files.as_mut();
    files.expect("they were read").standby_delay = Some("45s".to_owned());
    let plan = plan(&snapshot, &to("replica-0"));
    let steps = names(&plan);
    let at = |name| {
        steps
            .iter()
            .position(|it| *it == name)
            .expect("it is planned")
    };
    assert!(at(StepName::DropStandbyDelay) < at(StepName::StopPrimary));
    assert!(at(StepName::ProveWrite) < at(StepName::RestoreStandbyDelay));
    let dropped = &plan.steps[at(StepName::DropStandbyDelay)];
    let back = &plan.steps[at(StepName::RestoreStandbyDelay)].action;
    assert!(
        matches!(back, Action::SetStandbyDelay { value: Some(value), .. } if value == "45s"),
        "{back:?}"
    );
    assert!(
        matches!(&dropped.undo, Undo::Actions { actions, .. } if *actions == [back.clone()]),
        "{:?}",
        dropped.undo
    );
    runs_well(&plan, &snapshot);
    let mut model = Model::of(&snapshot);
    let before = model.standby_delays.clone();
    simulate(&plan, &mut model, &mut |_: &mut Model| {}).expect("it runs");
    assert_eq!(model.standby_delays, before);
}

#[test]
fn a_standby_that_waits_for_no_query_is_left_as_it_is() {
    for delay in [None, Some(0)] {
        let mut snapshot = healthy(2);
        facts(&mut snapshot, &replica(0)).settings.standby_delay_ms = delay;
        let steps = names(&plan(&snapshot, &to("replica-0")));
        assert!(!steps.contains(&StepName::DropStandbyDelay), "{delay:?}");
        assert!(!steps.contains(&StepName::RestoreStandbyDelay), "{delay:?}");
    }
    // Without knowing what to put back, nothing is taken away.
    let mut snapshot = healthy(2);
    facts(&mut snapshot, &replica(0)).files = None;
    let steps = names(&plan(&snapshot, &to("replica-0")));
    assert!(!steps.contains(&StepName::DropStandbyDelay));
}

#[test]
fn standbys_that_do_not_keep_up_are_disconnected_before_the_stop() {
    let snapshot = healthy(3);
    let plan = plan(&snapshot, &to("replica-0"));
    let step = plan.step(StepName::DetachLaggards).expect("it is planned");
    let Action::DetachLaggards { pod, followers } = &step.action else {
        panic!("{:?}", step.action);
    };
    let others: Vec<&str> = followers.iter().map(|it| it.pod.as_str()).collect();
    assert_eq!(others, [replica(1), replica(2)], "never the candidate");
    // Back, they follow the primary of before.
    let Undo::Actions { actions, .. } = &step.undo else {
        panic!("{:?}", step.undo);
    };
    assert!(
        matches!(actions.as_slice(), [Action::Repoint { upstream, followers: back, .. }]
            if upstream == pod && back == followers),
        "{actions:?}"
    );
    let mut model = Model::of(&snapshot);
    let mut stalled = model.pods.get_mut(&replica(1));
    stalled.as_mut().expect("it is there").stalled = true;
    let mut connected = None;
    let stopped = &mut |model: &mut Model| {
        let pod = &model.pods[pod.as_str()];
        if pod.server == crate::plan::simulation::Server::Stopped && connected.is_none() {
            connected = Some(model.pods[&replica(1)].upstream.clone());
        }
    };
    simulate(&plan, &mut model, stopped).expect("it runs");
    assert_eq!(connected, Some(None), "it held up the shutdown");
    assert_eq!(model.pods[&replica(1)].upstream, Some(replica(0)));
}

#[test]
fn nobody_is_disconnected_where_nobody_else_streams() {
    let plan = plan(&healthy(1), &to("replica-0"));
    assert!(plan.step(StepName::DetachLaggards).is_none());
}

/// As `kubectl get pods` shows a pooler for writes.
fn pooler(number: u32) -> PoolerPod {
    PoolerPod {
        name: format!("staging-postgres-pooler-{number}"),
        purpose: PoolerPurpose::Write,
        stopped: None,
        started: None,
        leaving: false,
        secret: None,
        pause: HandPause::Served,
        paused_databases: Vec::new(),
    }
}

fn through_poolers(pods: Vec<PoolerPod>) -> Circumstances {
    Circumstances {
        poolers: Poolers::Seen(pods),
        ..Circumstances::default()
    }
}

fn holding(hold: Hold) -> FailoverRequest {
    FailoverRequest {
        hold,
        ..to("replica-0")
    }
}

#[test]
fn clients_of_poolers_are_held_right_before_the_stop_and_released_right_after_the_promotion() {
    let snapshot = healthy(3);
    let circumstances = through_poolers(vec![pooler(1), pooler(2)]);
    let plan = plan_failover(&snapshot, &holding(Hold::Try), &circumstances, now())
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    let names = names(&plan);
    let at = |name| names.iter().position(|it| *it == name).expect("the step");
    assert_eq!(at(StepName::HoldClients) + 1, at(StepName::StopPrimary));
    assert!(at(StepName::MoveClients) < at(StepName::HoldClients));
    assert_eq!(at(StepName::PointService) + 1, at(StepName::ReleaseClients));
    assert_eq!(at(StepName::Promote) + 1, at(StepName::PointService));
    let held = &plan.steps[at(StepName::HoldClients)];
    // Nobody waits for a proxy, and whoever can't be held keeps no failover from going on.
    assert!(matches!(
        held.requires[..],
        [Condition::ClientsLedTo { .. }]
    ));
    assert_eq!(held.on_failure, OnFailure::Report);
    assert!(matches!(&held.undo, Undo::Actions { actions, .. }
        if matches!(actions[..], [Action::ReleaseClients { primary: None, .. }])));
    let mut model = Model::of(&snapshot);
    simulate(&plan, &mut model, &mut |_: &mut Model| {}).expect("it runs");
    assert!(!model.clients_held);
}

#[test]
fn a_hold_that_is_required_stops_what_goes_on_without_and_off_is_off() {
    let snapshot = healthy(3);
    let plan = |hold, pods: Vec<PoolerPod>| {
        plan_failover(&snapshot, &holding(hold), &through_poolers(pods), now())
    };
    let required = plan(Hold::Require, vec![pooler(1)]).expect("a plan");
    let held = required
        .steps
        .iter()
        .find(|it| it.name == StepName::HoldClients);
    assert_eq!(held.map(|it| it.on_failure), Some(OnFailure::Stop));
    let off = plan(Hold::Off, vec![pooler(1)]).expect("a plan");
    assert!(!names(&off).contains(&StepName::HoldClients));
    // A pooler for reads has nobody to hold, nor one that does not run; one that leaves can't be asked.
    let read = PoolerPod {
        purpose: PoolerPurpose::Read,
        ..pooler(1)
    };
    let stopped = PoolerPod {
        stopped: Some("CrashLoopBackOff".into()),
        ..pooler(1)
    };
    for pods in [vec![], vec![read], vec![stopped]] {
        let without = plan(Hold::Try, pods.clone()).expect("a plan");
        assert!(!names(&without).contains(&StepName::HoldClients));
        let refusal = plan(Hold::Require, pods).expect_err("nobody can be held");
        assert!(refusal.to_string().contains("no pooler runs"), "{refusal}");
    }
    let leaving = PoolerPod {
        leaving: true,
        ..pooler(2)
    };
    let one = plan(Hold::Try, vec![pooler(1), leaving.clone()]).expect("a plan");
    let warned = one.checks.iter().find(|it| it.check == CheckName::Poolers);
    assert_eq!(warned.map(|it| it.verdict), Some(CheckVerdict::Warn));
    let refusal = plan(Hold::Require, vec![pooler(1), leaving]).expect_err("one is not held");
    assert!(refusal.to_string().contains("about to go"), "{refusal}");
    let unseen = Circumstances {
        poolers: Poolers::Unseen("no permission".into()),
        ..Circumstances::default()
    };
    let refusal = plan_failover(&snapshot, &holding(Hold::Require), &unseen, now())
        .expect_err("nobody knows");
    assert!(refusal.to_string().contains("is not known"), "{refusal}");
}

/// The names that the hold of a plan has: those that are held, and those that are left alone.
fn held_and_left(plan: &Plan) -> Option<(&[String], &[String])> {
    plan.steps.iter().find_map(|it| match &it.action {
        Action::HoldClients {
            poolers, paused, ..
        } => Some((poolers.as_slice(), paused.as_slice())),
        _ => None,
    })
}

#[test]
fn a_pooler_that_is_paused_by_hand_is_told_of_and_left_alone() {
    let snapshot = healthy(3);
    let plan = |hold, pods: Vec<PoolerPod>| {
        plan_failover(&snapshot, &holding(hold), &through_poolers(pods), now())
            .unwrap_or_else(|refusal| panic!("{refusal}"))
    };
    let with = |number, pause| PoolerPod {
        pause,
        ..pooler(number)
    };
    let told = |plan: &Plan| {
        let mut checks = plan.checks.iter();
        let check = checks.find(|it| it.check == CheckName::PausedPoolers);
        check.map(|it| (it.verdict, it.reason.clone()))
    };
    let served = told(&plan(Hold::Try, vec![pooler(1)])).expect("a row");
    assert_eq!(served.0, CheckVerdict::Pass);
    assert_eq!(told(&plan(Hold::Try, Vec::new())), None);

    let paused = with(1, HandPause::Paused(Some(now())));
    for hold in [Hold::Try, Hold::Require] {
        let one = plan(hold, vec![paused.clone(), pooler(2)]);
        let (held, left) = held_and_left(&one).expect("it is held");
        assert_eq!(held, [pooler(2).name]);
        assert_eq!(left, [pooler(1).name]);
        let hold = one.step(StepName::HoldClients).expect("the step");
        let words = hold.action.to_string();
        assert!(
            words.ends_with("staging-postgres-pooler-1 stays paused by hand"),
            "{words}"
        );
        let (verdict, why) = told(&one).expect("a row");
        assert_eq!(verdict, CheckVerdict::Warn);
        assert!(
            why.starts_with("staging-postgres-pooler-1 is paused by hand (by pgctl at ")
                && why.ends_with("its clients wait until `pgctl pooler resume`"),
            "{why}"
        );
    }
    let off = plan(Hold::Off, vec![paused.clone()]);
    assert_eq!(held_and_left(&off), None);
    assert_eq!(told(&off).map(|it| it.0), Some(CheckVerdict::Warn));

    // Silence is no proof: it is held by a script that looks itself.
    let silent = with(2, HandPause::Unknown("no answer within 5 s".into()));
    let unsure = plan(Hold::Try, vec![pooler(1), silent]);
    let (verdict, why) = told(&unsure).expect("a row");
    assert_eq!(verdict, CheckVerdict::Warn);
    assert!(why.contains("is not known: no answer"), "{why}");
    let (held, left) = held_and_left(&unsure).expect("it is held");
    assert_eq!((held.len(), left.len()), (2, 0));
}

#[test]
fn a_database_that_is_paused_alone_and_a_pooler_for_reads_are_told_of_as_well() {
    let snapshot = healthy(3);
    let told = |pods: Vec<PoolerPod>| {
        let plan = plan_failover(
            &snapshot,
            &holding(Hold::Require),
            &through_poolers(pods),
            now(),
        )
        .unwrap_or_else(|refusal| panic!("{refusal}"));
        let mut checks = plan.checks.iter();
        let check = checks.find(|it| it.check == CheckName::PausedPoolers);
        let check = check.cloned().expect("a row");
        (plan, check)
    };
    let shop = PoolerPod {
        paused_databases: vec!["shop".to_owned()],
        ..pooler(1)
    };
    let (plan, check) = told(vec![shop.clone(), pooler(2)]);
    assert_eq!(check.verdict, CheckVerdict::Warn);
    assert_eq!(
        check.reason,
        "paused by hand, and left so: the database shop of staging-postgres-pooler-1; its clients wait until somebody \
         resumes it at the pooler's console"
    );
    // The clients of its other databases are held.
    let (held, left) = held_and_left(&plan).expect("it is held");
    assert_eq!((held.len(), left.len()), (2, 0));
    let step = plan.step(StepName::HoldClients).expect("the step");
    let words = step.action.to_string();
    assert!(
        words.ends_with("; the database shop of staging-postgres-pooler-1 stays paused by hand"),
        "{words}"
    );

    let read = PoolerPod {
        purpose: PoolerPurpose::Read,
        pause: HandPause::Paused(None),
        ..pooler(3)
    };
    let (plan, check) = told(vec![shop, read]);
    assert!(
        check.reason.starts_with(
            "staging-postgres-pooler-3 (for reads) is paused by hand: its clients wait until"
        ) && check.reason.contains("; paused by hand, and left so: "),
        "{check:?}"
    );
    let (_, left) = held_and_left(&plan).expect("it is held");
    assert!(left.is_empty(), "no hold has to do with it: {left:?}");
}

/// Somebody reads the plan and types; meanwhile such a database goes idle, and PgBouncer tells of it no more.
#[test]
fn a_database_that_is_paused_or_resumed_alone_makes_no_other_plan_and_a_pooler_does() {
    let snapshot = healthy(3);
    let plan = |pods: Vec<PoolerPod>| {
        let circumstances = through_poolers(pods);
        plan_failover(&snapshot, &holding(Hold::Try), &circumstances, now())
            .unwrap_or_else(|refusal| panic!("{refusal}"))
    };
    let shop = PoolerPod {
        paused_databases: vec!["shop".to_owned()],
        ..pooler(1)
    };
    let shown = plan(vec![shop, pooler(2)]);
    let later = plan(vec![pooler(1), pooler(2)]);
    assert_ne!(shown.steps, later.steps);
    assert!(shown.does_the_same_as(&later) && later.does_the_same_as(&shown));
    let paused = PoolerPod {
        pause: HandPause::Paused(None),
        ..pooler(1)
    };
    assert!(!shown.does_the_same_as(&plan(vec![paused, pooler(2)])));
    assert!(!shown.does_the_same_as(&plan(vec![pooler(1)])));
}

/// Somebody may resume one between the plan and the stop.
#[test]
fn poolers_that_are_all_paused_by_hand_are_held_once_somebody_resumes_one() {
    let snapshot = healthy(3);
    let paused = |number| PoolerPod {
        pause: HandPause::Paused(None),
        ..pooler(number)
    };
    for (hold, failure) in [
        (Hold::Try, OnFailure::Report),
        (Hold::Require, OnFailure::Stop),
    ] {
        let circumstances = through_poolers(vec![paused(1), paused(2)]);
        let plan = plan_failover(&snapshot, &holding(hold), &circumstances, now())
            .unwrap_or_else(|refusal| panic!("{refusal}"));
        let (held, left) = held_and_left(&plan).expect("whoever is resumed is held");
        assert_eq!((held.len(), left.len()), (0, 2));
        let step = plan.step(StepName::HoldClients).expect("the step");
        assert_eq!(step.on_failure, failure);
        let words = step.action.to_string();
        assert!(
            words.starts_with("let the clients of whoever is resumed by then wait"),
            "{words}"
        );
        let release = plan.step(StepName::ReleaseClients).expect("the step");
        let words = release.action.to_string();
        assert_eq!(words, "let the clients go on that are held by then");
        let mut checks = plan.checks.iter();
        let check = checks.find(|it| it.check == CheckName::Poolers);
        assert_eq!(check.map(|it| it.verdict), Some(CheckVerdict::Pass));
    }
}
