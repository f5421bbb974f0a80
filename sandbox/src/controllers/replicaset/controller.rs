//! Carries out what a ReplicaSet's plan says.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::claiming::claim;
use super::events::Recorder;
use super::plan::{Plan, plan};
use super::pods;
use super::worker::{Controller, Key};
use crate::controllers::owner;
use crate::store::{Event, LabelSelector, Resource, Store, StoreError, of};

/// The ReplicaSet controller.
pub(in crate::controllers) struct ReplicaSets {
    events: Recorder,
}

impl ReplicaSets {
    pub(in crate::controllers) fn new(store: &Store) -> Self {
        Self {
            events: Recorder::new(store, "replicaset-controller"),
        }
    }
}

impl Controller for ReplicaSets {
    fn name(&self) -> &'static str {
        "replicaset-controller"
    }

    fn watches(&self) -> Vec<&'static Resource> {
        vec![of::<ReplicaSet>(), of::<Pod>()]
    }

    fn keys(&mut self, store: &Store, resource: &'static Resource, event: &Event) -> Vec<Key> {
        if resource == of::<ReplicaSet>() {
            return vec![Key::of(event)];
        }
        // Of its owner, also of the one before; an orphan may fit any set.
        owner::named_or_any(store, of::<ReplicaSet>(), event)
    }

    fn reconcile(&mut self, store: &Store, key: &Key) -> Result<Option<Duration>, StoreError> {
        let Some(set) = store.read_opt::<ReplicaSet>(&key.namespace, &key.name)? else {
            return Ok(None);
        };
        let spec = set.spec.clone().unwrap_or_default();
        let selector = LabelSelector::from_object(&spec.selector)?;
        let pods: Vec<Pod> = claim::<ReplicaSet, Pod>(store, &set.metadata, |meta| {
            selector.matches_labels(meta.labels.as_ref())
        })?;
        let plan = plan(&set, &pods, Timestamp::now());
        let done = self.carry_out(store, &set, &plan);
        let failure = done.as_ref().err().map(ToString::to_string);
        store.modify::<ReplicaSet>(&key.namespace, &key.name, |now| {
            if now.metadata.uid == set.metadata.uid {
                let mut status = plan.status.clone();
                let old = now.status.take().unwrap_or_default();
                status.conditions = conditions(old.conditions, failure.as_deref(), plan.create > 0);
                now.status = Some(status);
            }
        })?;
        done?;
        Ok(plan.recheck)
    }
}

impl ReplicaSets {
    fn carry_out(&self, store: &Store, set: &ReplicaSet, plan: &Plan) -> Result<(), StoreError> {
        let about = json!(set);
        for _ in 0..plan.create {
            pods::create(store, &self.events, &about, &build(set))?;
        }
        for pod in &plan.delete {
            pods::delete(store, &self.events, &about, pod)?;
        }
        Ok(())
    }
}

/// A new pod of the set.
fn build(set: &ReplicaSet) -> Pod {
    let template = set.spec.clone().unwrap_or_default().template;
    pods::build::<ReplicaSet>(&set.metadata, template.unwrap_or_default())
}

/// `ReplicaFailure`, as long as pods can't be made or deleted.
fn conditions(
    old: Option<Vec<ReplicaSetCondition>>,
    failure: Option<&str>,
    creating: bool,
) -> Option<Vec<ReplicaSetCondition>> {
    const FAILURE: &str = "ReplicaFailure";
    let mut list = old.unwrap_or_default();
    let before = list.iter().position(|c| c.type_ == FAILURE);
    let before = before.map(|at| list.remove(at));
    if let Some(message) = failure {
        let reason = if creating {
            "FailedCreate"
        } else {
            "FailedDelete"
        };
        let since = before.and_then(|c| c.last_transition_time);
        list.push(ReplicaSetCondition {
            type_: FAILURE.to_owned(),
            status: "True".to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            last_transition_time: since.or_else(|| Some(Time(Timestamp::now()))),
        });
    }
    Some(list).filter(|list| !list.is_empty())
}
