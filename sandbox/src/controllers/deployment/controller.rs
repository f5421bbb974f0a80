//! Carries out what a Deployment's plan says.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::claiming::claim;
use super::events::{EventType, Recorder};
use super::owner;
use super::plan::{Plan, plan};
use super::rollout::REVISION;
use super::worker::{Controller, Key};
use crate::store::{
    DeleteOptions, Event, LabelSelector, Resource, Selector, Store, StoreError, of,
};

/// The Deployment controller.
pub(in crate::controllers) struct Deployments {
    events: Recorder,
}

impl Deployments {
    pub(in crate::controllers) fn new(store: &Store) -> Self {
        Self {
            events: Recorder::new(store, "deployment-controller"),
        }
    }
}

impl Controller for Deployments {
    fn name(&self) -> &'static str {
        "deployment-controller"
    }

    fn watches(&self) -> Vec<&'static Resource> {
        vec![of::<Deployment>(), of::<ReplicaSet>(), of::<Pod>()]
    }

    fn keys(&mut self, store: &Store, resource: &'static Resource, event: &Event) -> Vec<Key> {
        if resource == of::<Deployment>() {
            return vec![Key::of(event)];
        }
        if resource == of::<Pod>() {
            // Strategy Recreate waits until the last old pod has ended.
            let sets = owner::named("ReplicaSet", event);
            let sets = sets.iter().filter_map(|set| {
                store
                    .get(of::<ReplicaSet>(), &set.namespace, &set.name)
                    .ok()
            });
            return sets
                .flat_map(|set| owner::of_kind("Deployment", &set))
                .collect();
        }
        owner::named_or_any(store, of::<Deployment>(), event)
    }

    fn reconcile(&mut self, store: &Store, key: &Key) -> Result<Option<Duration>, StoreError> {
        let Some(deployment) = store.read_opt::<Deployment>(&key.namespace, &key.name)? else {
            return Ok(None);
        };
        let spec = deployment.spec.clone().unwrap_or_default();
        let selector = LabelSelector::from_object(&spec.selector)?;
        let sets: Vec<ReplicaSet> =
            claim::<Deployment, ReplicaSet>(store, &deployment.metadata, |meta| {
                selector.matches_labels(meta.labels.as_ref())
            })?;
        // Only Recreate has to know when the last old pod has ended.
        let strategy = spec.strategy.as_ref().and_then(|it| it.type_.as_deref());
        let pods = match strategy {
            Some("Recreate") => {
                let pods = store.read_all::<Pod>(Some(&key.namespace), &Selector::everything());
                pods?.items
            }
            _ => Vec::new(),
        };
        let plan = plan(&deployment, &sets, &pods, Timestamp::now());
        self.carry_out(store, &deployment, &plan)?;
        store.modify::<Deployment>(&key.namespace, &key.name, |now| {
            if now.metadata.uid != deployment.metadata.uid {
                return;
            }
            if let Some(revision) = &plan.revision {
                let annotations = now.metadata.annotations.get_or_insert_default();
                annotations.insert(REVISION.to_owned(), revision.clone());
            }
            now.status = Some(plan.status.clone());
        })?;
        Ok(plan.recheck)
    }
}

impl Deployments {
    fn carry_out(
        &self,
        store: &Store,
        deployment: &Deployment,
        plan: &Plan,
    ) -> Result<(), StoreError> {
        let namespace = deployment.metadata.namespace.as_deref().unwrap_or("");
        let name = deployment.metadata.name.as_deref().unwrap_or("");
        if let Some(set) = &plan.create {
            match store.add(set) {
                // A set of this name with another template: the next hash is another.
                Err(error) if error.is_already_exists() => {
                    store.modify::<Deployment>(namespace, name, |now| {
                        let status = now.status.get_or_insert_default();
                        status.collision_count = Some(status.collision_count.unwrap_or(0) + 1);
                    })?;
                    return Err(error);
                }
                made => drop(made?),
            }
        }
        for wanted in &plan.change {
            let set = wanted.metadata.name.as_deref().unwrap_or("");
            store.modify::<ReplicaSet>(namespace, set, |set| {
                set.metadata
                    .annotations
                    .clone_from(&wanted.metadata.annotations);
                if let (Some(spec), Some(wanted)) = (&mut set.spec, &wanted.spec) {
                    spec.replicas = wanted.replicas;
                    spec.min_ready_seconds = wanted.min_ready_seconds;
                }
            })?;
        }
        for message in &plan.scaled {
            let about = json!(deployment);
            self.events
                .event(&about, EventType::Normal, "ScalingReplicaSet", message);
        }
        for set in &plan.delete {
            // Gone already is what is wanted.
            drop(store.remove::<ReplicaSet>(namespace, set, &DeleteOptions::default()));
        }
        Ok(())
    }
}
