//! Who is restarted, in which order, and who takes the role over.

use crate::cluster::{Component, Instance, Role, Snapshot};
use crate::plan::language::{PodRef, RestartReason, Restarts, RolloutRequest};

/// Why this pod is to be restarted; none when it is not.
pub(super) fn reason(
    snapshot: &Snapshot,
    instance: &Instance,
    request: &RolloutRequest,
) -> Option<RestartReason> {
    // One that is on its way out is made anew from the present template, or not at all.
    if instance.pod.deleting_since.is_some() {
        return None;
    }
    if let Some(node) = &request.node {
        return is_on(instance, node).then_some(RestartReason::Drained);
    }
    if snapshot.is_older(instance) == Some(true) {
        return Some(RestartReason::Older);
    }
    let asked = match &request.restarts {
        Restarts::Older => false,
        Restarts::All => true,
        Restarts::These(pods) => pods.contains(&PodRef::of(instance)),
    };
    asked.then_some(RestartReason::Asked)
}

/// Whether it runs on a node.
pub(super) fn is_on(instance: &Instance, node: &str) -> bool {
    instance.pod.node.as_deref() == Some(node)
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
    request: &RolloutRequest,
    heir: Option<&str>,
) -> Vec<(&'a Instance, RestartReason)> {
    let primary = snapshot.primary().map(Instance::name);
    let mut pods: Vec<(&Instance, RestartReason)> = snapshot
        .instances
        .iter()
        .filter(|it| Some(it.name()) != primary)
        .filter(|it| stays(snapshot, it))
        .filter_map(|it| Some((it, reason(snapshot, it, request)?)))
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
