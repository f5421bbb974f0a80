//! get and list.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::sync::Arc;

use super::call::Call;
use super::request::Form;
use super::response::{json_response, metadata_only};
use super::{ApiError, event_versions, table};
use crate::store::{Resource, Selector, Store, text};

/// The field labels that Kubernetes takes in selectors, besides name and namespace.
fn field_labels(resource: &Resource) -> &'static [&'static str] {
    match resource.plural {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "events" if resource.group.is_empty() => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "type",
        ],
        "events" => &[
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reason",
            "reportingController",
            "type",
        ],
        "secrets" => &["type"],
        "namespaces" => &["status.phase"],
        "nodes" => &["spec.unschedulable"],
        "services" => &["spec.clusterIP", "spec.type"],
        _ => &[],
    }
}

/// The selectors of a request.
pub(super) fn selector(resource: &Resource, call: &Call) -> Result<Selector, ApiError> {
    let bad = |e: crate::store::SelectorError| ApiError::bad_request(e.0);
    let labels = call
        .query
        .get("labelSelector")
        .unwrap_or_default()
        .parse()
        .map_err(bad)?;
    let fields: crate::store::FieldSelector = call
        .query
        .get("fieldSelector")
        .unwrap_or_default()
        .parse()
        .map_err(bad)?;
    for path in fields.paths() {
        if !matches!(path, "metadata.name" | "metadata.namespace")
            && !field_labels(resource).contains(&path)
        {
            return Err(ApiError::bad_request(format!(
                "field label not supported: {path}"
            )));
        }
    }
    Ok(Selector { labels, fields })
}

/// The namespace of a collection: None is all of them.
pub(super) fn scope(call: &Call) -> Option<&str> {
    Some(call.target.namespace.as_str()).filter(|n| !n.is_empty())
}

pub(super) fn get(
    store: &Store,
    resource: &'static Resource,
    call: &Call,
) -> Result<Response<Body>, ApiError> {
    let object = store
        .get(
            event_versions::stored(resource),
            &call.target.namespace,
            &call.target.name,
        )
        .map_err(|e| match e {
            crate::store::StoreError::NotFound { name, .. } => {
                crate::store::StoreError::NotFound { resource, name }
            }
            other => other,
        })?;
    Ok(json_response(
        StatusCode::OK,
        &render(
            resource,
            call.form,
            &event_versions::outward(resource, &object),
        ),
    ))
}

/// One object in the form asked for.
pub(super) fn render(resource: &Resource, form: Form, object: &Value) -> Value {
    match form {
        Form::Object => object.clone(),
        Form::Table => table::of(resource, [object], "", true),
        Form::Metadata => metadata_only(object),
    }
}

pub(super) fn list(
    store: &Store,
    resource: &'static Resource,
    call: &Call,
) -> Result<Response<Body>, ApiError> {
    let selector = selector(resource, call)?;
    let list = store.list(event_versions::stored(resource), scope(call));
    let after = call.query.get("continue").map(position).transpose()?;
    let limit = usize::try_from(call.query.number("limit").unwrap_or(0)).unwrap_or(usize::MAX);
    let wanted = |o: &&Arc<Value>| {
        after
            .as_ref()
            .is_none_or(|after| key(o) > (after.0.as_str(), after.1.as_str()))
            && (selector.is_everything() || selector.matches(&event_versions::outward(resource, o)))
    };
    let mut items: Vec<&Arc<Value>> = list.items.iter().filter(wanted).collect();
    let mut meta = json!({"resourceVersion": list.revision.to_string()});
    if limit > 0 && items.len() > limit {
        let rest = items.len() - limit;
        items.truncate(limit);
        if let Some(last) = items.last() {
            let (namespace, name) = key(last);
            meta["continue"] = json!(URL_SAFE_NO_PAD.encode(format!("{namespace}/{name}")));
            meta["remainingItemCount"] = json!(rest);
        }
    }
    let objects: Vec<_> = items
        .iter()
        .map(|o| event_versions::outward(resource, o))
        .collect();
    let body = match call.form {
        Form::Table => {
            let mut table = table::of(
                resource,
                objects.iter().map(AsRef::as_ref),
                include(call),
                true,
            );
            table["metadata"] = meta;
            table.to_string()
        }
        Form::Metadata => {
            let items: Vec<_> = objects.iter().map(|o| metadata_only(o)).collect();
            let kind = "PartialObjectMetadataList";
            json!({"kind": kind, "apiVersion": "meta.k8s.io/v1", "metadata": meta, "items": items})
                .to_string()
        }
        // Written piece by piece: a list of hundreds of objects is not copied first.
        Form::Object => {
            let (kind, version) = (
                json!(format!("{}List", resource.kind)),
                json!(resource.api_version()),
            );
            let items: Vec<_> = objects.iter().map(ToString::to_string).collect();
            format!(
                "{{\"kind\":{kind},\"apiVersion\":{version},\"metadata\":{meta},\"items\":[{}]}}",
                items.join(",")
            )
        }
    };
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    Ok(response)
}

/// What rows of a table carry of their object: `Metadata` (the default), `Object` or `None`.
pub(super) fn include(call: &Call) -> &str {
    call.query.get("includeObject").unwrap_or_default()
}

fn key(object: &Value) -> (&str, &str) {
    (
        text(object, "/metadata/namespace"),
        text(object, "/metadata/name"),
    )
}

fn position(token: &str) -> Result<(String, String), ApiError> {
    let bad = || ApiError::bad_request("continue key is not valid");
    let decoded = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
    let text = String::from_utf8(decoded).map_err(|_| bad())?;
    text.split_once('/')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .ok_or_else(bad)
}
