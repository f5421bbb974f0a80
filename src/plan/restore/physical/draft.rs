//! The plan as a whole.

use super::super::super::checks::{files_check, volumes_go};
use super::super::super::{Check, CheckName, Operation, OperationId};
use super::super::RestoreScope;
use super::super::checks::Scene;
use super::super::plan::Draft;
use super::checks::{
    architecture, autoscaler, base_backups, connections, databases, logical_slots, primary,
};
use super::frame::Frame;

pub(in super::super) fn draft(scene: &Scene<'_>, id: &OperationId) -> Draft {
    let mut checks = scene.common();
    checks.extend([scene.start_script(), scene.git_ops(), databases(scene)]);
    let frame = Frame::new(scene, id);
    checks.extend([
        primary(scene),
        architecture(scene),
        connections(scene),
        files_check(&scene.snapshot.instances),
        autoscaler(scene),
    ]);
    checks.extend(base_backups(scene));
    checks.extend(logical_slots(scene));
    checks.extend(volumes_go(scene.snapshot, &scene.snapshot.stateful_sets));
    let Some(frame) = frame else {
        checks.push(Check::refuse(
            CheckName::Target,
            "there is no primary StatefulSet with a topology to restore into",
        ));
        return Draft {
            checks,
            system_identifier: String::new(),
            content: None,
        };
    };
    checks.extend([frame.space(), frame.kept(), frame.replicas()]);
    checks.extend(frame.synchronous());
    checks.extend(frame.ending());
    checks.push(Check::pass(
        CheckName::Target,
        format!(
            "{} of {}, in the claim {}",
            frame.target, scene.snapshot.cluster, frame.volume.claim
        ),
    ));
    let scope = RestoreScope {
        backup: scene.backup().id.clone(),
        store: scene.backup().store.clone(),
        encrypted: scene.backup().encrypted,
        kind: scene.backup().kind,
        taken: scene.backup().taken,
        pod: frame.target.clone(),
        databases: Vec::new(),
        keeps: frame.keeps(),
    };
    Draft {
        checks,
        system_identifier: scene.backup().system_identifier.clone(),
        content: Some((Operation::Restore(scope), frame.steps())),
    }
}
