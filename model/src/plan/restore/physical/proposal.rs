//! The plan as a whole.

use super::super::common::Situation;
use super::checks::{
    architecture, autoscaler, base_backups, connections, databases, logical_slots, old_primary,
    primary,
};
use super::recovery;
use super::volume_restore::VolumeRestore;
use crate::plan::common::{files_check, volumes_go};
use crate::plan::decision::Proposal;
use crate::plan::language::{Check, CheckName, Operation, OperationId, RestoreScope};

pub(in super::super) fn proposal(
    situation: &Situation<'_>,
    id: &OperationId,
    checks: &mut Vec<Check>,
) -> Option<Proposal> {
    checks.extend([
        situation.start_script(),
        situation.git_ops(),
        databases(situation),
    ]);
    let restore = VolumeRestore::new(situation, id);
    checks.extend([
        primary(situation),
        architecture(situation),
        connections(situation),
        files_check(&situation.snapshot.instances),
        autoscaler(situation),
    ]);
    checks.extend(old_primary(situation));
    checks.extend(base_backups(situation));
    checks.extend(logical_slots(situation));
    checks.extend(volumes_go(
        situation.snapshot,
        &situation.snapshot.stateful_sets,
    ));
    let Some(restore) = restore else {
        checks.push(
            Check::refuse(
                CheckName::Target,
                "there is no primary StatefulSet with a topology to restore into",
            )
            .next("deploy the cluster of pgctl's deploy/ first"),
        );
        return None;
    };
    checks.extend(recovery::checks(situation));
    checks.extend([restore.space(), restore.kept(), restore.replicas()]);
    checks.extend(restore.synchronous());
    checks.extend(restore.ending());
    checks.push(Check::pass(
        CheckName::Target,
        format!(
            "{} of {}, in the claim {}",
            restore.target, situation.snapshot.cluster, restore.volume.claim
        ),
    ));
    let scope = RestoreScope {
        into: None,
        recovery: situation.way().cloned(),
        backup: situation.backup().id.clone(),
        store: situation.backup().store.clone(),
        encrypted: situation.backup().encrypted || situation.way().is_some_and(|it| it.encrypted),
        kind: situation.backup().kind,
        taken: situation.backup().taken,
        pod: restore.target.clone(),
        databases: Vec::new(),
        keeps: restore.keeps(),
    };
    Some(Proposal {
        operation: Operation::Restore(scope),
        steps: restore.steps(),
        system_identifier: Some(situation.backup().system_identifier.clone()),
    })
}
