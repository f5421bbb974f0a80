//! The checks and the plan.

use super::super::common::{Situation, stamp};
use super::requirements::{extensions, roles, tablespaces};
use super::safety_backup::{Safety, connections};
use super::selection::choose;
use super::steps::Steps;
use crate::cluster::Instance;
use crate::plan::decision::Proposal;
use crate::plan::language::{Check, CheckName, Operation, OperationId, RestoreScope};

pub(in super::super) fn proposal(
    situation: &Situation<'_>,
    id: &OperationId,
    checks: &mut Vec<Check>,
) -> Option<Proposal> {
    checks.push(situation.one_primary());
    let primary = situation.snapshot.primary();
    let (Some(primary), Some(target)) = (primary, &situation.found.target) else {
        return None;
    };
    let chosen = choose(situation, target, checks);
    let roles = roles(situation, target, &chosen, checks);
    let safety = Safety::of(situation, &chosen, &roles);
    checks.extend([
        tablespaces(target, &chosen),
        extensions(target, &chosen),
        connections(&chosen),
        safety.check(situation, &chosen, &roles),
    ]);
    let needed = chosen.iter().map(|it| it.from.size_bytes).sum();
    let pods: Vec<&Instance> = std::iter::once(primary)
        .chain(situation.snapshot.standbys())
        .collect();
    checks.push(situation.space(&pods, needed));
    checks.push(Check::pass(
        CheckName::Target,
        format!("{} of {}", primary.name(), situation.snapshot.cluster),
    ));
    let scope = RestoreScope {
        into: None,
        recovery: None,
        backup: situation.backup().id.clone(),
        store: situation.backup().store.clone(),
        encrypted: situation.backup().encrypted,
        kind: situation.backup().kind,
        taken: situation.backup().taken,
        pod: primary.name().to_owned(),
        databases: chosen.iter().map(|it| it.name.clone()).collect(),
        keeps: Vec::new(),
    };
    let steps = Steps {
        situation,
        target,
        chosen: &chosen,
        roles: &roles,
        safety: &safety,
        pod: primary.name(),
        stamp: stamp(id),
    };
    Some(Proposal::new(Operation::Restore(scope), steps.steps()))
}
