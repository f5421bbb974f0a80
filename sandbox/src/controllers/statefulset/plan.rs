//! What a StatefulSet needs next. Pure: from the set, its pods and its revisions to actions and the
//! status, by the rules of `pkg/controller/statefulset/stateful_set_control.go`.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};
use k8s_openapi::api::core::v1::Pod;

use super::pods::{ended, phase, ready, terminating, until_available};

/// The label with the revision that a pod was made from.
pub(super) const REVISION_LABEL: &str = "controller-revision-hash";

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Make the pod of this ordinal, from this revision.
    Create { ordinal: i32, revision: String },
    /// Delete a pod.
    Delete { name: String, uid: String },
    /// Make the claims that a pending pod lacks.
    EnsureClaims { ordinal: i32 },
}

/// What to do now and what to report.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) actions: Vec<Action>,
    pub(super) status: StatefulSetStatus,
    /// A pod becomes available (`minReadySeconds`) after this time without any event.
    pub(super) recheck: Option<Duration>,
}

/// The names of the two revisions that matter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Revisions<'a> {
    pub(super) current: &'a str,
    pub(super) update: &'a str,
    pub(super) collisions: i32,
}

/// The ordinal in a pod's name, if the pod can belong to this set.
pub(super) fn ordinal_of(set_name: &str, pod_name: &str) -> Option<i32> {
    let digits = pod_name.strip_prefix(set_name)?.strip_prefix('-')?;
    // "set-01" is no name that a set gives.
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    digits
        .chars()
        .all(|c| c.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

fn running_and_ready(pod: &Pod) -> bool {
    phase(pod) == "Running" && ready(pod)
}

/// `None`: available. `Some(None)`: not ready. `Some(Some(left))`: ready, but not for long enough.
fn unavailable(pod: &Pod, min_ready: i32, now: Timestamp) -> Option<Option<Duration>> {
    if !running_and_ready(pod) {
        return Some(None);
    }
    let left = until_available(pod, min_ready, now);
    left.filter(|left| !left.is_zero()).map(Some)
}

fn revision(pod: &Pod) -> &str {
    pod.metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(REVISION_LABEL))
        .map_or("", String::as_str)
}

/// A place in the set: the pod that has it, or that it is empty.
struct Place<'a> {
    ordinal: i32,
    pod: Option<&'a Pod>,
}

struct Planner<'a> {
    set: &'a StatefulSet,
    revisions: Revisions<'a>,
    now: Timestamp,
    ordered: bool,
    min_ready: i32,
    actions: Vec<Action>,
    recheck: Option<Duration>,
}

/// Decides. `pods` are those that the set owns, in any order.
pub(super) fn plan(
    set: &StatefulSet,
    revisions: Revisions<'_>,
    pods: &[Pod],
    now: Timestamp,
) -> Plan {
    let spec = set.spec.as_ref();
    let wanted = spec.and_then(|s| s.replicas).unwrap_or(1).max(0);
    let first = spec
        .and_then(|s| s.ordinals.as_ref())
        .and_then(|o| o.start)
        .unwrap_or(0);
    let policy = spec.and_then(|s| s.pod_management_policy.as_deref());
    let set_name = set.metadata.name.as_deref().unwrap_or("");

    let mut planner = Planner {
        set,
        revisions,
        now,
        ordered: policy != Some("Parallel"),
        min_ready: spec.and_then(|s| s.min_ready_seconds).unwrap_or(0),
        actions: Vec::new(),
        recheck: None,
    };

    let mut places: Vec<Place<'_>> = (first..first.saturating_add(wanted))
        .map(|ordinal| Place { ordinal, pod: None })
        .collect();
    let mut condemned: Vec<(i32, &Pod)> = Vec::new();
    for pod in pods {
        let name = pod.metadata.name.as_deref().unwrap_or("");
        let Some(ordinal) = ordinal_of(set_name, name) else {
            continue;
        };
        match places.iter_mut().find(|place| place.ordinal == ordinal) {
            Some(place) => place.pod = Some(pod),
            None => condemned.push((ordinal, pod)),
        }
    }
    // The highest ordinal goes first.
    condemned.sort_by_key(|(ordinal, _)| std::cmp::Reverse(*ordinal));

    let status = planner.status(pods);
    if set.metadata.deletion_timestamp.is_none() {
        planner.decide(&places, &condemned);
    }
    Plan {
        actions: planner.actions,
        status: complete(set, wanted, status),
        recheck: planner.recheck,
    }
}

impl Planner<'_> {
    fn decide(&mut self, places: &[Place<'_>], condemned: &[(i32, &Pod)]) {
        for place in places {
            if self.fill(place) && self.ordered {
                return;
            }
        }
        let sick = self.first_unavailable(places, condemned);
        for (_, pod) in condemned {
            if self.shrink(pod, sick) && self.ordered {
                return;
            }
        }
        self.update(places);
    }

    /// Sees to one place; tells whether an ordered set has to wait here.
    fn fill(&mut self, place: &Place<'_>) -> bool {
        let Some(pod) = place.pod else {
            self.actions.push(Action::Create {
                ordinal: place.ordinal,
                revision: self.revision_for(place.ordinal),
            });
            return true;
        };
        if ended(pod) {
            // A new one is made when this one is gone.
            self.delete(pod);
            return true;
        }
        if phase(pod) == "Pending" {
            self.actions.push(Action::EnsureClaims {
                ordinal: place.ordinal,
            });
        }
        if terminating(pod) {
            return true;
        }
        self.waits_for(pod)
    }

    /// Removes one that is too much; tells whether an ordered set has to wait here.
    fn shrink(&mut self, pod: &Pod, sick: Option<&Pod>) -> bool {
        if terminating(pod) {
            return true;
        }
        let is_sick = sick.is_some_and(|sick| std::ptr::eq(sick, pod));
        if self.ordered && self.waits_for(pod) && !is_sick {
            return true;
        }
        self.delete(pod);
        true
    }

    /// Takes the highest pod of another revision down, one at a time.
    fn update(&mut self, places: &[Place<'_>]) {
        let strategy = self
            .set
            .spec
            .as_ref()
            .and_then(|spec| spec.update_strategy.as_ref());
        if strategy.and_then(|s| s.type_.as_deref()) == Some("OnDelete") {
            return;
        }
        // An index, not an ordinal, as in Kubernetes.
        let partition = usize::try_from(self.partition().unwrap_or(0)).unwrap_or(0);
        for place in places.iter().skip(partition).rev() {
            let Some(pod) = place.pod else {
                // Being made in this very round.
                return;
            };
            if revision(pod) != self.revisions.update && !terminating(pod) {
                self.delete(pod);
                return;
            }
            if terminating(pod) || self.waits_for(pod) {
                return;
            }
        }
    }

    fn delete(&mut self, pod: &Pod) {
        let (Some(name), Some(uid)) = (&pod.metadata.name, &pod.metadata.uid) else {
            return;
        };
        let action = Action::Delete {
            name: name.clone(),
            uid: uid.clone(),
        };
        if !terminating(pod) && !self.actions.contains(&action) {
            self.actions.push(action);
        }
    }

    /// Whether the pod is not available yet, and when to look again.
    fn waits_for(&mut self, pod: &Pod) -> bool {
        match unavailable(pod, self.min_ready, self.now) {
            None => false,
            Some(left) => {
                if let Some(left) = left {
                    self.recheck = Some(self.recheck.map_or(left, |other| other.min(left)));
                }
                true
            }
        }
    }

    fn first_unavailable<'p>(
        &self,
        places: &[Place<'p>],
        condemned: &[(i32, &'p Pod)],
    ) -> Option<&'p Pod> {
        let sick =
            |pod: &Pod| terminating(pod) || unavailable(pod, self.min_ready, self.now).is_some();
        places
            .iter()
            .filter_map(|place| place.pod)
            .chain(condemned.iter().rev().map(|(_, pod)| *pod))
            .find(|pod| sick(pod))
    }

    fn partition(&self) -> Option<i32> {
        self.set
            .spec
            .as_ref()?
            .update_strategy
            .as_ref()?
            .rolling_update
            .as_ref()
            .map(|rolling| rolling.partition.unwrap_or(0))
    }

    /// Below the partition a pod is made again as it was.
    fn revision_for(&self, ordinal: i32) -> String {
        let spec = self.set.spec.as_ref();
        let first = spec
            .and_then(|s| s.ordinals.as_ref())
            .and_then(|o| o.start)
            .unwrap_or(0);
        let old = self
            .partition()
            .is_some_and(|partition| ordinal < first + partition);
        if old {
            self.revisions.current.to_owned()
        } else {
            self.revisions.update.to_owned()
        }
    }

    fn status(&mut self, pods: &[Pod]) -> StatefulSetStatus {
        let mut status = StatefulSetStatus {
            observed_generation: self.set.metadata.generation,
            current_revision: Some(self.revisions.current.to_owned()),
            update_revision: Some(self.revisions.update.to_owned()),
            collision_count: Some(self.revisions.collisions),
            ..StatefulSetStatus::default()
        };
        let (mut ready, mut available, mut current, mut updated) = (0, 0, 0, 0);
        for pod in pods {
            status.replicas += 1;
            if running_and_ready(pod) {
                ready += 1;
                if !self.waits_for(pod) {
                    available += 1;
                }
            }
            if !terminating(pod) {
                current += i32::from(revision(pod) == self.revisions.current);
                updated += i32::from(revision(pod) == self.revisions.update);
            }
        }
        status.ready_replicas = Some(ready);
        status.available_replicas = Some(available);
        status.current_replicas = Some(current);
        status.updated_replicas = Some(updated);
        status
    }
}

/// When every pod is of the new revision and ready, the new revision becomes the current one.
fn complete(set: &StatefulSet, wanted: i32, mut status: StatefulSetStatus) -> StatefulSetStatus {
    let strategy = set.spec.as_ref().and_then(|s| s.update_strategy.as_ref());
    let rolling = strategy.and_then(|s| s.type_.as_deref()) != Some("OnDelete");
    if rolling
        && status.replicas == wanted
        && status.updated_replicas == Some(wanted)
        && status.ready_replicas == Some(wanted)
    {
        status.current_replicas = status.updated_replicas;
        status.current_revision = status.update_revision.clone();
    }
    status
}
