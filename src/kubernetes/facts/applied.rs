//! What is not as `kubectl apply` was told.

use k8s_openapi::serde::Serialize;
use kube::Resource;
use serde_json::Value;

use super::quantity::same_amount;
use crate::doctor::Difference;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The fields below `spec` that differ from the last applied configuration, which the object carries
/// when it was applied from a client. What the API server has added is no difference.
pub(crate) fn differences<K: Resource + Serialize>(kind: &str, object: &K) -> Vec<Difference> {
    let metadata = object.meta();
    let annotations = metadata.annotations.as_ref();
    let applied = annotations.and_then(|it| it.get(LAST_APPLIED));
    let applied = applied.and_then(|it| serde_json::from_str::<Value>(it).ok());
    let (Some(applied), Ok(is)) = (applied, serde_json::to_value(object)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    compare("spec", &applied["spec"], &is["spec"], &mut found);
    let name = metadata.name.as_deref().unwrap_or_default();
    found
        .into_iter()
        .map(|(field, applied, is)| Difference {
            object: format!("{kind}/{name}"),
            field,
            applied,
            is,
        })
        .collect()
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
        let differences = differences("statefulset", &set);
        let text =
            |it: &Difference| format!("{} {}: {} -> {}", it.object, it.field, it.applied, it.is);
        differences.iter().map(text).collect()
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
    fn what_nobody_applied_has_no_differences() {
        let set: StatefulSet =
            serde_json::from_value(json!({"metadata": {"name": "pg"}})).expect("one");
        assert_eq!(differences("statefulset", &set), Vec::new());
    }
}
