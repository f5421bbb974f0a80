//! What a new standby needs: one primary, and pods that start by the topology.

use crate::cluster::{Instance, Snapshot};
use crate::plan::language::{Check, CheckName};

/// One primary answers, and the topology names it: there is somebody to follow.
pub(crate) fn one_primary(snapshot: &Snapshot) -> Check {
    let none = Check::refuse(
        CheckName::OnePrimary,
        "no primary answers: there is nothing to follow",
    );
    at_most_one(snapshot, none, ": a pod that starts would not follow it")
}

pub(crate) fn start_script(snapshot: &Snapshot) -> Check {
    let aware = snapshot.topology.source.config_map().is_some()
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

/// One primary answers, and the topology names it; or none does.
pub(crate) fn one_primary_or_none(snapshot: &Snapshot) -> Check {
    at_most_one(
        snapshot,
        Check::warn(CheckName::OnePrimary, "no primary answers"),
        "",
    )
}

/// `none` is what it means that no primary answers, and `misnamed` what it means that the topology
/// names another.
fn at_most_one(snapshot: &Snapshot, none: Check, misnamed: &str) -> Check {
    let name = CheckName::OnePrimary;
    let primaries: Vec<&str> = snapshot.primaries().map(Instance::name).collect();
    match primaries.as_slice() {
        [one] if *one == snapshot.topology.primary => {
            Check::pass(name, format!("{one} is the primary"))
        }
        [one] => Check::refuse(
            name,
            format!(
                "{one} is the primary, but the topology names {}{misnamed}",
                snapshot.topology.primary
            ),
        )
        .next("pgctl status"),
        [] => none.next("pgctl failover"),
        several => Check::refuse(
            name,
            format!("split brain: {} accept writes", several.join(" and ")),
        )
        .next("docs/runbooks/failover.md, section \"Two primaries\""),
    }
}
