//! What the API server refuses with 422, for the kinds and fields that people get wrong.

use serde_json::Value;

use super::ApiError;
use crate::store::{Resource, text};

mod autoscaler;
mod mistakes;
mod names;
mod pods;
mod statefulset;
mod workloads;

use mistakes::Mistakes;

/// Checks a new object, or a change of `old`.
pub(super) fn check(
    resource: &'static Resource,
    object: &Value,
    old: Option<&Value>,
) -> Result<(), ApiError> {
    // The typed form, so that fields left out and fields at their default look the same.
    let mut typed = object.clone();
    crate::store::defaults(resource, &mut typed);
    let object = resource
        .canonical(typed)
        .map_err(|e| super::fields::mistyped(resource, &e))?;
    let mut found = Mistakes::default();
    names::check(resource, &object, &mut found);
    match resource.plural {
        "pods" => pods::check(&object, old, &mut found),
        "statefulsets" => statefulset::check(&object, old, &mut found),
        "deployments" | "replicasets" => {
            workloads::replicated(resource, &object, old, &mut found);
        }
        "jobs" => workloads::job(&object, old, &mut found),
        "cronjobs" => workloads::cron_job(&object, &mut found),
        "horizontalpodautoscalers" => autoscaler::check(&object, &mut found),
        "services" => service(&object, &mut found),
        "secrets" => secret(&object, old, &mut found),
        "configmaps" => config_map(&object, old, &mut found),
        "rolebindings" | "clusterrolebindings" => {
            if text(&object, "/roleRef/name").is_empty() {
                found.required("roleRef.name", "");
            }
            if let Some(old) = old
                && old.get("roleRef") != object.get("roleRef")
            {
                found.invalid(
                    "roleRef",
                    object.get("roleRef").unwrap_or(&Value::Null),
                    "cannot change roleRef",
                );
            }
        }
        "persistentvolumeclaims" => claim(&object, old, &mut found),
        "poddisruptionbudgets" => {
            let has = |f: &str| {
                object
                    .pointer(&format!("/spec/{f}"))
                    .is_some_and(|v| !v.is_null())
            };
            if has("minAvailable") && has("maxUnavailable") {
                found.invalid(
                    "spec",
                    object.get("spec").unwrap_or(&Value::Null),
                    "minAvailable and maxUnavailable cannot be both set",
                );
            }
        }
        // kubectl lists them when it meets a kind that it does not know. One that is taken would have to be served.
        "customresourcedefinitions" => found.add(
            "spec",
            "FieldValueForbidden",
            "Forbidden: the sandbox has only the kinds that it came with",
        ),
        "leases" => {
            let seconds = object
                .pointer("/spec/leaseDurationSeconds")
                .and_then(Value::as_i64);
            if let Some(seconds) = seconds.filter(|s| *s <= 0) {
                found.invalid(
                    "spec.leaseDurationSeconds",
                    &seconds.into(),
                    "must be greater than 0",
                );
            }
        }
        _ => {}
    }
    if found.0.is_empty() {
        Ok(())
    } else {
        Err(ApiError::invalid(
            resource,
            text(&object, "/metadata/name"),
            found.0,
        ))
    }
}

fn service(object: &Value, found: &mut Mistakes) {
    let kind = text(object, "/spec/type");
    if !matches!(
        kind,
        "" | "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName"
    ) {
        let message = format!(
            "Unsupported value: \"{kind}\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\""
        );
        found.add("spec.type", "FieldValueNotSupported", message);
    }
    let ports = object
        .pointer("/spec/ports")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if ports.is_empty() && kind != "ExternalName" && text(object, "/spec/clusterIP") != "None" {
        found.required("spec.ports", "");
    }
    for (index, port) in ports.iter().enumerate() {
        let number = port.get("port").cloned().unwrap_or_default();
        if !number.as_i64().is_some_and(|n| (1..=65535).contains(&n)) {
            found.invalid(
                format!("spec.ports[{index}].port"),
                &number,
                "must be between 1 and 65535, inclusive",
            );
        }
        if ports.len() > 1 && text(port, "/name").is_empty() {
            found.required(format!("spec.ports[{index}].name"), "");
        }
    }
}

fn data_keys(object: &Value, found: &mut Mistakes) {
    for field in ["data", "binaryData"] {
        for key in object
            .get(field)
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|m| m.keys())
        {
            let valid = !key.is_empty()
                && key.len() <= 253
                && key
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            if !valid || key == "." || key == ".." {
                let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                           'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
                found.invalid(format!("{field}[{key}]"), &key.clone().into(), why);
            }
        }
    }
}

fn frozen(object: &Value, old: Option<&Value>, found: &mut Mistakes) {
    let Some(old) = old.filter(|o| o.get("immutable").and_then(Value::as_bool) == Some(true))
    else {
        return;
    };
    for field in ["data", "binaryData"] {
        if old.get(field) != object.get(field) {
            found.add(
                field,
                "FieldValueForbidden",
                "Forbidden: field is immutable when `immutable` is set",
            );
        }
    }
}

fn secret(object: &Value, old: Option<&Value>, found: &mut Mistakes) {
    data_keys(object, found);
    frozen(object, old, found);
    if let Some(old) = old {
        found.immutable("type", old, object, "/type");
    }
}

fn config_map(object: &Value, old: Option<&Value>, found: &mut Mistakes) {
    data_keys(object, found);
    frozen(object, old, found);
}

fn claim(object: &Value, old: Option<&Value>, found: &mut Mistakes) {
    let Some(old) = old else {
        if text(object, "/spec/resources/requests/storage").is_empty() {
            found.required("spec.resources[storage]", "");
        }
        if object
            .pointer("/spec/accessModes")
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
        {
            found.required("spec.accessModes", "at least 1 access mode is required");
        }
        return;
    };
    // The size may grow and an unbound claim gets its volume; the rest stays as it was made.
    let rest = |o: &Value| {
        let mut spec = o.get("spec").cloned().unwrap_or_default();
        if let Some(spec) = spec.as_object_mut() {
            spec.remove("resources");
            spec.remove("volumeName");
            spec.remove("volumeAttributesClassName");
        }
        spec
    };
    if rest(old) != rest(object) {
        let message = "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        found.add("spec", "FieldValueForbidden", message);
    }
}
