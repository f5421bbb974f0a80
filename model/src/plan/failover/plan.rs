//! Planning a change of the primary.

use jiff::Timestamp;

use super::checks::{cluster_checks, loss, replaces};
use super::common::Situation;
use super::ranking::{judge, rank};
use super::steps::steps;
use crate::cluster::{Instance, NameError, Snapshot, nearest};
use crate::plan::decision::{Decision, Proposal};
use crate::plan::language::{
    Candidate, Check, CheckName, Circumstances, FailoverRequest, Mode, Operation, OperationKind,
    Plan, Refusal,
};

/// Plans a failover: a switchover when a primary answers, an emergency when none does.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_failover(
    snapshot: &Snapshot,
    request: &FailoverRequest,
    circumstances: &Circumstances,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let situation = Situation::new(snapshot, request, circumstances);
    let mut decision = Decision::new(OperationKind::Failover, snapshot, circumstances, now);
    decision.candidates = rank(&situation);
    let target = choose(&situation, &decision.candidates);
    if let Some(found) = situation.replaced() {
        decision.replace(replaces(found));
    }
    match &target {
        Ok(target) => decision.checks.extend(table(&situation, target)),
        Err(why) => {
            let checks = cluster_checks(&situation, None);
            decision.checks.extend(checks);
            decision.checks.push(why.clone());
        }
    }
    decision.conclude(|_| {
        let target = target.ok()?;
        Some(Proposal {
            operation: operation(&situation, target),
            steps: steps(&situation, target),
            system_identifier: Some(
                target
                    .facts()
                    .map(|facts| facts.system_identifier.clone())
                    .unwrap_or_default(),
            ),
        })
    })
}

fn operation(situation: &Situation<'_>, target: &Instance) -> Operation {
    let facts = target.facts();
    let in_need = situation.mode == Mode::Emergency;
    Operation::Failover {
        mode: situation.mode,
        from: situation.old.clone(),
        from_pod: situation.old_pod(),
        to: target.name().to_owned(),
        timeline: facts.map_or(crate::cluster::Timeline(1), |facts| facts.timeline),
        term_before: situation.snapshot.topology.term,
        loss: loss(situation, target),
        shutdown: situation.shutdown().filter(|_| in_need),
        replaces: situation.replaced().map(|found| found.id.clone()),
        split_brain_accepted: in_need && situation.request.accept_split_brain_risk,
        blind: situation.is_blind(),
        loss_accepted: in_need && situation.request.accept_loss,
        ended_pods: situation.ended(),
    }
}

/// Every pod that could become primary, ranked, and why it is eligible or not.
pub fn candidates(
    snapshot: &Snapshot,
    request: &FailoverRequest,
    circumstances: &Circumstances,
) -> Vec<Candidate> {
    rank(&Situation::new(snapshot, request, circumstances))
}

fn table(situation: &Situation<'_>, target: &Instance) -> Vec<Check> {
    let mut checks = cluster_checks(situation, Some(target));
    checks.push(Check::pass(
        CheckName::Target,
        format!("{} becomes primary", target.name()),
    ));
    checks.extend(judge(situation, target).checks);
    checks
}

/// The target: the one that was named, else the best.
fn choose<'a>(situation: &Situation<'a>, candidates: &[Candidate]) -> Result<&'a Instance, Check> {
    match &situation.request.to {
        Some(given) => situation.snapshot.resolve(given).map_err(|error| {
            let check = Check::refuse(CheckName::Target, error.to_string());
            let fits = |name: &str| match &error {
                NameError::Unknown { .. } => true,
                NameError::Ambiguous { candidates, .. } => candidates.iter().any(|it| it == name),
            };
            // Only what would work.
            let eligible = candidates
                .iter()
                .filter(|it| it.eligible && fits(&it.pod))
                .map(|it| it.pod.as_str());
            match nearest(given, eligible) {
                Some(pod) => check.next(format!("pgctl failover --to {pod}")),
                None => check.next("pgctl status"),
            }
        }),
        None => candidates
            .iter()
            .find(|candidate| candidate.eligible)
            .and_then(|candidate| situation.snapshot.instance(&candidate.pod))
            .ok_or_else(|| {
                let reason = if candidates.is_empty() {
                    "there is no standby to fail over to".to_owned()
                } else {
                    let each: Vec<String> = candidates
                        .iter()
                        .map(|it| format!("{}: {}", it.pod, it.why().join(", ")))
                        .collect();
                    format!("no standby is eligible ({})", each.join("; "))
                };
                Check::refuse(CheckName::Target, reason).next("pgctl status")
            }),
    }
}
