//! Endpoints and EndpointSlices of Services with a selector, by the rules of
//! `pkg/controller/endpoint` and `staging/src/k8s.io/endpointslice`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, ObjectReference, Pod, Service,
    ServicePort,
};
use k8s_openapi::api::discovery::v1::{
    Endpoint, EndpointConditions, EndpointPort as SlicePort, EndpointSlice,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::worker::{Controller, Key, gone};
use super::{owner, pods};
use crate::store::{DeleteOptions, Event, Resource, Selector, Store, StoreError, of, text};

/// The label of a slice that names its Service.
pub(super) const SERVICE_LABEL: &str = "kubernetes.io/service-name";
const MANAGED_LABEL: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";
const HEADLESS_LABEL: &str = "service.kubernetes.io/headless";

/// The controller of both kinds: they say the same in two forms.
pub(super) struct EndpointsController;

/// Ports of a Service as one pod offers them: name, number, protocol.
type Ports = Vec<(Option<String>, i32, String)>;

/// A pod behind a Service.
struct Backend {
    address: String,
    ready: bool,
    terminating: bool,
    ports: Ports,
    hostname: Option<String>,
    node: Option<String>,
    target: ObjectReference,
}

impl Controller for EndpointsController {
    fn name(&self) -> &'static str {
        "endpoint-controller"
    }

    fn watches(&self) -> Vec<&'static Resource> {
        vec![
            of::<Service>(),
            of::<Pod>(),
            of::<Endpoints>(),
            of::<EndpointSlice>(),
        ]
    }

    fn keys(&mut self, store: &Store, resource: &'static Resource, event: &Event) -> Vec<Key> {
        let key = Key::of(event);
        if resource == of::<Pod>() {
            // Also those that selected it before its labels changed.
            let services = store.list(of::<Service>(), Some(&key.namespace)).items;
            let pods = [Some(&event.object), event.previous.as_ref()];
            let selects = |service: &serde_json::Value| {
                pods.iter().flatten().any(|pod| selects(service, pod))
            };
            return services
                .iter()
                .filter(|service| selects(service))
                .map(|service| Key::new(&key.namespace, text(service, "/metadata/name")))
                .collect();
        }
        if resource == of::<EndpointSlice>() {
            let labels = event.object.pointer("/metadata/labels");
            let service = labels.and_then(|labels| labels.get(SERVICE_LABEL)?.as_str());
            return service
                .map(|s| Key::new(&key.namespace, s))
                .into_iter()
                .collect();
        }
        vec![key]
    }

    fn reconcile(&mut self, store: &Store, key: &Key) -> Result<Option<Duration>, StoreError> {
        let service = store.read_opt::<Service>(&key.namespace, &key.name)?;
        let Some(service) = service.filter(|s| s.metadata.deletion_timestamp.is_none()) else {
            // The slices go with their owner; Endpoints bear the Service's name and have none.
            let endpoints = store.read_opt::<Endpoints>(&key.namespace, &key.name)?;
            if endpoints.is_some() {
                gone(store.remove::<Endpoints>(
                    &key.namespace,
                    &key.name,
                    &DeleteOptions::default(),
                ))?;
            }
            return Ok(None);
        };
        let spec = service.spec.clone().unwrap_or_default();
        let selector = spec.selector.clone().unwrap_or_default();
        if selector.is_empty() || spec.type_.as_deref() == Some("ExternalName") {
            return Ok(None);
        }
        let pods = store.read_all::<Pod>(Some(&key.namespace), &Selector::labels(&selector))?;
        let mut backends: Vec<Backend> = pods
            .items
            .iter()
            .filter_map(|pod| Backend::new(&service, pod))
            .collect();
        backends.sort_by(|a, b| a.address.cmp(&b.address));
        write_slices(store, &service, &backends)?;
        write_endpoints(store, &service, &backends)?;
        Ok(None)
    }
}

fn selects(service: &serde_json::Value, pod: &serde_json::Value) -> bool {
    let selector = service
        .pointer("/spec/selector")
        .and_then(|s| s.as_object());
    let labels = pod.pointer("/metadata/labels").and_then(|l| l.as_object());
    selector.is_some_and(|selector| {
        !selector.is_empty()
            && selector
                .iter()
                .all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    })
}

fn headless(service: &Service) -> bool {
    let ip = service.spec.as_ref().and_then(|s| s.cluster_ip.as_deref());
    ip == Some("None")
}

fn publishes_not_ready(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    spec.and_then(|s| s.publish_not_ready_addresses)
        .unwrap_or(false)
}

impl Backend {
    fn new(service: &Service, pod: &Pod) -> Option<Self> {
        let status = pod.status.as_ref()?;
        let address = status.pod_ip.clone().filter(|ip| !ip.is_empty())?;
        if pods::ended(pod) {
            return None;
        }
        let ready = pods::ready(pod);
        let spec = pod.spec.clone().unwrap_or_default();
        let service_ports = service.spec.as_ref().and_then(|s| s.ports.clone());
        let service_ports = service_ports.unwrap_or_default();
        let ports = service_ports.iter().filter_map(|port| {
            let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
            Some((
                port.name.clone(),
                target_port(port, &spec, &protocol)?,
                protocol,
            ))
        });
        let same_domain = spec.subdomain == service.metadata.name;
        let ports: Ports = ports.collect();
        if ports.is_empty() && !service_ports.is_empty() {
            return None;
        }
        Some(Self {
            address,
            ready,
            terminating: pod.metadata.deletion_timestamp.is_some(),
            ports,
            hostname: spec.hostname.filter(|name| !name.is_empty() && same_domain),
            node: spec.node_name,
            target: ObjectReference {
                kind: Some("Pod".to_owned()),
                name: pod.metadata.name.clone(),
                namespace: pod.metadata.namespace.clone(),
                uid: pod.metadata.uid.clone(),
                ..ObjectReference::default()
            },
        })
    }
}

/// The number behind `targetPort`: a number, the name of a container's port, or the port itself.
fn target_port(
    port: &ServicePort,
    pod: &k8s_openapi::api::core::v1::PodSpec,
    protocol: &str,
) -> Option<i32> {
    match &port.target_port {
        Some(IntOrString::Int(number)) if *number != 0 => Some(*number),
        Some(IntOrString::String(name)) if !name.is_empty() => pod
            .containers
            .iter()
            .flat_map(|container| container.ports.iter().flatten())
            .find(|p| {
                p.name.as_ref() == Some(name) && p.protocol.as_deref().unwrap_or("TCP") == protocol
            })
            .map(|p| p.container_port),
        _ => Some(port.port),
    }
}

fn labels(service: &Service, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    for (key, value) in more {
        labels.insert((*key).to_owned(), (*value).to_owned());
    }
    if headless(service) {
        labels.insert(HEADLESS_LABEL.to_owned(), String::new());
    }
    labels
}

/// Pods that offer the same port numbers share a slice (they differ only with named ports).
fn group(backends: &[Backend]) -> BTreeMap<&Ports, Vec<&Backend>> {
    let mut groups: BTreeMap<&Ports, Vec<&Backend>> = BTreeMap::new();
    for backend in backends {
        groups.entry(&backend.ports).or_default().push(backend);
    }
    groups
}

fn write_slices(store: &Store, service: &Service, backends: &[Backend]) -> Result<(), StoreError> {
    let namespace = service.metadata.namespace.as_deref().unwrap_or("");
    let name = service.metadata.name.as_deref().unwrap_or("");
    let publish = publishes_not_ready(service);
    let mut groups = group(backends);
    let no_ports = Ports::new();
    if groups.is_empty() {
        // A Service without pods has one empty slice.
        groups.insert(&no_ports, Vec::new());
    }
    let mut kept = BTreeSet::new();
    for (ports, members) in groups {
        let slice_name = format!("{name}-{}", suffix(service, ports));
        let endpoints = members.iter().map(|backend| Endpoint {
            addresses: vec![backend.address.clone()],
            conditions: Some(EndpointConditions {
                ready: Some(publish || (backend.ready && !backend.terminating)),
                serving: Some(backend.ready),
                terminating: Some(backend.terminating),
            }),
            hostname: backend.hostname.clone(),
            node_name: backend.node.clone(),
            target_ref: Some(backend.target.clone()),
            ..Endpoint::default()
        });
        let ports = ports.iter().map(|(name, number, protocol)| SlicePort {
            name: Some(name.clone().unwrap_or_default()),
            port: Some(*number),
            protocol: Some(protocol.clone()),
            app_protocol: None,
        });
        let slice = EndpointSlice {
            metadata: ObjectMeta {
                name: Some(slice_name.clone()),
                generate_name: Some(format!("{name}-")),
                namespace: Some(namespace.to_owned()),
                labels: Some(labels(
                    service,
                    &[(SERVICE_LABEL, name), (MANAGED_LABEL, MANAGER)],
                )),
                owner_references: Some(vec![owner::reference::<Service>(&service.metadata)]),
                ..ObjectMeta::default()
            },
            address_type: "IPv4".to_owned(),
            endpoints: endpoints.collect(),
            ports: Some(ports.collect()),
        };
        kept.insert(slice_name.clone());
        let changed = store.modify::<EndpointSlice>(namespace, &slice_name, |old| {
            old.metadata.labels = slice.metadata.labels.clone();
            old.metadata.owner_references = slice.metadata.owner_references.clone();
            old.endpoints = slice.endpoints.clone();
            old.ports = slice.ports.clone();
        });
        match changed {
            Err(error) if error.is_not_found() => drop(store.add(&slice)?),
            other => drop(other?),
        }
    }
    let own = [(SERVICE_LABEL, name), (MANAGED_LABEL, MANAGER)];
    let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let slices =
        store.read_all::<EndpointSlice>(Some(namespace), &Selector::labels(&own.into()))?;
    for slice in slices.items {
        let slice_name = slice.metadata.name.unwrap_or_default();
        if !kept.contains(&slice_name) {
            let options = DeleteOptions::default();
            gone(store.remove::<EndpointSlice>(namespace, &slice_name, &options))?;
        }
    }
    Ok(())
}

/// Five letters that are the same for the same ports, so that a restart finds its slices.
fn suffix(service: &Service, ports: &Ports) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let text = format!("{:?}{:?}", service.metadata.uid, ports);
    let mut hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut letters = String::new();
    for _ in 0..5 {
        let at = usize::try_from(hash % ALPHABET.len() as u64).unwrap_or(0);
        letters.push(char::from(ALPHABET[at]));
        hash /= ALPHABET.len() as u64;
    }
    letters
}

fn write_endpoints(
    store: &Store,
    service: &Service,
    backends: &[Backend],
) -> Result<(), StoreError> {
    let namespace = service.metadata.namespace.as_deref().unwrap_or("");
    let name = service.metadata.name.as_deref().unwrap_or("");
    let publish = publishes_not_ready(service);
    let living: Vec<&Backend> = backends
        .iter()
        .filter(|b| publish || !b.terminating)
        .collect();
    let mut groups: BTreeMap<&Ports, Vec<&Backend>> = BTreeMap::new();
    for backend in living {
        groups.entry(&backend.ports).or_default().push(backend);
    }
    let address = |backend: &&Backend| EndpointAddress {
        ip: backend.address.clone(),
        hostname: backend.hostname.clone(),
        node_name: backend.node.clone(),
        target_ref: Some(backend.target.clone()),
    };
    let filled = |list: Vec<EndpointAddress>| Some(list).filter(|list| !list.is_empty());
    let subsets = groups.into_iter().map(|(ports, members)| {
        let (ready, not_ready): (Vec<&Backend>, Vec<&Backend>) =
            members.into_iter().partition(|b| publish || b.ready);
        EndpointSubset {
            addresses: filled(ready.iter().map(address).collect()),
            not_ready_addresses: filled(not_ready.iter().map(address).collect()),
            ports: Some(
                ports
                    .iter()
                    .map(|(name, number, protocol)| EndpointPort {
                        name: name.clone(),
                        port: *number,
                        protocol: Some(protocol.clone()),
                        app_protocol: None,
                    })
                    .collect(),
            ),
        }
    });
    let endpoints = Endpoints {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            labels: Some(labels(
                service,
                &[("endpoints.kubernetes.io/managed-by", "endpoint-controller")],
            )),
            ..ObjectMeta::default()
        },
        subsets: Some(subsets.collect::<Vec<_>>()).filter(|list| !list.is_empty()),
    };
    let changed = store.modify::<Endpoints>(namespace, name, |old| {
        old.metadata.labels = endpoints.metadata.labels.clone();
        old.subsets = endpoints.subsets.clone();
    });
    match changed {
        Err(error) if error.is_not_found() => drop(store.add(&endpoints)?),
        other => drop(other?),
    }
    Ok(())
}
