//! A primary that is alive, takes writes, and can't be reached by pgctl.

use super::super::simulation::{Model, simulate};
use super::super::{
    Action, CheckName, CheckVerdict, Circumstances, Condition, FailoverRequest, OnFailure,
    Operation, Plan, StepName, Undo, plan_failover,
};
use super::shape::{names, to};
use crate::cluster::fixture::{
    PRIMARY, facts, healthy, instance, now, recovery, replica, shut_down_at, stop,
};
use crate::cluster::{ContainerState, Database, Lsn, Snapshot};

/// Clients write, three standbys stream, the pod is ready; only pgctl does not get through.
fn out_of_reach() -> Snapshot {
    let mut snapshot = healthy(3);
    instance(&mut snapshot, PRIMARY).database = Database::Unreachable {
        reason: "port-forward: the connection was reset".into(),
        alive: false,
    };
    snapshot
}

/// No standby hears it any more, and its probe fails.
pub(super) fn silent() -> Snapshot {
    let mut snapshot = out_of_reach();
    instance(&mut snapshot, PRIMARY).pod.ready = false;
    for ordinal in 0..3 {
        recovery(&mut snapshot, ordinal).receiver = None;
    }
    snapshot
}

fn blind(pod: &str) -> FailoverRequest {
    FailoverRequest {
        blind: true,
        ..to(pod)
    }
}

fn accepting_loss(request: FailoverRequest) -> FailoverRequest {
    FailoverRequest {
        accept_loss: true,
        ..request
    }
}

fn planned(snapshot: &Snapshot, request: &FailoverRequest) -> Plan {
    plan_failover(snapshot, request, &Circumstances::default(), now())
        .unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn refused(snapshot: &Snapshot, request: &FailoverRequest, check: CheckName) -> String {
    let refusal = plan_failover(snapshot, request, &Circumstances::default(), now())
        .expect_err("it has to be refused");
    let found = refusal.reasons().find(|it| it.check == check);
    let found = found.unwrap_or_else(|| panic!("{check:?} is not among {refusal:#?}"));
    let next = found.next.clone().unwrap_or_default();
    format!("{}: {next}", found.reason)
}

/// Runs a plan while clients write, and gives what broke.
fn under_writes(plan: &Plan, model: &mut Model) -> Vec<String> {
    simulate(plan, model, &mut |model: &mut Model| model.clients_write())
        .err()
        .unwrap_or_default()
}

#[test]
fn it_is_no_emergency() {
    let mut snapshot = out_of_reach();
    let why = refused(&snapshot, &to("replica-0"), CheckName::SignsOfLife);
    assert!(why.contains("has received from it 0 s ago"), "{why}");
    assert!(why.contains("counts it as ready"), "{why}");
    assert!(why.contains("--blind"), "{why}");
    // Nobody may read nodes: that the pod is ready is all that Kubernetes says.
    instance(&mut snapshot, PRIMARY).pod.node_ready = None;
    for ordinal in 0..3 {
        recovery(&mut snapshot, ordinal).receiver = None;
    }
    refused(&snapshot, &to("replica-0"), CheckName::SignsOfLife);
    // And the risk of two primaries is another one.
    let risk = FailoverRequest {
        accept_split_brain_risk: true,
        ..to("replica-0")
    };
    refused(&snapshot, &risk, CheckName::SignsOfLife);
}

#[test]
fn one_standby_that_hears_it_is_enough() {
    let mut snapshot = silent();
    let receiver = recovery(&mut out_of_reach(), 2).receiver.take();
    recovery(&mut snapshot, 2).receiver = receiver;
    instance(&mut snapshot, PRIMARY).pod.node_ready = Some(false);
    let why = refused(
        &snapshot,
        &FailoverRequest::default(),
        CheckName::SignsOfLife,
    );
    assert!(why.contains(&replica(2)), "{why}");
}

#[test]
fn a_pod_that_was_deleted_by_force_may_live_on() {
    let mut snapshot = out_of_reach();
    snapshot.instances.retain(|it| it.name() != PRIMARY);
    for request in [to("replica-0"), blind("replica-0")] {
        let why = refused(&snapshot, &request, CheckName::SignsOfLife);
        assert!(why.contains("deleted by force"), "{why}");
    }
}

#[test]
fn another_pod_from_which_standbys_receive_may_be_the_primary() {
    let mut snapshot = silent();
    let stranger = instance(&mut snapshot, &replica(1));
    stranger.database = Database::NotRunning;
    let mut receiver = recovery(&mut healthy(3), 2).receiver.take();
    if let Some(receiver) = &mut receiver {
        receiver.sender_host = Some(format!("{}.staging-postgres-replica", replica(1)));
    }
    recovery(&mut snapshot, 2).receiver = receiver;
    let why = refused(&snapshot, &to("replica-0"), CheckName::SignsOfLife);
    assert!(why.contains(&replica(1)), "{why}");
}

#[test]
fn a_blind_switchover_stops_it_in_order_and_loses_nothing() {
    let snapshot = out_of_reach();
    let plan = planned(&snapshot, &blind("replica-0"));
    assert_eq!(
        names(&plan)[1..9],
        [
            StepName::DropStandbyDelay,
            StepName::MoveClients,
            StepName::HoldRecord,
            StepName::Fence,
            StepName::StopPrimary,
            StepName::CatchUp,
            StepName::Promote,
            StepName::PointService,
        ]
    );
    let Operation::Failover { loss, blind, .. } = &plan.operation else {
        panic!("{:?}", plan.operation);
    };
    assert!(*blind && loss.proven && loss.bytes == Some(0));
    assert!(plan.operation.to_string().starts_with("blind switchover"));
    assert_eq!(
        under_writes(&plan, &mut Model::alive(&snapshot)),
        [""; 0],
        "{plan:#?}"
    );
}

#[test]
fn a_blind_switchover_to_one_that_lacks_something_is_put_back() {
    let snapshot = out_of_reach();
    let plan = planned(&snapshot, &blind("replica-0"));
    let mut model = Model::alive(&snapshot);
    if let Some(pod) = model.pods.get_mut(&replica(0)) {
        pod.stalled = true;
        pod.position = Lsn::new(1);
    }
    let broken = under_writes(&plan, &mut model);
    assert_eq!(broken.len(), 1, "{broken:#?}");
    assert!(broken[0].starts_with("catch-up"), "{broken:#?}");
    assert_ne!(model.writable(), [replica(0).as_str()]);
    // Back: the topology first, then the pod's end, its object, and its successor.
    let stop = plan.step(StepName::StopPrimary).expect("it is stopped");
    let Undo::Actions {
        actions, proves, ..
    } = &stop.undo
    else {
        panic!("{:?}", stop.undo);
    };
    assert!(
        matches!(
            actions.as_slice(),
            [
                Action::WriteTopology { .. },
                Action::AwaitEnd { .. },
                Action::ReleaseRecord { .. },
                Action::Scale { .. },
                Action::PointService { .. },
            ]
        ),
        "{actions:#?}"
    );
    assert_eq!(
        *proves,
        Condition::PodReady {
            pod: PRIMARY.to_owned()
        }
    );
    // With the loss accepted, it goes on.
    let plan = planned(&snapshot, &accepting_loss(blind("replica-0")));
    let mut model = Model::alive(&snapshot);
    if let Some(pod) = model.pods.get_mut(&replica(0)) {
        pod.stalled = true;
    }
    assert_eq!(under_writes(&plan, &mut model), [""; 0]);
}

/// Nothing showed that it was alive, and it was: what its shutdown proves is heeded.
#[test]
fn an_emergency_against_a_living_primary_never_loses_silently() {
    let snapshot = silent();
    let plan = planned(&snapshot, &to("replica-0"));
    let mut model = Model::alive(&snapshot);
    for pod in model.pods.values_mut() {
        pod.stalled = pod.position < Lsn::new(1 << 40);
    }
    let broken = under_writes(&plan, &mut model);
    assert_eq!(broken.len(), 1, "{broken:#?}");
    assert!(broken[0].starts_with("catch-up"), "{broken:#?}");
    // One that really hangs leaves no record, and is replaced.
    assert_eq!(under_writes(&plan, &mut Model::of(&snapshot)), [""; 0]);
    // Its end is hastened, and that is no reason to give up its record.
    let hold = plan.step(StepName::HoldRecord).expect("it is kept");
    assert_eq!(hold.on_failure, OnFailure::Report);
    let hasten = plan.step(StepName::HastenEnd).map(|it| &it.action);
    assert!(
        matches!(hasten, Some(Action::HastenEnd { grace_seconds, .. }) if *grace_seconds > 0),
        "{hasten:?}"
    );
}

#[test]
fn a_loss_that_is_known_before_is_refused() {
    let mut snapshot = healthy(3);
    let record = shut_down_at(Lsn::new(0x0B00_0028));
    stop(&mut snapshot, PRIMARY, ContainerState::Terminated(record));
    let why = refused(&snapshot, &to("replica-0"), CheckName::Lag);
    assert!(why.contains("--accept-loss"), "{why}");
    let plan = planned(&snapshot, &accepting_loss(to("replica-0")));
    let change = plan.operation.primary_change().expect("it is one");
    assert!(change.loss_accepted && plan.step(StepName::CatchUp).is_none());
}

#[test]
fn how_much_is_lost_is_not_known_without_a_position_of_the_primary_itself() {
    let snapshot = silent();
    let loss = |plan: &Plan| match &plan.operation {
        Operation::Failover { loss, .. } => loss.clone(),
        other => panic!("{other}"),
    };
    let plan = planned(&snapshot, &to("replica-0"));
    assert_eq!(loss(&plan).bytes, None);
    let told = plan
        .checks
        .iter()
        .find(|it| it.check == CheckName::Lag && it.verdict == CheckVerdict::Warn);
    assert!(
        told.is_some_and(|it| it.reason.contains("is not known")),
        "{told:?}"
    );
    // The primary itself had told one of them that it was further.
    let mut told = silent();
    let mut receiver = recovery(&mut healthy(3), 1).receiver.take();
    if let Some(it) = &mut receiver {
        it.last_message_age = Some(300.0);
        it.latest_end_lsn = Some(Lsn::new(0x0C00_0060));
    }
    recovery(&mut told, 1).receiver = receiver;
    let plan = planned(&told, &to("replica-0"));
    assert_eq!(loss(&plan).bytes, Some(0x0200_0000));
    let _ = facts(&mut told, &replica(0));
}

#[test]
fn the_time_to_stop_is_never_less_than_the_pod_may_take() {
    let seconds = |plan: &Plan| {
        let stop = plan.step(StepName::StopPrimary).expect("it is stopped");
        stop.timeout_seconds
    };
    let asked = |seconds| FailoverRequest {
        stop_timeout_seconds: Some(seconds),
        ..to("replica-0")
    };
    let mut snapshot = healthy(3);
    assert_eq!(seconds(&planned(&snapshot, &to("replica-0"))), 150);
    assert_eq!(seconds(&planned(&snapshot, &asked(400))), 400);
    let plan = planned(&snapshot, &asked(60));
    assert_eq!(seconds(&plan), 150);
    let raised = plan
        .warnings()
        .find(|it| it.check == CheckName::StopTimeout)
        .expect("that is told");
    assert!(raised.reason.contains("150 s"), "{}", raised.reason);
    instance(&mut snapshot, PRIMARY).pod.grace_seconds = None;
    assert_eq!(seconds(&planned(&snapshot, &to("replica-0"))), 60);
}

#[test]
fn with_the_risk_accepted_the_proof_is_still_tried_for() {
    let mut snapshot = silent();
    instance(&mut snapshot, PRIMARY).pod.node_ready = Some(false);
    let risk = FailoverRequest {
        accept_split_brain_risk: true,
        ..to("replica-0")
    };
    let plan = planned(&snapshot, &risk);
    let hasten = plan.step(StepName::HastenEnd).expect("it is tried");
    assert!(matches!(hasten.proves, Condition::Stopped { .. }));
    assert_eq!(hasten.on_failure, OnFailure::Report);
    let promote = plan.step(StepName::Promote).expect("a promotion");
    assert!(
        !promote
            .requires
            .iter()
            .any(|it| matches!(it, Condition::Stopped { .. })),
        "{promote:#?}"
    );
}

/// The check of the candidate `pod`, in the only plan or refusal that there is.
fn verdict(snapshot: &Snapshot, request: &FailoverRequest, check: CheckName) -> CheckVerdict {
    let checks = match plan_failover(snapshot, request, &Circumstances::default(), now()) {
        Ok(plan) => plan.checks,
        Err(refusal) => refusal.checks,
    };
    let found = checks.iter().filter(|it| it.check == check);
    found.map(|it| it.verdict).max().expect("it was checked")
}

#[test]
fn in_need_whoever_answers_and_has_the_data_will_do() {
    let mut snapshot = silent();
    facts(&mut snapshot, &replica(0)).settings.max_connections = 500;
    facts(&mut snapshot, &replica(0)).settings.max_wal_senders = 1;
    facts(&mut snapshot, &replica(0))
        .settings
        .max_replication_slots = 0;
    instance(&mut snapshot, &replica(0)).pod.ready = false;
    for ordinal in [1, 2] {
        let behind = recovery(&mut snapshot, ordinal);
        behind.receive_lsn = Some(Lsn::new(0x0900_0000));
        behind.replay_lsn = behind.receive_lsn;
    }
    let plan = planned(&snapshot, &FailoverRequest::default());
    for check in [
        CheckName::Settings,
        CheckName::Walsenders,
        CheckName::Slots,
        CheckName::Ready,
    ] {
        assert!(plan.warnings().any(|it| it.check == check), "{check:?}");
    }
    let Operation::Failover { to: chosen, .. } = &plan.operation else {
        panic!("{:?}", plan.operation);
    };
    assert_eq!(*chosen, replica(0), "the furthest ahead");
    let slots = plan.step(StepName::CreateSlots).expect("slots");
    assert_eq!(slots.on_failure, OnFailure::Report);
    // In a switchover all of it is refused.
    let mut healthy = healthy(3);
    facts(&mut healthy, &replica(0)).settings.max_connections = 500;
    instance(&mut healthy, &replica(0)).pod.ready = false;
    for check in [CheckName::Settings, CheckName::Ready] {
        assert_eq!(
            verdict(&healthy, &to("replica-0"), check),
            CheckVerdict::Refuse
        );
    }
}

#[test]
fn one_that_is_ahead_and_can_not_be_promoted_stands_in_the_way_only_where_commits_wait() {
    let mut snapshot = silent();
    recovery(&mut snapshot, 1).replay_paused = true;
    let ahead = Lsn::new(0x0B00_0000);
    recovery(&mut snapshot, 1).receive_lsn = Some(ahead);
    let check = CheckName::Ahead;
    assert_eq!(
        verdict(&snapshot, &to("replica-0"), check),
        CheckVerdict::Warn
    );
    // What it has may have been acknowledged.
    for set in [
        (|it: &mut Snapshot| it.topology.synchronous = Some(1)) as fn(&mut Snapshot),
        |it| facts(it, &replica(2)).settings.synchronous_standby_names = "*".into(),
    ] {
        let mut waits = snapshot.clone();
        set(&mut waits);
        let why = refused(&waits, &to("replica-0"), check);
        assert!(why.contains(&replica(1)) && why.contains("paused"), "{why}");
        let accepted = accepting_loss(to("replica-0"));
        assert_eq!(verdict(&waits, &accepted, check), CheckVerdict::Warn);
    }
    // One that can be promoted is the one to take.
    recovery(&mut snapshot, 1).replay_paused = false;
    recovery(&mut snapshot, 1).replay_lsn = Some(ahead);
    instance(&mut snapshot, &replica(1)).pod.ready = false;
    let why = refused(&snapshot, &to("replica-0"), check);
    assert!(why.contains("--to staging-postgres-replica-1"), "{why}");
}

#[test]
fn a_blind_switchover_goes_to_one_that_hears_the_primary() {
    let mut snapshot = out_of_reach();
    recovery(&mut snapshot, 0).receiver = None;
    refused(&snapshot, &blind("replica-0"), CheckName::Streaming);
    planned(&snapshot, &blind("replica-1"));
}

#[test]
fn a_primary_that_can_not_be_created_anew_is_given_up_by_name() {
    let mut snapshot = super::shape::moved_to_replica_0();
    stop(&mut snapshot, &replica(0), ContainerState::Unknown);
    snapshot.instances.retain(|it| it.name() != replica(0));
    let why = refused(&snapshot, &to("replica-1"), CheckName::OldPrimary);
    assert!(why.contains("--accept-split-brain-risk"), "{why}");
    let risk = FailoverRequest {
        accept_split_brain_risk: true,
        ..to("replica-1")
    };
    let plan = planned(&snapshot, &risk);
    let promote = plan.step(StepName::Promote).expect("a promotion");
    // When it came between the look and the fence, it may be the primary again.
    assert!(
        promote
            .requires
            .contains(&Condition::PodAbsent { pod: replica(0) })
    );
}

#[test]
fn a_pod_that_its_kubelet_has_ended_is_stopped_whatever_became_of_its_node() {
    let mut snapshot = healthy(3);
    let record = shut_down_at(Lsn::new(0x0A00_0028));
    stop(&mut snapshot, PRIMARY, ContainerState::Terminated(record));
    let snapshot_of = |terminal: bool, deleting: bool| {
        let mut snapshot = snapshot.clone();
        snapshot.topology.system_identifier = Some(crate::cluster::fixture::SYSTEM.into());
        let pod = &mut instance(&mut snapshot, PRIMARY).pod;
        pod.node_ready = Some(false);
        pod.terminal = terminal;
        pod.deleting_since = deleting.then(now);
        snapshot
    };
    planned(&snapshot_of(true, true), &to("replica-0"));
    // Its kubelet may start it again, and nobody would hear of it.
    for deleting in [true, false] {
        let snapshot = snapshot_of(false, deleting);
        refused(&snapshot, &to("replica-0"), CheckName::OldPrimary);
    }
}

#[test]
fn a_primary_whose_archive_fails_can_be_left() {
    let mut snapshot = healthy(3);
    crate::cluster::fixture::primary(&mut snapshot).archiver = Some(crate::cluster::Archiver {
        ready_segments: 40,
        failing: true,
        stalled_seconds: 0,
    });
    let why = refused(&snapshot, &to("replica-0"), CheckName::Archive);
    assert!(why.contains("--allow-archive-gap"), "{why}");
    let allowed = FailoverRequest {
        allow_archive_gap: true,
        ..to("replica-0")
    };
    planned(&snapshot, &allowed);
}
