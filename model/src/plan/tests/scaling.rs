//! Scaling, the autoscaler and synchronous replication: what is planned and what is refused.

use serde_json::json;

use super::super::{
    AutoscaleRequest, AutoscalerPatch, AutoscalerPolicy, Bounds, CheckName, CheckVerdict,
    Circumstances, Drift, FailoverRequest, ORIGINAL_MINIMUM, PAUSED_BOUNDS, Plan, Refusal,
    RejoinRequest, Reverts, ScaleRequest, StepName, SynchronousRequest, Undo, plan_autoscale,
    plan_failover, plan_rejoin, plan_scale, plan_synchronous,
};
use super::shape::{moved_to_replica_0, names, plan, runs_well, to};
use crate::cluster::fixture::{
    PRIMARY, cut_stream, facts, healthy, now, primary, recovery, replica, sender, stop,
};
use crate::cluster::{
    BaseBackup, ContainerState, GitOps, NotVisible, ObjectKind, Snapshot, SyncState,
    TerminationRecord, TopologySource, Unrequested, VolumeFacts, slot_name,
};
use crate::plan::Action;
use crate::plan::simulation::{Model, simulate};

fn replicas(number: u32) -> ScaleRequest {
    ScaleRequest {
        replicas: number,
        way: None,
        wait: true,
        delete_volumes: false,
        max_lag_bytes: 1 << 20,
        timeout_seconds: 600,
    }
}

fn by(way: AutoscalerPolicy, number: u32) -> ScaleRequest {
    ScaleRequest {
        way: Some(way),
        ..replicas(number)
    }
}

fn scaled(snapshot: &Snapshot, request: &ScaleRequest) -> Result<Plan, Refusal> {
    plan_scale(snapshot, request, &Circumstances::default(), now())
}

fn planned(result: Result<Plan, Refusal>) -> Plan {
    result.unwrap_or_else(|refusal| panic!("{refusal}"))
}

#[track_caller]
fn refuses(check: CheckName, result: Result<Plan, Refusal>) {
    let refusal = result.expect_err("it is to be refused");
    let found: Vec<CheckName> = refusal.reasons().map(|it| it.check).collect();
    assert!(found.contains(&check), "{check:?}: {refusal:#?}");
}

fn change(snapshot: &Snapshot, request: &AutoscaleRequest) -> Result<Plan, Refusal> {
    plan_autoscale(snapshot, request, &Circumstances::default(), now())
}

fn bounds(min: u32, max: u32) -> AutoscaleRequest {
    AutoscaleRequest::Set {
        min: Some(min),
        max: Some(max),
        cpu: None,
        memory: None,
    }
}

fn patch_of(plan: &Plan) -> &AutoscalerPatch {
    let step = plan.step(StepName::PatchAutoscaler).expect("a patch");
    match &step.action {
        Action::PatchAutoscaler { patch } => patch,
        other => panic!("{other:?}"),
    }
}

/// The cluster as it is after the patch of a plan.
fn patched(mut snapshot: Snapshot, plan: &Plan) -> Snapshot {
    let patch = patch_of(plan).clone();
    let autoscaler = snapshot.autoscaler.as_mut().expect("an autoscaler");
    (autoscaler.min, autoscaler.max) = (patch.bounds.min, patch.bounds.max);
    for (key, value) in patch.annotations() {
        match value {
            Some(value) => autoscaler.annotations.insert(key.to_owned(), value),
            None => autoscaler.annotations.remove(key),
        };
    }
    snapshot
}

fn without_autoscaler(standbys: u32) -> Snapshot {
    let mut snapshot = healthy(standbys);
    snapshot.autoscaler = None;
    snapshot
}

fn synchronous(count: u32, mut snapshot: Snapshot) -> Snapshot {
    snapshot.topology.synchronous = Some(count);
    let plan = planned(plan_synchronous(
        &snapshot,
        &SynchronousRequest { standbys: count },
        &Circumstances::default(),
        now(),
    ));
    let set = plan.step(StepName::SetSynchronous).expect("a setting");
    let Action::SetSynchronous { pod, names } = &set.action else {
        panic!("{set:?}");
    };
    let pod = pod.clone();
    facts(&mut snapshot, &pod)
        .settings
        .synchronous_standby_names = names.clone();
    snapshot
}

fn left_volume(snapshot: &mut Snapshot, ordinal: u32) {
    let mut volume: VolumeFacts = snapshot.volumes[1].clone();
    volume.pod = replica(ordinal);
    volume.claim = format!("data-{}", replica(ordinal));
    volume.in_use = false;
    snapshot.volumes.push(volume);
}

#[test]
fn up_waits_and_down_tidies() {
    let snapshot = without_autoscaler(2);
    let up = planned(scaled(&snapshot, &replicas(4)));
    assert_eq!(names(&up), [StepName::Scale, StepName::AwaitStandbys]);
    assert_eq!(up.point_of_no_return(), None);
    runs_well(&up, &snapshot);

    let snapshot = without_autoscaler(4);
    let down = planned(scaled(&snapshot, &replicas(2)));
    assert_eq!(
        names(&down),
        [
            StepName::Scale,
            StepName::AwaitGone,
            StepName::ForgetStandbys
        ]
    );
    runs_well(&down, &snapshot);
    let patient = ScaleRequest {
        wait: false,
        ..replicas(2)
    };
    assert_eq!(
        names(&planned(scaled(&snapshot, &patient))),
        [StepName::Scale]
    );
}

#[test]
fn slots_that_the_autoscaler_left_are_dropped_when_nothing_else_is_to_do() {
    let mut snapshot = without_autoscaler(3);
    // The pod went by the autoscaler, and its slot stayed.
    snapshot.instances.retain(|it| it.name() != replica(2));
    snapshot.stateful_sets[1].wanted = 2;
    let plan = planned(scaled(&snapshot, &replicas(2)));
    assert_eq!(
        names(&plan),
        [StepName::AwaitStandbys, StepName::ForgetStandbys]
    );
}

#[test]
fn volumes_are_deleted_only_when_asked_and_after_the_pods() {
    let mut snapshot = without_autoscaler(4);
    left_volume(&mut snapshot, 4);
    let request = ScaleRequest {
        delete_volumes: true,
        ..replicas(2)
    };
    let plan = planned(scaled(&snapshot, &request));
    assert_eq!(names(&plan).last(), Some(&StepName::DeleteVolumes));
    let Action::DeleteClaims { claims } = &plan.steps[plan.steps.len() - 1].action else {
        panic!("{plan:#?}");
    };
    assert_eq!(
        claims.len(),
        3,
        "replica-2, replica-3, and what was left of replica-4"
    );
    assert!(plan.point_of_no_return().is_some());
    runs_well(&plan, &snapshot);
}

#[test]
fn a_volume_whose_pod_has_come_back_is_kept() {
    let mut snapshot = without_autoscaler(2);
    left_volume(&mut snapshot, 2);
    let request = ScaleRequest {
        delete_volumes: true,
        ..replicas(2)
    };
    let plan = planned(scaled(&snapshot, &request));
    assert_eq!(
        names(&plan),
        [StepName::AwaitStandbys, StepName::DeleteVolumes]
    );
    let mut model = Model::of(&snapshot);
    let came_back = &mut |model: &mut Model| {
        let pod = model.pods.get_mut(&replica(2)).expect("its volume is left");
        pod.uid = Some("of-the-autoscaler".to_owned());
    };
    simulate(&plan, &mut model, came_back).expect("the volume is not deleted");
    assert!(model.pods.contains_key(&replica(2)));
}

#[test]
fn a_volume_of_before_may_be_thrown_away_and_that_is_confirmed() {
    let mut snapshot = without_autoscaler(2);
    left_volume(&mut snapshot, 2);
    let plan = planned(scaled(&snapshot, &replicas(3)));
    let wait = plan.step(StepName::AwaitStandbys).expect("a wait");
    assert!(matches!(wait.action, Action::MendVolumes { .. }));
    assert_eq!(wait.undo, Undo::PointOfNoReturn);
    assert!(plan.warnings().any(|it| it.check == CheckName::Volume));
    runs_well(&plan, &snapshot);
}

#[test]
fn an_autoscaler_asks_for_a_way() {
    let snapshot = healthy(3);
    let refusal = scaled(&snapshot, &replicas(4)).expect_err("no way is given");
    let next = refusal.reasons().next().and_then(|it| it.next.clone());
    let next = next.expect("the ways");
    for way in ["--pin", "--permanent", "--temporary"] {
        assert!(next.contains(way), "{next}");
    }
    let pin = planned(scaled(&snapshot, &by(AutoscalerPolicy::Pin, 4)));
    assert_eq!(patch_of(&pin).bounds, Bounds { min: 4, max: 4 });
    assert_eq!(patch_of(&pin).paused, Some(Bounds { min: 2, max: 5 }));
    assert_eq!(
        names(&pin)[0],
        StepName::PatchAutoscaler,
        "before it can undo it"
    );
    runs_well(&pin, &snapshot);
    let permanent = planned(scaled(&snapshot, &by(AutoscalerPolicy::Permanent, 6)));
    assert_eq!(patch_of(&permanent).bounds, Bounds { min: 6, max: 6 });
    let temporary = planned(scaled(&snapshot, &by(AutoscalerPolicy::Temporary, 4)));
    assert!(temporary.step(StepName::PatchAutoscaler).is_none());
    assert!(
        temporary
            .warnings()
            .any(|it| it.check == CheckName::Autoscaler)
    );
    for beyond in [1, 6] {
        refuses(
            CheckName::Autoscaler,
            scaled(&snapshot, &by(AutoscalerPolicy::Temporary, beyond)),
        );
    }
    refuses(
        CheckName::Autoscaler,
        scaled(&without_autoscaler(2), &by(AutoscalerPolicy::Pin, 3)),
    );
}

/// `synchronous_standby_names` of somebody who does not use `pgctl sync`.
#[test]
fn names_that_pgctl_has_not_set_count() {
    let set = |names: &str, confirm: &[u32]| {
        let mut snapshot = without_autoscaler(3);
        primary(&mut snapshot).settings.synchronous_standby_names = names.to_owned();
        for ordinal in confirm {
            sender(&mut snapshot, *ordinal).sync_state = SyncState::Quorum;
        }
        snapshot
    };
    let check = CheckName::Synchronous;
    refuses(check, scaled(&set("ANY 1 (\"x\")", &[2]), &replicas(2)));
    refuses(check, scaled(&set("ANY 2 (*)", &[0, 1, 2]), &replicas(1)));
    let plan = planned(scaled(&set("ANY 1 (*)", &[0, 1, 2]), &replicas(2)));
    assert!(plan.warnings().any(|it| it.check == check));
    let plan = planned(scaled(&set("ANY 1 (*)", &[0]), &replicas(2)));
    assert!(plan.warnings().all(|it| it.check != check));
    // An autoscaler that may go lower than before.
    let mut snapshot = healthy(3);
    primary(&mut snapshot).settings.synchronous_standby_names = "ANY 1 (*)".to_owned();
    sender(&mut snapshot, 1).sync_state = SyncState::Sync;
    refuses(check, change(&snapshot, &bounds(1, 5)));
}

#[test]
fn the_primary_is_never_scaled_away() {
    let mut snapshot = moved_to_replica_0();
    refuses(
        CheckName::PrimaryStays,
        scaled(&snapshot, &by(AutoscalerPolicy::Pin, 0)),
    );
    refuses(
        CheckName::Bounds,
        scaled(&snapshot, &by(AutoscalerPolicy::Pin, 0)),
    );
    snapshot.autoscaler = None;
    let plan = planned(scaled(&snapshot, &replicas(1)));
    assert!(plan.warnings().any(|it| it.check == CheckName::Followers));
    runs_well(&plan, &snapshot);

    // The pod that the topology names counts, also when it does not answer.
    let mut named = healthy(3);
    named.topology.primary = replica(2);
    refuses(
        CheckName::PrimaryStays,
        scaled(&named, &by(AutoscalerPolicy::Pin, 2)),
    );
    refuses(CheckName::PrimaryStays, change(&named, &bounds(2, 5)));
}

#[test]
fn what_kubernetes_would_not_take_is_not_sent() {
    let snapshot = healthy(3);
    for (min, max) in [(0, 5), (6, 5), (1, 0)] {
        refuses(CheckName::Bounds, change(&snapshot, &bounds(min, max)));
    }
    refuses(CheckName::Count, change(&snapshot, &bounds(2, 11)));
    // As many as the start scripts of both StatefulSets ask.
    let mut more = snapshot.clone();
    more.stateful_sets[0].highest_ordinal = 19;
    refuses(CheckName::Count, change(&more, &bounds(2, 11)));
    more.stateful_sets[1].highest_ordinal = 10;
    planned(change(&more, &bounds(2, 11)));
    refuses(CheckName::Count, change(&more, &bounds(2, 12)));
    refuses(
        CheckName::Autoscaler,
        change(&without_autoscaler(2), &bounds(2, 5)),
    );
    let cpu = |percent| AutoscaleRequest::Set {
        min: None,
        max: None,
        cpu: Some(percent),
        memory: None,
    };
    refuses(CheckName::Metrics, change(&snapshot, &cpu(0)));
    let mut bare = snapshot.clone();
    bare.stateful_sets[1].unrequested.push(Unrequested {
        container: "exporter".into(),
        resource: "cpu".into(),
    });
    refuses(CheckName::Metrics, change(&bare, &cpu(70)));
    let mut unseen = without_autoscaler(2);
    unseen.unseen.push(NotVisible {
        what: ObjectKind::Autoscalers,
        why: "the connection was reset".into(),
    });
    let refusal = change(&unseen, &bounds(2, 5)).expect_err("it can't be seen");
    assert!(refusal.to_string().contains("reset"), "{refusal}");
    // It can't be pinned; without a way it is said, and done.
    for way in [AutoscalerPolicy::Pin, AutoscalerPolicy::Permanent] {
        refuses(CheckName::Autoscaler, scaled(&unseen, &by(way, 3)));
    }
    let plan = planned(scaled(&unseen, &replicas(3)));
    assert!(plan.warnings().any(|it| it.check == CheckName::Autoscaler));
}

/// Every field that is changed counts, and no other.
#[test]
fn a_gitops_tool_that_reverts_a_field_is_told_of() {
    let circumstances = |field: &str| Circumstances {
        drift: vec![Drift {
            object: "HorizontalPodAutoscaler/staging-postgres-replica-hpa".into(),
            field: field.into(),
            tool: GitOps::Helm {
                release: "postgres".into(),
            },
            reverts: Reverts::Itself,
        }],
        ..Circumstances::default()
    };
    let snapshot = healthy(3);
    let told = |field: &str, request: &AutoscaleRequest| {
        let plan = planned(plan_autoscale(
            &snapshot,
            request,
            &circumstances(field),
            now(),
        ));
        plan.warnings().any(|it| it.check == CheckName::GitOps)
    };
    let cpu = AutoscaleRequest::Set {
        min: None,
        max: None,
        cpu: Some(50),
        memory: None,
    };
    assert!(told("spec.metrics", &cpu));
    assert!(!told("spec.metrics", &bounds(2, 6)));
    for field in ["spec.minReplicas", "spec.maxReplicas"] {
        assert!(told(field, &bounds(2, 6)), "{field}");
    }
    // A failover raises the minimum, and leaves the others alone.
    let request = to("replica-0");
    for field in ["spec.metrics", "spec.maxReplicas"] {
        assert!(plan_failover(&snapshot, &request, &circumstances(field), now()).is_ok());
    }
    let minimum = circumstances("spec.minReplicas");
    assert!(plan_failover(&snapshot, &request, &minimum, now()).is_err());
}

#[test]
fn the_patch_is_what_is_printed() {
    let request = AutoscaleRequest::Set {
        min: Some(3),
        max: None,
        cpu: Some(60),
        memory: None,
    };
    let plan = planned(change(&healthy(3), &request));
    let json = patch_of(&plan).to_json();
    assert_eq!(json["spec"]["minReplicas"], 3);
    assert_eq!(json["spec"]["maxReplicas"], 5);
    let metrics = &json["spec"]["metrics"];
    assert_eq!(metrics[0]["resource"]["target"]["averageUtilization"], 60);
    assert_eq!(metrics[1]["resource"]["target"]["averageUtilization"], 80);
    assert_eq!(
        json["metadata"]["annotations"],
        json!({PAUSED_BOUNDS: null, ORIGINAL_MINIMUM: null})
    );
}

#[test]
fn a_pause_and_a_failover_do_not_get_into_each_others_way() {
    // A failover to replica-2 has raised the minimum from 1 to 3.
    let mut snapshot = healthy(3);
    snapshot.topology.primary = replica(2);
    let autoscaler = snapshot.autoscaler.as_mut().expect("an autoscaler");
    autoscaler.min = 3;
    autoscaler
        .annotations
        .insert(ORIGINAL_MINIMUM.into(), "1".into());
    let paused = patched(
        snapshot.clone(),
        &planned(change(&snapshot, &AutoscaleRequest::Pause)),
    );
    let autoscaler = paused.autoscaler.as_ref().expect("an autoscaler");
    assert_eq!(Bounds::of(autoscaler), Bounds { min: 3, max: 3 });
    assert_eq!(Bounds::paused(autoscaler), Some(Bounds { min: 1, max: 5 }));
    assert!(!autoscaler.annotations.contains_key(ORIGINAL_MINIMUM));
    // The primary is still there: the minimum stays above it, and the failback puts it back.
    let resumed = planned(change(&paused, &AutoscaleRequest::Resume));
    assert_eq!(patch_of(&resumed).bounds, Bounds { min: 3, max: 5 });
    assert_eq!(patch_of(&resumed).original_minimum, Some(1));
    assert_eq!(patch_of(&resumed).paused, None);
    // It is home again meanwhile: nothing is raised.
    let mut home = paused.clone();
    home.topology.primary = PRIMARY.into();
    let resumed = planned(change(&home, &AutoscaleRequest::Resume));
    assert_eq!(patch_of(&resumed).bounds, Bounds { min: 1, max: 5 });
    assert_eq!(patch_of(&resumed).original_minimum, None);

    refuses(
        CheckName::Autoscaler,
        change(&paused, &AutoscaleRequest::Pause),
    );
    refuses(CheckName::Autoscaler, change(&paused, &bounds(1, 5)));
    refuses(
        CheckName::Autoscaler,
        change(&snapshot, &AutoscaleRequest::Resume),
    );
}

#[test]
fn room_on_the_primary_and_backups_on_those_that_go() {
    let mut snapshot = without_autoscaler(2);
    primary(&mut snapshot).settings.max_wal_senders = 5;
    refuses(CheckName::Walsenders, scaled(&snapshot, &replicas(4)));
    let mut snapshot = without_autoscaler(2);
    primary(&mut snapshot).settings.max_replication_slots = 3;
    refuses(CheckName::Slots, scaled(&snapshot, &replicas(4)));
    refuses(
        CheckName::Count,
        scaled(&without_autoscaler(2), &replicas(11)),
    );
    let mut snapshot = without_autoscaler(3);
    facts(&mut snapshot, &replica(2))
        .base_backups
        .push(BaseBackup {
            phase: "streaming database files".into(),
            streamed_bytes: 1,
            total_bytes: None,
            application_name: "pgctl".into(),
        });
    refuses(CheckName::BaseBackup, scaled(&snapshot, &replicas(2)));
    assert!(scaled(&snapshot, &replicas(3)).is_ok());
}

#[test]
fn without_a_primary_nothing_is_scaled() {
    let mut snapshot = without_autoscaler(3);
    let waiting = ContainerState::Waiting {
        reason: "CrashLoopBackOff".into(),
        message: String::new(),
    };
    stop(&mut snapshot, PRIMARY, waiting);
    refuses(CheckName::OnePrimary, scaled(&snapshot, &replicas(2)));
    let mut split = without_autoscaler(3);
    facts(&mut split, &replica(1)).recovery = None;
    refuses(CheckName::OnePrimary, scaled(&split, &replicas(4)));
}

#[test]
fn commits_wait_for_those_that_stay_before_others_go() {
    let snapshot = synchronous(1, without_autoscaler(4));
    let plan = planned(scaled(&snapshot, &replicas(2)));
    assert_eq!(names(&plan)[0], StepName::ShrinkSynchronous);
    runs_well(&plan, &snapshot);
    let up = planned(scaled(&snapshot, &replicas(5)));
    assert!(names(&up).ends_with(&[StepName::SetSynchronous]));
    runs_well(&up, &snapshot);
    refuses(CheckName::Synchronous, scaled(&snapshot, &replicas(0)));
    // What the autoscaler may take away is not on the list: nothing changes.
    let snapshot = synchronous(1, healthy(4));
    let plan = planned(scaled(&snapshot, &by(AutoscalerPolicy::Temporary, 3)));
    assert!(plan.step(StepName::ShrinkSynchronous).is_none());
    let less = AutoscaleRequest::Set {
        min: Some(1),
        max: None,
        cpu: None,
        memory: None,
    };
    assert_eq!(
        names(&planned(change(&snapshot, &less))),
        [StepName::ShrinkSynchronous, StepName::PatchAutoscaler]
    );
    refuses(
        CheckName::Synchronous,
        change(&synchronous(2, healthy(4)), &less),
    );
}

#[test]
fn synchronous_replication_that_would_block_at_once_is_refused() {
    let wanted_synchronous = |snapshot: &Snapshot, standbys| {
        plan_synchronous(
            snapshot,
            &SynchronousRequest { standbys },
            &Circumstances::default(),
            now(),
        )
    };
    let snapshot = healthy(3);
    refuses(CheckName::Synchronous, wanted_synchronous(&snapshot, 3));
    let one = planned(wanted_synchronous(&snapshot, 1));
    assert_eq!(
        names(&one),
        [StepName::RecordSynchronous, StepName::SetSynchronous]
    );
    runs_well(&one, &snapshot);
    assert!(one.warnings().next().is_none());
    let two = planned(wanted_synchronous(&snapshot, 2));
    assert!(two.warnings().any(|it| it.check == CheckName::Synchronous));
    let mut torn = healthy(3);
    cut_stream(&mut torn, 0);
    cut_stream(&mut torn, 1);
    refuses(CheckName::Streaming, wanted_synchronous(&torn, 1));
    let off = planned(wanted_synchronous(&torn, 0));
    runs_well(&off, &torn);
    let mut closed = healthy(3);
    primary(&mut closed).settings.allow_alter_system = false;
    refuses(CheckName::Files, wanted_synchronous(&closed, 1));
    let mut unaware = healthy(3);
    unaware.topology.source = TopologySource::Unaware;
    refuses(CheckName::StartScript, wanted_synchronous(&unaware, 1));
}

#[test]
fn a_failover_takes_the_wish_along() {
    let snapshot = synchronous(1, without_autoscaler(3));
    let plan = plan(&snapshot, &to("replica-0"));
    let set = plan.step(StepName::SetSynchronous).expect("a setting");
    let Action::SetSynchronous { pod, names } = &set.action else {
        panic!("{set:?}");
    };
    assert_eq!(pod, &replica(0));
    assert!(!names.contains(pod.as_str()), "{names}");
    assert!(!names.contains(PRIMARY), "it stays away: {names}");
    runs_well(&plan, &snapshot);
    // With nobody left to confirm it is refused, and not blocked.
    let mut alone = synchronous(1, without_autoscaler(1));
    alone.topology.synchronous = Some(1);
    let refusal = plan_failover(&alone, &to("replica-0"), &Circumstances::default(), now());
    refuses(CheckName::Synchronous, refusal);
    // Turned off, it is off on the next primary, too.
    let mut off = without_autoscaler(3);
    off.topology.synchronous = Some(0);
    facts(&mut off, &replica(0))
        .settings
        .synchronous_standby_names = "ANY 1 (x)".into();
    let plan = plan_failover(&off, &to("replica-0"), &Circumstances::default(), now());
    let plan = planned(plan);
    let set = plan.step(StepName::SetSynchronous).expect("a setting");
    assert!(matches!(&set.action, Action::SetSynchronous { names, .. } if names.is_empty()));
}

#[test]
fn in_an_emergency_a_silent_standby_may_be_the_one_that_has_confirmed() {
    let mut snapshot = synchronous(1, without_autoscaler(3));
    let record = TerminationRecord {
        exit_code: 137,
        reason: None,
        finished: None,
        decision: None,
    };
    stop(
        &mut snapshot,
        PRIMARY,
        ContainerState::Terminated(record.clone()),
    );
    let best = plan_failover(
        &snapshot,
        &FailoverRequest::default(),
        &Circumstances::default(),
        now(),
    );
    assert!(planned(best).step(StepName::SetSynchronous).is_some());
    recovery(&mut snapshot, 2).receiver = None;
    stop(
        &mut snapshot,
        &replica(1),
        ContainerState::Terminated(record),
    );
    let refusal = plan_failover(
        &snapshot,
        &to("replica-0"),
        &Circumstances::default(),
        now(),
    );
    refuses(CheckName::Synchronous, refusal);
    // Two confirmations survive the loss of one.
    snapshot.topology.synchronous = Some(2);
    let both = plan_failover(
        &snapshot,
        &to("replica-0"),
        &Circumstances::default(),
        now(),
    )
    .expect_err("one standby is left, and two are to confirm");
    let why = both
        .reasons()
        .find(|it| it.check == CheckName::Synchronous)
        .map(|it| it.reason.clone());
    assert!(why.is_some_and(|it| it.contains("would be blocked")));
    assert!(
        both.checks
            .iter()
            .any(|it| it.verdict == CheckVerdict::Pass)
    );
}

/// An autoscaler that takes pods away drops no slots: whatever is done next does.
#[test]
fn slots_of_pods_that_an_autoscaler_took_away_are_dropped_by_the_next_operation() {
    let mut snapshot = moved_to_replica_0();
    let there = facts(&mut snapshot, &replica(0)).slots[0].clone();
    for (ordinal, active) in [(3, false), (4, true)] {
        let mut slot = there.clone();
        slot.name = slot_name(&replica(ordinal));
        slot.active = active;
        facts(&mut snapshot, &replica(0)).slots.push(slot);
    }
    let circumstances = Circumstances::default();
    let rejoin = RejoinRequest {
        pod: "primary-0".to_owned(),
        accept_split_brain_risk: false,
        clone: false,
        timeout_seconds: 600,
    };
    let bounds = |min| AutoscaleRequest::Set {
        min: Some(min),
        max: None,
        cpu: None,
        memory: None,
    };
    let one = SynchronousRequest { standbys: 1 };
    for plan in [
        planned(plan_rejoin(&snapshot, &rejoin, &circumstances, now())),
        planned(plan_synchronous(&snapshot, &one, &circumstances, now())),
    ] {
        let tidy = plan.step(StepName::TidySlots).expect("it is planned");
        assert!(
            matches!(&tidy.action, Action::DropSlots { slots, .. } if *slots == [slot_name(&replica(3))]),
            "{:?}",
            tidy.action
        );
        runs_well(&plan, &snapshot);
    }
    // Those that come back with another minimum make their own.
    for (min, drops) in [(3, true), (4, false)] {
        let plan = planned(plan_autoscale(
            &snapshot,
            &bounds(min),
            &circumstances,
            now(),
        ));
        assert_eq!(plan.step(StepName::TidySlots).is_some(), drops, "{min}");
    }
}
