//! Carries out what a Job's plan says.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::claiming::claim;
use super::conditions::outcome;
use super::events::Recorder;
use super::plan::{FINALIZER, is_tracked, plan};
use super::worker::{Controller, Key, gone, gone_or_replaced};
use super::{owner, pods};
use crate::store::{
    DeleteOptions, Event, LabelSelector, Propagation, Resource, Selector, Store, StoreError, of,
};

/// The Job controller, and the one that deletes Jobs whose time is over (`ttlSecondsAfterFinished`).
pub(in crate::controllers) struct Jobs {
    events: Recorder,
}

impl Jobs {
    pub(in crate::controllers) fn new(store: &Store) -> Self {
        Self {
            events: Recorder::new(store, "job-controller"),
        }
    }
}

impl Controller for Jobs {
    fn name(&self) -> &'static str {
        "job-controller"
    }

    fn watches(&self) -> Vec<&'static Resource> {
        vec![of::<Job>(), of::<Pod>()]
    }

    fn keys(&mut self, store: &Store, resource: &'static Resource, event: &Event) -> Vec<Key> {
        if resource == of::<Job>() {
            return vec![Key::of(event)];
        }
        owner::named_or_any(store, of::<Job>(), event)
    }

    fn reconcile(&mut self, store: &Store, key: &Key) -> Result<Option<Duration>, StoreError> {
        let job = store.read_opt::<Job>(&key.namespace, &key.name)?;
        let uid = job.as_ref().and_then(|job| job.metadata.uid.clone());
        release_left_over(store, key, uid.as_deref())?;
        let Some(job) = job else {
            return Ok(None);
        };
        let spec = job.spec.clone().unwrap_or_default();
        let selector = LabelSelector::from_object(&spec.selector.unwrap_or_default())?;
        let pods: Vec<Pod> = claim::<Job, Pod>(store, &job.metadata, |meta| {
            selector.matches_labels(meta.labels.as_ref())
        })?;
        let now = Timestamp::now();
        let plan = plan(&job, &pods, now);
        let about = json!(job);
        for pod in &plan.delete {
            pods::delete(store, &self.events, &about, pod)?;
        }
        let mut made = Ok(());
        for _ in 0..plan.create {
            made = made.and_then(|()| pods::create(store, &self.events, &about, &build(&job)));
        }
        for pod in &plan.release {
            release(store, pod)?;
        }
        store.modify::<Job>(&key.namespace, &key.name, |now| {
            if now.metadata.uid == job.metadata.uid {
                now.status = Some(plan.status.clone());
            }
        })?;
        for (kind, reason, message) in &plan.events {
            self.events.event(&about, *kind, reason, message);
        }
        made?;
        match time_to_live(&job, now) {
            Some(Duration::ZERO) => {
                remove(store, &job)?;
                Ok(None)
            }
            left => Ok(left.or(plan.recheck)),
        }
    }
}

/// A new pod of the Job.
fn build(job: &Job) -> Pod {
    let template = job.spec.clone().unwrap_or_default().template;
    let mut pod = pods::build::<Job>(&job.metadata, template);
    let finalizers = pod.metadata.finalizers.get_or_insert_default();
    finalizers.push(FINALIZER.to_owned());
    pod
}

fn release(store: &Store, pod: &Pod) -> Result<(), StoreError> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("");
    let name = pod.metadata.name.as_deref().unwrap_or("");
    let done = store.modify::<Pod>(namespace, name, |now| {
        if now.metadata.uid == pod.metadata.uid {
            let mut left = now.metadata.finalizers.take().unwrap_or_default();
            left.retain(|finalizer| finalizer != FINALIZER);
            now.metadata.finalizers = Some(left).filter(|left| !left.is_empty());
        }
    });
    gone(done)
}

/// Pods of a Job of this name that is gone: nobody will count them. An orphan has no owner left to ask.
fn release_left_over(store: &Store, key: &Key, alive: Option<&str>) -> Result<(), StoreError> {
    let pods = store.read_all::<Pod>(Some(&key.namespace), &Selector::everything())?;
    for pod in pods.items.iter().filter(|pod| is_tracked(pod)) {
        let labels = pod.metadata.labels.as_ref();
        let job = labels.and_then(|l| l.get("batch.kubernetes.io/job-name"));
        let lost = match owner::controller(&pod.metadata) {
            Some(owner) if owner.kind == "Job" => {
                owner.name == key.name && Some(owner.uid.as_str()) != alive
            }
            _ => job == Some(&key.name) && alive.is_none(),
        };
        if lost {
            release(store, pod)?;
        }
    }
    Ok(())
}

/// How long a Job that has ended is kept. None: for ever, or it has not ended.
fn time_to_live(job: &Job, now: Timestamp) -> Option<Duration> {
    let seconds = job.spec.as_ref()?.ttl_seconds_after_finished?;
    let ended = outcome(job)?.last_transition_time.as_ref()?;
    let left = SignedDuration::from_secs(i64::from(seconds)) - now.duration_since(ended.0);
    Some(Duration::try_from(left).unwrap_or_default())
}

fn remove(store: &Store, job: &Job) -> Result<(), StoreError> {
    let namespace = job.metadata.namespace.as_deref().unwrap_or("");
    let name = job.metadata.name.as_deref().unwrap_or("");
    let options = DeleteOptions {
        propagation: Some(Propagation::Foreground),
        ..DeleteOptions::of_uid(job.metadata.uid.clone())
    };
    gone_or_replaced(store.remove::<Job>(namespace, name, &options))
}
