//! Discovery: which groups, versions and kinds this server has.

use serde_json::{Value, json};

use crate::store::{Resource, all};

const REVIEWS: &[(&str, &str, &str)] = &[
    (
        "authentication.k8s.io",
        "selfsubjectreviews",
        "SelfSubjectReview",
    ),
    (
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
    ),
    (
        "authorization.k8s.io",
        "selfsubjectrulesreviews",
        "SelfSubjectRulesReview",
    ),
];

pub(super) fn is_review(group: &str, plural: &str) -> bool {
    REVIEWS.iter().any(|(g, p, _)| *g == group && *p == plural)
}

/// Every group (but the core one) and its version, in the order of the kinds.
pub(super) fn groups() -> Vec<(&'static str, &'static str)> {
    let stored = all()
        .iter()
        .map(|r| (r.group, r.version))
        .filter(|(g, _)| !g.is_empty());
    let mut groups = Vec::new();
    for group in stored.chain(REVIEWS.iter().map(|(g, _, _)| (*g, "v1"))) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

/// The discovery document at a path (without trailing slash).
pub(super) fn serve(path: &str) -> Option<Value> {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    match parts.as_slice() {
        ["api"] => Some(json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [],
        })),
        ["apis"] => {
            let groups: Vec<_> = groups().into_iter().map(|(g, v)| group(g, v)).collect();
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["api", "v1"] => Some(resources("", "v1")),
        ["apis", name] => groups().into_iter().find(|(g, _)| g == name).map(|(g, v)| {
            let mut object = group(g, v);
            object["kind"] = json!("APIGroup");
            object["apiVersion"] = json!("v1");
            object
        }),
        ["apis", name, version] => groups()
            .into_iter()
            .find(|(g, v)| g == name && v == version)
            .map(|(g, v)| resources(g, v)),
        _ => None,
    }
}

fn group(name: &str, version: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

fn resources(group: &str, version: &str) -> Value {
    let mut list: Vec<Value> = Vec::new();
    for resource in all()
        .iter()
        .filter(|r| r.group == group && r.version == version)
    {
        list.push(entry(resource));
        list.extend(
            resource
                .subresources
                .iter()
                .map(|s| subresource(resource, s)),
        );
    }
    for (_, plural, kind) in REVIEWS.iter().filter(|(g, _, _)| *g == group) {
        list.push(json!({
            "name": plural, "singularName": kind.to_lowercase(), "namespaced": false, "kind": kind, "verbs": ["create"],
        }));
    }
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list})
}

fn entry(resource: &Resource) -> Value {
    let mut entry = json!({
        "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced, "kind": resource.kind,
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    });
    if !resource.short.is_empty() {
        entry["shortNames"] = json!(resource.short);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
    entry
}

fn subresource(resource: &Resource, name: &str) -> Value {
    let (kind, group, version, verbs): (&str, &str, &str, &[&str]) = match name {
        "scale" => ("Scale", "autoscaling", "v1", &["get", "patch", "update"]),
        "eviction" => ("Eviction", "policy", "v1", &["create"]),
        "token" => ("TokenRequest", "authentication.k8s.io", "v1", &["create"]),
        "exec" => ("PodExecOptions", "", "", &["create", "get"]),
        "attach" => ("PodAttachOptions", "", "", &["create", "get"]),
        "portforward" => ("PodPortForwardOptions", "", "", &["create", "get"]),
        "log" => (resource.kind, "", "", &["get"]),
        "finalize" => (resource.kind, "", "", &["update"]),
        _ => (resource.kind, "", "", &["get", "patch", "update"]),
    };
    let mut entry = json!({
        "name": format!("{}/{name}", resource.plural), "singularName": "", "namespaced": resource.namespaced, "kind": kind,
        "verbs": verbs,
    });
    if !version.is_empty() {
        entry["group"] = json!(group);
        entry["version"] = json!(version);
    }
    entry
}
