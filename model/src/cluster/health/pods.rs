//! Do the pods run, and do their databases answer?

use super::advice::mend_password;
use super::finding::{FindingCode, HealthFinding, ObjectRef, Severity};
use super::limits::Limits;
use super::state::{ended, refusal};
use crate::cluster::suggestion::ASK_FOR_RIGHTS;
use crate::cluster::{
    ContainerState, Database, Instance, Snapshot, StartDecision, StartReason, TerminationRecord,
    words,
};

/// How long a deletion may take before it is told: a fast shutdown with its checkpoint is done by
/// then.
const TERMINATING_SECONDS: f64 = 60.0;

pub(super) fn check(snapshot: &Snapshot, limits: &Limits, findings: &mut Vec<HealthFinding>) {
    for instance in &snapshot.instances {
        findings.extend(pod(snapshot, instance));
        findings.extend(restarting(snapshot, limits, instance));
        findings.extend(node(snapshot, instance));
    }
}

/// The one thing that explains best why an instance does not serve.
fn pod(snapshot: &Snapshot, instance: &Instance) -> Option<HealthFinding> {
    let namespace = &snapshot.cluster.namespace;
    let name = instance.name();
    let object = ObjectRef::pod(name);
    let describe = format!("kubectl -n {namespace} describe pod {name}");
    let logs = format!("pgctl -n {namespace} logs {name} --tail 20");
    if let Some(since) = instance.pod.deleting_since {
        let seconds = snapshot.taken.duration_since(since).as_secs_f64();
        return (seconds > TERMINATING_SECONDS).then(|| {
            HealthFinding::warning(
                FindingCode::PodTerminating,
                object,
                format!("it has been terminating for {}", words::seconds(seconds)),
            )
            .why("its kubelet does not confirm the end: it may still be running")
            .next(describe)
        });
    }
    if let Some(StartDecision::Refused { reason, message }) = refusal(instance) {
        // The empty primary is a finding of its own.
        return (StartReason::of(reason) != Some(StartReason::EmptyPrimary)).then(|| {
            HealthFinding::warning(
                FindingCode::StartRefused,
                object,
                format!("it refuses to start PostgreSQL: {reason}"),
            )
            .why(message.clone())
            .next(logs)
        });
    }
    if let Some(StartDecision::Waiting { reason, message }) = &instance.waiting
        && instance.facts().is_none()
    {
        return (StartReason::of(reason) != Some(StartReason::EmptyPrimary)).then(|| {
            HealthFinding::warning(
                FindingCode::StartWaiting,
                object,
                format!("it waits with starting PostgreSQL: {reason}"),
            )
            .why(message.clone())
            .next(logs)
        });
    }
    if let Some(reason) = &instance.pod.unschedulable {
        return Some(
            HealthFinding::warning(FindingCode::PodUnscheduled, object, "no node takes it")
                .why(reason.clone())
                .next(describe),
        );
    }
    match (&instance.database, &instance.pod.container) {
        (Database::Reached(_), _) => (!instance.pod.ready).then(|| {
            HealthFinding::warning(
                FindingCode::PodNotReady,
                object,
                "it answers, but Kubernetes does not count it as ready: no Service leads to it",
            )
            .why("its readiness probe says no: a standby that clones or is far behind does")
            .next(describe)
        }),
        (Database::Unreachable { reason, .. }, _) => Some(
            HealthFinding::warning(
                FindingCode::DatabaseSilent,
                object,
                "its container runs, and its database does not answer",
            )
            .why(match &instance.last_words {
                Some(words) => format!("{reason}; it crashed before: {words}"),
                None => reason.clone(),
            })
            .next(logs),
        ),
        (
            Database::LockedOut {
                reason,
                secret,
                key,
            },
            _,
        ) => Some(
            HealthFinding::warning(
                FindingCode::DatabaseSilent,
                object,
                "its database does not let pgctl in",
            )
            .why(reason.clone())
            .next(mend_password(namespace, secret, key)),
        ),
        (Database::NotAllowed { reason }, _) => Some(
            HealthFinding::warning(
                FindingCode::DatabaseSilent,
                object,
                "its container runs; pgctl may not ask its database",
            )
            .why(reason.clone())
            .next(ASK_FOR_RIGHTS),
        ),
        (Database::NotRunning, container) => {
            Some(down(object, instance, container, describe, logs))
        }
    }
}

fn down(
    object: ObjectRef,
    instance: &Instance,
    container: &ContainerState,
    describe: String,
    logs: String,
) -> HealthFinding {
    let last = |record: &Option<TerminationRecord>| {
        record.as_ref().map_or_else(String::new, |record| {
            format!("it last ended with: {}", ended(record))
        })
    };
    let (what, why, next) = match container {
        ContainerState::Waiting { reason, message } if reason.contains("BackOff") => {
            let why = if reason == "CrashLoopBackOff" || message.is_empty() {
                last(&instance.pod.last_termination)
            } else {
                message.clone()
            };
            let command = if reason == "CrashLoopBackOff" {
                format!("{logs} --previous")
            } else {
                describe
            };
            (format!("it is down: {reason}"), why, command)
        }
        ContainerState::Waiting { reason, message } => (
            format!("it is not up yet: {reason}"),
            message.clone(),
            describe,
        ),
        ContainerState::Terminated(record) => (
            format!("it is down: {}", ended(record)),
            String::new(),
            format!("{logs} --previous"),
        ),
        ContainerState::Running { .. } | ContainerState::Unknown => (
            format!("it is down: phase {}", instance.pod.phase),
            String::new(),
            describe,
        ),
    };
    let why = match &instance.last_words {
        Some(words) => words.clone(),
        None => why,
    };
    HealthFinding::warning(FindingCode::PodDown, object, what)
        .why(why)
        .next(next)
}

fn restarting(snapshot: &Snapshot, limits: &Limits, instance: &Instance) -> Option<HealthFinding> {
    let record = instance.pod.last_termination.as_ref()?;
    // A container that is down is told as such.
    let running = matches!(instance.pod.container, ContainerState::Running { .. });
    let seconds = snapshot
        .taken
        .duration_since(record.finished?)
        .as_secs_f64();
    let recent = seconds <= limits.recent_restart_seconds;
    (running && instance.pod.restarts > 0 && recent).then(|| {
        // An orderly stop that somebody asked for is worth knowing; a crash is worth a look.
        let orderly = record.exit_code == 0 || record.orderly();
        let severity = if orderly {
            Severity::Note
        } else {
            Severity::Warning
        };
        HealthFinding::new(
            severity,
            FindingCode::PodRestarting,
            ObjectRef::pod(instance.name()),
            format!(
                "it restarted {} ago ({} restarts in all): {}",
                words::seconds(seconds),
                instance.pod.restarts,
                ended(record)
            ),
        )
        .next(format!(
            "pgctl -n {} logs {} --previous --tail 20",
            snapshot.cluster.namespace,
            instance.name()
        ))
    })
}

fn node(snapshot: &Snapshot, instance: &Instance) -> Option<HealthFinding> {
    let name = instance.pod.node.as_ref()?;
    (instance.pod.node_ready == Some(false)).then(|| {
        HealthFinding::warning(
            FindingCode::NodeNotReady,
            ObjectRef::pod(instance.name()),
            format!("its node {name} is not ready"),
        )
        .why(format!(
            "what Kubernetes says of pods there is old; in {} they may be running",
            snapshot.cluster.namespace
        ))
        .next(format!("kubectl describe node {name}"))
    })
}
