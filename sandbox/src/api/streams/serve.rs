//! What the streams have in common: the pod must be there, the container named, the protocol agreed.

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderValue, Response, header, request::Parts};
use serde_json::Value;
use std::sync::Arc;

use super::{exec, log, portforward};
use crate::api::ApiError;
use crate::api::call::Call;
use crate::api::faults::Faults;
use crate::api::request::Target;
use crate::runtime::{ContainerRef, PodRuntime};
use crate::store::{Store, of, text};

/// True for the subresources that are streams.
pub(in crate::api) fn handles(target: &Target) -> bool {
    target.group.is_empty()
        && target.resource == "pods"
        && matches!(
            target.subresource.as_str(),
            "log" | "exec" | "attach" | "portforward"
        )
}

pub(in crate::api) async fn serve(
    store: &Store,
    runtime: Option<Arc<dyn PodRuntime>>,
    faults: &Faults,
    call: Call,
    mut parts: Parts,
) -> Result<Response<Body>, ApiError> {
    if !matches!(call.target.verb.as_str(), "get" | "create") {
        return Err(ApiError::method_not_allowed());
    }
    let (namespace, name) = (&call.target.namespace, &call.target.name);
    let pod = store.get(of::<k8s_openapi::api::core::v1::Pod>(), namespace, name)?;
    let sub = call.target.subresource.clone();
    let container = match sub.as_str() {
        "portforward" => None,
        _ => container(&pod, name, call.query.get("container"))?,
    };
    if text(&pod, "/spec/nodeName").is_empty() {
        return Err(ApiError::bad_request(format!(
            "pod {name} does not have a host assigned"
        )));
    }
    let runtime = runtime.ok_or_else(|| {
        ApiError::internal(
            "error dialing backend: this sandbox runs no kubelet, it only stores objects",
        )
    })?;
    let target = ContainerRef {
        namespace: namespace.clone(),
        pod: name.clone(),
        container,
    };
    if sub == "log" {
        return log::serve(runtime, target, &call).await;
    }
    let upgrade = upgrade(&mut parts, &sub).await?;
    let dropped = faults.dropped();
    match sub.as_str() {
        "portforward" => portforward::serve(runtime, &call, upgrade, dropped),
        _ => exec::serve(runtime, target, &call, upgrade, dropped).await,
    }
}

/// The container that is meant: named, or the only one.
fn container(pod: &Value, name: &str, asked: Option<&str>) -> Result<Option<String>, ApiError> {
    let names = |list: &str| -> Vec<String> {
        let list = pod.pointer(list).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .map(|c| text(c, "/name").to_owned())
            .collect()
    };
    let (own, init) = (names("/spec/containers"), names("/spec/initContainers"));
    match asked {
        Some(asked) if own.iter().chain(&init).any(|n| n == asked) => Ok(Some(asked.to_owned())),
        Some(asked) => Err(ApiError::bad_request(format!(
            "container {asked} is not valid for pod {name}"
        ))),
        None if own.len() == 1 => Ok(own.into_iter().next()),
        None => {
            let and = if init.is_empty() {
                String::new()
            } else {
                format!(" or one of the init containers: [{}]", init.join(" "))
            };
            let choose = own.join(" ");
            Err(ApiError::bad_request(format!(
                "a container name must be specified for pod {name}, choose one of: [{choose}]{and}"
            )))
        }
    }
}

async fn upgrade(parts: &mut Parts, sub: &str) -> Result<WebSocketUpgrade, ApiError> {
    let wanted = parts
        .headers
        .get(header::UPGRADE)
        .and_then(|u| u.to_str().ok())
        .unwrap_or_default();
    if wanted.is_empty() && parts.version != axum::http::Version::HTTP_2 {
        return Err(ApiError::bad_request("Upgrade request required"));
    }
    if wanted.to_ascii_lowercase().starts_with("spdy") {
        return Err(ApiError::bad_request(
            "unable to upgrade: the sandbox speaks WebSocket only, not SPDY (kubectl 1.31 or newer uses WebSocket for exec and attach)",
        ));
    }
    let mut upgrade = WebSocketUpgrade::from_request_parts(parts, &())
        .await
        .map_err(|e| ApiError::bad_request(format!("unable to upgrade: {e}")))?;
    let known: &[&str] = if sub == "portforward" {
        &["v4.channel.k8s.io"]
    } else {
        &["v5.channel.k8s.io", "v4.channel.k8s.io"]
    };
    let offered: Vec<String> = upgrade
        .requested_protocols()
        .filter_map(|p| p.to_str().ok())
        .flat_map(|p| p.split(','))
        .map(|p| p.trim().to_owned())
        .collect();
    let chosen = known.iter().find(|k| offered.iter().any(|o| o == *k)).ok_or_else(|| {
        let message = format!("unable to upgrade: unable to negotiate protocol: client supports {offered:?}, server accepts {known:?}");
        ApiError::bad_request(message)
    })?;
    upgrade.set_selected_protocol(HeaderValue::from_static(chosen));
    Ok(upgrade)
}
