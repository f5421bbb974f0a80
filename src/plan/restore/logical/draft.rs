//! The checks and the plan.

use super::super::super::{Check, CheckName, Operation, OperationId};
use super::super::RestoreScope;
use super::super::checks::Scene;
use super::super::plan::{Draft, stamp};
use super::choice::choose;
use super::needs::{extensions, roles, tablespaces};
use super::replaced::{Safety, connections};
use super::steps::Drawing;
use crate::cluster::Instance;

pub(in super::super) fn draft(scene: &Scene<'_>, id: &OperationId) -> Draft {
    let mut checks = scene.common();
    checks.push(scene.one_primary());
    let primary = scene.snapshot.primary();
    let system_identifier = primary
        .and_then(Instance::facts)
        .map(|facts| facts.system_identifier.clone())
        .unwrap_or_default();
    let (Some(primary), Some(target)) = (primary, &scene.found.target) else {
        return Draft {
            checks,
            system_identifier,
            content: None,
        };
    };
    let chosen = choose(scene, target, &mut checks);
    let roles = roles(scene, target, &chosen, &mut checks);
    let safety = Safety::of(scene, &chosen, &roles);
    checks.extend([
        tablespaces(target, &chosen),
        extensions(target, &chosen),
        connections(&chosen),
        safety.check(scene, &chosen, &roles),
    ]);
    let needed = chosen.iter().map(|it| it.from.size_bytes).sum();
    let pods: Vec<&Instance> = std::iter::once(primary)
        .chain(scene.snapshot.standbys())
        .collect();
    checks.push(scene.space(&pods, needed));
    checks.push(Check::pass(
        CheckName::Target,
        format!("{} of {}", primary.name(), scene.snapshot.cluster),
    ));
    let scope = RestoreScope {
        backup: scene.backup().id.clone(),
        store: scene.backup().store.clone(),
        encrypted: scene.backup().encrypted,
        kind: scene.backup().kind,
        taken: scene.backup().taken,
        pod: primary.name().to_owned(),
        databases: chosen.iter().map(|it| it.name.clone()).collect(),
        keeps: Vec::new(),
    };
    let drawing = Drawing {
        scene,
        target,
        chosen: &chosen,
        roles: &roles,
        safety: &safety,
        pod: primary.name(),
        stamp: stamp(id),
    };
    Draft {
        checks,
        system_identifier,
        content: Some((Operation::Restore(scope), drawing.steps())),
    }
}
