//! What operations have left behind.

use super::finding::{FindingCode, HealthFinding, ObjectRef};
use crate::cluster::names;
use crate::cluster::{Snapshot, UnfinishedOperation, UnreadableJournal};

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<HealthFinding>) {
    findings.extend(snapshot.unfinished.as_ref().map(unfinished));
    findings.extend(
        snapshot
            .unreadable_journal
            .as_ref()
            .map(|it| unreadable(&snapshot.cluster.namespace, it)),
    );
    findings.extend(unproven(snapshot));
    // Whoever runs one needs what it keeps.
    if snapshot.operation_unfinished() == Some(false) {
        findings.extend(held(snapshot));
    }
}

fn unfinished(operation: &UnfinishedOperation) -> HealthFinding {
    let object = ObjectRef::new("operation", &operation.id);
    let what = match &operation.holder {
        Some(holder) => format!("the {} is under way: {holder}", operation.title),
        None => format!("the {} was begun and has not ended", operation.title),
    };
    let code = FindingCode::OperationUnfinished;
    if operation.holder.is_some() {
        return HealthFinding::note(code, object, what).next("pgctl history");
    }
    let mut finding = HealthFinding::warning(code, object, what)
        .why("what it has changed so far stays until it is ended")
        .next(operation.resume.clone());
    if let Some(abort) = &operation.abort {
        finding = finding.next(format!("{abort}   # or put everything back"));
    }
    finding
}

/// Nobody can say whether there is something to go on with.
fn unreadable(namespace: &str, journal: &UnreadableJournal) -> HealthFinding {
    let name = &journal.config_map;
    let finding = HealthFinding::warning(
        FindingCode::JournalUnreadable,
        ObjectRef::new("configmap", name),
        journal.why.clone(),
    )
    .why("whether an operation is unfinished is not known, and none can be begun");
    match &journal.needs {
        Some(version) => finding.next(format!("install pgctl {version} or newer")),
        None => finding.next(format!(
            "kubectl -n {namespace} get configmap {name} -o yaml"
        )),
    }
}

/// Pods that may accept writes although another is primary, as far as anybody has proven.
fn unproven(snapshot: &Snapshot) -> Vec<HealthFinding> {
    let namespace = &snapshot.cluster.namespace;
    let running = snapshot
        .unfinished
        .as_ref()
        .is_some_and(|it| it.holder.is_some());
    let names = snapshot.topology.unproven.keys();
    names
        .filter(|_| !running)
        .filter_map(|name| {
            let instance = snapshot.instance(name);
            if snapshot.owing(name).is_empty() {
                return None;
            }
            let before = !snapshot.owing_before(name).is_empty();
            let why = match instance {
                Some(_) if before => "its object is gone without anybody having seen its container end, and the pod of its name is another: it may still run on its node",
                Some(it) if it.pod.has_ended() => "it has ended by now: the next operation notes that",
                Some(_) => "it may accept writes from clients that still reach it",
                None => "its object is gone without anybody having seen its container end: it may still run on its node",
            };
            Some(
                HealthFinding::warning(
                    FindingCode::StopUnproven,
                    ObjectRef::pod(name),
                    "it was primary, or was to be, and nobody has proven that it has stopped",
                )
                .why(why)
                .next(match before {
                    true => format!("pgctl -n {namespace} rejoin {name} --accept-split-brain-risk   # once its machine is off"),
                    false => format!("pgctl -n {namespace} rejoin {name}   # as a standby it owes nothing"),
                }),
            )
        })
        .collect()
}

/// Objects that stay for their record, which nobody will read any more.
fn held(snapshot: &Snapshot) -> Vec<HealthFinding> {
    let namespace = &snapshot.cluster.namespace;
    let kept = snapshot.instances.iter().filter(|it| it.pod.held);
    kept.filter(|it| it.pod.deleting_since.is_some())
        .map(|it| {
            let name = it.name();
            let finding = HealthFinding::warning(
                FindingCode::RecordHeld,
                ObjectRef::pod(name),
                format!(
                    "its object is kept by the finalizer {}, which an operation has left",
                    names::SHUTDOWN_RECORD
                ),
            );
            if it.pod.has_ended() {
                finding
                    .why("it has ended; no other pod of its name comes while its object is there")
                    .next(format!("pgctl -n {namespace} rejoin {name}"))
            } else {
                finding
                    .why("nobody has seen its container end, which is what the finalizer waits for")
                    .next(format!("kubectl -n {namespace} describe pod {name}"))
            }
        })
        .collect()
}
