//! PATCH requests.

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{apply, strategic};
use crate::api::call::Call;
use crate::api::managed::{self, Owner, fields_of, owners, value_at};
use crate::api::{ApiError, event_versions, fields, write};
use crate::store::{Cause, Resource, Store, Write, meta, now, text};

/// A patch that has been read.
pub(in crate::api) enum Patch {
    /// RFC 6902.
    Json(json_patch::Patch),
    /// RFC 7386.
    Merge(Value),
    /// Kubernetes' own, which knows the keys of lists.
    Strategic(Value),
    /// Server-side apply.
    Apply(Value),
}

impl Patch {
    /// Reads the patch by its content type.
    pub(in crate::api) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, ApiError> {
        let media = headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default();
        match media.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => {
                let patch = serde_json::from_slice(body);
                patch
                    .map(Self::Json)
                    .map_err(|e| ApiError::bad_request(format!("error decoding patch: {e}")))
            }
            "application/merge-patch+json" => write::parse_json(body).map(Self::Merge),
            "application/strategic-merge-patch+json" => {
                write::parse_json(body).map(Self::Strategic)
            }
            "application/apply-patch+yaml" => write::parse_yaml(body).map(Self::Apply),
            _ => Err(ApiError::new(
                415,
                "UnsupportedMediaType",
                "the body of the request was in an unknown format - accepted media types include: \
                 application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, \
                 application/apply-patch+yaml",
            )),
        }
    }

    /// The object with the patch applied; an apply merges without looking at owners.
    pub(in crate::api) fn apply(&self, kind: &str, object: &Value) -> Result<Value, ApiError> {
        match self {
            Self::Json(patch) => {
                let mut patched = object.clone();
                json_patch::patch(&mut patched, patch).map_err(|e| rejected(&e.to_string()))?;
                Ok(patched)
            }
            Self::Merge(patch) => {
                if !patch.is_object() {
                    return Err(ApiError::bad_request(
                        "error decoding patch: a merge patch must be a JSON object",
                    ));
                }
                let mut patched = object.clone();
                json_patch::merge(&mut patched, patch);
                Ok(patched)
            }
            Self::Strategic(patch) => {
                strategic::merge(kind, object, patch).map_err(|e| rejected(&e))
            }
            Self::Apply(applied) => Ok(apply::merge(
                kind,
                &mut Vec::new(),
                Some(object.clone()),
                applied,
            )),
        }
    }
}

/// 422 as the API server says when a patch does not fit.
fn rejected(why: &str) -> ApiError {
    let cause = json!({"reason": "UnexpectedServerResponse", "message": why});
    ApiError {
        details: Some(json!({"causes": [cause]})),
        ..ApiError::new(
            422,
            "Invalid",
            "the server rejected our request due to an error in our request",
        )
    }
}

pub(in crate::api) fn patch(
    store: &Store,
    resource: &'static Resource,
    call: &Call,
    body: &[u8],
) -> Result<Response<Body>, ApiError> {
    let patch = Patch::parse(&call.headers, body)?;
    let (namespace, name) = (&call.target.namespace, &call.target.name);
    let stored = event_versions::stored(resource);
    if let Patch::Apply(applied) = &patch {
        check_apply(resource, call, applied)?;
        if call.target.subresource.is_empty() && store.get(stored, namespace, name).is_err() {
            let mut object = applied.clone();
            meta(&mut object).insert("name".to_owned(), json!(name));
            let warnings = fields::check(resource, &object, call)?;
            return write::create_object(store, resource, call, object, warnings, "Apply");
        }
    }
    let mut warnings = Vec::new();
    let done = store.update_with(
        stored,
        namespace,
        name,
        Write {
            dry_run: call.query.dry_run(),
        },
        |current| {
            let old = event_versions::outward(resource, current).into_owned();
            let mut new = if let Patch::Apply(applied) = &patch {
                server_side(resource, call, &old, applied)?
            } else {
                patch.apply(resource.kind, &old)?
            };
            write::check_identity(resource, call, &new)?;
            warnings = fields::check(resource, &new, call)
                .map_err(|e| patched_wrong(resource, name, e))?;
            if let Patch::Apply(_) = &patch {
                let recorded = new.pointer("/metadata/managedFields").cloned();
                write::finish_update(resource, call, &old, &mut new)?;
                if let Some(recorded) = recorded {
                    meta(&mut new).insert("managedFields".to_owned(), recorded);
                }
            } else {
                write::finish_update(resource, call, &old, &mut new)?;
            }
            *current = event_versions::inward(resource, new);
            Ok::<(), ApiError>(())
        },
    )?;
    Ok(write::answer(
        resource,
        call,
        StatusCode::OK,
        &done,
        &warnings,
    ))
}

/// A patch that makes a field the wrong type is 422, not 400.
fn patched_wrong(resource: &'static Resource, name: &str, error: ApiError) -> ApiError {
    if error.message.contains("strict decoding error") {
        return error;
    }
    let cause = Cause {
        field: "patch".to_owned(),
        reason: "FieldValueInvalid",
        message: format!("Invalid value: {}", error.message),
    };
    ApiError::invalid(resource, name, vec![cause])
}

fn check_apply(resource: &Resource, call: &Call, applied: &Value) -> Result<(), ApiError> {
    if call.query.get("fieldManager").is_none() {
        let message = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
        return Err(ApiError::new(422, "Invalid", message));
    }
    if applied
        .pointer("/metadata/managedFields")
        .is_some_and(|m| !m.is_null())
    {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    if text(applied, "/apiVersion").is_empty() || text(applied, "/kind").is_empty() {
        return Err(ApiError::bad_request(
            "invalid object type: apiVersion and kind must be set in an applied configuration",
        ));
    }
    write::check_identity(resource, call, applied)
}

/// Apply with owners: conflicts, merge, removal of what this manager applied before and no longer has.
fn server_side(
    resource: &'static Resource,
    call: &Call,
    old: &Value,
    applied: &Value,
) -> Result<Value, ApiError> {
    let kind = resource.kind;
    let (name, sub) = (managed::manager(call), call.target.subresource.clone());
    let mut wanted = fields_of(kind, applied);
    if sub == "status" {
        wanted.retain(|p| p.first().is_some_and(|f| f == "f:status"));
    } else if resource.subresources.contains(&"status") {
        wanted.retain(|p| p.first().is_none_or(|f| f != "f:status"));
    }
    let is_self = |o: &Owner| o.manager == name && o.operation == "Apply" && o.subresource == sub;
    let mut all = owners(old);
    let mut conflicts = Vec::new();
    for owner in all.iter_mut().filter(|o| !is_self(o)) {
        let taken: Vec<_> = owner
            .fields
            .intersection(&wanted)
            .filter(|p| {
                p.last().is_none_or(|l| l != ".")
                    && value_at(kind, old, p) != value_at(kind, applied, p)
            })
            .cloned()
            .collect();
        for path in taken {
            conflicts.push((owner.manager.clone(), dotted(&path)));
            owner.fields.remove(&path);
        }
    }
    if !conflicts.is_empty() && !call.query.flag("force") {
        return Err(conflict(&conflicts));
    }
    let mut new = apply::merge(kind, &mut Vec::new(), Some(old.clone()), applied);
    let before = all
        .iter()
        .find(|o| is_self(o))
        .map(|o| o.fields.clone())
        .unwrap_or_default();
    let elsewhere = |p: &Vec<String>| all.iter().any(|o| !is_self(o) && o.fields.contains(p));
    let gone = before
        .difference(&wanted)
        .filter(|p| !elsewhere(p))
        .cloned()
        .collect();
    apply::remove(kind, &mut new, &gone);
    match all.iter_mut().find(|o| is_self(o)) {
        Some(owner) if owner.fields == wanted => {}
        Some(owner) => {
            owner.fields = wanted;
            owner.time = now();
        }
        None => all.push(Owner {
            manager: name,
            operation: "Apply".to_owned(),
            subresource: sub,
            time: now(),
            fields: wanted,
        }),
    }
    managed::record(resource, &mut new, &all);
    Ok(new)
}

/// `.spec.template.spec.containers[name="x"].image`
fn dotted(path: &[String]) -> String {
    path.iter()
        .map(|element| {
            if let Some(field) = element.strip_prefix("f:") {
                return format!(".{field}");
            }
            let keys = element
                .strip_prefix("k:")
                .and_then(|k| serde_json::from_str::<Value>(k).ok());
            match keys {
                Some(Value::Object(keys)) => {
                    let pairs: Vec<_> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
                    format!("[{}]", pairs.join(","))
                }
                _ => format!(
                    "[{}]",
                    element.strip_prefix("v:").map_or(element.as_str(), |v| v)
                ),
            }
        })
        .collect()
}

fn conflict(conflicts: &[(String, String)]) -> ApiError {
    let causes: Vec<_> = conflicts
        .iter()
        .map(|(manager, field)| json!({"reason": "FieldManagerConflict", "message": format!("conflict with \"{manager}\""), "field": field}))
        .collect();
    let list: Vec<_> = conflicts
        .iter()
        .map(|(manager, field)| format!("conflict with \"{manager}\": {field}"))
        .collect();
    let plural = if conflicts.len() == 1 {
        "conflict"
    } else {
        "conflicts"
    };
    let message = format!(
        "Apply failed with {} {plural}: {}",
        conflicts.len(),
        list.join("\n")
    );
    ApiError {
        details: Some(json!({"causes": causes})),
        ..ApiError::new(409, "Conflict", message)
    }
}
