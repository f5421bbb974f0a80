use serde_json::{Value, json};

use super::mistakes::Mistakes;
use super::pods;
use crate::store::{LabelSelector, text};

/// Kubernetes' words for a change that a StatefulSet does not take.
const FROZEN: &str = "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
     'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

const CHANGEABLE: &[&str] = &[
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

pub(super) fn check(object: &Value, old: Option<&Value>, found: &mut Mistakes) {
    let replicas = object
        .pointer("/spec/replicas")
        .and_then(Value::as_i64)
        .unwrap_or(1);
    if replicas < 0 {
        found.invalid(
            "spec.replicas",
            &replicas.into(),
            "must be greater than or equal to 0",
        );
    }
    let policy = text(object, "/spec/podManagementPolicy");
    if !matches!(policy, "" | "OrderedReady" | "Parallel") {
        found.invalid(
            "spec.podManagementPolicy",
            &policy.into(),
            "must be 'OrderedReady' or 'Parallel'",
        );
    }
    let strategy = text(object, "/spec/updateStrategy/type");
    if !matches!(strategy, "" | "RollingUpdate" | "OnDelete") {
        found.invalid(
            "spec.updateStrategy",
            &json!({"type": strategy}),
            "must be 'RollingUpdate' or 'OnDelete'",
        );
    }
    if !matches!(
        text(object, "/spec/template/spec/restartPolicy"),
        "" | "Always"
    ) {
        let message = format!(
            "Unsupported value: \"{}\": supported values: \"Always\"",
            text(object, "/spec/template/spec/restartPolicy")
        );
        found.add(
            "spec.template.spec.restartPolicy",
            "FieldValueNotSupported",
            message,
        );
    }
    let selector = object
        .pointer("/spec/selector")
        .cloned()
        .unwrap_or_default();
    let labels = object
        .pointer("/spec/template/metadata/labels")
        .and_then(Value::as_object);
    match serde_json::from_value(selector.clone())
        .ok()
        .and_then(|s| LabelSelector::from_object(&s).ok())
    {
        Some(parsed) if parsed.is_empty() => found.invalid(
            "spec.selector",
            &selector,
            "empty selector is invalid for statefulset",
        ),
        Some(parsed) if !parsed.matches(labels) => {
            let labels = labels.map_or(Value::Null, |l| Value::Object(l.clone()));
            found.invalid(
                "spec.template.metadata.labels",
                &labels,
                "`selector` does not match template `labels`",
            );
        }
        Some(_) => {}
        None => found.invalid("spec.selector", &selector, "invalid label selector"),
    }
    pods::check_spec(
        object
            .pointer("/spec/template/spec")
            .unwrap_or(&Value::Null),
        "spec.template.spec",
        found,
    );
    if let Some(old) = old
        && fixed(old) != fixed(object)
    {
        found.add("spec", "FieldValueForbidden", FROZEN);
    }
}

fn fixed(object: &Value) -> Value {
    let mut spec = object.get("spec").cloned().unwrap_or_default();
    if let Some(spec) = spec.as_object_mut() {
        spec.retain(|key, value| !CHANGEABLE.contains(&key.as_str()) && !value.is_null());
        // The status of a claim template says nothing.
        for claim in spec
            .get_mut("volumeClaimTemplates")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(claim) = claim.as_object_mut() {
                claim.remove("status");
            }
        }
    }
    spec
}
