//! The status of PodDisruptionBudgets: how many pods may go now.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::share::scaled;
use super::worker::{Controller, Key};
use super::{owner, pods};
use crate::store::{Event, LabelSelector, Resource, Selector, Store, StoreError, of};

/// The controller.
pub(super) struct Disruption;

impl Controller for Disruption {
    fn name(&self) -> &'static str {
        "disruption-controller"
    }

    fn watches(&self) -> Vec<&'static Resource> {
        vec![
            of::<PodDisruptionBudget>(),
            of::<Pod>(),
            of::<StatefulSet>(),
            of::<ReplicaSet>(),
            of::<Deployment>(),
        ]
    }

    fn keys(&mut self, store: &Store, resource: &'static Resource, event: &Event) -> Vec<Key> {
        let key = Key::of(event);
        if resource == of::<PodDisruptionBudget>() {
            return vec![key];
        }
        Key::all(store, of::<PodDisruptionBudget>(), &key.namespace)
    }

    fn reconcile(&mut self, store: &Store, key: &Key) -> Result<Option<Duration>, StoreError> {
        let budget = store.read_opt::<PodDisruptionBudget>(&key.namespace, &key.name)?;
        let Some(budget) = budget else {
            return Ok(None);
        };
        let spec = budget.spec.clone().unwrap_or_default();
        let selector = LabelSelector::from_object(&spec.selector.unwrap_or_default())?;
        let mut pods = store
            .read_all::<Pod>(Some(&key.namespace), &Selector::everything())?
            .items;
        pods.retain(|pod| selector.matches_labels(pod.metadata.labels.as_ref()));
        let healthy = pods.iter().filter(|pod| is_healthy(pod)).count();
        let expected = expected(store, &key.namespace, &pods)?;
        let desired = match (&spec.max_unavailable, &spec.min_available) {
            (Some(most), _) => (expected - scaled(most, expected, true)).max(0),
            (None, Some(least)) => scaled(least, expected, true),
            (None, None) => expected - 1,
        };
        let healthy = i32::try_from(healthy).unwrap_or(i32::MAX);
        let allowed = if expected > 0 {
            (healthy - desired).max(0)
        } else {
            0
        };
        store.modify::<PodDisruptionBudget>(&key.namespace, &key.name, |budget| {
            let old = budget.status.take().unwrap_or_default();
            budget.status = Some(PodDisruptionBudgetStatus {
                conditions: Some(vec![condition(&old, allowed, budget.metadata.generation)]),
                current_healthy: healthy,
                desired_healthy: desired,
                disrupted_pods: old.disrupted_pods,
                disruptions_allowed: allowed,
                expected_pods: expected,
                observed_generation: budget.metadata.generation,
            });
        })?;
        Ok(None)
    }
}

fn is_healthy(pod: &Pod) -> bool {
    !pods::terminating(pod) && pods::ready(pod)
}

/// What the pods' owners want, each counted once, and pods that nobody owns.
fn expected(store: &Store, namespace: &str, pods: &[Pod]) -> Result<i32, StoreError> {
    let mut owners = std::collections::BTreeSet::new();
    let mut expected = 0;
    for pod in pods {
        let Some(owner) = owner::controller(&pod.metadata) else {
            expected += 1;
            continue;
        };
        if !matches!(owner.kind.as_str(), "StatefulSet" | "ReplicaSet") {
            expected += 1;
        } else if owners.insert((owner.kind.clone(), owner.name.clone())) {
            expected += match owner.kind.as_str() {
                "StatefulSet" => store
                    .read_opt::<StatefulSet>(namespace, &owner.name)?
                    .map_or(0, |set| set.spec.and_then(|s| s.replicas).unwrap_or(1)),
                _ => of_replicas(store, namespace, &owner.name, &mut owners)?,
            };
        }
    }
    Ok(expected)
}

/// What a ReplicaSet wants, or the Deployment that it belongs to.
fn of_replicas(
    store: &Store,
    namespace: &str,
    name: &str,
    counted: &mut std::collections::BTreeSet<(String, String)>,
) -> Result<i32, StoreError> {
    let Some(set) = store.read_opt::<ReplicaSet>(namespace, name)? else {
        return Ok(0);
    };
    let owner = owner::controller(&set.metadata).filter(|owner| owner.kind == "Deployment");
    let Some(owner) = owner else {
        return Ok(set.spec.and_then(|s| s.replicas).unwrap_or(1));
    };
    if !counted.insert((owner.kind.clone(), owner.name.clone())) {
        return Ok(0);
    }
    let deployment = store.read_opt::<Deployment>(namespace, &owner.name)?;
    Ok(deployment.map_or(0, |d| d.spec.and_then(|s| s.replicas).unwrap_or(1)))
}

fn condition(old: &PodDisruptionBudgetStatus, allowed: i32, generation: Option<i64>) -> Condition {
    let (status, reason) = if allowed > 0 {
        ("True", "SufficientPods")
    } else {
        ("False", "InsufficientPods")
    };
    let before = old
        .conditions
        .iter()
        .flatten()
        .find(|c| c.type_ == "DisruptionAllowed");
    let since = before
        .filter(|c| c.status == status)
        .map(|c| c.last_transition_time.clone());
    Condition {
        type_: "DisruptionAllowed".to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: String::new(),
        last_transition_time: since.unwrap_or_else(|| Time(Timestamp::now())),
        observed_generation: generation,
    }
}
