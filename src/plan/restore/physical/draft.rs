//! The plan as a whole.

use super::super::super::{Check, CheckName, Operation, OperationId};
use super::super::RestoreScope;
use super::super::checks::Scene;
use super::super::plan::Draft;
use super::checks::{architecture, autoscaler, connections, databases, primary};
use super::frame::Frame;

pub(in super::super) fn draft(scene: &Scene<'_>, id: &OperationId) -> Draft {
    let mut checks = scene.common();
    checks.extend([scene.start_script(), scene.git_ops(), databases(scene)]);
    let frame = Frame::new(scene, id);
    checks.extend([
        primary(scene),
        architecture(scene),
        connections(scene),
        autoscaler(scene),
    ]);
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
