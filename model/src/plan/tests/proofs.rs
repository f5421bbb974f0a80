//! What counts as proof that nobody else can write: a pod that is replaced in the middle of a plan,
//! one that is taken away by force, and what earlier operations have left unproven.

use super::super::simulation::{Model, simulate};
use super::super::{
    Action, CheckName, CheckVerdict, Circumstances, Condition, FailoverRequest, Known, Plan,
    PodRef, Refusal, RejoinRequest, StepName, plan_failover, plan_rejoin,
};
use super::shape::{moved_to_replica_0, plan, runs_well, to};
use crate::cluster::fixture::{PRIMARY, facts, healthy, instance, now, replica, stop};
use crate::cluster::{
    ContainerState, Database, FindingCode, Limits, Snapshot, TerminationRecord, assess,
};

fn silent(snapshot: &mut Snapshot, pod: &str) {
    instance(snapshot, pod).database = Database::Unreachable {
        reason: "no answer".into(),
        alive: false,
    };
    instance(snapshot, pod).pod.ready = false;
    unheard(snapshot);
}

/// No standby has heard of it lately.
fn unheard(snapshot: &mut Snapshot) {
    for it in &mut snapshot.instances {
        if let Database::Reached(facts) = &mut it.database
            && let Some(recovery) = &mut facts.recovery
        {
            recovery.receiver = None;
        }
    }
}

/// A switchover from the primary to `replica-0` died after its fence, and its journal is gone. The
/// old primary may still write; the pod that the topology names can't run.
fn fenced_and_forgotten() -> Snapshot {
    let mut snapshot = healthy(3);
    snapshot.topology = moved_to_replica_0().topology;
    let uid = format!("uid-{PRIMARY}");
    snapshot.topology.unproven.insert(PRIMARY.into(), vec![uid]);
    silent(&mut snapshot, PRIMARY);
    let waiting = ContainerState::Waiting {
        reason: "Pending".into(),
        message: String::new(),
    };
    stop(&mut snapshot, &replica(0), waiting);
    snapshot
}

/// The same, and a pod of the old primary's name is a standby by now.
fn fenced_and_come_back() -> Snapshot {
    let mut snapshot = fenced_and_forgotten();
    let standby = healthy(3);
    let standby = standby.instance(&replica(2)).expect("a standby").clone();
    let came_back = instance(&mut snapshot, PRIMARY);
    came_back.database = standby.database;
    came_back.pod.ready = true;
    snapshot
}

fn refusal(snapshot: &Snapshot, request: &FailoverRequest) -> Refusal {
    plan_failover(snapshot, request, &Circumstances::default(), now())
        .expect_err("nothing proves it")
}

fn old_primary(refusal: &Refusal) -> (String, String) {
    let check = refusal
        .reasons()
        .find(|it| it.check == CheckName::OldPrimary)
        .unwrap_or_else(|| panic!("{refusal}"));
    (check.reason.clone(), check.next.clone().unwrap_or_default())
}

/// Somebody interferes at one of the moments of a plan, and everything that was late comes at another.
fn at(
    strike: usize,
    then: usize,
    what: fn(&mut Model, &str),
    pod: String,
) -> impl FnMut(&mut Model) {
    let mut moment = 0;
    move |model: &mut Model| {
        if moment == strike {
            what(model, &pod);
        }
        if moment == then {
            model.wake();
        }
        moment += 1;
    }
}

/// At every moment, with everything that is late coming at every later one: the plan may fail, but
/// nobody writes beside another, and nobody who writes is forgotten.
fn survives_anything(plan: &Plan, snapshot: &Snapshot, pod: &str) {
    let whats: [fn(&mut Model, &str); 4] = [
        |model, pod| model.replace(pod),
        |model, pod| model.replace_slowly(pod),
        |model, pod| {
            model.replace(pod);
            model.linger(pod);
        },
        |model, pod| model.vanish(pod),
    ];
    let moments = plan.steps.len() * 3;
    for (number, what) in whats.into_iter().enumerate() {
        for strike in 0..moments {
            for then in strike + 1..moments {
                let mut model = Model::of(snapshot);
                let mut adversary = at(strike, then, what, pod.to_owned());
                let broken = simulate(plan, &mut model, &mut adversary).err();
                for what in broken.into_iter().flatten() {
                    assert!(
                        !what.contains("accept writes") && !what.contains("forgotten"),
                        "{number} at {strike}, then {then}: {what}\n{:#?}",
                        plan.steps
                    );
                }
            }
        }
    }
}

#[test]
fn a_primary_that_is_replaced_at_any_moment_of_a_switchover_makes_no_second_one() {
    let snapshot = healthy(3);
    survives_anything(&plan(&snapshot, &to("replica-0")), &snapshot, PRIMARY);
    let moved = moved_to_replica_0();
    survives_anything(&plan(&moved, &to("replica-1")), &moved, &replica(0));
}

#[test]
fn a_primary_that_is_replaced_at_any_moment_of_an_emergency_makes_no_second_one() {
    let mut snapshot = healthy(3);
    silent(&mut snapshot, PRIMARY);
    survives_anything(&plan(&snapshot, &to("replica-0")), &snapshot, PRIMARY);
    let mut moved = moved_to_replica_0();
    silent(&mut moved, &replica(0));
    survives_anything(&plan(&moved, &to("replica-1")), &moved, &replica(0));
    let forgotten = fenced_and_forgotten();
    let plan = plan(&forgotten, &to("replica-1"));
    survives_anything(&plan, &forgotten, PRIMARY);
    survives_anything(&plan, &forgotten, &replica(0));
}

#[test]
fn whoever_existed_when_the_fence_was_written_is_to_be_proven() {
    let planned = PodRef {
        name: PRIMARY.into(),
        uid: "first".into(),
    };
    let mut known = Known::default();
    let names = |known: &Known| -> Vec<String> {
        let pods = known.to_be_proven(PRIMARY, Some(&planned));
        pods.into_iter().map(|it| it.uid).collect()
    };
    assert_eq!(names(&known), ["first"]);
    let second = PodRef {
        name: PRIMARY.into(),
        uid: "second".into(),
    };
    let pods = vec![second];
    known.learn(&super::super::OperationFinding::Fenced { pods });
    assert_eq!(names(&known), ["first", "second"]);
}

#[test]
fn an_emergency_stops_whoever_an_earlier_operation_has_left_unproven() {
    let snapshot = fenced_and_forgotten();
    let plan = plan(&snapshot, &to("replica-1"));
    let stop = plan
        .step(StepName::StopUnproven)
        .expect("its end is needed");
    let Condition::AllStopped { pods } = &stop.proves else {
        panic!("{stop:?}");
    };
    assert_eq!(pods[0].name, PRIMARY);
    assert!(
        plan.step(StepName::Promote)
            .is_some_and(|step| step.requires.contains(&stop.proves)),
        "{plan:#?}"
    );
    let Some(Action::WriteTopology { unproven, .. }) =
        plan.step(StepName::Fence).map(|step| &step.action)
    else {
        panic!("{plan:#?}");
    };
    assert!(unproven.contains(&PRIMARY.to_owned()), "{unproven:?}");
    runs_well(&plan, &snapshot);
}

#[test]
fn one_that_can_not_be_proven_stopped_is_a_refusal_until_somebody_vouches_for_it() {
    let mut lost = fenced_and_forgotten();
    instance(&mut lost, PRIMARY).pod.node_ready = Some(false);
    let (reason, next) = old_primary(&refusal(&lost, &to("replica-1")));
    assert!(reason.contains("not ready"), "{reason}");
    // Without its object it would be no more proven.
    assert!(next.contains("--accept-split-brain-risk"), "{next}");
    assert!(!next.contains("--force"), "{next}");

    // Its object was taken away since: nobody knows how it ended.
    let mut gone = fenced_and_forgotten();
    gone.instances.retain(|it| it.name() != PRIMARY);
    let (reason, next) = old_primary(&refusal(&gone, &to("replica-1")));
    assert!(
        reason.contains("without anybody having seen it end"),
        "{reason}"
    );
    assert!(next.contains("--accept-split-brain-risk"), "{next}");
    let accepted = FailoverRequest {
        accept_split_brain_risk: true,
        ..to("replica-1")
    };
    let plan = plan(&gone, &accepted);
    assert!(plan.accepts_split_brain());
    // What is not proven stays to be proven.
    assert!(!settles(&plan), "{plan:#?}");
}

/// It has another UID than the one whose end was to be proven, and does not serve.
#[test]
fn a_successor_is_no_proof() {
    let mut snapshot = fenced_and_forgotten();
    instance(&mut snapshot, PRIMARY).pod.uid = "another".into();
    let (reason, _) = old_primary(&refusal(&snapshot, &to("replica-1")));
    assert!(reason.contains("its object has gone"), "{reason}");
}

#[test]
fn one_that_answers_as_a_standby_owes_nothing() {
    let snapshot = fenced_and_come_back();
    let plan = plan(&snapshot, &to("replica-1"));
    assert!(plan.step(StepName::StopUnproven).is_none());
    assert!(settles(&plan), "{plan:#?}");
}

/// The successor streams, and what was to be stopped was the pod before it: on a node that is cut off, that one may still write.
#[test]
fn a_standby_does_not_pay_for_the_pod_before_it() {
    let mut snapshot = fenced_and_come_back();
    instance(&mut snapshot, PRIMARY).pod.uid = "another".into();
    for candidate in ["replica-1", "primary-0"] {
        let (reason, next) = old_primary(&refusal(&snapshot, &to(candidate)));
        assert!(
            reason.contains("the standby of its name is another pod"),
            "{reason}"
        );
        assert!(next.contains("--accept-split-brain-risk"), "{next}");
        let accepted = FailoverRequest {
            accept_split_brain_risk: true,
            ..to(candidate)
        };
        let plan = plan(&snapshot, &accepted);
        assert!(!settles(&plan), "{plan:#?}");
    }
    let found = assess(&snapshot, &Limits::default());
    let mut found = found.findings.iter();
    let found = found.find(|it| it.code == FindingCode::StopUnproven);
    let next = found.and_then(|it| it.next.first());
    let vouch = next.is_some_and(|it| it.contains("--accept-split-brain-risk"));
    assert!(vouch, "{found:?}");
}

/// Whether the plan takes out that the end of the former primary is to be proven.
fn settles(plan: &Plan) -> bool {
    let settled = plan.step(StepName::SettleProofs).map(|step| &step.action);
    matches!(settled, Some(Action::SettleProofs { pods, .. }) if pods.contains(&PRIMARY.to_owned()))
}

#[test]
fn a_rejoin_pays_for_the_pod_before_it_when_somebody_vouches_for_that_one() {
    let mut snapshot = moved_to_replica_0();
    let before = ("a-pod-of-before".to_owned(), PRIMARY.to_owned());
    snapshot.topology.unproven.insert(before.1, vec![before.0]);
    let rejoin = |accept_split_brain_risk| RejoinRequest {
        pod: PRIMARY.into(),
        clone: false,
        accept_split_brain_risk,
        timeout_seconds: 600,
    };
    let planned = |snapshot: &Snapshot, vouched| {
        plan_rejoin(snapshot, &rejoin(vouched), &Circumstances::default(), now())
            .unwrap_or_else(|refusal| panic!("{refusal}"))
    };
    assert!(!settles(&planned(&snapshot, false)));
    assert!(settles(&planned(&snapshot, true)));
    // Also when it streams by now: nothing else is done then.
    let standby = healthy(3).instance(&replica(2)).expect("a standby").clone();
    let mut follows = standby.clone();
    follows.pod.name = PRIMARY.into();
    snapshot.instances.retain(|it| it.name() != PRIMARY);
    snapshot.instances.push(follows);
    let Database::Reached(primary) = &mut instance(&mut snapshot, &replica(0)).database else {
        panic!("it is the primary");
    };
    let mut sender = primary.senders[0].clone();
    sender.application_name = PRIMARY.into();
    primary.senders.push(sender);
    let plan = planned(&snapshot, true);
    assert!(settles(&plan) && plan.steps.len() == 1, "{plan:#?}");
    let refused = plan_rejoin(&snapshot, &rejoin(false), &Circumstances::default(), now());
    assert!(refused.is_err(), "it streams already");
    // With nothing to vouch for it is as without.
    snapshot.topology.unproven.clear();
    let refused = plan_rejoin(&snapshot, &rejoin(true), &Circumstances::default(), now());
    assert!(refused.is_err(), "nothing is left to do");
}

#[test]
fn a_primary_that_was_only_just_created_says_nothing_about_the_one_before_it() {
    let mut snapshot = healthy(3);
    let creating = ContainerState::Waiting {
        reason: "ContainerCreating".into(),
        message: String::new(),
    };
    stop(&mut snapshot, PRIMARY, creating);
    unheard(&mut snapshot);
    let plan = plan(&snapshot, &to("replica-1"));
    let mut checks = plan.checks.iter();
    let check = checks.find(|it| it.check == CheckName::OldPrimary);
    let check = check.expect("it is checked");
    assert_eq!(check.verdict, CheckVerdict::Warn, "{}", check.reason);
    assert!(check.reason.contains("machine is off"), "{}", check.reason);
}

#[test]
fn a_primary_without_a_pod_is_told_and_not_refused() {
    let mut snapshot = moved_to_replica_0();
    snapshot.topology.primary = PRIMARY.into();
    let standby = healthy(3);
    let standby = standby.instance(&replica(0)).expect("a standby").clone();
    *instance(&mut snapshot, &replica(0)) = standby;
    for ordinal in 0..3 {
        facts(&mut snapshot, &replica(ordinal)).timeline = crate::cluster::Timeline(1);
    }
    unheard(&mut snapshot);
    let plan = plan(&snapshot, &to("replica-1"));
    let check = plan
        .checks
        .iter()
        .find(|it| it.check == CheckName::OldPrimary);
    let check = check.expect("it is checked");
    assert_eq!(check.verdict, CheckVerdict::Warn);
    assert!(check.reason.contains("machine is off"), "{}", check.reason);
}

#[test]
fn what_an_operation_has_kept_of_a_pod_that_ended_is_let_go_by_the_next() {
    let mut snapshot = moved_to_replica_0();
    let mut left = healthy(3).instance(PRIMARY).expect("a primary").clone();
    left.pod.deleting_since = Some(now());
    left.pod.terminal = true;
    left.pod.held = true;
    left.pod.ready = false;
    left.database = Database::NotRunning;
    left.pod.container = ContainerState::Terminated(TerminationRecord {
        exit_code: 0,
        reason: None,
        finished: None,
        decision: None,
    });
    snapshot.instances.push(left);
    let plan = plan(&snapshot, &to("replica-1"));
    let released = plan.step(StepName::ReleaseOthers).map(|step| &step.action);
    assert!(
        matches!(released, Some(Action::ReleaseRecords { pods }) if pods[0].name == PRIMARY),
        "{released:?}"
    );
    runs_well(&plan, &snapshot);
}
