//! As much OpenAPI as kubectl asks for before it sends anything: that every kind takes server-side field
//! validation and dry runs. Schemas are left out; kubectl then falls back on its own types.

use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

use super::discovery;
use crate::store::{Resource, all};

/// The document at a path. v2 is not served: kubectl takes its built-in types instead.
pub(super) fn serve(path: &str, _headers: &HeaderMap) -> Option<Value> {
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
