//! What a user may do: the stored Roles and bindings, evaluated as Kubernetes does.

use k8s_openapi::api::rbac::v1 as rbac;
use serde_json::{Value, json};

use super::Identity;
use crate::api::ApiError;
use crate::store::{Resource, Store, of};

/// One question to RBAC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Verb, for example `get`.
    pub verb: String,
    /// Group of the API; empty for the core.
    pub group: String,
    /// Plural name, empty for a path that is no resource.
    pub resource: String,
    /// Subresource, may be empty.
    pub subresource: String,
    /// Namespace, empty for all or for cluster-scoped.
    pub namespace: String,
    /// Object name, may be empty.
    pub name: String,
    /// Path, when it is no resource.
    pub path: String,
}

/// True when the user may do this.
pub(in crate::api) fn authorize(store: &Store, user: &Identity, what: &Attributes) -> bool {
    user.groups.iter().any(|g| g == "system:masters")
        || rules(store, user, &what.namespace)
            .iter()
            .any(|r| allows(r, what))
}

/// The rules that apply to a user in a namespace, its cluster-wide ones included.
pub(super) fn rules(store: &Store, user: &Identity, namespace: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut collect = |bindings: &'static Resource, scope: Option<&str>| {
        for binding in store.list(bindings, scope).items {
            let subjects = binding.get("subjects").and_then(Value::as_array);
            let own = binding
                .pointer("/metadata/namespace")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if !subjects.is_some_and(|s| s.iter().any(|s| is_subject(s, user, own))) {
                continue;
            }
            let name = binding
                .pointer("/roleRef/name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let role = match binding.pointer("/roleRef/kind").and_then(Value::as_str) {
                Some("Role") => store.get(of::<rbac::Role>(), own, name),
                _ => store.get(of::<rbac::ClusterRole>(), "", name),
            };
            if let Ok(role) = role {
                found.extend(
                    role.get("rules")
                        .and_then(Value::as_array)
                        .cloned()
                        .unwrap_or_default(),
                );
            }
        }
    };
    collect(of::<rbac::ClusterRoleBinding>(), None);
    if !namespace.is_empty() {
        collect(of::<rbac::RoleBinding>(), Some(namespace));
    }
    found
}

fn is_subject(subject: &Value, user: &Identity, binding_namespace: &str) -> bool {
    let field = |name: &str| {
        subject
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    match field("kind") {
        "User" => user.user == field("name"),
        "Group" => user.groups.iter().any(|g| g == field("name")),
        "ServiceAccount" => {
            let namespace = if field("namespace").is_empty() {
                binding_namespace
            } else {
                field("namespace")
            };
            user.user == format!("system:serviceaccount:{namespace}:{}", field("name"))
        }
        _ => false,
    }
}

fn allows(rule: &Value, what: &Attributes) -> bool {
    let list = |name: &str| {
        rule.get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    };
    let has = |name: &str, wanted: &str| list(name).any(|v| v == "*" || v == wanted);
    if !has("verbs", &what.verb) {
        return false;
    }
    if what.resource.is_empty() {
        return list("nonResourceURLs").any(|p| {
            p == "*"
                || p == what.path
                || p.strip_suffix('*')
                    .is_some_and(|prefix| what.path.starts_with(prefix))
        });
    }
    let full = if what.subresource.is_empty() {
        what.resource.clone()
    } else {
        format!("{}/{}", what.resource, what.subresource)
    };
    let resource = list("resources").any(|r| {
        r == "*"
            || r == full
            || (!what.subresource.is_empty()
                && r.strip_prefix("*/").is_some_and(|s| s == what.subresource))
    });
    let names: Vec<_> = list("resourceNames").collect();
    has("apiGroups", &what.group)
        && resource
        && (names.is_empty() || names.contains(&what.name.as_str()))
}

/// 403 in Kubernetes' words.
pub(in crate::api) fn forbidden(user: &Identity, what: &Attributes) -> ApiError {
    let user = &user.user;
    if what.resource.is_empty() {
        let message = format!(
            "forbidden: User \"{user}\" cannot {} path \"{}\"",
            what.verb, what.path
        );
        return ApiError {
            details: Some(json!({})),
            ..ApiError::new(403, "Forbidden", message)
        };
    }
    let qualified = if what.group.is_empty() {
        what.resource.clone()
    } else {
        format!("{}.{}", what.resource, what.group)
    };
    let named = if what.name.is_empty() {
        qualified
    } else {
        format!("{qualified} \"{}\"", what.name)
    };
    let full = if what.subresource.is_empty() {
        what.resource.clone()
    } else {
        format!("{}/{}", what.resource, what.subresource)
    };
    let scope = if what.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{}\"", what.namespace)
    };
    let message = format!(
        "{named} is forbidden: User \"{user}\" cannot {} resource \"{full}\" in API group \"{}\" {scope}",
        what.verb, what.group
    );
    let mut details = json!({"kind": what.resource});
    if !what.name.is_empty() {
        details["name"] = json!(what.name);
    }
    if !what.group.is_empty() {
        details["group"] = json!(what.group);
    }
    ApiError {
        details: Some(details),
        ..ApiError::new(403, "Forbidden", message)
    }
}
