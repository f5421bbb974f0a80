//! Planning the restart of one standby.

use jiff::Timestamp;

use super::drain_checks::{drain_checks, still_drained};
use super::order::reason;
use super::standby_checks::standby_checks;
use crate::cluster::words::shell_word;
use crate::cluster::{Instance, Role, Snapshot};
use crate::plan::common::{new_standby_checks, one_primary, start_script};
use crate::plan::decision::{Decision, Proposal};
use crate::plan::language::{
    Action, Check, CheckName, CheckVerdict, Circumstances, Condition, DrainedNode, Operation,
    OperationKind, Plan, PodRef, Refusal, RestartScope, RolloutRequest, Step, StepName,
};

/// The longest that a pod takes to go: its grace period, and the news of its end.
const GONE_SECONDS: u32 = 330;
/// The longest that disruption budgets are waited for.
const BUDGET_SECONDS: u32 = 300;

/// Plans the restart of one standby: `pod`, as the rollout has named it.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_restart(
    snapshot: &Snapshot,
    pod: &PodRef,
    rollout: &RolloutRequest,
    circumstances: &Circumstances,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let mut decision = Decision::new(OperationKind::Rollout, snapshot, circumstances, now);
    let checks = &mut decision.checks;
    checks.extend([one_primary(snapshot), start_script(snapshot)]);
    checks.extend(new_standby_checks(snapshot));
    let instance = snapshot
        .instance(&pod.name)
        .filter(|it| it.pod.uid == pod.uid);
    match instance {
        Some(instance) => {
            checks.extend(meant(snapshot, instance, rollout));
            checks.extend(still_drained(instance.name(), rollout, circumstances));
            // What was so when the whole was planned may be so no more.
            let of_node = drain_checks(snapshot, rollout, circumstances).into_iter();
            checks.extend(of_node.filter(|it| it.verdict == CheckVerdict::Refuse));
            checks.extend(standby_checks(snapshot, instance));
        }
        None => checks.push(
            Check::refuse(
                CheckName::Target,
                format!("{} is another pod by now", pod.name),
            )
            .next("pgctl rollout"),
        ),
    }
    decision.conclude(|_| {
        let instance = instance?;
        let set = snapshot.set_of(instance)?;
        let scope = RestartScope {
            pod: pod.clone(),
            revision: set.revision.clone()?,
            image_before: instance.pod.image.clone(),
            image: set.image.clone(),
            rollout: rollout.clone(),
        };
        let steps = steps(snapshot.primary()?, &scope, circumstances);
        Some(Proposal::new(Operation::Restart(scope), steps))
    })
}

/// It is a standby, and there is a reason to restart it.
fn meant(snapshot: &Snapshot, instance: &Instance, rollout: &RolloutRequest) -> Vec<Check> {
    let pod = instance.name();
    let mut checks = Vec::new();
    if instance.role() == Role::Primary || snapshot.topology.primary == pod {
        checks.push(
            Check::refuse(CheckName::Recovery, format!("{pod} is the primary")).next(
                match &rollout.node {
                    None => "pgctl rollout   # hands the role over first".to_owned(),
                    Some(node) => format!("pgctl drain {}", shell_word(node)),
                },
            ),
        );
    }
    let revision = CheckName::Revision;
    if snapshot
        .set_of(instance)
        .is_none_or(|set| set.revision.is_none())
    {
        checks.push(
            Check::refuse(
                revision,
                format!("what {pod} would be made from is not known"),
            )
            .next("give the command again in a moment"),
        );
    } else {
        checks.push(match reason(snapshot, instance, rollout) {
            Some(_) => Check::pass(revision, format!("{pod} is to be made anew")),
            None => match &rollout.node {
                None => Check::refuse(
                    revision,
                    format!("{pod} was made from the present template already"),
                )
                .next("pgctl rollout --restart   # restarts it all the same"),
                Some(node) => Check::refuse(
                    revision,
                    format!("{pod} is not on {node}, or on its way out already"),
                )
                .next(format!("pgctl drain {}", shell_word(node))),
            },
        });
    }
    checks
}

/// Away with the pod, and back with its successor.
fn steps(primary: &Instance, scope: &RestartScope, circumstances: &Circumstances) -> Vec<Step> {
    let upstream = primary.name().to_owned();
    let pod = scope.pod.clone();
    // Between the look and the deletion the role may have gone to the very pod.
    let still_primary = Condition::Writable {
        pod: upstream.clone(),
    };
    let patience = scope.rollout.timeout_seconds;
    let back = Condition::Back {
        upstream: upstream.clone(),
        pod: pod.name.clone(),
    };
    let gone = Condition::PodDeleted { pod: pod.clone() };
    let never_evicted = |node: &DrainedNode| node.never_evicted.contains_key(&pod.name);
    let (away, limit) = match &circumstances.drained {
        Some(node) if !never_evicted(node) => (
            Action::EvictPod { pod: pod.clone() },
            BUDGET_SECONDS + GONE_SECONDS,
        ),
        Some(_) | None => (Action::DeletePod { pod: pod.clone() }, GONE_SECONDS),
    };
    vec![
        Step::new(StepName::RestartPod, away, gone.clone())
            .requires(still_primary)
            .timeout(limit)
            // A deletion can't be called back: until its successor is there nothing is as it was.
            .undo(
                vec![Action::AwaitEnd { pod: pod.clone() }],
                back,
                GONE_SECONDS + patience,
            ),
        Step::new(
            StepName::AwaitRestarted,
            Action::Observe,
            Condition::Restarted {
                pod,
                revision: scope.revision.clone(),
                upstream,
                max_lag_bytes: scope.rollout.max_lag_bytes,
            },
        )
        .requires(gone)
        .timeout(patience)
        // It is told, and nothing else is touched.
        .reported(),
    ]
}
