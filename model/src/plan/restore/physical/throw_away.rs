//! Into a server of its own, beside the cluster: nothing that is there is touched.

use super::super::common::{Situation, stamp};
use super::checks::architecture;
use super::data_steps::{DataSteps, OPEN_SECONDS};
use super::recovery;
use super::volume_restore::START_SECONDS;
use crate::cluster::names::KEPT_DATA;
use crate::cluster::{Component, throw_away_claim, throw_away_pod};
use crate::plan::common::sizes;
use crate::plan::decision::Proposal;
use crate::plan::language::{
    Action, Check, CheckName, Condition, Operation, OperationId, RestoreKind, RestoreScope, Step,
    StepName, ThrowAwayServer, VolumeAction, VolumeCondition, VolumeHandle,
};
use crate::recovery::RecoveryWay;

/// How long its pod and its claim may take to go.
const GONE_SECONDS: u32 = 300;

pub(in super::super) fn proposal(
    situation: &Situation<'_>,
    name: &str,
    id: &OperationId,
    checks: &mut Vec<Check>,
) -> Option<Proposal> {
    let snapshot = situation.snapshot;
    let backup = situation.backup();
    let pod = throw_away_pod(&snapshot.cluster, name);
    checks.extend([kind(situation), architecture(situation)]);
    checks.extend(recovery::checks(situation));
    let Some(set) = snapshot.stateful_set(Component::Primary) else {
        checks.push(
            Check::refuse(
                CheckName::Target,
                "there is no primary StatefulSet after whose template its pod could be made",
            )
            .next("pgctl status"),
        );
        return None;
    };
    checks.extend([free(situation, &pod, name), space(situation)]);
    let volume = VolumeHandle {
        claim: throw_away_claim(&snapshot.cluster, name),
        pod: pod.clone(),
        stateful_set: set.name.clone(),
        server: Some(ThrowAwayServer {
            name: name.to_owned(),
            operation: id.0.clone(),
        }),
    };
    let scope = RestoreScope {
        into: Some(name.to_owned()),
        recovery: situation.way().cloned(),
        backup: backup.id.clone(),
        store: backup.store.clone(),
        encrypted: backup.encrypted || situation.way().is_some_and(|it| it.encrypted),
        kind: backup.kind,
        taken: backup.taken,
        pod,
        databases: Vec::new(),
        keeps: Vec::new(),
    };
    Some(Proposal {
        operation: Operation::Restore(scope),
        steps: steps(situation, &volume, id),
        system_identifier: Some(backup.system_identifier.clone()),
    })
}

/// Whatever is undone goes with the pod and the claim.
fn steps(situation: &Situation<'_>, volume: &VolumeHandle, id: &OperationId) -> Vec<Step> {
    let aside = format!("{KEPT_DATA}{}", stamp(id));
    let data = DataSteps {
        situation,
        volume,
        aside: &aside,
    };
    let handle = || volume.clone();
    let delete = Action::from(VolumeAction::DeleteServer { volume: handle() });
    let gone = Condition::from(VolumeCondition::ServerGone { volume: handle() });
    let make = Step::new(
        StepName::MakeVolume,
        Action::from(VolumeAction::MakeServerClaim { volume: handle() }),
        Condition::from(VolumeCondition::ServerClaim { volume: handle() }),
    )
    .undo(vec![delete], gone, GONE_SECONDS);
    let serve = Step::new(
        StepName::StartServer,
        Action::from(VolumeAction::Serve { volume: handle() }),
        Condition::from(VolumeCondition::Restored {
            pod: volume.pod.clone(),
            system_identifier: situation.backup().system_identifier.clone(),
        }),
    )
    .timeout(START_SECONDS.max(OPEN_SECONDS))
    // What took hours to get there is not thrown away because it does not answer yet.
    .stays();
    let mut steps = vec![make, data.open(), data.unpack()];
    steps.extend(data.fetch_wal());
    steps.extend([data.recover(), data.swap_in(), serve]);
    steps
}

fn kind(situation: &Situation<'_>) -> Check {
    let name = CheckName::Databases;
    if situation.backup().kind == RestoreKind::Physical {
        return Check::pass(
            name,
            "all of the backup's; those of the cluster stay as they are",
        );
    }
    Check::refuse(
        name,
        "a throw-away server is made of a base backup, and this one holds SQL",
    )
    .next("a base backup (pgctl backup list), or one of its databases beside the present ones: --database NAME --as NEW")
}

/// Nothing is called so yet.
fn free(situation: &Situation<'_>, pod: &str, name: &str) -> Check {
    let check = CheckName::Target;
    match situation.found.in_the_way.as_slice() {
        [] => Check::pass(
            check,
            format!("{pod}, a pod of its own with a claim of its own: no Service leads there"),
        ),
        taken => Check::refuse(check, format!("there is {} already", taken.join(" and "))).next(
            format!("another name: --into NAME; a throw-away server of this one is deleted by pgctl restore --discard-into {name}"),
        ),
    }
}

/// Its claim is a new one.
fn space(situation: &Situation<'_>) -> Check {
    let wal = situation.way().map_or(0, RecoveryWay::raw_bytes);
    let needed = situation.backup().raw_bytes.saturating_add(wal);
    Check::pass(
        CheckName::Space,
        format!(
            "{} are needed in a new claim, as large as that of pod 0 of the primary's StatefulSet; it is looked at before it is used",
            sizes(needed)
        ),
    )
}
