//! What a Deployment needs next. Pure: from the Deployment, its sets and their pods to the changes and the status, by the
//! rules of `pkg/controller/deployment` (deployment_controller.go, rolling.go, recreate.go, sync.go).

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;

use super::condition::Conditions;
use super::pods::ended;
use super::rollout::{Rollout, available, name, replicas};
use super::{owner, proportion};

/// What to do now and what to report.
#[derive(Debug)]
pub(super) struct Plan {
    /// The set of a new template.
    pub(super) create: Option<ReplicaSet>,
    /// Sets as they are to be: their number, annotations and `minReadySeconds` may have changed.
    pub(super) change: Vec<ReplicaSet>,
    /// Sets of templates that are too old to be kept.
    pub(super) delete: Vec<String>,
    pub(super) status: DeploymentStatus,
    /// The revision that the Deployment is at.
    pub(super) revision: Option<String>,
    /// What changed in numbers, as events say it.
    pub(super) scaled: Vec<String>,
    /// Time runs out after so long without any event.
    pub(super) recheck: Option<Duration>,
}

/// Decides. `sets` are those that the Deployment owns, `pods` those of its sets.
pub(super) fn plan(
    deployment: &Deployment,
    sets: &[ReplicaSet],
    pods: &[Pod],
    now: Timestamp,
) -> Plan {
    let mut rollout = Rollout::of(deployment, sets);
    let old_status = deployment.status.clone().unwrap_or_default();
    let before = rollout.sets.clone();
    let mut conditions = Conditions::of(&old_status, now);
    let spec = deployment.spec.as_ref();
    let paused = spec.and_then(|s| s.paused) == Some(true);
    let (mut create, mut revision, mut delete) = (None, None, Vec::new());
    let mut status = status_of(&rollout, &old_status);
    let mut recheck = None;
    if deployment.metadata.deletion_timestamp.is_none() {
        conditions.paused(paused);
        revision = rollout.keep_up();
        if paused || proportion::is_due(&rollout) {
            proportion::scale(&mut rollout);
        } else {
            create = roll(&mut rollout, pods);
        }
        match (&create, rollout.new.and_then(|new| rollout.sets.get(new))) {
            (Some(set), _) => conditions.created(name(set)),
            (None, Some(set)) if !paused => conditions.found(name(set)),
            _ => {}
        }
        if !paused {
            recheck = conditions.progress(&rollout, &status, &old_status);
        }
        if done(&rollout, &status) {
            delete = too_old(&rollout);
        }
    }
    let missing = rollout.wanted - rollout.unavailable;
    conditions.available(status.available_replicas.unwrap_or(0) >= missing);
    status.conditions = Some(conditions.list);
    let mut scaled = Vec::new();
    let mut change = Vec::new();
    for (was, is) in before.iter().zip(&rollout.sets) {
        let (from, to) = (replicas(was), replicas(is));
        if from != to {
            scaled.push(scaling(name(is), from, to));
        }
        if was != is {
            change.push(is.clone());
        }
    }
    if let Some(set) = create.as_ref().filter(|set| replicas(set) > 0) {
        scaled.push(scaling(name(set), 0, replicas(set)));
    }
    Plan {
        create,
        change,
        delete,
        status,
        revision,
        scaled,
        recheck,
    }
}

fn scaling(set: &str, from: i32, to: i32) -> String {
    let way = if to > from { "up" } else { "down" };
    format!("Scaled {way} replica set {set} from {from} to {to}")
}

/// One step of a rollout; returns the set that has to be made.
fn roll(rollout: &mut Rollout<'_>, pods: &[Pod]) -> Option<ReplicaSet> {
    if !rollout.rolling {
        return recreate(rollout, pods);
    }
    let Some(new) = rollout.new else {
        return Some(rollout.make());
    };
    let has = replicas(&rollout.sets[new]);
    let room = rollout.room_for_new().min(rollout.wanted);
    if has != room {
        rollout.scale(new, room);
    } else {
        shrink_old(rollout, new);
    }
    None
}

/// All old pods go, and only when none runs any more the new ones come.
fn recreate(rollout: &mut Rollout<'_>, pods: &[Pod]) -> Option<ReplicaSet> {
    let old = rollout.old();
    let full = old
        .iter()
        .filter(|index| replicas(&rollout.sets[**index]) > 0);
    let full: Vec<usize> = full.copied().collect();
    if !full.is_empty() {
        full.into_iter().for_each(|index| rollout.scale(index, 0));
        return None;
    }
    let of_old = |pod: &&Pod| {
        let mut sets = old.iter().map(|index| &rollout.sets[*index]);
        sets.any(|set| owner::controls(&set.metadata, &pod.metadata))
    };
    if pods.iter().filter(of_old).any(|pod| !ended(pod)) {
        return None;
    }
    match rollout.new {
        None => return Some(rollout.make()),
        Some(new) if replicas(&rollout.sets[new]) != rollout.wanted => {
            rollout.scale(new, rollout.wanted);
        }
        Some(_) => {}
    }
    None
}

/// Takes from the old sets what may be missing: first pods that are not available anyway.
fn shrink_old(rollout: &mut Rollout<'_>, new: usize) {
    let least = rollout.wanted - rollout.unavailable;
    let new_missing = replicas(&rollout.sets[new]) - available(&rollout.sets[new]);
    let most = rollout.replicas() - least - new_missing;
    if most <= 0 {
        return;
    }
    let mut gone = 0;
    for index in rollout.old() {
        let set = &rollout.sets[index];
        let (has, works) = (replicas(set), available(set));
        let less = (has - works).clamp(0, most - gone);
        if less > 0 {
            gone += less;
            rollout.scale(index, has - less);
        }
    }
    let mut spare = rollout.available() - least;
    for index in rollout.old() {
        let has = replicas(&rollout.sets[index]);
        let less = has.min(spare).max(0);
        if less > 0 {
            spare -= less;
            rollout.scale(index, has - less);
        }
    }
}

fn status_of(rollout: &Rollout<'_>, old: &DeploymentStatus) -> DeploymentStatus {
    let sum = |what: fn(&ReplicaSet) -> i32| rollout.sets.iter().map(what).sum::<i32>();
    let actual = |set: &ReplicaSet| set.status.as_ref().map_or(0, |s| s.replicas);
    let ready = |set: &ReplicaSet| {
        let status = set.status.as_ref();
        status.and_then(|s| s.ready_replicas).unwrap_or(0)
    };
    let new = rollout.new.and_then(|new| rollout.sets.get(new));
    let available = rollout.available();
    let some = |number: i32| Some(number).filter(|n| *n != 0);
    DeploymentStatus {
        observed_generation: rollout.deployment.metadata.generation,
        replicas: some(sum(actual)),
        updated_replicas: some(new.map_or(0, actual)),
        ready_replicas: some(sum(ready)),
        available_replicas: some(available),
        unavailable_replicas: some((rollout.replicas() - available).max(0)),
        collision_count: old.collision_count,
        conditions: None,
        ..DeploymentStatus::default()
    }
}

fn done(rollout: &Rollout<'_>, status: &DeploymentStatus) -> bool {
    let is = |number: Option<i32>| number.unwrap_or(0) == rollout.wanted;
    is(status.updated_replicas) && is(status.replicas) && is(status.available_replicas)
}

/// Empty sets beyond `revisionHistoryLimit`, the oldest first.
fn too_old(rollout: &Rollout<'_>) -> Vec<String> {
    let spec = rollout.deployment.spec.as_ref();
    let limit = spec.and_then(|s| s.revision_history_limit).unwrap_or(10);
    let limit = usize::try_from(limit).unwrap_or(0);
    let old = rollout.old();
    let surplus = old.len().saturating_sub(limit);
    let old = old.iter().take(surplus).map(|index| &rollout.sets[*index]);
    let empty = |set: &&ReplicaSet| {
        let status = set.status.clone().unwrap_or_default();
        status.replicas == 0
            && replicas(set) == 0
            && status.observed_generation == set.metadata.generation
            && set.metadata.deletion_timestamp.is_none()
    };
    old.filter(empty).map(|set| name(set).to_owned()).collect()
}
