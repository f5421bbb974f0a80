use serde_json::Value;

use super::mistakes::Mistakes;
use crate::api::access::{LONGEST_TOKEN, SHORTEST_TOKEN};
use crate::store::text;

pub(super) fn check(pod: &Value, old: Option<&Value>, found: &mut Mistakes) {
    check_spec(pod.get("spec").unwrap_or(&Value::Null), "spec", found);
    if let Some(old) = old
        && fixed(old) != fixed(pod)
    {
        let message = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,\
                       `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
                       tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        found.add("spec", "FieldValueForbidden", message);
    }
}

/// How long the tokens may live that a volume asks for (`validateProjectionSources`).
fn check_tokens(volume: &Value, path: &str, found: &mut Mistakes) {
    let sources = volume.pointer("/projected/sources");
    let sources = sources.and_then(Value::as_array).into_iter().flatten();
    for (index, source) in sources.enumerate() {
        let value = source.pointer("/serviceAccountToken/expirationSeconds");
        let Some(value) = value.filter(|value| !value.is_null()) else {
            continue;
        };
        let why = match value.as_u64() {
            Some(seconds) if seconds > LONGEST_TOKEN => {
                "may not specify a duration larger than 2^32 seconds"
            }
            Some(seconds) if seconds >= SHORTEST_TOKEN => continue,
            _ => "may not specify a duration less than 10 minutes",
        };
        let field =
            format!("{path}.projected.sources[{index}].serviceAccountToken.expirationSeconds");
        found.invalid(field, value, why);
    }
}

fn fixed(pod: &Value) -> Value {
    let mut spec = pod.get("spec").cloned().unwrap_or_default();
    if let Some(spec) = spec.as_object_mut() {
        for field in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
            spec.remove(field);
        }
        for list in ["containers", "initContainers"] {
            for container in spec
                .get_mut(list)
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                if let Some(container) = container.as_object_mut() {
                    container.remove("image");
                }
            }
        }
    }
    spec
}

/// What every pod spec must have, in a pod or in a template.
pub(super) fn check_spec(spec: &Value, path: &str, found: &mut Mistakes) {
    let list = |name: &str| {
        spec.get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    if list("containers").is_empty() {
        found.required(format!("{path}.containers"), "");
    }
    let volumes = list("volumes");
    for (index, volume) in volumes.iter().enumerate() {
        check_tokens(volume, &format!("{path}.volumes[{index}]"), found);
    }
    let mut names: Vec<String> = Vec::new();
    for kind in ["initContainers", "containers"] {
        for (index, container) in list(kind).iter().enumerate() {
            let at = format!("{path}.{kind}[{index}]");
            let name = text(container, "/name");
            if name.is_empty() {
                found.required(format!("{at}.name"), "");
            } else if names.iter().any(|n| n == name) {
                found.add(
                    format!("{at}.name"),
                    "FieldValueDuplicate",
                    format!("Duplicate value: \"{name}\""),
                );
            }
            names.push(name.to_owned());
            if text(container, "/image").is_empty() {
                found.required(format!("{at}.image"), "");
            }
            let mounts = container
                .get("volumeMounts")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            for (index, mount) in mounts.iter().enumerate() {
                let wanted = text(mount, "/name");
                if text(mount, "/mountPath").is_empty() {
                    found.required(format!("{at}.volumeMounts[{index}].mountPath"), "");
                }
                // A template's own claims are volumes, too, but only its StatefulSet knows them.
                if path == "spec" && !volumes.iter().any(|v| text(v, "/name") == wanted) {
                    found.add(
                        format!("{at}.volumeMounts[{index}].name"),
                        "FieldValueNotFound",
                        format!("Not found: \"{wanted}\""),
                    );
                }
            }
        }
    }
}
