//! The promises of a rollout: standbys first, one at a time, and nothing else at risk.

use super::{plan_restart, plan_rollout};
use crate::cluster::fixture::{
    self, PRIMARY, change_templates, cut_stream, healthy, instance, now, replica, set, stop,
};
use crate::cluster::{Component, ContainerState, PodEncryption, Snapshot, SyncState};
use crate::plan::language::{
    CheckName, Circumstances, FailoverRequest, PodRef, Refusal, Restarts, Rollout, RolloutPart,
    RolloutRequest, StepName, Unfinished,
};
use crate::plan::simulation::{Model, simulate};
use crate::plan::{Plan, plan_failover};

fn wanted() -> RolloutRequest {
    RolloutRequest {
        pod: None,
        node: None,
        restarts: Restarts::Older,
        back: false,
        max_lag_bytes: 1 << 24,
        timeout_seconds: 900,
    }
}

fn all() -> RolloutRequest {
    RolloutRequest {
        restarts: Restarts::All,
        ..wanted()
    }
}

fn only(pod: &str) -> RolloutRequest {
    RolloutRequest {
        pod: Some(pod.to_owned()),
        ..wanted()
    }
}

fn rollout(snapshot: &Snapshot, request: &RolloutRequest) -> Result<Rollout, Refusal> {
    let heirs = [replica(0), replica(1)];
    let heirs: Vec<&str> = heirs.iter().map(String::as_str).collect();
    plan_rollout(snapshot, request, &heirs, &Circumstances::default(), now())
}

/// A primary and some standbys, all made from an older template.
fn outdated(standbys: u32) -> Snapshot {
    let mut snapshot = healthy(standbys);
    change_templates(&mut snapshot);
    snapshot
}

#[test]
fn certificates_come_before_pods_that_verify_and_go_after_them() {
    use PodEncryption::{Demanded, None as Nothing, Offered};
    let judged = |made: PodEncryption, there: PodEncryption| {
        let mut snapshot = outdated(2);
        for set in &mut snapshot.stateful_sets {
            set.encryption = made;
        }
        for instance in &mut snapshot.instances {
            instance.pod.encryption = there;
        }
        rollout(&snapshot, &wanted())
    };
    for (made, there) in [(Offered, Nothing), (Demanded, Offered), (Nothing, Offered)] {
        assert!(judged(made, there).is_ok(), "{made:?} after {there:?}");
    }
    let why = refused(judged(Demanded, Nothing), CheckName::Revision);
    assert!(why.contains("has no certificate yet"), "{why}");
    let why = refused(judged(Nothing, Demanded), CheckName::Revision);
    assert!(why.contains("verifies the others"), "{why}");
    // What mends a cluster in which both are there is not refused.
    let mut both = outdated(2);
    for set in &mut both.stateful_sets {
        set.encryption = Offered;
    }
    both.instances[1].pod.encryption = Demanded;
    assert!(rollout(&both, &wanted()).is_ok());
}

fn words(rollout: &Rollout) -> Vec<String> {
    rollout.parts.iter().map(ToString::to_string).collect()
}

fn pods(rollout: &Rollout) -> Vec<&str> {
    rollout.parts.iter().map(RolloutPart::pod).collect()
}

fn restart(snapshot: &Snapshot, pod: &str) -> Result<Plan, Refusal> {
    let pod = PodRef::of(snapshot.instance(pod).expect("it is there"));
    plan_restart(snapshot, &pod, &wanted(), &Circumstances::default(), now())
}

/// The check that stands in the way, and what it says.
#[track_caller]
fn refused<T>(result: Result<T, Refusal>, check: CheckName) -> String {
    let Err(refusal) = result else {
        panic!("it is planned");
    };
    let found = refusal.reasons().find(|it| it.check == check);
    let found = found.unwrap_or_else(|| panic!("{refusal}"));
    assert!(found.next.is_some(), "{found:?}");
    found.reason.clone()
}

/// The pod is another one now, made from the present template.
fn made_anew(snapshot: &mut Snapshot, pod: &str) {
    let component = snapshot.instance(pod).expect("it is there").pod.component;
    let set = snapshot.stateful_set(component).expect("it is there");
    let (revision, image) = (set.revision.clone(), set.image.clone());
    let pod = &mut instance(snapshot, pod).pod;
    pod.uid += "-new";
    (pod.revision, pod.image) = (revision, image);
}

#[test]
fn where_every_pod_is_as_its_template_says_there_is_nothing_to_do() {
    let found = rollout(&healthy(2), &wanted()).expect("nothing stands in the way");
    assert_eq!(words(&found), Vec::<String>::new());
    assert!(!found.changes_primary());
}

#[test]
fn the_standbys_come_first_and_the_primary_last() {
    let found = rollout(&outdated(3), &wanted()).expect("a rollout");
    assert_eq!(
        words(&found),
        [
            "restart staging-postgres-replica-0 with postgres:17.6 instead of postgres:17",
            "restart staging-postgres-replica-1 with postgres:17.6 instead of postgres:17",
            "restart staging-postgres-replica-2 with postgres:17.6 instead of postgres:17",
            "switchover from staging-postgres-primary-0 to staging-postgres-replica-0; staging-postgres-primary-0 comes back as a standby, in a new pod",
        ]
    );
    let back = RolloutRequest {
        back: true,
        ..wanted()
    };
    let found = rollout(&outdated(2), &back).expect("a rollout");
    assert_eq!(
        words(&found).last().map(String::as_str),
        Some("switchover back from staging-postgres-replica-0 to staging-postgres-primary-0")
    );
}

#[test]
fn the_one_that_becomes_primary_is_the_first_of_those_that_serve() {
    let snapshot = outdated(3);
    let heir = replica(2);
    let found = plan_rollout(
        &snapshot,
        &wanted(),
        &[&heir],
        &Circumstances::default(),
        now(),
    )
    .expect("a rollout");
    assert_eq!(
        pods(&found),
        [replica(2), replica(0), replica(1), PRIMARY.into()]
    );
    // One that serves nobody shows first what the new template is worth.
    let mut snapshot = snapshot;
    cut_stream(&mut snapshot, 1);
    let found = plan_rollout(
        &snapshot,
        &wanted(),
        &[&heir],
        &Circumstances::default(),
        now(),
    )
    .expect("a rollout");
    assert_eq!(
        pods(&found),
        [replica(1), replica(2), replica(0), PRIMARY.into()]
    );
}

#[test]
fn what_was_restarted_is_not_restarted_again_whatever_the_clocks_say() {
    let mut snapshot = healthy(2);
    let first = rollout(&snapshot, &all()).expect("a rollout");
    assert_eq!(pods(&first), [replica(0), replica(1), PRIMARY.into()]);
    made_anew(&mut snapshot, &replica(0));
    // Its creation lies before everything, by a clock that is wrong.
    instance(&mut snapshot, &replica(0)).pod.created = None;
    let rest = rollout(&snapshot, &first.request).expect("a rollout");
    assert_eq!(pods(&rest), [replica(1), PRIMARY.into()]);
    // The autoscaler adds one in the middle: it is new.
    let mut more = healthy(3);
    for pod in [replica(0), replica(1)] {
        made_anew(&mut more, &pod);
    }
    let rest = rollout(&more, &first.request).expect("a rollout");
    assert_eq!(pods(&rest), [PRIMARY]);
}

#[test]
fn one_pod_alone_is_restarted_and_the_primary_alone_only_for_an_heir_that_is_up_to_date() {
    let mut snapshot = outdated(2);
    let found = rollout(&snapshot, &only("replica-1")).expect("a rollout");
    assert_eq!(pods(&found), [replica(1)]);
    let why = refused(rollout(&snapshot, &only("primary-0")), CheckName::Target);
    assert!(why.contains("runs an older revision itself"), "{why}");
    made_anew(&mut snapshot, &replica(0));
    let found = rollout(&snapshot, &only("primary-0")).expect("a rollout");
    assert_eq!(pods(&found), [PRIMARY]);
    let why = refused(rollout(&snapshot, &only("replica-9")), CheckName::Target);
    assert!(why.contains("replica-9"), "{why}");
}

#[test]
fn without_anybody_who_could_take_over_the_primary_is_not_restarted() {
    let snapshot = outdated(0);
    let nobody = plan_rollout(&snapshot, &wanted(), &[], &Circumstances::default(), now());
    let why = refused(nobody, CheckName::Target);
    assert!(why.contains("no standby could become primary"), "{why}");
}

#[test]
fn what_the_pods_would_be_made_from_has_to_be_known_and_left_to_us() {
    let mut snapshot = outdated(2);
    set(&mut snapshot, Component::Replica).revision = None;
    let why = refused(rollout(&snapshot, &wanted()), CheckName::Revision);
    assert!(why.contains("has not seen the last change"), "{why}");
    let mut snapshot = outdated(2);
    set(&mut snapshot, Component::Replica).on_delete = false;
    let why = refused(rollout(&snapshot, &wanted()), CheckName::Revision);
    assert!(why.contains("by itself"), "{why}");
}

#[test]
fn what_was_made_from_the_present_template_and_can_not_start_keeps_the_others_as_they_are() {
    let mut snapshot = outdated(3);
    made_anew(&mut snapshot, &replica(0));
    let pull = ContainerState::Waiting {
        reason: "ImagePullBackOff".into(),
        message: "no such image".into(),
    };
    stop(&mut snapshot, &replica(0), pull);
    let why = refused(rollout(&snapshot, &wanted()), CheckName::Revision);
    assert!(why.contains("ImagePullBackOff (no such image)"), "{why}");
    // The template is put right: what was made of the wrong one goes first.
    set(&mut snapshot, Component::Replica).revision = Some("right".into());
    let found = rollout(&snapshot, &wanted()).expect("a rollout");
    assert_eq!(pods(&found)[0], replica(0));
    // One that copies its data only takes its time.
    let mut snapshot = outdated(3);
    made_anew(&mut snapshot, &replica(2));
    stop(
        &mut snapshot,
        &replica(2),
        ContainerState::Running { since: None },
    );
    assert_eq!(
        pods(&rollout(&snapshot, &wanted()).expect("a rollout")),
        [replica(0), replica(1), PRIMARY.into()]
    );
}

#[test]
fn somebody_is_left_to_fail_over_to() {
    let mut snapshot = outdated(2);
    cut_stream(&mut snapshot, 1);
    let why = refused(restart(&snapshot, &replica(0)), CheckName::Followers);
    assert!(why.contains("only standby that streams"), "{why}");
    // Nobody counts on the other.
    restart(&snapshot, &replica(1)).expect("a plan");
    // Where there is only one, that is how the cluster is.
    let plan = restart(&outdated(1), &replica(0)).expect("a plan");
    assert!(plan.warnings().any(|it| it.check == CheckName::Followers));
}

#[test]
fn commits_do_not_wait_for_a_standby_that_restarts() {
    let mut snapshot = outdated(2);
    let names = |count: u32| format!(r#"ANY {count} ("{}", "{}")"#, replica(0), replica(1));
    let confirm = |snapshot: &mut Snapshot, count: u32| {
        fixture::primary(snapshot)
            .settings
            .synchronous_standby_names = names(count);
        for ordinal in 0..2 {
            fixture::sender(snapshot, ordinal).sync_state = SyncState::Quorum;
        }
    };
    confirm(&mut snapshot, 1);
    restart(&snapshot, &replica(0)).expect("the other confirms them");
    confirm(&mut snapshot, 2);
    let why = refused(restart(&snapshot, &replica(0)), CheckName::Synchronous);
    assert!(why.contains("every write would be blocked"), "{why}");
    // The other is away.
    confirm(&mut snapshot, 1);
    fixture::sender(&mut snapshot, 1).sync_state = SyncState::Async;
    refused(restart(&snapshot, &replica(0)), CheckName::Synchronous);
}

#[test]
fn a_restart_is_one_of_a_standby_whose_data_stays() {
    refused(restart(&outdated(2), PRIMARY), CheckName::Recovery);
    let mut snapshot = outdated(2);
    let mut volumes = snapshot.volumes.iter_mut();
    let volume = volumes
        .find(|it| it.pod == replica(0))
        .expect("it is there");
    volume.deleting_since = Some(now());
    refused(restart(&snapshot, &replica(0)), CheckName::Volume);
    // Nothing is the reason to restart it.
    refused(restart(&healthy(2), &replica(0)), CheckName::Revision);
    // Somebody has replaced it since it was looked at.
    let snapshot = outdated(2);
    let pod = PodRef {
        name: replica(0),
        uid: "another".into(),
    };
    let late = plan_restart(&snapshot, &pod, &wanted(), &Circumstances::default(), now());
    refused(late, CheckName::Target);
}

#[test]
fn nothing_is_begun_beside_an_operation_that_has_not_ended() {
    let circumstances = Circumstances {
        unfinished: Some(Unfinished {
            into: None,
            id: crate::plan::OperationId("scale-1".into()),
            title: "scaling".into(),
            past_point_of_no_return: false,
            to: None,
            from: None,
            restore: false,
            rejoins: None,
            resume: None,
        }),
        ..Circumstances::default()
    };
    let found = plan_rollout(&outdated(2), &wanted(), &[], &circumstances, now());
    refused(found, CheckName::Unfinished);
}

#[test]
fn only_what_was_shown_is_a_part_of_it() {
    let snapshot = outdated(2);
    let whole = rollout(&snapshot, &wanted()).expect("a rollout");
    let part = restart(&snapshot, &replica(1)).expect("a plan");
    assert!(whole.includes(&part));
    let to = |pod: &str| FailoverRequest {
        to: Some(pod.to_owned()),
        rejoin: true,
        ..FailoverRequest::default()
    };
    let switchover = |pod: &str| {
        plan_failover(&snapshot, &to(pod), &Circumstances::default(), now()).expect("a plan")
    };
    assert!(whole.includes(&switchover("replica-0")));
    assert!(!whole.includes(&switchover("replica-1")));
    // The template was changed once more since.
    let mut changed = snapshot.clone();
    set(&mut changed, Component::Replica).revision = Some("another".into());
    assert!(!whole.includes(&restart(&changed, &replica(1)).expect("a plan")));
    let standby = rollout(&snapshot, &only("replica-1")).expect("a rollout");
    assert!(!standby.includes(&switchover("replica-0")));
}

/// UIDs of all pods but this one.
fn others(model: &Model, pod: &str) -> Vec<Option<String>> {
    let others = model.pods.iter().filter(|(name, _)| *name != pod);
    others.map(|(_, it)| it.uid.clone()).collect()
}

#[test]
fn a_restart_touches_nobody_else() {
    let snapshot = outdated(3);
    for pod in [replica(0), replica(2)] {
        let plan = restart(&snapshot, &pod).expect("a plan");
        assert_eq!(
            plan.steps.iter().map(|it| it.name).collect::<Vec<_>>(),
            [StepName::RestartPod, StepName::AwaitRestarted]
        );
        let mut model = Model::of(&snapshot);
        let before = (others(&model, &pod), model.pods[&pod].uid.clone());
        simulate(&plan, &mut model, &mut |model: &mut Model| {
            model.clients_write()
        })
        .unwrap_or_else(|broken| panic!("{broken:?}"));
        assert_eq!(others(&model, &pod), before.0);
        assert_ne!(model.pods[&pod].uid, before.1);
        let revision = model.pods[&pod].revision.as_deref();
        assert_eq!(revision, Some("staging-postgres-replica-7d4f"));
        assert_eq!(model.writable(), [PRIMARY]);
    }
}

#[test]
fn a_template_that_does_not_start_costs_one_standby() {
    let snapshot = outdated(3);
    let plan = restart(&snapshot, &replica(0)).expect("a plan");
    let mut model = Model::of(&snapshot);
    model.broken_revision = Some("staging-postgres-replica-7d4f".into());
    let before = others(&model, &replica(0));
    simulate(&plan, &mut model, &mut |_: &mut Model| ()).expect("told, and no more");
    assert_eq!(others(&model, &replica(0)), before);
    assert_eq!(model.writable(), [PRIMARY]);
    let known = crate::plan::Known::default();
    let back = &plan.steps[1].proves;
    assert!(
        !model.holds(&plan, back, &known),
        "nobody takes it for back"
    );
}

#[test]
fn whatever_happens_meanwhile_nobody_writes_beside_another() {
    let snapshot = outdated(3);
    let plan = restart(&snapshot, &replica(1)).expect("a plan");
    let whats: [fn(&mut Model); 5] = [
        |model| model.replace(&replica(1)),
        |model| model.replace(PRIMARY),
        |model| model.crash(PRIMARY),
        |model| model.vanish(&replica(1)),
        |model| model.scale_down(),
    ];
    for (number, what) in whats.into_iter().enumerate() {
        for moment in 0..plan.steps.len() * 3 {
            let mut model = Model::of(&snapshot);
            let mut at = 0;
            let broken = simulate(&plan, &mut model, &mut |model: &mut Model| {
                if at == moment {
                    what(model);
                }
                at += 1;
            })
            .err();
            for broken in broken.into_iter().flatten() {
                assert!(
                    !broken.contains("accept writes"),
                    "{number} at {moment}: {broken}"
                );
            }
        }
    }
}

#[test]
fn a_standby_that_the_autoscaler_takes_away_meanwhile_is_not_waited_for() {
    let snapshot = outdated(3);
    let plan = restart(&snapshot, &replica(2)).expect("a plan");
    let mut model = Model::of(&snapshot);
    let mut at = 0;
    simulate(&plan, &mut model, &mut |model: &mut Model| {
        if at == 2 {
            model.scale_down();
        }
        at += 1;
    })
    .unwrap_or_else(|broken| panic!("{broken:?}"));
    let known = crate::plan::Known::default();
    assert!(model.holds(&plan, &plan.steps[1].proves, &known));
}
