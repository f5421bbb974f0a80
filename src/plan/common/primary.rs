//! What a new standby needs: one primary, and pods that start by the topology.

use crate::cluster::{Instance, Snapshot, TopologySource};
use crate::plan::language::{Check, CheckName};

pub(crate) fn one_primary(snapshot: &Snapshot) -> Check {
    let name = CheckName::OnePrimary;
    let primaries: Vec<&str> = snapshot.primaries().map(Instance::name).collect();
    match primaries.as_slice() {
        [one] if *one == snapshot.topology.primary => {
            Check::pass(name, format!("{one} is the primary"))
        }
        [one] => Check::refuse(
            name,
            format!(
                "{one} is the primary, but the topology names {}: a pod that starts would not follow it",
                snapshot.topology.primary
            ),
        )
        .next("pgctl status"),
        [] => Check::refuse(name, "no primary answers: there is nothing to follow")
            .next("pgctl failover"),
        several => Check::refuse(
            name,
            format!("split brain: {} accept writes", several.join(" and ")),
        ),
    }
}

pub(crate) fn start_script(snapshot: &Snapshot) -> Check {
    let aware = snapshot.topology.source != TopologySource::Unaware
        && snapshot.stateful_sets.iter().all(|set| set.topology_aware);
    if aware {
        Check::pass(CheckName::StartScript, "pods start by the topology")
    } else {
        Check::refuse(
            CheckName::StartScript,
            "the start script of this cluster does not read the topology: the pod would come up as a primary of its own",
        )
        .next("deploy the start script of pgctl's deploy/ first")
    }
}

/// One primary answers, and the topology names it.
pub(crate) fn one_primary_or_none(snapshot: &Snapshot) -> Check {
    let name = CheckName::OnePrimary;
    let primaries: Vec<&str> = snapshot.primaries().map(Instance::name).collect();
    match primaries.as_slice() {
        [one] if *one == snapshot.topology.primary => {
            Check::pass(name, format!("{one} is the primary"))
        }
        [one] => Check::refuse(
            name,
            format!(
                "{one} is the primary, but the topology names {}",
                snapshot.topology.primary
            ),
        )
        .next("pgctl status"),
        [] => Check::warn(name, "no primary answers").next("pgctl failover"),
        several => Check::refuse(
            name,
            format!("split brain: {} accept writes", several.join(" and ")),
        ),
    }
}
