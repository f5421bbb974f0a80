//! One request from its first line to its answer: faults, identity, permission, then the handler.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, request::Parts};
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

use super::access::{
    Attributes, Authenticator, Identity, authorize, forbidden, review, token_request,
};
use super::call::Call;
use super::faults::{Effect, Faults, PodFaults, StreamFaults};
use super::request::{Query, Target, form};
use super::response::json_response;
use super::{
    ApiError, admin, discovery, openapi, patch, read, streams, subresources, watch, write,
};
use crate::runtime::PodRuntime;
use crate::store::{self, Resource, Store};

/// Largest body that is read, as etcd's limit in Kubernetes.
const MAX_BODY: usize = 3 * 1024 * 1024;

pub(super) struct App {
    pub(super) store: Store,
    pub(super) runtime: Option<Arc<dyn PodRuntime>>,
    pub(super) pod_faults: Option<Arc<dyn PodFaults>>,
    pub(super) authenticator: Arc<Authenticator>,
    pub(super) faults: Faults,
}

/// The other end of a connection.
pub(super) struct Peer {
    pub(super) certificate: Option<CertificateDer<'static>>,
}

/// A fault breaks the connection: hyper closes it when the service fails.
#[derive(Debug, thiserror::Error)]
#[error("the connection is broken on purpose")]
pub(super) struct Broken;

impl App {
    pub(super) async fn serve(
        &self,
        request: Request<Body>,
        peer: &Peer,
    ) -> Result<Response<Body>, Broken> {
        let (parts, body) = request.into_parts();
        let query = Query::of(&parts.uri);
        let target = Target::parse(&parts.method, parts.uri.path(), &query);
        let mut faults = StreamFaults::default();
        let mut lose = false;
        for effect in target.iter().flat_map(|t| self.faults.take(t)) {
            match effect {
                Effect::Delay { millis } => tokio::time::sleep(Duration::from_millis(millis)).await,
                Effect::Fail { status, message } => {
                    return Ok(ApiError::injected(status, message.as_deref()).response());
                }
                Effect::Drop => return Err(Broken),
                Effect::LoseAnswer => lose = true,
                Effect::Cut { after_bytes } => faults.cut = Some(after_bytes),
                Effect::CutUpload { after_bytes } => faults.cut_upload = Some(after_bytes),
                Effect::Truncate { after_bytes } => faults.truncate = Some(after_bytes),
                Effect::Slow { bytes_per_second } => faults.pace = Some(bytes_per_second),
            }
        }
        let answer = self.answer(parts, body, query, target, faults, peer).await;
        if lose {
            return Err(Broken);
        }
        Ok(answer.unwrap_or_else(|e| e.response()))
    }

    async fn answer(
        &self,
        parts: Parts,
        body: Body,
        query: Query,
        target: Option<Target>,
        faults: StreamFaults,
        peer: &Peer,
    ) -> Result<Response<Body>, ApiError> {
        let user = self.identify(&parts.headers, peer)?;
        let path = parts.uri.path().to_owned();
        let Some(target) = target else {
            let verb = if parts.method == Method::GET {
                "get".to_owned()
            } else {
                parts.method.as_str().to_lowercase()
            };
            self.permit(
                &user,
                &Attributes {
                    verb,
                    path: path.clone(),
                    ..Attributes::default()
                },
            )?;
            if path.starts_with("/sandbox/") {
                let body = bytes(body).await?;
                return admin::serve(
                    &self.faults,
                    self.pod_faults.as_deref(),
                    &parts.method,
                    &path,
                    &body,
                )
                .await;
            }
            if parts.method != Method::GET && parts.method != Method::HEAD {
                return Err(ApiError::method_not_allowed());
            }
            return plain(&path, &parts.headers);
        };
        self.permit(&user, &target.attributes())?;
        let form = form(&parts.headers).ok_or_else(|| {
            let message = "only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io";
            ApiError::new(406, "NotAcceptable", message)
        })?;
        let call = Call {
            target,
            query,
            headers: parts.headers.clone(),
            form,
            faults,
        };
        if let Some(kind) = review_kind(&call.target) {
            if call.target.verb != "create" {
                return Err(ApiError::method_not_allowed());
            }
            let object = write::parse(&call.headers, &bytes(body).await?)?;
            let answered =
                review(&self.store, &user, kind, object).ok_or_else(ApiError::no_such_path)??;
            return Ok(json_response(StatusCode::CREATED, &answered));
        }
        let resource = self.resource(&call.target)?;
        if streams::handles(&call.target) {
            // Since 1.35 Kubernetes asks for "create" as well, though a WebSocket begins with GET.
            if call.target.verb == "get" && call.target.subresource != "log" {
                self.permit(
                    &user,
                    &Attributes {
                        verb: "create".to_owned(),
                        ..call.target.attributes()
                    },
                )?;
            }
            return streams::serve(&self.store, self.runtime.clone(), &self.faults, call, parts)
                .await;
        }
        self.objects(resource, call, &user, body).await
    }

    fn identify(&self, headers: &HeaderMap, peer: &Peer) -> Result<Identity, ApiError> {
        let user = self
            .authenticator
            .authenticate(headers, peer.certificate.as_ref())?;
        let Some(other) = Authenticator::impersonated(headers) else {
            return Ok(user);
        };
        let account: Vec<_> = other.user.split(':').collect();
        let what = if let ["system", "serviceaccount", namespace, name] = account.as_slice() {
            Attributes {
                resource: "serviceaccounts".to_owned(),
                namespace: (*namespace).to_owned(),
                name: (*name).to_owned(),
                ..Attributes::default()
            }
        } else {
            Attributes {
                resource: "users".to_owned(),
                name: other.user.clone(),
                ..Attributes::default()
            }
        };
        self.permit(
            &user,
            &Attributes {
                verb: "impersonate".to_owned(),
                ..what
            },
        )?;
        for group in headers
            .get_all("impersonate-group")
            .iter()
            .filter_map(|g| g.to_str().ok())
        {
            let (verb, resource) = ("impersonate".to_owned(), "groups".to_owned());
            self.permit(
                &user,
                &Attributes {
                    verb,
                    resource,
                    name: group.to_owned(),
                    ..Attributes::default()
                },
            )?;
        }
        Ok(other)
    }

    fn permit(&self, user: &Identity, what: &Attributes) -> Result<(), ApiError> {
        if authorize(&self.store, user, what) {
            Ok(())
        } else {
            Err(forbidden(user, what))
        }
    }

    /// The kind that a URL names, if it is served with this scope and subresource.
    fn resource(&self, target: &Target) -> Result<&'static Resource, ApiError> {
        store::by_plural(&target.group, &target.resource)
            .filter(|r| r.version == target.version)
            .filter(|r| r.namespaced || target.namespace.is_empty())
            .filter(|r| !r.namespaced || !target.namespace.is_empty() || target.name.is_empty())
            .filter(|r| {
                target.subresource.is_empty()
                    || r.subresources.contains(&target.subresource.as_str())
            })
            .ok_or_else(ApiError::no_such_path)
    }

    async fn objects(
        &self,
        resource: &'static Resource,
        call: Call,
        user: &Identity,
        body: Body,
    ) -> Result<Response<Body>, ApiError> {
        let body = bytes(body).await?;
        let sub = call.target.subresource.as_str();
        match (call.target.verb.as_str(), sub) {
            ("create", "token") => {
                let object = write::parse(&call.headers, &body)?;
                let (namespace, name) = (&call.target.namespace, &call.target.name);
                let done =
                    token_request(&self.store, &self.authenticator, namespace, name, object)?;
                Ok(json_response(StatusCode::CREATED, &done))
            }
            ("create", "eviction") => subresources::evict(&self.store, resource, &call, &body),
            (_, "scale") => subresources::scale(&self.store, resource, &call, user, &body),
            ("get", "" | "status") => read::get(&self.store, resource, &call),
            ("list", "") => read::list(&self.store, resource, &call),
            ("watch", "") => watch::watch(&self.store, resource, &call),
            ("create", "") if call.target.name.is_empty() => {
                write::create(&self.store, resource, &call, &body)
            }
            ("update", "" | "status" | "finalize") => {
                write::update(&self.store, resource, &call, &body)
            }
            ("patch", "" | "status") => patch::patch(&self.store, resource, &call, &body),
            ("delete", "") => write::delete(&self.store, resource, &call, &body),
            ("deletecollection", "") => {
                write::delete_collection(&self.store, resource, &call, &body)
            }
            _ => Err(ApiError::method_not_allowed()),
        }
    }
}

fn review_kind(target: &Target) -> Option<&str> {
    let own = matches!(
        (target.group.as_str(), target.version.as_str()),
        ("authorization.k8s.io" | "authentication.k8s.io", "v1")
    );
    (own && target.namespace.is_empty()
        && target.name.is_empty()
        && discovery::is_review(&target.group, &target.resource))
    .then_some(target.resource.as_str())
}

async fn bytes(body: Body) -> Result<Bytes, ApiError> {
    axum::body::to_bytes(body, MAX_BODY).await.map_err(|_| {
        let message = format!("Request entity too large: limit is {MAX_BODY}");
        ApiError::new(413, "RequestEntityTooLarge", message)
    })
}

/// The paths that are no objects.
fn plain(path: &str, headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
    let object = match path.trim_end_matches('/') {
        "/healthz" | "/livez" | "/readyz" => return Ok(Response::new(Body::from("ok"))),
        "/version" => version(),
        "" => {
            json!({"paths": ["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]})
        }
        "/openapi/v2" => return Ok(openapi::serve_v2(headers)),
        path => {
            let found = discovery::serve(path).or_else(|| openapi::serve(path));
            found.ok_or_else(ApiError::no_such_path)?
        }
    };
    Ok(json_response(StatusCode::OK, &object))
}

/// What `kubectl version` shows. The minor version is that of the API types it is built with.
fn version() -> Value {
    json!({
        "major": "1", "minor": "33", "gitVersion": "v1.33.0+pgctl-sandbox", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none", "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}
