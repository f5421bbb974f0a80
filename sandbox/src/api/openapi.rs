//! As much OpenAPI as kubectl asks for before it sends anything: that every kind takes server-side field
//! validation and dry runs. Schemas are left out; kubectl then falls back on its own types.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::discovery;
use super::response::json_response;
use crate::store::{Resource, all};

/// What client-go asks for: github.com/google/gnostic-models, openapiv2/OpenAPIv2.proto.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

/// What it is answered with: no type of the internet's has an `@` (k8s.io/kube-openapi, pkg/handler/handler.go).
const ANSWERED: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// `Document {swagger: "2.0", info: {title: "pgctl", version: "1"}, paths: {}}`.
const V2: &[u8] = b"\x0a\x032.0\x12\x0a\x0a\x05pgctl\x12\x011\x42\x00";

/// The document of version 2: it says nothing of any kind. kubectl looks into it for those that version 3 does not have.
pub(super) fn serve_v2(headers: &HeaderMap) -> Response<Body> {
    let accepted = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    if accepted.is_some_and(|it| it.contains(PROTOBUF)) {
        let mut response = Response::new(Body::from(V2));
        let kind = HeaderValue::from_static(ANSWERED);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        return response;
    }
    let document =
        json!({"swagger": "2.0", "info": {"title": "pgctl", "version": "1"}, "paths": {}});
    json_response(StatusCode::OK, &document)
}

/// The document at a path.
pub(super) fn serve(path: &str) -> Option<Value> {
    let rest = path.strip_prefix("/openapi/v3")?;
    let parts: Vec<&str> = rest.split('/').filter(|p| !p.is_empty()).collect();
    match parts.as_slice() {
        [] => {
            let mut paths = Map::new();
            let core = [("", "v1")];
            for (group, version) in core.into_iter().chain(discovery::groups()) {
                let name = root(group, version);
                let url = format!("/openapi/v3/{name}");
                paths.insert(name, json!({"serverRelativeURL": url}));
            }
            Some(json!({"paths": paths}))
        }
        ["api", "v1"] => Some(document("", "v1")),
        ["apis", group, version] => discovery::groups()
            .contains(&(group, version))
            .then(|| document(group, version)),
        _ => None,
    }
}

fn root(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

fn document(group: &str, version: &str) -> Value {
    let mut paths = Map::new();
    for resource in all()
        .iter()
        .filter(|r| r.group == group && r.version == version)
    {
        let scope = if resource.namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let collection = format!("/{}{scope}/{}", root(group, version), resource.plural);
        paths.insert(
            collection.clone(),
            json!({"post": operation(resource, "post"), "get": operation(resource, "list")}),
        );
        let object = json!({
            "get": operation(resource, "get"), "put": operation(resource, "put"), "patch": operation(resource, "patch"),
            "delete": operation(resource, "delete"),
        });
        paths.insert(format!("{collection}/{{name}}"), object);
    }
    json!({"openapi": "3.0.0", "info": {"title": "pgctl-sandbox", "version": "v1.33.0"}, "paths": paths, "components": {"schemas": {}}})
}

fn operation(resource: &Resource, action: &str) -> Value {
    let string = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let parameters: Vec<Value> = match action {
        "post" | "put" | "patch" => ["dryRun", "fieldManager", "fieldValidation"]
            .into_iter()
            .map(string)
            .collect(),
        "delete" => vec![string("dryRun")],
        _ => Vec::new(),
    };
    json!({
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": resource.group, "kind": resource.kind, "version": resource.version},
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
    })
}
