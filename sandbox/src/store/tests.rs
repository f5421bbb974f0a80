use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use serde_json::json;
use std::collections::BTreeMap;

use super::*;

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(
        json!({"metadata": {"namespace": "default", "name": name, "labels": {"app": name}}}),
    )
    .expect("a config map")
}

fn pod(store: &Store, name: &str) -> std::result::Result<Pod, Box<dyn std::error::Error>> {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"namespace": "default", "name": name},
        "spec": {"nodeName": "node", "containers": [{"name": "c"}]}
    }))?;
    Ok(store.add(&pod)?)
}

fn set(key: &str, value: &str) -> impl FnMut(&mut ConfigMap) {
    let data = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    move |c: &mut ConfigMap| c.data = Some(data.clone())
}

#[test]
fn a_write_that_changes_nothing_makes_no_revision() -> Result {
    let store = Store::new();
    store.add(&config_map("a"))?;
    let first = store.modify::<ConfigMap>("default", "a", set("k", "v"))?;
    let second = store.modify::<ConfigMap>("default", "a", set("k", "v"))?;
    assert_eq!(
        first.metadata.resource_version,
        second.metadata.resource_version
    );
    let third = store.modify::<ConfigMap>("default", "a", set("k", "w"))?;
    assert_ne!(
        first.metadata.resource_version,
        third.metadata.resource_version
    );
    Ok(())
}

#[test]
fn a_stale_resource_version_is_a_conflict() -> Result {
    let store = Store::new();
    let first = store.add(&config_map("a"))?;
    store.modify::<ConfigMap>("default", "a", set("k", "v"))?;
    let stale = store.modify::<ConfigMap>("default", "a", |c| *c = first.clone());
    assert!(stale.is_err_and(|e| e.is_conflict()));
    Ok(())
}

#[test]
fn only_a_change_of_the_spec_counts_up_the_generation() -> Result {
    let store = Store::new();
    pod(&store, "p")?;
    let labelled = store.modify::<Pod>("default", "p", |p| {
        p.metadata.labels = Some(BTreeMap::from([("a".to_owned(), "b".to_owned())]));
        p.status = Some(Default::default());
    })?;
    assert_eq!(labelled.metadata.generation, Some(1));
    let changed = store.modify::<Pod>("default", "p", |p| {
        if let Some(spec) = &mut p.spec {
            spec.active_deadline_seconds = Some(5);
        }
    })?;
    assert_eq!(changed.metadata.generation, Some(2));
    Ok(())
}

#[test]
fn a_running_pod_keeps_its_grace_period_and_then_goes() -> Result {
    let store = Store::new();
    pod(&store, "p")?;
    let marked = store.remove::<Pod>("default", "p", &DeleteOptions::default())?;
    assert_eq!(marked.metadata.deletion_grace_period_seconds, Some(30));
    assert!(marked.metadata.deletion_timestamp.is_some());
    let wrong = DeleteOptions {
        preconditions: Preconditions {
            uid: Some("x".into()),
            ..Default::default()
        },
        ..DeleteOptions::now()
    };
    assert!(
        store
            .remove::<Pod>("default", "p", &wrong)
            .is_err_and(|e| e.is_conflict())
    );
    store.remove::<Pod>("default", "p", &DeleteOptions::now())?;
    assert!(store.read_opt::<Pod>("default", "p")?.is_none());
    Ok(())
}

#[test]
fn a_finalizer_holds_an_object_until_it_is_taken_away() -> Result {
    let store = Store::new();
    store.add(&config_map("a"))?;
    let foreground = DeleteOptions {
        propagation: Some(Propagation::Foreground),
        ..Default::default()
    };
    let marked = store.remove::<ConfigMap>("default", "a", &foreground)?;
    assert_eq!(
        marked.metadata.finalizers,
        Some(vec!["foregroundDeletion".to_owned()])
    );
    store.modify::<ConfigMap>("default", "a", |c| c.metadata.finalizers = None)?;
    assert!(store.read_opt::<ConfigMap>("default", "a")?.is_none());
    Ok(())
}

#[test]
fn a_namespace_takes_its_contents_along_and_waits_for_its_pods() -> Result {
    let store = Store::new();
    store.add(&config_map("a"))?;
    pod(&store, "p")?;
    store.remove::<Namespace>("", "default", &DeleteOptions::default())?;
    assert!(store.read_opt::<ConfigMap>("default", "a")?.is_none());
    assert!(matches!(
        store.add(&config_map("b")),
        Err(StoreError::Forbidden { .. })
    ));
    store.remove::<Pod>("default", "p", &DeleteOptions::now())?;
    assert!(store.read_opt::<Namespace>("", "default")?.is_none());
    assert!(store.add(&config_map("b")).is_err_and(|e| e.is_not_found()));
    Ok(())
}

#[tokio::test]
async fn a_watch_sees_every_change_after_its_list_and_expires_when_compacted() -> Result {
    let store = Store::new();
    let list = store.read_all::<ConfigMap>(Some("default"), &Selector::everything())?;
    let mut watch = store.follow::<ConfigMap>(Some("default"), list.revision)?;
    store.add(&config_map("a"))?;
    store.modify::<ConfigMap>("default", "a", set("k", "v"))?;
    store.remove::<ConfigMap>("default", "a", &DeleteOptions::default())?;
    let kinds: Vec<_> = watch
        .next()
        .await?
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(
        kinds,
        [EventKind::Added, EventKind::Modified, EventKind::Deleted]
    );
    store.compact();
    assert!(matches!(
        store.follow::<ConfigMap>(None, list.revision),
        Err(StoreError::Gone { .. })
    ));
    Ok(())
}

#[test]
fn a_condition_that_a_failure_policy_names_is_wanted_to_be_true() -> Result {
    let store = Store::new();
    let pattern = json!({"type": "DisruptionTarget"});
    let rule = json!({"action": "Ignore", "onPodConditions": [pattern, {"type": "Ready", "status": "False"}]});
    let job = json!({"metadata": {"name": "j"}, "spec": {"podFailurePolicy": {"rules": [rule]}, "template": {"spec": {}}}});
    let made = store.create(of::<Job>(), "default", job)?;
    let conditions = made.pointer("/spec/podFailurePolicy/rules/0/onPodConditions");
    let wanted = json!([{"type": "DisruptionTarget", "status": "True"}, {"type": "Ready", "status": "False"}]);
    assert_eq!(conditions, Some(&wanted));
    Ok(())
}

#[test]
fn selectors_read_as_kubectl_writes_them() -> Result {
    let object = json!({"metadata": {"name": "n", "labels": {"app": "db", "tier": "a"}}, "status": {"phase": "Running"}});
    let labels = object
        .pointer("/metadata/labels")
        .and_then(|l| l.as_object());
    for (selector, wanted) in [
        ("app=db", true),
        ("app==db,tier!=b", true),
        ("app in (x, db),tier notin (b)", true),
        ("!gone,app", true),
        ("gone", false),
        ("app=web", false),
        ("app notin (db)", false),
    ] {
        assert_eq!(
            selector.parse::<LabelSelector>()?.matches(labels),
            wanted,
            "{selector}"
        );
    }
    assert!("a b c".parse::<LabelSelector>().is_err());
    for (selector, wanted) in [
        ("metadata.name=n", true),
        ("status.phase!=Running", false),
        ("spec.nodeName=", true),
    ] {
        assert_eq!(
            selector.parse::<FieldSelector>()?.matches(&object),
            wanted,
            "{selector}"
        );
    }
    Ok(())
}

#[test]
fn wrong_field_types_are_refused_and_dry_runs_store_nothing() -> Result {
    let store = Store::new();
    let resource = of::<ConfigMap>();
    let wrong = json!({"metadata": {"name": "a"}, "data": {"k": 1}});
    assert!(matches!(
        store.create(resource, "default", wrong),
        Err(StoreError::Malformed(_))
    ));
    store.create_with(
        resource,
        "default",
        json!({"metadata": {"name": "a"}}),
        Write { dry_run: true },
    )?;
    assert!(
        store
            .get(resource, "default", "a")
            .is_err_and(|e| e.is_not_found())
    );
    Ok(())
}
