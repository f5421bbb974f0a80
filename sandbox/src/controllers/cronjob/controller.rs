//! Carries out what a CronJob's plan says.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use serde_json::json;

use super::events::{EventType, Recorder};
use super::owner;
use super::plan::{note, plan};
use super::worker::{Controller, Key};
use crate::schedule::Schedule;
use crate::store::{DeleteOptions, Event, Propagation, Resource, Selector, Store, StoreError, of};

/// The CronJob controller.
pub(in crate::controllers) struct CronJobs {
    events: Recorder,
}

impl CronJobs {
    pub(in crate::controllers) fn new(store: &Store) -> Self {
        Self {
            events: Recorder::new(store, "cronjob-controller"),
        }
    }
}

impl Controller for CronJobs {
    fn name(&self) -> &'static str {
        "cronjob-controller"
    }

    fn watches(&self) -> Vec<&'static Resource> {
        vec![of::<CronJob>(), of::<Job>()]
    }

    fn keys(&mut self, _: &Store, resource: &'static Resource, event: &Event) -> Vec<Key> {
        if resource == of::<CronJob>() {
            return vec![Key::of(event)];
        }
        owner::named("CronJob", event)
    }

    fn reconcile(&mut self, store: &Store, key: &Key) -> Result<Option<Duration>, StoreError> {
        let Some(cron) = store.read_opt::<CronJob>(&key.namespace, &key.name)? else {
            return Ok(None);
        };
        let about = json!(cron);
        let spec = cron.spec.clone().unwrap_or_default();
        let schedule = match Schedule::parse(&spec.schedule, spec.time_zone.as_deref()) {
            Ok(schedule) => schedule,
            Err(error) => {
                let message = format!("unparseable schedule: {:?} : {error}", spec.schedule);
                self.events
                    .event(&about, EventType::Warning, "UnparseableSchedule", &message);
                return Ok(None);
            }
        };
        let mut jobs = store
            .read_all::<Job>(Some(&key.namespace), &Selector::everything())?
            .items;
        jobs.retain(|job| owner::controls(&cron.metadata, &job.metadata));
        let mut plan = plan(&cron, &jobs, &schedule, Timestamp::now());
        for name in &plan.delete {
            let options = DeleteOptions {
                propagation: Some(Propagation::Background),
                ..DeleteOptions::default()
            };
            if store.remove::<Job>(&key.namespace, name, &options).is_ok() {
                let message = format!("Deleted job {name}");
                self.events
                    .event(&about, EventType::Normal, "SuccessfulDelete", &message);
            }
        }
        if let Some(job) = &plan.create {
            let name = job.metadata.name.clone().unwrap_or_default();
            match store.add(job) {
                Ok(made) => {
                    note(&mut plan.status, &made);
                    let message = format!("Created job {name}");
                    self.events
                        .event(&about, EventType::Normal, "SuccessfulCreate", &message);
                }
                // Somebody has given a Job of his own this name.
                Err(error) if error.is_already_exists() => {}
                Err(error) => {
                    let message = format!("Error creating job: {error}");
                    self.events
                        .event(&about, EventType::Warning, "FailedCreate", &message);
                    return Err(error);
                }
            }
        }
        store.modify::<CronJob>(&key.namespace, &key.name, |now| {
            if now.metadata.uid == cron.metadata.uid {
                now.status = Some(plan.status.clone());
            }
        })?;
        for (kind, reason, message) in &plan.events {
            self.events.event(&about, *kind, reason, message);
        }
        Ok(plan.recheck)
    }
}
