//! Why a pod does not come along, as `pgctl status` would say it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cluster::{FindingCode, HealthFinding, Limits, Severity, Snapshot, assess};
use crate::kubernetes::NamespaceScope;
use crate::observe::{Depth, observe};
use crate::world::connections::Connections;

/// So many reasons of one pod are told.
const MOST: usize = 2;

/// What is known of each of these pods; nothing of those of which nothing is, or when the cluster
/// can't be looked at.
pub(super) async fn reasons(cluster: &Connections, pods: &[String]) -> BTreeMap<String, String> {
    let place = NamespaceScope::Namespace(cluster.namespace().to_owned());
    let timeout = cluster.login.timeout;
    let looking = observe(
        &cluster.kube,
        &place,
        &cluster.selection,
        Depth::Databases { timeout },
    );
    let limit = timeout + Duration::from_secs(5);
    match tokio::time::timeout(limit, looking).await {
        Ok(Ok(observed)) => told_of(&observed.snapshot, pods),
        _ => BTreeMap::new(),
    }
}

/// The same of one pod, ready to be put behind a sentence.
pub(super) async fn because(cluster: &Connections, pod: &str) -> String {
    let known = reasons(cluster, &[pod.to_owned()]).await;
    match known.get(pod) {
        Some(reason) => format!(": {reason}"),
        None => format!(" (pgctl logs {pod}; pgctl status)"),
    }
}

/// The findings about each pod, and those about servers that keep every standby from following.
fn told_of(snapshot: &Snapshot, pods: &[String]) -> BTreeMap<String, String> {
    let health = assess(snapshot, &Limits::default());
    let concerns_all = |finding: &&HealthFinding| {
        matches!(
            finding.code,
            FindingCode::StandbysKeptOut
                | FindingCode::ConfigurationMistake
                | FindingCode::ConnectionsExhausted
        )
    };
    pods.iter()
        .filter_map(|pod| {
            let own = |finding: &&HealthFinding| {
                finding.object.kind == "pod"
                    && finding.object.name == *pod
                    && finding.severity != Severity::Note
            };
            let causes = health.findings.iter().filter(concerns_all);
            let others = health
                .findings
                .iter()
                .filter(|it| own(it) && !concerns_all(it));
            let said: Vec<String> = causes.chain(others).take(MOST).map(sentence).collect();
            (!said.is_empty()).then(|| (pod.clone(), said.join("; ")))
        })
        .collect()
}

fn sentence(finding: &HealthFinding) -> String {
    match finding.why.as_str() {
        "" => finding.what.clone(),
        why => format!("{} ({why})", finding.what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ReplicationLogin;
    use crate::cluster::fixture::{self, PRIMARY, cut_stream, healthy, replica};

    #[test]
    fn what_status_knows_of_a_pod_is_told() {
        let mut snapshot = healthy(2);
        let pods = [replica(0), replica(1)];
        assert_eq!(told_of(&snapshot, &pods), BTreeMap::new());
        cut_stream(&mut snapshot, 1);
        let told = told_of(&snapshot, &pods);
        assert_eq!(told.len(), 1);
        assert!(
            told[&replica(1)].starts_with("it is not streaming ("),
            "{told:?}"
        );
        fixture::facts(&mut snapshot, PRIMARY).replication_login = ReplicationLogin::Refused {
            reason: "no".into(),
        };
        let told = told_of(&snapshot, &pods);
        assert!(
            told[&replica(1)].starts_with("it lets no standby in any more: no"),
            "{told:?}"
        );
    }
}
