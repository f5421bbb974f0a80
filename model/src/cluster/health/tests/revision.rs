//! Pods that were made from an older template.

use super::{damaged, told};
use crate::cluster::fixture::{self, PRIMARY, replica};
use crate::cluster::health::{FindingCode as Code, HealthVerdict, Limits, Severity, assess};
use crate::cluster::{Component, Snapshot};

fn findings(snapshot: &Snapshot) -> Vec<String> {
    let health = assess(snapshot, &Limits::default());
    let found = health.findings.into_iter();
    found
        .filter(|it| it.code == Code::OlderRevision)
        .map(|it| format!("{}: {} ({})", it.object, it.what, it.why))
        .collect()
}

#[test]
fn a_changed_template_leaves_older_pods_and_says_what_brings_it_to_them() {
    let snapshot = damaged(fixture::change_templates);
    let text = told(
        &snapshot,
        Code::OlderRevision,
        Severity::Note,
        "cluster/staging/staging",
    );
    assert!(text.contains("3 pods run an older revision"), "{text}");
    assert!(
        text.contains("postgres:17 instead of postgres:17.6"),
        "{text}"
    );
    assert!(text.contains("pgctl -n staging rollout"), "{text}");
    // The cluster serves as before.
    let health = assess(&snapshot, &Limits::default());
    assert_eq!(health.verdict, HealthVerdict::Healthy);
}

#[test]
fn only_pods_that_are_known_to_be_older_are_told_of() {
    let snapshot = damaged(|s| {
        fixture::change_templates(s);
        let revision = fixture::set(s, Component::Replica).revision.clone();
        fixture::instance(s, &replica(0)).pod.revision = revision;
        // What it was made from is not known.
        fixture::instance(s, &replica(1)).pod.revision = None;
    });
    let found = findings(&snapshot);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains(&format!("{PRIMARY} runs an older revision")),
        "{found:?}"
    );
    // The controller has not seen the last change of the template yet.
    let snapshot = damaged(|s| {
        for set in &mut s.stateful_sets {
            (set.observed, set.revision) = (false, None);
        }
    });
    assert_eq!(findings(&snapshot), Vec::<String>::new());
}

#[test]
fn where_kubernetes_replaces_them_by_itself_nobody_is_sent_to_do_it() {
    let snapshot = damaged(|s| {
        fixture::change_templates(s);
        for set in &mut s.stateful_sets {
            set.on_delete = false;
        }
    });
    let found = findings(&snapshot);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found.iter().all(|it| it.contains("Kubernetes replaces")),
        "{found:?}"
    );
}
