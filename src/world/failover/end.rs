//! How a pod ended, from its object.

use crate::cluster::{ContainerState, PodFacts, Timeline};
use crate::plan::{Plan, PodRef, Shutdown};

/// What a pod's end came to.
pub(in crate::world) enum End {
    /// Nobody can run in it any more, and it left this record.
    Clean(Shutdown),
    /// Nobody can run in it any more.
    Stopped(String),
    /// Its object is gone, and nobody has seen it end. The kubelet lets an object go when the
    /// containers have stopped; whoever deletes it by force, or deletes its node, does not wait for
    /// that (`pkg/controller/podgc`), and PostgreSQL may go on there.
    Vanished,
}

/// How the pod with this UID ended, if it did: it is being deleted, and its kubelet has ended it
/// for good. A container that has terminated is no end by itself: the kubelet starts it again. A record counts when it is of the system and the timeline that the plan was made for.
pub(in crate::world) fn end_of(plan: &Plan, now: Option<&PodFacts>, pod: &PodRef) -> Option<End> {
    let Some(now) = now.filter(|now| now.uid == pod.uid) else {
        return Some(End::Vanished);
    };
    if !now.has_ended() {
        return None;
    }
    let ContainerState::Terminated(record) = &now.container else {
        return Some(End::Stopped("it never came to a node".to_owned()));
    };
    Some(match record.clean_shutdown(&plan.system_identifier) {
        Some((timeline, lsn)) if is_expected(plan, timeline) => {
            End::Clean(Shutdown { timeline, lsn })
        }
        Some((timeline, _)) => End::Stopped(format!("its record is of timeline {timeline}")),
        None => End::Stopped(format!(
            "not in order (exit code {}{})",
            record.exit_code,
            record
                .reason
                .as_ref()
                .map(|reason| format!(", {reason}"))
                .unwrap_or_default()
        )),
    })
}

/// Whether a plan was made for a primary on this timeline.
pub(super) fn is_expected(plan: &Plan, timeline: Timeline) -> bool {
    let expected = plan.operation.primary_change().map(|it| it.timeline);
    expected.is_none_or(|it| it == timeline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::{PRIMARY, healthy, now, replica, shut_down_at};
    use crate::cluster::{Lsn, TerminationRecord};
    use crate::plan::{Circumstances, FailoverRequest, Operation, plan_failover};

    /// A switchover, its old primary, and that pod while it is being deleted, stopped in order.
    fn stopped() -> (Plan, PodRef, PodFacts, TerminationRecord) {
        let snapshot = healthy(2);
        let request = FailoverRequest {
            to: Some(replica(0)),
            ..FailoverRequest::default()
        };
        let plan = plan_failover(&snapshot, &request, &Circumstances::default(), now())
            .unwrap_or_else(|refusal| panic!("{refusal}"));
        let mut pod = snapshot.instance(PRIMARY).expect("a primary").pod.clone();
        (pod.deleting_since, pod.terminal) = (Some(now()), true);
        let of = PodRef {
            name: pod.name.clone(),
            uid: pod.uid.clone(),
        };
        let record = shut_down_at(Lsn::new(0x0A00_0028));
        (plan, of, pod, record)
    }

    fn clean(plan: &Plan, of: &PodRef, pod: &PodFacts, record: &TerminationRecord) -> bool {
        let mut pod = pod.clone();
        pod.container = ContainerState::Terminated(record.clone());
        match end_of(plan, Some(&pod), of) {
            Some(End::Clean(_)) => true,
            Some(End::Stopped(_) | End::Vanished) => false,
            None => panic!("it has ended"),
        }
    }

    #[test]
    fn the_record_of_an_orderly_end_is_a_proof() {
        let (plan, of, pod, record) = stopped();
        assert!(clean(&plan, &of, &pod, &record));
    }

    /// A container that was killed leaves the message of an earlier run in it, if there was one.
    #[test]
    fn the_message_of_a_killed_container_proves_nothing() {
        let (plan, of, pod, mut record) = stopped();
        record.exit_code = 137;
        record.reason = Some("OOMKilled".into());
        assert!(!clean(&plan, &of, &pod, &record));
    }

    #[test]
    fn a_record_of_another_timeline_or_system_proves_nothing() {
        let (mut plan, of, pod, record) = stopped();
        let system = std::mem::replace(&mut plan.system_identifier, "1".into());
        assert!(!clean(&plan, &of, &pod, &record));
        plan.system_identifier = system;
        if let Operation::Failover { timeline, .. } = &mut plan.operation {
            *timeline = Timeline(2);
        }
        assert!(!clean(&plan, &of, &pod, &record));
    }

    #[test]
    fn a_container_that_is_started_again_has_not_ended() {
        let (plan, of, mut pod, record) = stopped();
        pod.deleting_since = None;
        pod.container = ContainerState::Terminated(record);
        assert!(end_of(&plan, Some(&pod), &of).is_none());
    }

    /// It had crashed before, and its kubelet does not know yet that it is being deleted, or can't reach the API.
    #[test]
    fn an_end_from_before_the_deletion_proves_nothing() {
        let (plan, of, mut pod, record) = stopped();
        pod.terminal = false;
        pod.container = ContainerState::Terminated(record);
        assert!(end_of(&plan, Some(&pod), &of).is_none());
    }

    /// The one before it had shut down in order; what this one has written since then nobody knows.
    #[test]
    fn the_record_of_an_earlier_container_proves_nothing_of_the_one_that_crashed_after_it() {
        let (plan, of, mut pod, record) = stopped();
        (pod.restarts, pod.last_termination) = (1, Some(record.clone()));
        let crashed = TerminationRecord {
            exit_code: 137,
            reason: Some("OOMKilled".into()),
            decision: None,
            ..record
        };
        assert!(!clean(&plan, &of, &pod, &crashed));
        // It waits to be started again, in a pod of which its kubelet says no last word.
        pod.terminal = false;
        pod.container = ContainerState::Waiting {
            reason: "CrashLoopBackOff".to_owned(),
            message: String::new(),
        };
        assert!(end_of(&plan, Some(&pod), &of).is_none());
    }

    /// A pod that was deleted by force, or with its node, may still run; and another of its name says
    /// nothing about it.
    #[test]
    fn an_object_that_is_gone_proves_nothing() {
        let (plan, of, mut pod, record) = stopped();
        assert!(matches!(end_of(&plan, None, &of), Some(End::Vanished)));
        pod.uid = "another".to_owned();
        pod.container = ContainerState::Terminated(record);
        let another = end_of(&plan, Some(&pod), &of);
        assert!(matches!(another, Some(End::Vanished)));
    }

    #[test]
    fn a_pod_that_never_came_to_a_node_has_ended_when_it_is_deleted() {
        let (plan, of, mut pod, _) = stopped();
        pod.container = ContainerState::Unknown;
        assert!(end_of(&plan, Some(&pod), &of).is_none(), "it has a node");
        pod.node = None;
        let ended = end_of(&plan, Some(&pod), &of);
        assert!(matches!(ended, Some(End::Stopped(_))));
        pod.deleting_since = None;
        assert!(end_of(&plan, Some(&pod), &of).is_none(), "it may get one");
    }
}
