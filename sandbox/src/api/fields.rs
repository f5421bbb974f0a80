//! Server-side field validation: unknown fields are found by what the typed form leaves out.

use serde_json::Value;

use super::ApiError;
use super::call::Call;
use crate::store::Resource;

/// Unknown fields as warnings, or as an error when the client asked to be strict. Wrong types are always errors.
pub(super) fn check(
    resource: &Resource,
    object: &Value,
    call: &Call,
) -> Result<Vec<String>, ApiError> {
    let canonical = resource
        .canonical(object.clone())
        .map_err(|e| mistyped(resource, &e))?;
    let mode = call.query.get("fieldValidation").unwrap_or("Warn");
    if mode == "Ignore" {
        return Ok(Vec::new());
    }
    if !matches!(mode, "Warn" | "Strict") {
        return Err(ApiError::new(
            422,
            "Invalid",
            format!(
                "fieldValidation: Unsupported value: \"{mode}\": supported values: \"Ignore\", \"Strict\", \"Warn\""
            ),
        ));
    }
    let mut unknown = Vec::new();
    compare(object, &canonical, "", &mut unknown);
    unknown.sort();
    let unknown: Vec<_> = unknown
        .into_iter()
        .map(|f| format!("unknown field \"{f}\""))
        .collect();
    if mode == "Strict" && !unknown.is_empty() {
        let message = format!(
            "{} in version \"{}\" cannot be handled as a {}: strict decoding error: {}",
            resource.kind,
            resource.version,
            resource.kind,
            unknown.join(", ")
        );
        return Err(ApiError::bad_request(message));
    }
    Ok(unknown)
}

/// 400 in Kubernetes' words.
pub(super) fn mistyped(resource: &Resource, error: &serde_json::Error) -> ApiError {
    ApiError::bad_request(format!(
        "{} in version \"{}\" cannot be handled as a {}: {error}",
        resource.kind, resource.version, resource.kind
    ))
}

fn compare(given: &Value, known: &Value, path: &str, unknown: &mut Vec<String>) {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            for (key, value) in given {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                match known.get(key) {
                    Some(found) => compare(value, found, &path, unknown),
                    // A null says nothing, and the typed form leaves it out.
                    None if value.is_null() => {}
                    None => unknown.push(path),
                }
            }
        }
        (Value::Array(given), Value::Array(known)) => {
            for (index, (given, known)) in given.iter().zip(known).enumerate() {
                compare(given, known, &format!("{path}[{index}]"), unknown);
            }
        }
        _ => {}
    }
}
