//! The conditions of a Job.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// How a Job ended: `Complete` or `Failed`, when that is true. None: it goes on.
pub(in crate::controllers) fn outcome(job: &Job) -> Option<&JobCondition> {
    let list = job.status.as_ref()?.conditions.as_deref()?;
    let ended = |c: &&JobCondition| matches!(c.type_.as_str(), "Complete" | "Failed");
    list.iter().filter(ended).find(|c| c.status == "True")
}

/// The condition of this type.
pub(super) fn find<'a>(status: &'a JobStatus, kind: &str) -> Option<&'a JobCondition> {
    status.conditions.iter().flatten().find(|c| c.type_ == kind)
}

/// Whether the condition of this type is true.
pub(super) fn holds(status: &JobStatus, kind: &str) -> bool {
    find(status, kind).is_some_and(|c| c.status == "True")
}

/// Sets a condition; one that is as wished already keeps its times.
pub(super) fn set(
    status: &mut JobStatus,
    kind: &str,
    value: bool,
    reason: &str,
    message: &str,
    now: Timestamp,
) {
    let value = if value { "True" } else { "False" };
    if find(status, kind).is_some_and(|c| c.status == value) {
        return;
    }
    let now = Time(now);
    let list = status.conditions.get_or_insert_default();
    list.retain(|c| c.type_ != kind);
    list.push(JobCondition {
        type_: kind.to_owned(),
        status: value.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_probe_time: Some(now.clone()),
        last_transition_time: Some(now),
    });
}
