//! Whether a template is what a patch makes of it.

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::Value;

/// Whether every field of the patch is so in the object. In a list each entry with a name stands for the one of that name.
pub(crate) fn same_template(set: &StatefulSet, patch: &Value) -> bool {
    let is = serde_json::to_value(set).unwrap_or_default();
    covers(&is["spec"]["template"], &patch["spec"]["template"])
}

fn covers(is: &Value, wanted: &Value) -> bool {
    match (is, wanted) {
        (Value::Object(is), Value::Object(wanted)) => wanted
            .iter()
            .filter(|(key, value)| *key != "$patch" && !is_nothing(value))
            .all(|(key, value)| is.get(key).is_some_and(|is| covers(is, value))),
        (Value::Array(is), Value::Array(wanted)) => wanted.iter().enumerate().all(|(at, entry)| {
            let of_name = |it: &&Value| it["name"] == entry["name"] && !entry["name"].is_null();
            let there = is.iter().find(of_name).or_else(|| is.get(at));
            there.is_some_and(|is| covers(is, entry))
        }),
        _ => is == wanted,
    }
}

/// The controller stores what the API leaves away.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_nothing),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_template_is_what_a_patch_makes_of_it() {
        let set: StatefulSet = serde_json::from_value(json!({"metadata": {}, "spec": {
            "selector": {}, "serviceName": "s", "template": {"spec": {"containers": [
                {"name": "exporter", "image": "e:1"}, {"name": "postgres", "image": "postgres:17"}]}}}}))
        .expect("a StatefulSet");
        let image = |image: &str| {
            json!({"spec": {"template": {"$patch": "replace", "metadata": {"creationTimestamp": null},
                "spec": {"containers": [{"name": "postgres", "image": image, "resources": {}}]}}}})
        };
        assert!(same_template(&set, &image("postgres:17")));
        assert!(!same_template(&set, &image("postgres:17.6")));
    }
}
