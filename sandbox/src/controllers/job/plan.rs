//! What a Job needs next. Pure: from the Job and its pods to what is made and deleted and the status, by the rules of
//! `pkg/controller/job/job_controller.go`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{Job, JobSpec, JobStatus, UncountedTerminatedPods};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::conditions::{find, holds, outcome, set};
use super::events::EventType;
use super::failure_policy::{Verdict, judge};
use super::pods::{ended, phase, ready, terminating};

/// Keeps a pod until its Job has counted it.
pub(super) const FINALIZER: &str = "batch.kubernetes.io/job-tracking";

/// The delay before a failed pod is replaced: it doubles with each failure.
const FIRST_DELAY: SignedDuration = SignedDuration::from_secs(10);
const LAST_DELAY: SignedDuration = SignedDuration::from_secs(600);

/// What to do now and what to report.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) create: usize,
    pub(super) delete: Vec<Pod>,
    /// Pods that have been counted, or don't have to be any more.
    pub(super) release: Vec<Pod>,
    pub(super) status: JobStatus,
    pub(super) events: Vec<(EventType, &'static str, String)>,
    /// Time runs out after so long without any event.
    pub(super) recheck: Option<Duration>,
}

/// Whether the pod waits to be counted.
pub(super) fn is_tracked(pod: &Pod) -> bool {
    let finalizers = pod.metadata.finalizers.iter().flatten();
    finalizers.into_iter().any(|f| f == FINALIZER)
}

/// Decides. `pods` are those that the Job owns.
pub(super) fn plan(job: &Job, pods: &[Pod], now: Timestamp) -> Plan {
    let mut planner = Planner {
        spec: job.spec.clone().unwrap_or_default(),
        pods,
        now,
        failure: None,
        plan: Plan {
            status: job.status.clone().unwrap_or_default(),
            ..Plan::default()
        },
    };
    if outcome(job).is_some() || job.metadata.deletion_timestamp.is_some() {
        let tracked = pods.iter().filter(|pod| is_tracked(pod));
        planner.plan.release = tracked.cloned().collect();
        return planner.plan;
    }
    planner.count();
    planner.decide();
    planner.report()
}

struct Planner<'a> {
    spec: JobSpec,
    pods: &'a [Pod],
    now: Timestamp,
    /// Reason and message of a failure that a rule made of a pod's.
    failure: Option<(String, String)>,
    plan: Plan,
}

impl Planner<'_> {
    fn active(&self) -> Vec<&Pod> {
        let lives = |pod: &&Pod| !ended(pod) && !terminating(pod);
        self.pods.iter().filter(lives).collect()
    }

    fn terminating(&self) -> usize {
        let goes = |pod: &&Pod| !ended(pod) && terminating(pod);
        self.pods.iter().filter(goes).count()
    }

    /// With a policy a pod counts only when it has really failed, and is replaced only then.
    fn waits_for_the_end(&self) -> bool {
        self.spec.pod_failure_policy.is_some()
            || self.spec.pod_replacement_policy.as_deref() == Some("Failed")
    }

    fn failed(&self, pod: &Pod) -> bool {
        phase(pod) == "Failed"
            || (!self.waits_for_the_end() && terminating(pod) && phase(pod) != "Succeeded")
    }

    /// Counts the pods that have ended since the last look.
    fn count(&mut self) {
        let (mut succeeded, mut failed) = (0, 0);
        for pod in self.pods.iter().filter(|pod| is_tracked(pod)) {
            if phase(pod) == "Succeeded" {
                succeeded += 1;
            } else if self.failed(pod) {
                match judge(self.spec.pod_failure_policy.as_ref(), pod) {
                    Verdict::Count => failed += 1,
                    Verdict::Ignore => {}
                    Verdict::FailJob(message) => {
                        failed += 1;
                        self.failure
                            .get_or_insert(("PodFailurePolicy".to_owned(), message));
                    }
                }
            } else {
                continue;
            }
            self.plan.release.push(pod.clone());
        }
        let status = &mut self.plan.status;
        let sum = |old: Option<i32>, new: i32| Some(old.unwrap_or(0) + new).filter(|n| *n > 0);
        status.succeeded = sum(status.succeeded, succeeded);
        status.failed = sum(status.failed, failed);
    }

    fn decide(&mut self) {
        let suspended = self.spec.suspend == Some(true);
        if self.plan.status.start_time.is_none() && !suspended {
            self.plan.status.start_time = Some(Time(self.now));
        }
        if let Some((reason, message)) = self.failure() {
            self.fail(&reason, &message);
        } else if self.complete() {
            self.finish();
        } else if suspended {
            self.suspend();
        } else {
            self.resume();
            self.manage();
        }
    }

    /// Why the Job has failed, if it has.
    fn failure(&self) -> Option<(String, String)> {
        let status = &self.plan.status;
        if let Some(target) = find(status, "FailureTarget").filter(|c| c.status == "True") {
            let text = |part: &Option<String>| part.clone().unwrap_or_default();
            return Some((text(&target.reason), text(&target.message)));
        }
        if self.failure.is_some() {
            return self.failure.clone();
        }
        let limit = self.spec.backoff_limit.unwrap_or(6);
        let restarts = self.restarts();
        if status.failed.unwrap_or(0) > limit || restarts.is_some_and(|n| n > 0 && n >= limit) {
            let message = "Job has reached the specified backoff limit";
            return Some(("BackoffLimitExceeded".to_owned(), message.to_owned()));
        }
        if self.until_deadline() == Some(Duration::ZERO) {
            let message = "Job was active longer than specified deadline";
            return Some(("DeadlineExceeded".to_owned(), message.to_owned()));
        }
        None
    }

    /// How often containers were started again, where the pods themselves do that.
    fn restarts(&self) -> Option<i32> {
        let spec = self.spec.template.spec.as_ref()?;
        if spec.restart_policy.as_deref() != Some("OnFailure") {
            return None;
        }
        let active = self.active();
        let statuses = active.iter().filter_map(|pod| pod.status.as_ref());
        let containers = statuses.flat_map(|status| {
            let init = status.init_container_statuses.iter().flatten();
            init.chain(status.container_statuses.iter().flatten())
        });
        Some(containers.map(|c| c.restart_count).sum())
    }

    /// What is left of `activeDeadlineSeconds`.
    fn until_deadline(&self) -> Option<Duration> {
        let seconds = self.spec.active_deadline_seconds?;
        let start = self.plan.status.start_time.as_ref()?;
        let left = SignedDuration::from_secs(seconds) - self.now.duration_since(start.0);
        Some(Duration::try_from(left).unwrap_or_default())
    }

    fn complete(&self) -> bool {
        let succeeded = self.plan.status.succeeded.unwrap_or(0);
        match self.spec.completions {
            Some(wanted) => succeeded >= wanted,
            // A queue of work: one that succeeds says that nothing is left to begin.
            None => succeeded > 0 && self.active().is_empty(),
        }
    }

    /// Ends its pods; it has failed when none is left.
    fn fail(&mut self, reason: &str, message: &str) {
        set(
            &mut self.plan.status,
            "FailureTarget",
            true,
            reason,
            message,
            self.now,
        );
        if self.end_pods() {
            set(
                &mut self.plan.status,
                "Failed",
                true,
                reason,
                message,
                self.now,
            );
            let reason = match reason {
                "PodFailurePolicy" => "PodFailurePolicy",
                "DeadlineExceeded" => "DeadlineExceeded",
                _ => "BackoffLimitExceeded",
            };
            self.tell(EventType::Warning, reason, message);
        }
    }

    fn finish(&mut self) {
        let (reason, message) = (
            "CompletionsReached",
            "Reached expected number of succeeded pods",
        );
        set(
            &mut self.plan.status,
            "SuccessCriteriaMet",
            true,
            reason,
            message,
            self.now,
        );
        if self.end_pods() {
            set(
                &mut self.plan.status,
                "Complete",
                true,
                reason,
                message,
                self.now,
            );
            self.plan.status.completion_time = Some(Time(self.now));
            self.tell(EventType::Normal, "Completed", "Job completed");
        }
    }

    fn suspend(&mut self) {
        self.end_pods();
        self.plan.status.start_time = None;
        if !holds(&self.plan.status, "Suspended") {
            let message = "Job suspended";
            set(
                &mut self.plan.status,
                "Suspended",
                true,
                "JobSuspended",
                message,
                self.now,
            );
            self.tell(EventType::Normal, "Suspended", message);
        }
    }

    fn resume(&mut self) {
        if holds(&self.plan.status, "Suspended") {
            let message = "Job resumed";
            set(
                &mut self.plan.status,
                "Suspended",
                false,
                "JobResumed",
                message,
                self.now,
            );
            self.plan.status.start_time = Some(Time(self.now));
            self.tell(EventType::Normal, "Resumed", message);
        }
    }

    fn tell(&mut self, kind: EventType, reason: &'static str, message: &str) {
        self.plan.events.push((kind, reason, message.to_owned()));
    }

    /// Deletes what lives; true when nothing does any more.
    fn end_pods(&mut self) -> bool {
        self.plan.delete = self.active().into_iter().cloned().collect();
        self.plan.delete.is_empty() && self.terminating() == 0
    }

    /// Makes and deletes pods until as many run as may.
    fn manage(&mut self) {
        let mut active: Vec<Pod> = self.active().into_iter().cloned().collect();
        let most = self.spec.parallelism.unwrap_or(1);
        let succeeded = self.plan.status.succeeded.unwrap_or(0);
        let wanted = match self.spec.completions {
            Some(completions) => most.min(completions - succeeded),
            None if succeeded > 0 => i32::try_from(active.len()).unwrap_or(most),
            None => most,
        };
        let wanted = usize::try_from(wanted).unwrap_or(0);
        let mut there = active.len();
        if self.waits_for_the_end() {
            there += self.terminating();
        }
        if active.len() > wanted {
            // Those that have got least far go first.
            active.sort_by_key(|pod| (phase(pod) == "Running", ready(pod)));
            active.truncate(active.len() - wanted);
            self.plan.delete = active;
        } else if there < wanted {
            match self.until_next_try() {
                Some(left) => self.look_again(left),
                None => self.plan.create = wanted - there,
            }
        }
        if let Some(left) = self.until_deadline() {
            self.look_again(left);
        }
    }

    fn look_again(&mut self, after: Duration) {
        let recheck = &mut self.plan.recheck;
        *recheck = Some(recheck.map_or(after, |other| other.min(after)));
    }

    /// How long a new pod has to wait because others have failed.
    fn until_next_try(&self) -> Option<Duration> {
        let end = |pod: &Pod| ended_at(pod).unwrap_or(self.now);
        let succeeded = self.pods.iter().filter(|pod| phase(pod) == "Succeeded");
        let since = succeeded.map(end).max();
        let failed = self.pods.iter().filter(|pod| self.failed(pod)).map(end);
        let failed: Vec<Timestamp> = failed.filter(|at| Some(*at) > since).collect();
        let last = failed.iter().max()?;
        let doublings = u32::try_from(failed.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let factor = 2_i32.saturating_pow(doublings.min(10));
        let delay = (FIRST_DELAY * factor).min(LAST_DELAY);
        let left = delay - self.now.duration_since(*last);
        Duration::try_from(left).ok().filter(|left| !left.is_zero())
    }

    fn report(mut self) -> Plan {
        let active = self.active();
        let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let stay = active.len() - self.plan.delete.len().min(active.len());
        let is_ready = active.iter().filter(|pod| ready(pod)).count();
        let terminating = self.terminating();
        let status = &mut self.plan.status;
        status.active = Some(number(stay + self.plan.create)).filter(|n| *n > 0);
        status.ready = Some(number(is_ready.min(stay)));
        status.terminating = Some(number(terminating));
        status.uncounted_terminated_pods = Some(UncountedTerminatedPods::default());
        self.plan
    }
}

/// When the last container of the pod ended.
fn ended_at(pod: &Pod) -> Option<Timestamp> {
    let status = pod.status.as_ref()?;
    let all = status.container_statuses.iter().flatten();
    let all = all.chain(status.init_container_statuses.iter().flatten());
    let ends = all.filter_map(|c| c.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref());
    let deleted = pod.metadata.deletion_timestamp.as_ref();
    ends.map(|time| time.0).max().or(deleted.map(|time| time.0))
}
