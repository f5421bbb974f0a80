//! A failover whose new primary is lost after the point of no return, and the one that replaces it.

use super::super::simulation::{Model, simulate};
use super::super::{
    CheckName, CheckVerdict, Circumstances, Condition, FailoverRequest, Operation, OperationId,
    ReinitRequest, StepName, Unfinished, plan_failover, plan_reinit,
};
use super::shape::{moved_to_replica_0, to};
use crate::cluster::fixture::{PRIMARY, healthy, instance, now, recovery, replica, stop};
use crate::cluster::{ContainerState, Database, Snapshot};

fn unfinished(past: bool) -> Circumstances {
    Circumstances {
        unfinished: Some(Unfinished {
            into: None,
            id: OperationId("failover-1".into()),
            title: "switchover from primary-0 to replica-0".into(),
            past_point_of_no_return: past,
            to: Some(replica(0)),
            from: Some(PRIMARY.to_owned()),
            restore: false,
            rejoins: None,
            resume: None,
        }),
        ..Circumstances::default()
    }
}

/// `replica-0` has taken over and can't run any more.
fn lost() -> Snapshot {
    let mut snapshot = moved_to_replica_0();
    let waiting = ContainerState::Waiting {
        reason: "Pending".into(),
        message: "0/3 nodes are available".into(),
    };
    stop(&mut snapshot, &replica(0), waiting);
    snapshot
}

fn refused(snapshot: &Snapshot, circumstances: &Circumstances) {
    let refusal = plan_failover(snapshot, &FailoverRequest::default(), circumstances, now())
        .expect_err("it must be finished first");
    assert!(
        refusal
            .reasons()
            .any(|it| it.check == CheckName::Unfinished)
    );
}

#[test]
fn a_failover_that_has_lost_its_new_primary_is_replaced() {
    let snapshot = lost();
    let plan = plan_failover(&snapshot, &to("replica-1"), &unfinished(true), now())
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    let Operation::Failover { replaces, from, .. } = &plan.operation else {
        panic!("{:?}", plan.operation);
    };
    assert_eq!(replaces, &Some(OperationId("failover-1".into())));
    assert_eq!(*from, replica(0), "that is the one to be proven stopped");
    let told = plan
        .checks
        .iter()
        .find(|it| it.check == CheckName::Unfinished);
    assert_eq!(told.map(|it| it.verdict), Some(CheckVerdict::Warn));
    assert_eq!(
        simulate(&plan, &mut Model::of(&snapshot), &mut |_: &mut Model| {}),
        Ok(())
    );
}

#[test]
fn one_that_can_still_be_finished_or_put_back_is_not_replaced() {
    // Its new primary answers: --resume finishes it.
    refused(&moved_to_replica_0(), &unfinished(true));
    // Nobody is primary, and both pods are there: the old one, that is to be stopped, and the candidate.
    let mut between = crate::cluster::fixture::healthy(3);
    instance(&mut between, PRIMARY).database = Database::Unreachable {
        reason: "no answer".into(),
        alive: false,
    };
    refused(&between, &unfinished(false));
}

/// Nobody can stop the old primary, or promote the candidate: then each `--resume` and `--abort` ends
/// at that pod, for as long as it is away.
#[test]
fn one_that_needs_a_pod_that_is_away_is_replaced() {
    let replaced =
        |snapshot: &Snapshot, circumstances: &Circumstances, request: &FailoverRequest| {
            let plan = plan_failover(snapshot, request, circumstances, now())
                .unwrap_or_else(|refusal| panic!("{refusal}"));
            let Operation::Failover { replaces, .. } = &plan.operation else {
                panic!("{:?}", plan.operation);
            };
            assert_eq!(replaces, &Some(OperationId("failover-1".into())));
        };
    replaced(&lost(), &unfinished(false), &to("replica-1"));
    let mut dead = crate::cluster::fixture::healthy(3);
    instance(&mut dead, PRIMARY).database = Database::NotRunning;
    instance(&mut dead, PRIMARY).pod.node_ready = Some(false);
    instance(&mut dead, PRIMARY).pod.ready = false;
    for ordinal in 0..3 {
        recovery(&mut dead, ordinal).receiver = None;
    }
    let vouched = FailoverRequest {
        accept_split_brain_risk: true,
        ..to("replica-1")
    };
    replaced(&dead, &unfinished(false), &vouched);
    // A scaling makes no primary.
    let mut scaling = unfinished(false);
    if let Some(found) = &mut scaling.unfinished {
        (found.from, found.to) = (None, None);
    }
    replaced(&lost(), &scaling, &to("replica-1"));
    // The data of a restore lies aside.
    if let Some(found) = &mut scaling.unfinished {
        found.restore = true;
    }
    refused(&lost(), &scaling);
}

#[test]
fn an_emergency_begins_by_looking_whether_the_old_primary_is_back() {
    let snapshot = super::alive::silent();
    let plan = plan_failover(
        &snapshot,
        &to("replica-0"),
        &Circumstances::default(),
        now(),
    )
    .unwrap_or_else(|refusal| panic!("{refusal}"));
    let fence = plan.step(StepName::Fence).expect("a fence");
    let silent = Condition::NotWritable {
        pod: PRIMARY.to_owned(),
    };
    assert!(fence.requires.contains(&silent), "{fence:#?}");
}

/// A copy that the start script refuses for good leaves its rejoin without an end.
#[test]
fn a_new_volume_takes_the_place_of_a_rejoin_of_the_same_pod() {
    let planned = |rejoins: Option<String>| {
        let mut circumstances = unfinished(true);
        if let Some(found) = &mut circumstances.unfinished {
            (found.to, found.from) = (None, None);
            found.rejoins = rejoins;
        }
        let request = ReinitRequest {
            pod: "replica-1".into(),
            timeout_seconds: 300,
        };
        plan_reinit(&healthy(2), &request, &circumstances, now())
    };
    let plan = planned(Some(replica(1))).unwrap_or_else(|refusal| panic!("{refusal}"));
    let Operation::Reinit { replaces, .. } = &plan.operation else {
        panic!("{:?}", plan.operation);
    };
    assert_eq!(
        replaces.as_ref().map(|it| it.0.as_str()),
        Some("failover-1")
    );
    let check = plan
        .checks
        .iter()
        .find(|it| it.check == CheckName::Unfinished);
    assert_eq!(check.map(|it| it.verdict), Some(CheckVerdict::Warn));
    for another in [None, Some(replica(0))] {
        let refusal = planned(another).expect_err("it has to end first");
        assert!(
            refusal
                .reasons()
                .any(|it| it.check == CheckName::Unfinished)
        );
    }
}
