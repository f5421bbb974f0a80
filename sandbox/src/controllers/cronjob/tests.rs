//! The promises of CronJobs, without a cluster.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use serde_json::{Value, json};

use super::plan::{Plan, note, plan};
use crate::schedule::Schedule;

fn cron(spec: &Value) -> CronJob {
    let mut cron = json!({
        "metadata": {"name": "backup", "namespace": "a", "uid": "c", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"schedule": "15 1 * * *", "jobTemplate": {"metadata": {"labels": {"app": "backup"}},
                 "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": []}}}}}
    });
    for (key, value) in spec.as_object().expect("an object") {
        cron["spec"][key] = value.clone();
    }
    serde_json::from_value(cron).expect("a valid cronjob")
}

fn job(name: &str, outcome: Option<&str>, day: u8) -> Job {
    let conditions = outcome.map(|kind| json!([{"type": kind, "status": "True"}]));
    serde_json::from_value(json!({
        "metadata": {"name": name, "uid": name}, "status": {"conditions": conditions,
            "startTime": format!("2026-01-{day:02}T01:15:00Z"), "completionTime": format!("2026-01-{day:02}T01:16:00Z")}
    }))
    .expect("a valid job")
}

fn decide(cron: &CronJob, jobs: &[Job], now: &str) -> Plan {
    let spec = cron.spec.clone().unwrap_or_default();
    let schedule = Schedule::parse(&spec.schedule, spec.time_zone.as_deref()).expect("a schedule");
    plan(
        cron,
        jobs,
        &schedule,
        now.parse::<Timestamp>().expect("a time"),
    )
}

fn made(plan: &Plan) -> Option<&str> {
    plan.create.as_ref()?.metadata.name.as_deref()
}

#[test]
fn a_job_is_made_when_its_time_has_come_and_only_once() {
    let nightly = cron(&json!({}));
    let plan = decide(&nightly, &[], "2026-01-01T01:00:00Z");
    assert_eq!(made(&plan), None);
    assert_eq!(plan.recheck, Some(Duration::from_millis(900_100)));
    let plan = decide(&nightly, &[], "2026-01-01T01:15:00Z");
    // Minutes since 1970.
    assert_eq!(made(&plan), Some("backup-29453835"));
    let mut then = nightly.clone();
    then.status = Some(plan.status.clone());
    assert_eq!(made(&decide(&then, &[], "2026-01-01T01:15:20Z")), None);
    assert_eq!(
        made(&decide(&then, &[], "2026-01-02T01:15:00Z")),
        Some("backup-29455275")
    );
}

#[test]
fn of_missed_times_the_last_is_made_up_for_unless_it_is_too_long_ago() {
    let nightly = cron(&json!({}));
    assert_eq!(
        made(&decide(&nightly, &[], "2026-01-05T12:00:00Z")),
        Some("backup-29459595")
    );
    let strict = cron(&json!({"startingDeadlineSeconds": 3600}));
    assert_eq!(made(&decide(&strict, &[], "2026-01-05T02:15:00Z")), None);
    assert_eq!(
        made(&decide(&strict, &[], "2026-01-05T02:14:00Z")),
        Some("backup-29459595")
    );
    let often = cron(&json!({"schedule": "* * * * *"}));
    let plan = decide(&often, &[], "2026-01-01T02:00:00Z");
    assert!(made(&plan).is_some());
    assert!(
        plan.events
            .iter()
            .any(|(_, reason, _)| *reason == "TooManyMissedTimes")
    );
}

#[test]
fn a_zone_and_a_name_of_a_schedule_are_understood() {
    let berlin = cron(&json!({"timeZone": "Europe/Berlin"}));
    assert_eq!(
        made(&decide(&berlin, &[], "2026-01-01T00:15:00Z")),
        Some("backup-29453775")
    );
    let hourly = cron(&json!({"schedule": "@hourly"}));
    assert!(made(&decide(&hourly, &[], "2026-01-01T01:00:00Z")).is_some());
    for wrong in ["15 1 * *", "61 1 * * *", "15 1 * * * *", "often"] {
        assert!(Schedule::parse(wrong, None).is_err(), "{wrong}");
    }
    assert!(Schedule::parse("15 1 * * *", Some("Mars/Olympus")).is_err());
}

#[test]
fn the_policy_says_what_becomes_of_one_that_still_runs() {
    let running = job("backup-1", None, 1);
    let with = |policy: &str| {
        let mut cron = cron(&json!({"concurrencyPolicy": policy}));
        note(cron.status.get_or_insert_default(), &running);
        decide(
            &cron,
            std::slice::from_ref(&running),
            "2026-01-01T01:15:00Z",
        )
    };
    assert!(made(&with("Allow")).is_some());
    let forbid = with("Forbid");
    assert_eq!(made(&forbid), None);
    assert!(
        forbid
            .events
            .iter()
            .any(|(_, reason, _)| *reason == "JobAlreadyActive")
    );
    let replace = with("Replace");
    assert!(made(&replace).is_some());
    assert_eq!(replace.delete, ["backup-1"]);
}

#[test]
fn a_suspended_one_starts_nothing_and_keeps_its_books() {
    let mut off = cron(&json!({"suspend": true}));
    let done = job("backup-1", Some("Complete"), 1);
    note(off.status.get_or_insert_default(), &done);
    let plan = decide(&off, &[done], "2026-01-05T12:00:00Z");
    assert_eq!((made(&plan), plan.recheck), (None, None));
    assert_eq!(plan.status.active, None);
    assert!(plan.status.last_successful_time.is_some());
}

#[test]
fn history_keeps_the_newest_of_each_outcome() {
    let jobs = [
        job("ok-1", Some("Complete"), 1),
        job("bad-2", Some("Failed"), 2),
        job("ok-3", Some("Complete"), 3),
        job("bad-4", Some("Failed"), 4),
        job("runs", None, 5),
    ];
    let kept = cron(
        &json!({"suspend": true, "successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 1}),
    );
    assert_eq!(
        decide(&kept, &jobs, "2026-01-05T12:00:00Z").delete,
        ["ok-1", "bad-2"]
    );
    let none = cron(
        &json!({"suspend": true, "successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 5}),
    );
    assert_eq!(
        decide(&none, &jobs, "2026-01-05T12:00:00Z").delete,
        ["ok-1", "ok-3"]
    );
}
