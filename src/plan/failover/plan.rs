//! Planning a change of the primary.

use jiff::Timestamp;

use super::checks::cluster_checks;
use super::checks::loss;
use super::common::Situation;
use super::ranking::{judge, rank};
use super::steps::steps;
use crate::cluster::{Instance, NameError, Snapshot, nearest};
use crate::plan::language::{
    Candidate, Check, CheckName, FailoverRequest, Grounds, Mode, Operation, OperationId, Plan,
    Refusal,
};

/// Plans a failover: a switchover when a primary answers, an emergency when none does.
///
/// # Errors
/// A [`Refusal`] with every check that stands in the way.
pub fn plan_failover(
    snapshot: &Snapshot,
    request: &FailoverRequest,
    grounds: &Grounds,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let situation = Situation::new(snapshot, request, grounds);
    let candidates = rank(&situation);
    let target = choose(&situation, &candidates);
    let checks = match &target {
        Ok(target) => table(&situation, target),
        Err(why) => {
            let mut checks = cluster_checks(&situation, None);
            checks.push(why.clone());
            checks
        }
    };
    let refused = checks.iter().any(Check::refuses);
    let (Ok(target), false) = (target, refused) else {
        return Err(Refusal {
            operation: "failover".to_owned(),
            checks: sorted(checks),
            candidates,
        });
    };
    let facts = target.facts();
    Ok(Plan {
        id: OperationId::new("failover", now),
        cluster: snapshot.cluster.clone(),
        system_identifier: facts
            .map(|facts| facts.system_identifier.clone())
            .unwrap_or_default(),
        operation: Operation::Failover {
            mode: situation.mode,
            from: situation.old.clone(),
            from_pod: situation.old_pod(),
            to: target.name().to_owned(),
            timeline: facts.map_or(crate::cluster::Timeline(1), |facts| facts.timeline),
            term_before: snapshot.topology.term,
            loss: loss(&situation, target),
            shutdown: situation
                .shutdown()
                .filter(|_| situation.mode == Mode::Emergency),
            replaces: situation.replaced().map(|found| found.id.clone()),
            split_brain_accepted: situation.mode == Mode::Emergency
                && request.accept_split_brain_risk,
            blind: situation.is_blind(),
            loss_accepted: situation.mode == Mode::Emergency && request.accept_loss,
            ended_pods: situation.ended(),
        },
        made: now,
        checks: sorted(checks),
        candidates,
        steps: steps(&situation, target),
    })
}

/// Every pod that could become primary, ranked, and why it is eligible or not.
pub fn candidates(
    snapshot: &Snapshot,
    request: &FailoverRequest,
    grounds: &Grounds,
) -> Vec<Candidate> {
    rank(&Situation::new(snapshot, request, grounds))
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

fn sorted(mut checks: Vec<Check>) -> Vec<Check> {
    checks.sort_by_key(|check| check.check);
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
