//! What a CronJob needs next. Pure: from the CronJob, its Jobs and its schedule to the Jobs that are made and deleted and the
//! status, by the rules of `pkg/controller/cronjob/cronjob_controllerv2.go`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{CronJob, CronJobStatus, Job};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde_json::json;

use super::events::{EventType, reference};
use super::job::outcome;
use super::owner;
use crate::schedule::Schedule;

/// More missed times than this are worth a word.
const MANY_MISSED: u32 = 100;

/// What to do now and what to report.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) create: Option<Job>,
    /// Names of Jobs that go: replaced ones, and those that history has no room for.
    pub(super) delete: Vec<String>,
    pub(super) status: CronJobStatus,
    pub(super) events: Vec<(EventType, &'static str, String)>,
    /// When the next time is due.
    pub(super) recheck: Option<Duration>,
}

impl Plan {
    fn tell(&mut self, kind: EventType, reason: &'static str, message: String) {
        self.events.push((kind, reason, message));
    }
}

fn name(meta: &ObjectMeta) -> &str {
    meta.name.as_deref().unwrap_or("")
}

/// Decides. `jobs` are those that the CronJob owns, those started by hand included.
pub(super) fn plan(cron: &CronJob, jobs: &[Job], schedule: &Schedule, now: Timestamp) -> Plan {
    let mut plan = Plan {
        status: cron.status.clone().unwrap_or_default(),
        ..Plan::default()
    };
    keep_book(&mut plan, jobs);
    forget(&mut plan, cron, jobs);
    let suspended = cron.spec.as_ref().and_then(|s| s.suspend) == Some(true);
    if cron.metadata.deletion_timestamp.is_none() && !suspended {
        start(&mut plan, cron, jobs, schedule, now);
    }
    plan
}

/// Keeps the list of active Jobs, and when one last succeeded.
fn keep_book(plan: &mut Plan, jobs: &[Job]) {
    let mut active = plan.status.active.take().unwrap_or_default();
    for job in jobs {
        let known = active.iter().any(|a| a.uid == job.metadata.uid);
        match outcome(job) {
            None if !known => {
                let message = format!(
                    "Saw a job that the controller did not create or forgot: {}",
                    name(&job.metadata)
                );
                plan.tell(EventType::Warning, "UnexpectedJob", message);
            }
            Some(end) if known => {
                active.retain(|a| a.uid != job.metadata.uid);
                let message = format!(
                    "Saw completed job: {}, condition: {}",
                    name(&job.metadata),
                    end.type_
                );
                plan.tell(EventType::Normal, "SawCompletedJob", message);
            }
            _ => {}
        }
        let completed = job.status.as_ref().and_then(|s| s.completion_time.clone());
        if outcome(job).is_some_and(|end| end.type_ == "Complete")
            && completed > plan.status.last_successful_time
        {
            plan.status.last_successful_time = completed;
        }
    }
    for gone in active
        .iter()
        .filter(|a| jobs.iter().all(|job| job.metadata.uid != a.uid))
    {
        let message = format!(
            "Active job went missing: {}",
            gone.name.as_deref().unwrap_or("")
        );
        plan.events.push((EventType::Normal, "MissingJob", message));
    }
    active.retain(|a| jobs.iter().any(|job| job.metadata.uid == a.uid));
    plan.status.active = Some(active).filter(|list| !list.is_empty());
}

/// Deletes the oldest of those that have ended, of each outcome.
fn forget(plan: &mut Plan, cron: &CronJob, jobs: &[Job]) {
    let spec = cron.spec.clone().unwrap_or_default();
    for (kind, limit) in [
        ("Complete", spec.successful_jobs_history_limit.unwrap_or(3)),
        ("Failed", spec.failed_jobs_history_limit.unwrap_or(1)),
    ] {
        let ended = |job: &&Job| outcome(job).is_some_and(|end| end.type_ == kind);
        let mut ended: Vec<&Job> = jobs.iter().filter(ended).collect();
        ended.sort_by_key(|job| job.status.as_ref().and_then(|s| s.start_time.clone()));
        let surplus = ended
            .len()
            .saturating_sub(usize::try_from(limit).unwrap_or(0));
        let names = ended
            .iter()
            .take(surplus)
            .map(|job| name(&job.metadata).to_owned());
        plan.delete.extend(names);
    }
}

/// Starts a Job when one is due.
fn start(plan: &mut Plan, cron: &CronJob, jobs: &[Job], schedule: &Schedule, now: Timestamp) {
    let spec = cron.spec.clone().unwrap_or_default();
    let (due, missed) = last_due(cron, schedule, now);
    if let Some(next) = schedule.after(now) {
        // A little late, so that the time has really come.
        let left = next.duration_since(now) + SignedDuration::from_millis(100);
        plan.recheck = Duration::try_from(left).ok();
    }
    if missed > MANY_MISSED {
        let message = format!(
            "too many missed start times: {missed}. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        );
        plan.tell(EventType::Warning, "TooManyMissedTimes", message);
    }
    let Some(due) = due else { return };
    let deadline = spec
        .starting_deadline_seconds
        .map(SignedDuration::from_secs);
    if deadline.is_some_and(|limit| due + limit < now) {
        let message = format!("Missed scheduled time to start a job: {due}");
        plan.tell(EventType::Warning, "MissSchedule", message);
        return;
    }
    let made = build(cron, due);
    let own = name(&made.metadata).to_owned();
    if jobs.iter().any(|job| name(&job.metadata) == own) {
        return;
    }
    let active = plan.status.active.clone().unwrap_or_default();
    match spec.concurrency_policy.as_deref() {
        Some("Forbid") if !active.is_empty() => {
            let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
            plan.tell(EventType::Normal, "JobAlreadyActive", message.to_owned());
            return;
        }
        Some("Replace") => {
            plan.delete
                .extend(active.into_iter().filter_map(|job| job.name));
            plan.status.active = None;
        }
        _ => {}
    }
    plan.status.last_schedule_time = Some(Time(due));
    plan.create = Some(made);
}

/// The last time that was due and not started, and how many there were.
fn last_due(cron: &CronJob, schedule: &Schedule, now: Timestamp) -> (Option<Timestamp>, u32) {
    let status = cron.status.as_ref();
    let last = status.and_then(|s| s.last_schedule_time.as_ref());
    let made = cron.metadata.creation_timestamp.as_ref();
    let mut earliest = last.or(made).map_or(now, |time| time.0);
    let deadline = cron.spec.as_ref().and_then(|s| s.starting_deadline_seconds);
    if let Some(limit) = deadline {
        earliest = earliest.max(now - SignedDuration::from_secs(limit));
    }
    let (mut due, mut missed) = (None, 0);
    let mut at = earliest;
    while let Some(next) = schedule.after(at).filter(|next| *next <= now) {
        (due, missed, at) = (Some(next), missed + 1, next);
    }
    (due, missed)
}

/// The Job of a point in time: its name says which, so that it is made once.
fn build(cron: &CronJob, due: Timestamp) -> Job {
    let template = cron.spec.clone().unwrap_or_default().job_template;
    let meta = template.metadata.unwrap_or_default();
    let mut annotations = meta.annotations.unwrap_or_default();
    annotations.insert(
        "batch.kubernetes.io/cronjob-scheduled-timestamp".to_owned(),
        due.to_string(),
    );
    Job {
        metadata: ObjectMeta {
            name: Some(format!("{}-{}", name(&cron.metadata), due.as_second() / 60)),
            namespace: cron.metadata.namespace.clone(),
            labels: meta.labels,
            annotations: Some(annotations),
            owner_references: Some(vec![owner::reference::<CronJob>(&cron.metadata)]),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        status: None,
    }
}

/// Adds a Job that was just made to the active ones.
pub(super) fn note(status: &mut CronJobStatus, job: &Job) {
    let list = status.active.get_or_insert_default();
    list.push(reference(&json!(job)));
}
