//! A failover whose new primary is lost after the point of no return, and the one that replaces it.

use super::super::simulation::{Model, simulate};
use super::super::{
    Action, CheckName, Condition, FailoverRequest, Grounds, Operation, OperationId, PodRef,
    StepName, Unfinished, Verdict, plan_failover,
};
use super::shape::{moved_to_replica_0, to};
use crate::cluster::fixture::{PRIMARY, now, replica, stop};
use crate::cluster::{ContainerState, Snapshot};

/// Its object is kept since `replica-0` was promoted.
fn held() -> PodRef {
    PodRef {
        name: PRIMARY.to_owned(),
        uid: "old-uid".to_owned(),
    }
}

fn unfinished(past: bool) -> Grounds {
    Grounds {
        unfinished: Some(Unfinished {
            id: OperationId("failover-1".into()),
            title: "switchover from primary-0 to replica-0".into(),
            past_point_of_no_return: past,
            to: Some(replica(0)),
            held: Some(held()),
        }),
        ..Grounds::default()
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

fn refused(snapshot: &Snapshot, grounds: &Grounds) {
    let refusal = plan_failover(snapshot, &FailoverRequest::default(), grounds, now())
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
    assert_eq!(told.map(|it| it.verdict), Some(Verdict::Warn));
    // What the other has kept is let go.
    let release = plan
        .step(StepName::ReleaseReplaced)
        .map(|step| &step.action);
    assert_eq!(release, Some(&Action::ReleaseRecord { pod: held() }));
    assert_eq!(
        simulate(&plan, &mut Model::of(&snapshot), &mut |_: &mut Model| {}),
        Ok(())
    );
}

#[test]
fn one_that_can_still_be_finished_or_put_back_is_not_replaced() {
    refused(&lost(), &unfinished(false));
    // Its new primary answers: --resume finishes it.
    refused(&moved_to_replica_0(), &unfinished(true));
    // It is another pod that is lost.
    let mut other = unfinished(true);
    if let Some(found) = &mut other.unfinished {
        found.to = Some(replica(2));
    }
    refused(&lost(), &other);
}

#[test]
fn an_emergency_begins_by_looking_whether_the_old_primary_is_back() {
    let snapshot = super::alive::silent();
    let plan = plan_failover(&snapshot, &to("replica-0"), &Grounds::default(), now())
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    let fence = plan.step(StepName::Fence).expect("a fence");
    let silent = Condition::NotWritable {
        pod: PRIMARY.to_owned(),
    };
    assert!(fence.requires.contains(&silent), "{fence:#?}");
}
