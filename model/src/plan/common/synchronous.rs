//! Commits that wait for standbys.

use crate::cluster::{Instance, Snapshot, synchronous_names};
use crate::plan::language::{Action, Condition, Step, StepName};

/// For how many standbys commits are to wait; none when nobody has asked for any.
pub(crate) fn wanted_synchronous(snapshot: &Snapshot) -> Option<u32> {
    snapshot.topology.synchronous.filter(|count| *count > 0)
}

/// The step that lets commits on the primary wait for these standbys. It is done when the server
/// goes by it, and as many of them have confirmed all that was committed before.
pub(crate) fn confirm_by(
    name: StepName,
    primary: &Instance,
    count: u32,
    standbys: Vec<String>,
) -> Step {
    let pod = primary.name().to_owned();
    let set = |names: String| Action::SetSynchronous {
        pod: pod.clone(),
        names,
    };
    let names = synchronous_names(count, &standbys);
    let before = primary
        .facts()
        .map(|facts| facts.settings.synchronous_standby_names.clone())
        .unwrap_or_default();
    Step::new(
        name,
        set(names.clone()),
        Condition::Synchronous {
            pod: pod.clone(),
            names,
            standbys,
            count,
        },
    )
    .undo(
        vec![set(before.clone())],
        Condition::Synchronous {
            pod: pod.clone(),
            names: before,
            standbys: Vec::new(),
            count: 0,
        },
        30,
    )
    .timeout(60)
}
