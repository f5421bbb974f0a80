//! Planning synchronous replication: for how many standbys a commit waits.

use jiff::Timestamp;

use super::checks::change_drift;
use super::following::{spare, too_few};
use crate::cluster::{Instance, Shape, Snapshot, synchronous_candidates};
use crate::plan::common::{changeable, confirm_by, drop_slots_left, one_primary_or_none};
use crate::plan::decision::{Decision, Proposal};
use crate::plan::language::{
    Action, Check, CheckName, CheckVerdict, Circumstances, Condition, Operation, OperationKind,
    Plan, Refusal, Step, StepName, SynchronousRequest,
};

/// Plans for how many standbys commits wait. The wish is kept beside the topology, so that it
/// outlives the primary; without one only the wish changes, and a failover goes by it.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_synchronous(
    snapshot: &Snapshot,
    request: &SynchronousRequest,
    circumstances: &Circumstances,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let primary = snapshot.primary();
    let mut decision = Decision::new(OperationKind::Synchronous, snapshot, circumstances, now);
    let checks = &mut decision.checks;
    checks.push(one_primary_or_none(snapshot));
    checks.push(aware(snapshot));
    let name = primary.map_or(snapshot.topology.primary.as_str(), Instance::name);
    let standbys = synchronous_candidates(snapshot, &Shape::of(snapshot), name);
    checks.extend(standby_checks(primary, request.standbys, &standbys));
    // With a mistake in its files a server takes in no change.
    checks.push(changeable(primary, CheckVerdict::Refuse));
    checks.push(change_drift(circumstances, |_| false, None));
    decision.conclude(|_| {
        let config_map = snapshot.topology.source.config_map()?;
        let mut steps = vec![record(snapshot, config_map, request.standbys)];
        if let Some(primary) = primary {
            let standbys = if request.standbys == 0 {
                Vec::new()
            } else {
                standbys
            };
            steps.push(confirm_by(
                StepName::SetSynchronous,
                primary,
                request.standbys,
                standbys,
            ));
        }
        steps.extend(drop_slots_left(snapshot, 0));
        let operation = Operation::Synchronous {
            primary: primary.map(|it| it.name().to_owned()),
            from: snapshot.topology.synchronous,
            to: request.standbys,
        };
        Some(Proposal::new(operation, steps))
    })
}

fn record(snapshot: &Snapshot, config_map: &str, standbys: u32) -> Step {
    let action = |standbys| Action::RecordSynchronous {
        config_map: config_map.to_owned(),
        standbys,
    };
    let recorded = |standbys| Condition::SynchronousRecorded {
        config_map: config_map.to_owned(),
        standbys,
    };
    let before = snapshot.topology.synchronous;
    Step::new(
        StepName::RecordSynchronous,
        action(Some(standbys)),
        recorded(Some(standbys)),
    )
    .undo(vec![action(before)], recorded(before), 30)
}

fn aware(snapshot: &Snapshot) -> Check {
    let name = CheckName::StartScript;
    if snapshot.topology.source.config_map().is_none() {
        Check::refuse(
            name,
            "this cluster has no topology ConfigMap, in which the wish would outlive its primary",
        )
        .next("deploy the start script of pgctl's deploy/ first")
    } else {
        Check::pass(name, "the wish is kept beside the topology")
    }
}

fn standby_checks(primary: Option<&Instance>, count: u32, standbys: &[String]) -> Vec<Check> {
    let name = CheckName::Synchronous;
    if count == 0 {
        return vec![Check::pass(name, "commits will wait for no standby")];
    }
    let Some(primary) = primary else {
        return vec![Check::warn(
            name,
            "no primary answers: it is set on the one that a failover makes",
        )];
    };
    if standbys.len() < count as usize {
        return vec![too_few(count, standbys)];
    }
    let streams = |pod: &&String| primary.facts().is_some_and(|facts| facts.streams_to(pod));
    let (there, missing): (Vec<&String>, Vec<&String>) = standbys.iter().partition(streams);
    let streaming = if there.len() < count as usize {
        let missing: Vec<&str> = missing.iter().map(|it| it.as_str()).collect();
        Check::refuse(
            CheckName::Streaming,
            format!(
                "commits would wait for {count}, and {} of them stream now ({} not): every write would be blocked",
                there.len(),
                missing.join(", ")
            ),
        )
        .next("pgctl status")
    } else {
        Check::pass(
            CheckName::Streaming,
            format!("{} of {} stream", there.len(), standbys.len()),
        )
    };
    vec![streaming, spare(count, standbys)]
}
