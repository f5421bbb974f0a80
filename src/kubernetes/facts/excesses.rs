//! What the containers of a pod may do that a database needs not.

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};

use super::container::database_container;
use super::quantity::{bytes, cores};
use crate::doctor::PodSecurity;

/// As the Pod Security Standards have it (`restricted`), and the token of the API.
pub(crate) fn pod_security(pod: &Pod) -> Option<PodSecurity> {
    let spec = pod.spec.as_ref()?;
    let mut excesses = Vec::new();
    for (set, what) in [
        (spec.host_network, "it is in the node's network"),
        (spec.host_pid, "it sees the node's processes"),
        (spec.host_ipc, "it shares the node's memory segments"),
    ] {
        if set == Some(true) {
            excesses.push(what.to_owned());
        }
    }
    if spec.automount_service_account_token != Some(false) {
        excesses.push("it is given a token for the Kubernetes API".to_owned());
    }
    let containers = spec
        .init_containers
        .iter()
        .flatten()
        .chain(&spec.containers);
    for container in containers {
        let of_container = of_container(spec, container);
        excesses.extend(of_container.map(|what| format!("container {} {what}", container.name)));
    }
    Some(PodSecurity {
        pod: pod.metadata.name.clone()?,
        excesses,
    })
}

fn of_container(spec: &PodSpec, container: &Container) -> impl Iterator<Item = &'static str> {
    let own = container.security_context.as_ref();
    let of_pod = spec.security_context.as_ref();
    let non_root = own
        .and_then(|it| it.run_as_non_root)
        .or_else(|| of_pod.and_then(|it| it.run_as_non_root));
    let user = own
        .and_then(|it| it.run_as_user)
        .or_else(|| of_pod.and_then(|it| it.run_as_user));
    // Who it runs as may be said without saying that it is not root.
    let may_be_root = match user {
        Some(user) => user == 0,
        None => non_root != Some(true),
    };
    let drops_all = own
        .and_then(|it| it.capabilities.as_ref()?.drop.as_ref())
        .is_some_and(|dropped| dropped.iter().any(|it| it.eq_ignore_ascii_case("all")));
    [
        (
            own.and_then(|it| it.privileged) == Some(true),
            "is privileged",
        ),
        (
            own.and_then(|it| it.allow_privilege_escalation) != Some(false),
            "may gain privileges",
        ),
        (may_be_root, "may run as root"),
        (!drops_all, "keeps capabilities of root"),
    ]
    .into_iter()
    .filter_map(|(excess, what)| excess.then_some(what))
}

/// Memory limit of the database container, in bytes; none without one.
pub(crate) fn memory_limit(pod: &Pod) -> Option<u64> {
    let container = database_container(pod.spec.as_ref()?)?;
    let limits = container.resources.as_ref()?.limits.as_ref()?;
    bytes(&limits.get("memory")?.0)
}

/// CPU limit of the database container, in cores; none without one.
pub(crate) fn cpu_limit(pod: &Pod) -> Option<f64> {
    let container = database_container(pod.spec.as_ref()?)?;
    let limits = container.resources.as_ref()?.limits.as_ref()?;
    cores(&limits.get("cpu")?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn excesses(spec: serde_json::Value) -> Vec<String> {
        let pod = serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": spec}));
        pod_security(&pod.expect("a Pod"))
            .expect("with a spec")
            .excesses
    }

    #[test]
    fn the_shipped_pod_has_none() {
        let spec = json!({
            "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true},
            "containers": [{"name": "postgres", "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]});
        assert_eq!(excesses(spec), Vec::<String>::new());
    }

    #[test]
    fn who_it_runs_as_says_whether_that_is_root() {
        let root = |of_pod: serde_json::Value, own: serde_json::Value| {
            let spec = json!({"securityContext": of_pod, "containers": [
                {"name": "postgres", "securityContext": own}]});
            let excesses = excesses(spec);
            excesses.iter().any(|it| it.ends_with("may run as root"))
        };
        assert!(root(json!({}), json!({})));
        assert!(!root(json!({"runAsUser": 999}), json!({})));
        assert!(!root(json!({}), json!({"runAsUser": 999})));
        assert!(root(json!({"runAsUser": 999}), json!({"runAsUser": 0})));
        assert!(!root(json!({"runAsNonRoot": true}), json!({})));
    }

    #[test]
    fn a_pod_without_any_care_has_them_all() {
        let spec = json!({"hostNetwork": true, "hostPID": true, "hostIPC": true, "containers": [
            {"name": "postgres", "securityContext": {"privileged": true}}]});
        assert_eq!(excesses(spec).len(), 8);
    }

    #[test]
    fn the_limit_is_that_of_the_database() {
        let limit = |limits: serde_json::Value| {
            memory_limit(
                &serde_json::from_value(json!({"spec": {"containers": [
                {"name": "exporter", "resources": {"limits": {"memory": "64Mi"}}},
                {"name": "postgres", "resources": {"limits": limits}}]}}))
                .expect("a Pod"),
            )
        };
        assert_eq!(limit(json!({"memory": "2Gi"})), Some(2 << 30));
        assert_eq!(limit(json!({"cpu": "2"})), None);
    }
}
