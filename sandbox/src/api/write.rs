//! create, update, delete and deletecollection. Patches are in `patch`.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::call::Call;
use super::response::json_response;
use super::{ApiError, event_versions, fields, managed, protobuf, read, validation};
use crate::store::{
    DeleteOptions, Preconditions, Propagation, Resource, Store, StoreError, Write, meta, text,
};

/// Reads a body as JSON or YAML.
pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Value, ApiError> {
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("application/json");
    let media = media.split(';').next().unwrap_or_default().trim();
    // kubectl's typed commands send protobuf. Kinds whose messages are not known here are refused below.
    if media == "application/vnd.kubernetes.protobuf"
        && let Some(object) = protobuf::read(body)
    {
        return Ok(object);
    }
    match media {
        "application/json" | "" | "*/*" => parse_json(body),
        "application/yaml" | "application/x-yaml" | "text/yaml" => parse_yaml(body),
        _ => Err(ApiError::new(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml",
        )),
    }
}

pub(super) fn parse_json(body: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(body).map_err(|e| {
        ApiError::bad_request(format!("couldn't get version/kind; json parse error: {e}"))
    })
}

pub(super) fn parse_yaml(body: &[u8]) -> Result<Value, ApiError> {
    // JSON first: most clients send it under the YAML type.
    serde_json::from_slice(body).or_else(|_| {
        let text = std::str::from_utf8(body)
            .map_err(|e| ApiError::bad_request(format!("the body is not UTF-8: {e}")))?;
        serde_saphyr::from_str(text)
            .map_err(|e| ApiError::bad_request(format!("error converting YAML to JSON: {e}")))
    })
}

/// The checks on what the body says about itself against the URL.
pub(super) fn check_identity(
    resource: &Resource,
    call: &Call,
    object: &Value,
) -> Result<(), ApiError> {
    if !object.is_object() {
        return Err(ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {})",
            resource.kind
        )));
    }
    let (version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
    if !version.is_empty() && version != resource.api_version() {
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version ({})",
            resource.api_version()
        )));
    }
    if !kind.is_empty() && kind != resource.kind {
        return Err(ApiError::bad_request(format!(
            "the kind in the data ({kind}) does not match the expected kind ({})",
            resource.kind
        )));
    }
    let namespace = text(object, "/metadata/namespace");
    if !namespace.is_empty() && namespace != call.target.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    let name = text(object, "/metadata/name");
    if !call.target.name.is_empty() && !name.is_empty() && name != call.target.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            call.target.name
        )));
    }
    Ok(())
}

/// The answer to a write, with the warnings of field validation.
pub(super) fn answer(
    resource: &Resource,
    call: &Call,
    code: StatusCode,
    object: &Value,
    warnings: &[String],
) -> Response<Body> {
    let mut response = json_response(
        code,
        &read::render(
            resource,
            call.form,
            &event_versions::outward(resource, object),
        ),
    );
    for warning in warnings {
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    response
}

/// What a user sends as a new object, made ready for the store.
pub(super) fn prepare_new(resource: &Resource, object: &mut Value) {
    if let Some(root) = object.as_object_mut()
        && resource.subresources.contains(&"status")
    {
        // The store fills in the first status (for example phase Pending).
        root.remove("status");
    }
    string_data(resource, object);
}

/// `stringData` of a Secret is a way to write `data`.
pub(super) fn string_data(resource: &Resource, object: &mut Value) {
    use base64::{Engine, engine::general_purpose::STANDARD};
    if resource.plural != "secrets" {
        return;
    }
    let Some(root) = object.as_object_mut() else {
        return;
    };
    let Some(Value::Object(plain)) = root.remove("stringData") else {
        return;
    };
    let data = root.entry("data").or_insert_with(|| json!({}));
    if data.is_null() {
        *data = json!({});
    }
    if let Some(data) = data.as_object_mut() {
        data.extend(
            plain
                .into_iter()
                .map(|(k, v)| (k, json!(STANDARD.encode(v.as_str().unwrap_or_default())))),
        );
    }
}

pub(super) fn create(
    store: &Store,
    resource: &'static Resource,
    call: &Call,
    body: &[u8],
) -> Result<Response<Body>, ApiError> {
    let object = parse(&call.headers, body)?;
    check_identity(resource, call, &object)?;
    let warnings = fields::check(resource, &object, call)?;
    create_object(store, resource, call, object, warnings, "Update")
}

pub(super) fn create_object(
    store: &Store,
    resource: &'static Resource,
    call: &Call,
    mut object: Value,
    warnings: Vec<String>,
    operation: &str,
) -> Result<Response<Body>, ApiError> {
    if !text(&object, "/metadata/resourceVersion").is_empty() {
        return Err(ApiError::bad_request(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    if resource.namespaced && call.target.namespace.is_empty() {
        return Err(ApiError::method_not_allowed());
    }
    prepare_new(resource, &mut object);
    validation::check(resource, &object, None)?;
    managed::created(resource, &mut object, call, operation);
    let object = event_versions::inward(resource, object);
    let write = Write {
        dry_run: call.query.dry_run(),
    };
    let done = store.create_with(
        event_versions::stored(resource),
        &call.target.namespace,
        object,
        write,
    )?;
    Ok(answer(
        resource,
        call,
        StatusCode::CREATED,
        &done,
        &warnings,
    ))
}

pub(super) fn update(
    store: &Store,
    resource: &'static Resource,
    call: &Call,
    body: &[u8],
) -> Result<Response<Body>, ApiError> {
    let object = parse(&call.headers, body)?;
    check_identity(resource, call, &object)?;
    let warnings = fields::check(resource, &object, call)?;
    let (namespace, name) = (&call.target.namespace, &call.target.name);
    let stored = event_versions::stored(resource);
    let creates = matches!(
        resource.plural,
        "leases" | "endpoints" | "events" | "services" | "limitranges"
    );
    if creates && call.target.subresource.is_empty() && store.get(stored, namespace, name).is_err()
    {
        return create_object(store, resource, call, object, warnings, "Update");
    }
    if resource.plural == "leases" && text(&object, "/metadata/resourceVersion").is_empty() {
        let cause = crate::store::Cause {
            field: "metadata.resourceVersion".to_owned(),
            reason: "FieldValueInvalid",
            message: "Invalid value: 0: must be specified for an update".to_owned(),
        };
        return Err(ApiError::invalid(resource, name, vec![cause]));
    }
    let done = store.update_with(
        stored,
        namespace,
        name,
        Write {
            dry_run: call.query.dry_run(),
        },
        |current| {
            let old = event_versions::outward(resource, current).into_owned();
            let mut new = object.clone();
            finish_update(resource, call, &old, &mut new)?;
            *current = event_versions::inward(resource, new);
            Ok::<(), ApiError>(())
        },
    )?;
    Ok(answer(resource, call, StatusCode::OK, &done, &warnings))
}

/// What every change of an existing object goes through: a status write changes only the status, any other write
/// everything else; then validation and the record of who owns which field.
pub(super) fn finish_update(
    resource: &'static Resource,
    call: &Call,
    old: &Value,
    new: &mut Value,
) -> Result<(), ApiError> {
    string_data(resource, new);
    let status_only = call.target.subresource == "status";
    if let (Some(new), Some(old)) = (new.as_object_mut(), old.as_object()) {
        if status_only {
            new.retain(|key, _| key == "status" || key == "metadata");
            new.extend(
                old.iter()
                    .filter(|(k, _)| *k != "status" && *k != "metadata")
                    .map(|(k, v)| (k.clone(), v.clone())),
            );
        } else if resource.subresources.contains(&"status") {
            new.remove("status");
            new.extend(
                old.get_key_value("status")
                    .map(|(k, v)| (k.clone(), v.clone())),
            );
        }
    }
    // The name is the URL's even when the body leaves it out.
    meta(new).insert("name".to_owned(), json!(call.target.name));
    if !status_only {
        validation::check(resource, new, Some(old))?;
    }
    managed::updated(resource, old, new, call);
    Ok(())
}

/// DeleteOptions from the body and the query, which wins.
fn delete_options(call: &Call, body: &[u8]) -> Result<DeleteOptions, ApiError> {
    let object = if body.iter().all(u8::is_ascii_whitespace) {
        json!({})
    } else {
        parse(&call.headers, body)?
    };
    let field = |name: &str| {
        call.query
            .get(name)
            .or_else(|| object.get(name).and_then(Value::as_str))
    };
    let propagation = match field("propagationPolicy") {
        None => match object.get("orphanDependents").and_then(Value::as_bool) {
            Some(true) => Some(Propagation::Orphan),
            // For the sake of clients from before there were owner references: `DefaultGarbageCollectionPolicy` in
            // pkg/registry/batch/job/strategy.go. kubectl says what it wants.
            None if call.target.group == "batch" && call.target.resource == "jobs" => {
                Some(Propagation::Orphan)
            }
            _ => None,
        },
        Some("Background") => Some(Propagation::Background),
        Some("Foreground") => Some(Propagation::Foreground),
        Some("Orphan") => Some(Propagation::Orphan),
        Some(other) => {
            return Err(ApiError::new(
                422,
                "Invalid",
                format!(
                    "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"{other}\": supported values: \"Background\", \"Foreground\", \"Orphan\""
                ),
            ));
        }
    };
    let own = |pointer: &str| Some(text(&object, pointer).to_owned()).filter(|v| !v.is_empty());
    let dry = object
        .get("dryRun")
        .and_then(Value::as_array)
        .is_some_and(|d| d.iter().any(|v| v == "All"));
    Ok(DeleteOptions {
        grace_seconds: call
            .query
            .get("gracePeriodSeconds")
            .and_then(|g| g.parse().ok())
            .or_else(|| object.get("gracePeriodSeconds").and_then(Value::as_i64)),
        preconditions: Preconditions {
            uid: own("/preconditions/uid"),
            resource_version: own("/preconditions/resourceVersion"),
        },
        propagation,
        dry_run: dry || call.query.dry_run(),
    })
}

pub(super) fn delete(
    store: &Store,
    resource: &'static Resource,
    call: &Call,
    body: &[u8],
) -> Result<Response<Body>, ApiError> {
    let options = delete_options(call, body)?;
    let (object, gone) = store.delete(
        event_versions::stored(resource),
        &call.target.namespace,
        &call.target.name,
        &options,
    )?;
    if !gone || resource.plural == "pods" {
        return Ok(json_response(
            StatusCode::OK,
            &event_versions::outward(resource, &object),
        ));
    }
    let mut details = json!({"name": call.target.name, "kind": resource.plural, "uid": text(&object, "/metadata/uid")});
    if !resource.group.is_empty() {
        details["group"] = json!(resource.group);
    }
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    Ok(json_response(StatusCode::OK, &status))
}

pub(super) fn delete_collection(
    store: &Store,
    resource: &'static Resource,
    call: &Call,
    body: &[u8],
) -> Result<Response<Body>, ApiError> {
    let options = delete_options(call, body)?;
    let selector = read::selector(resource, call)?;
    let stored = event_versions::stored(resource);
    let list = store.list(stored, read::scope(call));
    let mut items = Vec::new();
    for object in list
        .items
        .iter()
        .filter(|o| selector.matches(&event_versions::outward(resource, o)))
    {
        let (namespace, name) = (
            text(object, "/metadata/namespace"),
            text(object, "/metadata/name"),
        );
        match store.delete(stored, namespace, name, &options) {
            Ok((object, _)) => items.push(event_versions::outward(resource, &object).into_owned()),
            // Gone in between is gone.
            Err(StoreError::NotFound { .. }) => {}
            Err(e) => return Err(e.into()),
        }
    }
    let meta = json!({"resourceVersion": store.revision().to_string()});
    let answer = json!({"kind": format!("{}List", resource.kind), "apiVersion": resource.api_version(), "metadata": meta, "items": items});
    Ok(json_response(StatusCode::OK, &answer))
}
