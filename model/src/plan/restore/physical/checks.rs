//! The checks that need nothing but the scene.

use super::super::common::Situation;
use crate::cluster::{Instance, ObjectKind, Role, SlotKind};
use crate::plan::common::running_backups;
use crate::plan::language::{Check, CheckName};

pub(super) fn databases(situation: &Situation<'_>) -> Check {
    let name = CheckName::Databases;
    let request = situation.request;
    if request.database.is_some() || request.rename.is_some() || !request.except.is_empty() {
        return Check::refuse(
            name,
            "a base backup is the whole cluster: it can't be taken apart into databases",
        )
        .next(
            "restore a logical backup, or this one beside the cluster (--into NAME) and dump it there",
        );
    }
    Check::warn(name, "everything is replaced, all databases and roles")
}

/// One primary, or none: both will do. Several are nothing to build upon.
pub(super) fn primary(situation: &Situation<'_>) -> Check {
    let name = CheckName::OnePrimary;
    let names: Vec<&str> = situation.snapshot.primaries().map(Instance::name).collect();
    match names.as_slice() {
        [one] => Check::pass(name, format!("{one} is the primary; its data is kept")),
        [] => Check::warn(
            name,
            "no primary answers: the data on every volume that there is will be kept",
        ),
        several => Check::warn(
            name,
            format!(
                "split brain: {} accept writes; the data on every volume is kept",
                several.join(" and ")
            ),
        ),
    }
}

pub(super) fn architecture(situation: &Situation<'_>) -> Check {
    let name = CheckName::Architecture;
    let ours = &situation.backup().architecture;
    match situation.found.target.as_ref().map(|it| &it.architecture) {
        Some(here) if !here.is_empty() && here != ours => Check::refuse(
            name,
            format!("the backup is of {ours}, and the pod runs on {here}"),
        )
        .next("restore a logical backup"),
        Some(here) if !here.is_empty() => Check::pass(name, format!("{here}, as in the backup")),
        _ => Check::pass(
            name,
            format!("it needs {ours}; the machine is looked at before it is used"),
        ),
    }
}

pub(super) fn connections(situation: &Situation<'_>) -> Check {
    let name = CheckName::Connections;
    let sessions: u32 = situation
        .found
        .target
        .iter()
        .flat_map(|it| &it.databases)
        .map(|it| it.sessions)
        .sum();
    if sessions == 0 {
        Check::pass(name, "no client is connected to the primary")
    } else {
        Check::warn(
            name,
            format!("{sessions} sessions of clients on the primary will be ended"),
        )
    }
}

pub(super) fn autoscaler(situation: &Situation<'_>) -> Check {
    let name = CheckName::Autoscaler;
    match &situation.snapshot.autoscaler {
        Some(autoscaler) => Check::pass(
            name,
            format!(
                "{} does nothing while there are 0 replicas",
                autoscaler.name
            ),
        ),
        None => match situation.snapshot.unseen(ObjectKind::Autoscalers) {
            Some(unseen) => Check::warn(name, format!("autoscalers can't be seen: {}", unseen.why)),
            None => Check::pass(name, "there is no autoscaler"),
        },
    }
}

/// Base backups that end when everything is stopped.
pub(super) fn base_backups(situation: &Situation<'_>) -> Option<Check> {
    let running = running_backups(situation.snapshot.instances.iter());
    (!running.is_empty()).then(|| {
        Check::warn(
            CheckName::BaseBackup,
            format!("will be cut off: {}", running.join(", ")),
        )
    })
}

/// A base backup has no slots, so the logical ones are lost with the data that is replaced.
pub(super) fn logical_slots(situation: &Situation<'_>) -> Option<Check> {
    let facts = situation.snapshot.primary().and_then(Instance::facts)?;
    let lost: Vec<&str> = facts
        .slots
        .iter()
        .filter(|it| matches!(it.kind, SlotKind::Logical { .. }))
        .filter(|it| !it.temporary && !it.is_lost())
        .map(|it| it.name.as_str())
        .collect();
    (!lost.is_empty()).then(|| {
        Check::warn(
            CheckName::LogicalSlots,
            format!(
                "will be lost: {}; their subscribers have to start anew",
                lost.join(", ")
            ),
        )
    })
}

/// Whoever may go on taking writes beside what is restored: its StatefulSet at 0 stops nothing on a node that is cut off.
pub(super) fn old_primary(situation: &Situation<'_>) -> Vec<Check> {
    let snapshot = situation.snapshot;
    let name = CheckName::OldPrimary;
    let named = snapshot.topology.primary.as_str();
    let owing = snapshot.topology.unproven.keys().map(String::as_str);
    let cut_off = std::iter::once(named)
        .chain(owing.filter(|it| *it != named))
        .filter_map(|pod| snapshot.instance(pod))
        .filter(|it| it.role() == Role::Unknown && !it.pod.has_ended())
        .filter(|it| it.pod.node_ready == Some(false));
    let cut_off = cut_off.map(|it| {
        let node = it.pod.node.as_deref().unwrap_or("its node");
        let pod = it.name();
        Check::refuse(
            name,
            format!("{node} is not ready, so nobody knows whether {pod} still runs there, and takes writes"),
        )
        .next(format!(
            "make sure that the machine is off, then kubectl -n {} delete pod {pod} --force",
            snapshot.cluster.namespace
        ))
    });
    let gone = snapshot.topology.unproven.keys();
    let gone = gone.filter(|it| !snapshot.owing_before(it).is_empty());
    let gone = gone.map(|pod| {
        Check::warn(
            name,
            format!("a pod {pod} was primary, or was to be, and is gone without anybody having seen it end: make sure that its machine is off"),
        )
    });
    cut_off.chain(gone).collect()
}
