//! What is not as it was applied: as `kubectl apply` was told from a client, or by who owns which field since a
//! server-side apply.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use k8s_openapi::serde::Serialize;
use kube::Resource;
use serde_json::Value;

use super::quantity::same_amount;
use crate::doctor::{Difference, Differing};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Those that put what they deploy into an object without a server-side apply.
const DEPLOYS: [&str; 2] = ["helm", "helm-controller"];

/// What pgctl itself changes is told by other checks.
const OWN: &str = "pgctl";

/// The fields below `spec` that are not as they were applied; none when nobody has recorded what was applied.
/// What the API server has added is no difference.
pub(crate) fn differences<K: Resource + Serialize>(
    kind: &str,
    object: &K,
) -> Option<Vec<Difference>> {
    let metadata = object.meta();
    let name = metadata.name.as_deref().unwrap_or_default();
    let named = |differing| Difference {
        object: format!("{kind}/{name}"),
        differing,
    };
    let found = match last_applied(metadata) {
        Some(applied) => from_client(&applied, object)?,
        None => taken(metadata)?,
    };
    Some(found.into_iter().map(named).collect())
}

fn last_applied(metadata: &ObjectMeta) -> Option<Value> {
    let annotations = metadata.annotations.as_ref();
    let applied = annotations?.get(LAST_APPLIED)?;
    serde_json::from_str(applied).ok()
}

/// What differs from the annotation that an apply from a client leaves.
fn from_client<K: Serialize>(applied: &Value, object: &K) -> Option<Vec<Differing>> {
    let is = serde_json::to_value(object).ok()?;
    let mut found = Vec::new();
    compare("spec", &applied["spec"], &is["spec"], &mut found);
    let found = found.into_iter();
    let value = found.map(|(field, applied, is)| Differing::Value { field, applied, is });
    Some(value.collect())
}

/// The fields that others have taken from who has applied the object, by who that is; none when nobody has
/// applied it.
fn taken(metadata: &ObjectMeta) -> Option<Vec<Differing>> {
    let entries = metadata.managed_fields.as_deref().unwrap_or_default();
    let mut applied = BTreeSet::new();
    for entry in entries.iter().filter(|it| applies(it)) {
        applied.extend(fields(entry));
    }
    if !entries.iter().any(applies) {
        return None;
    }
    let others = entries.iter().filter(|it| is_other(it));
    let taken = others.filter_map(|it| {
        let fields: Vec<String> = fields(it).difference(&applied).cloned().collect();
        let manager = it.manager.clone().unwrap_or_default();
        (!fields.is_empty()).then_some(Differing::Taken { manager, fields })
    });
    Some(taken.collect())
}

/// Of `managedFields`, half of an object, only what [`differences`] goes by: where nobody else has a field below
/// `spec`, nothing but that the object was applied.
pub(crate) fn keep_owners(metadata: &mut ObjectMeta) {
    let Some(mut entries) = metadata.managed_fields.take() else {
        return;
    };
    if last_applied(metadata).is_some() || !entries.iter().any(applies) {
        return;
    }
    entries.retain(|it| applies(it) || is_other(it) && !fields(it).is_empty());
    if entries.iter().all(applies) {
        for entry in &mut entries {
            entry.fields_v1 = None;
        }
    }
    metadata.managed_fields = Some(entries);
}

fn applies(entry: &ManagedFieldsEntry) -> bool {
    let manager = entry.manager.as_deref().unwrap_or_default();
    entry.operation.as_deref() == Some("Apply") || DEPLOYS.contains(&manager)
}

/// Neither who has applied it, nor pgctl, nor what Kubernetes itself writes: a status, and the number of pods that
/// an autoscaler wants.
fn is_other(entry: &ManagedFieldsEntry) -> bool {
    let manager = entry.manager.as_deref().unwrap_or_default();
    let scales = manager == "kube-controller-manager";
    let by_kubernetes = match entry.subresource.as_deref() {
        Some("status") => true,
        Some("scale") => scales,
        _ => false,
    };
    !applies(entry) && manager != OWN && !by_kubernetes
}

/// The fields below `spec` that an entry of `managedFields` has: `spec.template.spec.containers[name=postgres].image`.
fn fields(entry: &ManagedFieldsEntry) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let all = entry.fields_v1.as_ref().map(|it| &it.0);
    if let Some(spec) = all.and_then(|it| it.get("f:spec")) {
        collect("spec".to_owned(), spec, &mut found);
    }
    found
}

fn collect(path: String, tree: &Value, found: &mut BTreeSet<String>) {
    let inner = tree.as_object().into_iter().flatten();
    // A dot says that the field itself is there; what is in it says the rest.
    let mut inner = inner.filter(|(key, _)| *key != ".").peekable();
    if inner.peek().is_none() {
        found.insert(path);
        return;
    }
    for (key, tree) in inner {
        let path = match key.split_once(':') {
            Some(("f", name)) => format!("{path}.{name}"),
            Some(("k", keys)) => format!("{path}[{}]", keyed(keys)),
            Some((_, value)) => format!("{path}[{value}]"),
            None => format!("{path}.{key}"),
        };
        collect(path, tree, found);
    }
}

/// `name=postgres` of `{"name":"postgres"}`.
fn keyed(keys: &str) -> String {
    let Ok(Value::Object(keys)) = serde_json::from_str(keys) else {
        return keys.to_owned();
    };
    let each = keys
        .iter()
        .map(|(key, value)| format!("{key}={}", text(value)));
    each.collect::<Vec<_>>().join(",")
}

fn compare(path: &str, applied: &Value, is: &Value, found: &mut Vec<(String, String, String)>) {
    match (applied, is) {
        // Asked to be left away.
        (Value::Null, _) => {}
        (Value::Object(applied), Value::Object(is)) => {
            for (key, value) in applied {
                let is = is.get(key).unwrap_or(&Value::Null);
                compare(&format!("{path}.{key}"), value, is, found);
            }
        }
        (Value::Array(applied), Value::Array(is)) if applied.len() == is.len() => {
            for (number, (applied, is)) in applied.iter().zip(is).enumerate() {
                compare(&format!("{path}[{number}]"), applied, is, found);
            }
        }
        _ if same(applied, is) => {}
        _ => found.push((path.to_owned(), shown(applied), shown(is))),
    }
}

/// `1000m` is stored as `1`, and what is empty is left away.
fn same(applied: &Value, is: &Value) -> bool {
    let empty = match applied {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Null => true,
    };
    let (one, other) = (text(applied), text(is));
    one == other || empty && is.is_null() || same_amount(&one, &other)
}

/// A string as it is, everything else as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    if value.is_null() {
        return "not set".to_owned();
    }
    let text = text(value);
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::apps::v1::StatefulSet;
    use serde_json::json;

    fn found(applied: &Value, spec: &Value) -> Vec<String> {
        let set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "pg", "annotations": {
                LAST_APPLIED: json!({"spec": applied}).to_string()}},
            "spec": spec}))
        .expect("a StatefulSet");
        let differences = differences("statefulset", &set).expect("it was applied");
        differences.iter().map(said).collect()
    }

    fn said(it: &Difference) -> String {
        let object = &it.object;
        match &it.differing {
            Differing::Value { field, applied, is } => {
                format!("{object} {field}: {applied} -> {is}")
            }
            Differing::Taken { manager, fields } => {
                format!("{object} {manager}: {}", fields.join(" "))
            }
        }
    }

    /// What is found of an object with these owners of fields, when all is kept, and when only what matters is.
    fn owned(owners: Value) -> Option<Vec<String>> {
        let mut set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "pg", "managedFields": owners}}))
        .expect("a StatefulSet");
        let said = |set: &StatefulSet| {
            let found = differences("statefulset", set);
            found.map(|it| it.iter().map(said).collect::<Vec<_>>())
        };
        let before = said(&set);
        keep_owners(&mut set.metadata);
        assert_eq!(said(&set), before, "nothing is lost with what is not kept");
        before
    }

    fn owner(manager: &str, operation: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    #[test]
    fn what_others_have_taken_since_a_server_side_apply_is_a_difference() {
        let applied = owner(
            "kubectl",
            "Apply",
            json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {
                "k:{\"name\":\"postgres\"}": {".": {}, "f:name": {}, "f:image": {}}}}}}}),
        );
        let edited = owner(
            "kubectl-edit",
            "Update",
            json!({"f:metadata": {"f:labels": {"f:x": {}}}, "f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {
                "k:{\"name\":\"postgres\"}": {"f:image": {}, "f:args": {}}}}}}}),
        );
        assert_eq!(
            owned(json!([applied, edited])).expect("it was applied"),
            [
                "statefulset/pg kubectl-edit: spec.replicas spec.template.spec.containers[name=postgres].args"
            ],
            "what both have is as it was applied"
        );
    }

    #[test]
    fn what_pgctl_and_kubernetes_change_is_none() {
        let replicas = json!({"f:spec": {"f:replicas": {}}});
        let mut scaled = owner("kube-controller-manager", "Update", replicas.clone());
        scaled["subresource"] = json!("scale");
        let mut status = owner("kube-controller-manager", "Update", json!({"f:status": {}}));
        status["subresource"] = json!("status");
        let pgctl = owner("pgctl", "Update", replicas.clone());
        for deployed in [
            owner(
                "argocd-controller",
                "Apply",
                json!({"f:spec": {"f:template": {}}}),
            ),
            owner("helm", "Update", json!({"f:spec": {"f:template": {}}})),
        ] {
            let owners = json!([deployed, scaled, status, pgctl]);
            assert_eq!(owned(owners), Some(Vec::new()));
        }
        let mut by_hand = owner("kubectl", "Update", replicas);
        by_hand["subresource"] = json!("scale");
        let applied = owner("kubectl", "Apply", json!({"f:spec": {"f:template": {}}}));
        assert_eq!(
            owned(json!([applied, by_hand])).expect("it was applied"),
            ["statefulset/pg kubectl: spec.replicas"]
        );
    }

    fn spec(replicas: u32, cpu: &str) -> Value {
        json!({"replicas": replicas, "selector": {}, "template": {"spec": {"containers": [
            {"name": "postgres", "resources": {"limits": {"cpu": cpu}}}]}}})
    }

    #[test]
    fn what_was_changed_by_hand_is_a_difference() {
        assert_eq!(
            found(&spec(2, "2"), &spec(3, "500m")),
            [
                "statefulset/pg spec.replicas: 2 -> 3",
                "statefulset/pg spec.template.spec.containers[0].resources.limits.cpu: 2 -> 500m",
            ]
        );
    }

    #[test]
    fn what_the_server_writes_in_another_way_is_none() {
        for (applied, is) in [
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("0.1", "100m"),
        ] {
            assert_eq!(
                found(&spec(2, applied), &spec(2, is)),
                Vec::<String>::new(),
                "{applied} and {is}"
            );
        }
        // Left to the API server.
        assert_eq!(found(&json!({}), &spec(2, "1")), Vec::<String>::new());
    }

    #[test]
    fn of_what_nobody_has_applied_nothing_is_known() {
        assert_eq!(owned(json!([])), None);
        let made = owner(
            "kubectl-create",
            "Update",
            json!({"f:spec": {"f:replicas": {}}}),
        );
        assert_eq!(owned(json!([made])), None);
    }
}
