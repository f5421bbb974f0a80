//! Throw-away servers: nothing of the cluster depends on one, and it stays until somebody deletes it.

use super::finding::{FindingCode, HealthFinding, ObjectRef};
use crate::cluster::words::{self, shell_word};
use crate::cluster::{
    ClusterId, PodFacts, Snapshot, ThrowAwayFacts, names, throw_away_name, throw_away_object,
};

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<HealthFinding>) {
    let servers = snapshot.throw_aways.iter();
    findings.extend(servers.map(|it| left(snapshot, it)));
}

/// However it is: the cluster is no worse for it.
fn left(snapshot: &Snapshot, server: &ThrowAwayFacts) -> HealthFinding {
    let since = server.since.map_or_else(String::new, |since| {
        let age = words::age(snapshot.taken.duration_since(since).as_secs());
        format!(", since {since:.0} ({age})")
    });
    let (kind, name) = throw_away_object(&snapshot.cluster, server);
    let finding = HealthFinding::note(
        FindingCode::ThrowAwayLeft,
        ObjectRef::new(kind, &name),
        format!(
            "throw-away server {}{since}: {}",
            server.name,
            server.state()
        ),
    )
    .why(space(server));
    let commands = next(&snapshot.cluster, server);
    commands.into_iter().fold(finding, HealthFinding::next)
}

/// What it takes.
fn space(server: &ThrowAwayFacts) -> String {
    match &server.claim {
        Some(claim) => match claim.bytes {
            Some(bytes) => format!(
                "its claim {} has {}, until the server is deleted",
                claim.name,
                words::bytes(bytes)
            ),
            None => format!(
                "its claim {} stays until the server is deleted; how much it has is not known",
                claim.name
            ),
        },
        None => "no claim of it was seen: what it takes is not known".to_owned(),
    }
}

/// What to type about it.
fn next(cluster: &ClusterId, server: &ThrowAwayFacts) -> Vec<String> {
    let (namespace, name) = (&cluster.namespace, &server.name);
    let flags = format!("-n {namespace} --cluster {}", cluster.name);
    if let Some(found) = &server.unfinished {
        let abort = found.abort.as_ref();
        let abort = abort.map(|it| format!("{it}   # or delete what was made of it"));
        return match &found.holder {
            Some(_) => vec![format!("pgctl history {flags}")],
            None => std::iter::once(found.resume.clone()).chain(abort).collect(),
        };
    }
    // Who has labelled it by hand may have called it anything.
    if throw_away_name(name).is_err() {
        let label = shell_word(&format!("{}={name}", names::THROW_AWAY));
        return vec![format!("kubectl -n {namespace} get pods,pvc -l {label}")];
    }
    let look = match &server.pod {
        Some(_) if server.answers() => Some(format!("pgctl psql restored-{name} {flags}")),
        // It may be ready in a moment: whoever looks does not delete it.
        Some(pod) if pod.deleting_since.is_none() => Some(look(namespace, pod)),
        Some(_) | None => None,
    };
    let delete = format!("pgctl restore --discard-into {name} {flags}");
    look.into_iter().chain([delete]).collect()
}

/// What shows why a pod is not ready.
fn look(namespace: &str, pod: &PodFacts) -> String {
    let show = match pod.why_not_up() {
        None => "logs",
        Some(_) => "describe pod",
    };
    format!(
        "kubectl -n {namespace} {show} {}   # why it is not ready",
        shell_word(&pod.name)
    )
}
