//! Services and their EndpointSlices.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::annotations::pgctl_annotations;
use super::git_ops;
use crate::cluster::names;
use crate::cluster::{ServiceEndpoint, ServiceFacts, ServicePurpose};

/// What a Service is for: headless ones name pods; of the others the label `component` tells
/// (`write`, `read`), else the end of the name, else whether the selector fixes a component or pod.
fn purpose(service: &Service) -> ServicePurpose {
    let spec = service.spec.as_ref();
    if spec.and_then(|spec| spec.cluster_ip.as_deref()) == Some("None") {
        return ServicePurpose::Headless;
    }
    let label = service
        .metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(names::COMPONENT));
    match label.map(String::as_str) {
        Some("write") => return ServicePurpose::Write,
        Some("read") => return ServicePurpose::Read,
        _ => {}
    }
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let word = |word: &str| name.split('-').any(|part| part == word);
    if word("write") {
        return ServicePurpose::Write;
    }
    if word("read") {
        return ServicePurpose::Read;
    }
    let selects = |key: &str| spec?.selector.as_ref()?.get(key).map(String::as_str);
    match selects(names::COMPONENT) {
        Some("primary") => ServicePurpose::Write,
        _ if selects(names::POD_NAME).is_some() => ServicePurpose::Write,
        _ => ServicePurpose::Read,
    }
}

/// What a Service's object says, and where its slices lead.
pub(crate) fn service_facts(service: &Service, slices: &[EndpointSlice]) -> Option<ServiceFacts> {
    let name = service.metadata.name.clone()?;
    let spec = service.spec.as_ref()?;
    let mut endpoints: Vec<ServiceEndpoint> = slices
        .iter()
        .filter(|slice| {
            let labels = slice.metadata.labels.as_ref();
            labels.and_then(|labels| labels.get(names::SLICE_SERVICE)) == Some(&name)
        })
        .flat_map(|slice| slice.endpoints.iter())
        .flat_map(|endpoint| {
            let pod = endpoint
                .target_ref
                .as_ref()
                .filter(|target| target.kind.as_deref() == Some("Pod"))
                .and_then(|target| target.name.clone());
            // "nil should be interpreted as ready" (discovery/v1 EndpointConditions).
            let ready = endpoint
                .conditions
                .as_ref()
                .and_then(|conditions| conditions.ready)
                .unwrap_or(true);
            endpoint
                .addresses
                .iter()
                .map(move |address| ServiceEndpoint {
                    pod: pod.clone(),
                    address: address.clone(),
                    ready,
                })
        })
        .collect();
    endpoints.sort_by(|a, b| (&a.pod, &a.address).cmp(&(&b.pod, &b.address)));
    endpoints.dedup();
    Some(ServiceFacts {
        purpose: purpose(service),
        cluster_ip: spec
            .cluster_ip
            .clone()
            .filter(|ip| !ip.is_empty() && ip != "None"),
        port: spec
            .ports
            .iter()
            .flatten()
            .next()
            .and_then(|port| u16::try_from(port.port).ok()),
        selector: spec.selector.clone().unwrap_or_default(),
        endpoints,
        annotations: pgctl_annotations(&service.metadata),
        git_ops: git_ops(&service.metadata),
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service(value: serde_json::Value) -> Service {
        serde_json::from_value(value).expect("a Service")
    }

    #[test]
    fn tells_what_a_service_is_for() {
        for (object, expected) in [
            (
                json!({"metadata": {"name": "staging-postgres-write"}, "spec": {"clusterIP": "10.0.0.1"}}),
                ServicePurpose::Write,
            ),
            (
                json!({"metadata": {"name": "postgres-read"}, "spec": {"clusterIP": "10.0.0.2"}}),
                ServicePurpose::Read,
            ),
            (
                json!({"metadata": {"name": "postgres-primary"}, "spec": {"clusterIP": "None"}}),
                ServicePurpose::Headless,
            ),
            (
                json!({"metadata": {"name": "db"}, "spec": {"clusterIP": "10.0.0.1",
                "selector": {"app.kubernetes.io/component": "primary"}}}),
                ServicePurpose::Write,
            ),
            (
                json!({"metadata": {"name": "db", "labels": {"app.kubernetes.io/component": "write"}},
                "spec": {"clusterIP": "10.0.0.1"}}),
                ServicePurpose::Write,
            ),
        ] {
            assert_eq!(purpose(&service(object.clone())), expected, "{object}");
        }
    }

    #[test]
    fn endpoints_come_from_the_slices_of_this_service_only() {
        let slice = |name: &str, pod: &str, ready: serde_json::Value| -> EndpointSlice {
            serde_json::from_value(json!({
                "metadata": {"name": format!("{name}-abc"), "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4",
                "endpoints": [{"addresses": ["10.1.0.5"], "conditions": {"ready": ready},
                    "targetRef": {"kind": "Pod", "name": pod}}]}))
            .expect("a slice")
        };
        let service = service(json!({"metadata": {"name": "w-write"},
            "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 5432}]}}));
        let slices = [
            slice("w-write", "p-0", json!(false)),
            slice("other", "p-1", json!(true)),
        ];
        let facts = service_facts(&service, &slices).expect("facts");
        assert_eq!(facts.port, Some(5432));
        assert_eq!(
            facts.endpoints,
            [ServiceEndpoint {
                pod: Some("p-0".to_owned()),
                address: "10.1.0.5".to_owned(),
                ready: false
            }]
        );
        let unknown = service_facts(&service, &[slice("w-write", "p-0", json!(null))]);
        assert!(
            unknown.expect("facts").endpoints[0].ready,
            "unset means ready"
        );
    }
}
