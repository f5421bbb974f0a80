//! Who is restarted, in which order, and who takes the role over.

use crate::cluster::{Component, Instance, Role, Snapshot};
use crate::plan::language::{PodRef, RestartReason, Restarts};

/// Why this pod is to be restarted; none when it is not.
pub(super) fn reason(
    snapshot: &Snapshot,
    instance: &Instance,
    restarts: &Restarts,
) -> Option<RestartReason> {
    // One that is on its way out is made anew from the present template, or not at all.
    if instance.pod.deleting_since.is_some() {
        return None;
    }
    if snapshot.is_older(instance) == Some(true) {
        return Some(RestartReason::Older);
    }
    let asked = match restarts {
        Restarts::Older => false,
        Restarts::All => true,
        Restarts::These(pods) => pods.contains(&PodRef::of(instance)),
    };
    asked.then_some(RestartReason::Asked)
}

/// Whether it streams from the primary.
pub(super) fn streams(snapshot: &Snapshot, instance: &Instance) -> bool {
    let primary = snapshot.primary().and_then(Instance::facts);
    instance.role() == Role::Standby
        && primary.is_some_and(|facts| facts.streams_to(instance.name()))
}

/// The standbys that are to be restarted. First those that serve nobody as they are: there is nothing to lose, and the
/// new template shows what it is worth. Then the one that becomes primary, and the others by StatefulSet and number.
pub(super) fn standbys<'a>(
    snapshot: &'a Snapshot,
    restarts: &Restarts,
    heir: Option<&str>,
) -> Vec<(&'a Instance, RestartReason)> {
    let primary = snapshot.primary().map(Instance::name);
    let mut pods: Vec<(&Instance, RestartReason)> = snapshot
        .instances
        .iter()
        .filter(|it| Some(it.name()) != primary)
        .filter(|it| stays(snapshot, it))
        .filter_map(|it| Some((it, reason(snapshot, it, restarts)?)))
        .collect();
    pods.sort_by_key(|(it, _)| {
        (
            streams(snapshot, it),
            heir != Some(it.name()),
            it.pod.component != Component::Primary,
            it.pod.ordinal,
        )
    });
    pods
}

/// Whether its StatefulSet makes it again.
pub(super) fn stays(snapshot: &Snapshot, instance: &Instance) -> bool {
    snapshot
        .set_of(instance)
        .is_some_and(|set| set.keeps(instance.name()))
}
