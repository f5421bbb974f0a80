//! The roles that every cluster has from its first second.

use k8s_openapi::api::rbac::v1 as rbac;
use serde_json::{Value, json};

use crate::store::{Resource, Store, StoreError, of};

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];

/// Stores the default ClusterRoles and bindings, as far as the kinds exist here.
pub(in crate::api) fn install(store: &Store) -> Result<(), StoreError> {
    let discovery = json!([{"verbs": ["get"], "nonResourceURLs": [
        "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version", "/version/",
    ]}]);
    let reviews = json!([
        {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]},
        {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
    ]);
    let public = json!([{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version", "/version/"]}]);
    let all = json!([
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
        {"verbs": ["*"], "nonResourceURLs": ["*"]},
    ]);
    let roles: [(&str, Value); 7] = [
        ("cluster-admin", all),
        ("system:discovery", discovery),
        ("system:basic-user", reviews),
        ("system:public-info-viewer", public),
        ("view", json!(view())),
        ("edit", json!([view(), edit()].concat())),
        ("admin", json!([view(), edit(), admin()].concat())),
    ];
    for (name, rules) in roles {
        put(
            store,
            of::<rbac::ClusterRole>(),
            json!({"metadata": {"name": name}, "rules": rules}),
        )?;
    }
    let bindings: [(&str, &str, &[&str]); 4] = [
        ("cluster-admin", "cluster-admin", &["system:masters"]),
        (
            "system:discovery",
            "system:discovery",
            &["system:authenticated"],
        ),
        (
            "system:basic-user",
            "system:basic-user",
            &["system:authenticated"],
        ),
        (
            "system:public-info-viewer",
            "system:public-info-viewer",
            &["system:authenticated", "system:unauthenticated"],
        ),
    ];
    for (name, role, groups) in bindings {
        let subject =
            |g: &&str| json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": g});
        let subjects: Vec<_> = groups.iter().map(subject).collect();
        let role =
            json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role});
        let binding = json!({"metadata": {"name": name}, "roleRef": role, "subjects": subjects});
        put(store, of::<rbac::ClusterRoleBinding>(), binding)?;
    }
    Ok(())
}

fn put(store: &Store, resource: &'static Resource, object: Value) -> Result<(), StoreError> {
    match store.create(resource, "", object) {
        Err(e) if !e.is_already_exists() => Err(e),
        _ => Ok(()),
    }
}

fn rule(group: &str, verbs: &[&str], resources: &[&str]) -> Value {
    json!({"apiGroups": [group], "verbs": verbs, "resources": resources})
}

fn view() -> Vec<Value> {
    vec![
        rule(
            "",
            READ,
            &[
                "configmaps",
                "endpoints",
                "events",
                "limitranges",
                "namespaces",
                "persistentvolumeclaims",
                "persistentvolumeclaims/status",
                "pods",
                "pods/log",
                "pods/status",
                "resourcequotas",
                "serviceaccounts",
                "services",
                "services/status",
            ],
        ),
        rule(
            "apps",
            READ,
            &[
                "controllerrevisions",
                "deployments",
                "deployments/scale",
                "deployments/status",
                "replicasets",
                "replicasets/scale",
                "replicasets/status",
                "statefulsets",
                "statefulsets/scale",
                "statefulsets/status",
            ],
        ),
        rule(
            "batch",
            READ,
            &["cronjobs", "cronjobs/status", "jobs", "jobs/status"],
        ),
        rule(
            "autoscaling",
            READ,
            &[
                "horizontalpodautoscalers",
                "horizontalpodautoscalers/status",
            ],
        ),
        rule(
            "policy",
            READ,
            &["poddisruptionbudgets", "poddisruptionbudgets/status"],
        ),
        rule("networking.k8s.io", READ, &["networkpolicies"]),
        rule("discovery.k8s.io", READ, &["endpointslices"]),
        rule("events.k8s.io", READ, &["events"]),
    ]
}

fn edit() -> Vec<Value> {
    vec![
        rule(
            "",
            READ,
            &["secrets", "pods/attach", "pods/exec", "pods/portforward"],
        ),
        rule("", &["impersonate"], &["serviceaccounts"]),
        rule(
            "",
            WRITE,
            &[
                "configmaps",
                "events",
                "persistentvolumeclaims",
                "pods",
                "pods/attach",
                "pods/exec",
                "pods/portforward",
                "secrets",
                "serviceaccounts",
                "services",
            ],
        ),
        rule("", &["create"], &["pods/eviction", "serviceaccounts/token"]),
        rule(
            "apps",
            WRITE,
            &[
                "deployments",
                "deployments/scale",
                "replicasets",
                "replicasets/scale",
                "statefulsets",
                "statefulsets/scale",
            ],
        ),
        rule("batch", WRITE, &["cronjobs", "jobs"]),
        rule("autoscaling", WRITE, &["horizontalpodautoscalers"]),
        rule("policy", WRITE, &["poddisruptionbudgets"]),
        rule("networking.k8s.io", WRITE, &["networkpolicies"]),
        rule("coordination.k8s.io", &[READ, WRITE].concat(), &["leases"]),
    ]
}

fn admin() -> Vec<Value> {
    vec![rule(
        "rbac.authorization.k8s.io",
        &[READ, WRITE].concat(),
        &["roles", "rolebindings"],
    )]
}
