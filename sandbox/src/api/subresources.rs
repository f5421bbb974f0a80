//! `scale` of StatefulSets and `eviction` of pods.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use super::access::Identity;
use super::call::Call;
use super::response::json_response;
use super::{ApiError, patch, write};
use crate::store::{
    Cause, DeleteOptions, LabelSelector, Preconditions, Resource, Selector, Store, Write, meta,
    text,
};

fn view(object: &Value) -> Value {
    let labels = object
        .pointer("/spec/selector/matchLabels")
        .and_then(Value::as_object);
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    let field = |name: &str| object.pointer(&format!("/metadata/{name}")).cloned();
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": field("name"), "namespace": field("namespace"), "uid": field("uid"),
            "resourceVersion": field("resourceVersion"), "creationTimestamp": field("creationTimestamp"),
        },
        "spec": {"replicas": object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0)},
        "status": {
            "replicas": object.pointer("/status/replicas").and_then(Value::as_i64).unwrap_or(0),
            "selector": selector.join(","),
        },
    })
}

/// What a request makes of a Scale.
type Change = Box<dyn Fn(&Value) -> Result<Value, ApiError>>;

pub(super) fn scale(
    store: &Store,
    resource: &'static Resource,
    call: &Call,
    _user: &Identity,
    body: &[u8],
) -> Result<Response<Body>, ApiError> {
    let (namespace, name) = (&call.target.namespace, &call.target.name);
    let change: Change = match call.target.verb.as_str() {
        "get" => {
            return Ok(json_response(
                StatusCode::OK,
                &view(&*store.get(resource, namespace, name)?),
            ));
        }
        "update" => {
            let wanted = write::parse(&call.headers, body)?;
            Box::new(move |_| Ok(wanted.clone()))
        }
        "patch" => {
            let change = patch::Patch::parse(&call.headers, body)?;
            Box::new(move |scale| change.apply("Scale", scale))
        }
        _ => return Err(ApiError::method_not_allowed()),
    };
    let done = store.update_with(resource, namespace, name, Write { dry_run: call.query.dry_run() }, |object| {
        let wanted = change(&view(object))?;
        let replicas = wanted.pointer("/spec/replicas").cloned().unwrap_or(json!(0));
        let count = replicas.as_i64().and_then(|n| i32::try_from(n).ok()).ok_or_else(|| {
            ApiError::bad_request(format!("Scale in version \"v1\" cannot be handled as a Scale: spec.replicas: {replicas} is not an int32"))
        })?;
        if count < 0 {
            let message = format!("Invalid value: {count}: must be greater than or equal to 0");
            let cause = Cause { field: "spec.replicas".to_owned(), reason: "FieldValueInvalid", message };
            return Err(ApiError::invalid(resource, name, vec![cause]));
        }
        // The preconditions of the Scale are those of the object.
        for field in ["resourceVersion", "uid"] {
            if let Some(value) = wanted.pointer(&format!("/metadata/{field}")).filter(|v| v.is_string()) {
                meta(object).insert(field.to_owned(), value.clone());
            }
        }
        object["spec"]["replicas"] = json!(count);
        Ok(())
    })?;
    Ok(json_response(StatusCode::OK, &view(&done)))
}

/// Condition `Ready` of a pod.
fn is_ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .any(|it| it["type"] == "Ready" && it["status"] == "True")
}

/// Deletes a pod if its disruption budgets allow it.
pub(super) fn evict(
    store: &Store,
    resource: &'static Resource,
    call: &Call,
    body: &[u8],
) -> Result<Response<Body>, ApiError> {
    let eviction = write::parse(&call.headers, body)?;
    let (namespace, name) = (&call.target.namespace, &call.target.name);
    let pod = store.get(resource, namespace, name)?;
    let labels = pod.pointer("/metadata/labels").and_then(Value::as_object);
    for budget in store
        .read_all::<PodDisruptionBudget>(Some(namespace), &Selector::everything())?
        .items
    {
        let selector = budget.spec.as_ref().and_then(|s| s.selector.as_ref());
        let matches = selector
            .and_then(|s| LabelSelector::from_object(s).ok())
            .is_some_and(|s| s.matches(labels));
        let policy = budget
            .spec
            .as_ref()
            .and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref());
        let status = budget.status.unwrap_or_default();
        // As pkg/registry/core/pod/storage/eviction.go decides for a pod that is not Ready.
        let unhealthy_goes = !is_ready(&pod)
            && match policy {
                Some("AlwaysAllow") => true,
                _ => status.desired_healthy > 0 && status.current_healthy >= status.desired_healthy,
            };
        if matches && !unhealthy_goes && status.disruptions_allowed <= 0 {
            let own = budget.metadata.name.unwrap_or_default();
            let message = format!(
                "The disruption budget {own} needs {} healthy pods and has {} currently",
                status.desired_healthy, status.current_healthy
            );
            let cause = json!({"reason": "DisruptionBudget", "message": message});
            return Err(ApiError {
                details: Some(json!({"causes": [cause]})),
                ..ApiError::new(
                    429,
                    "TooManyRequests",
                    "Cannot evict pod as it would violate the pod's disruption budget.",
                )
            });
        }
    }
    let own = |pointer: &str| Some(text(&eviction, pointer).to_owned()).filter(|v| !v.is_empty());
    let dry = eviction.pointer("/deleteOptions/dryRun").is_some();
    let options = DeleteOptions {
        grace_seconds: eviction
            .pointer("/deleteOptions/gracePeriodSeconds")
            .and_then(Value::as_i64),
        preconditions: Preconditions {
            uid: own("/deleteOptions/preconditions/uid"),
            resource_version: own("/deleteOptions/preconditions/resourceVersion"),
        },
        propagation: None,
        dry_run: dry || call.query.dry_run(),
    };
    store.delete(resource, namespace, name, &options)?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(json_response(StatusCode::CREATED, &status))
}
