//! Service addresses: allocation, and the stand-in for kube-proxy.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::endpoints::SERVICE_LABEL;
use super::worker::{Controller, Key};
use crate::store::{
    Admission, Cause, Event, Operation, Resource, Selector, Store, StoreError, of, text,
};

/// Gives every Service an address out of a range, as the API server does.
pub struct ClusterIps {
    network: [u8; 2],
    thirds: std::ops::RangeInclusive<u8>,
}

impl ClusterIps {
    /// The range: `network` are the first two bytes, `thirds` the values of the third one.
    pub fn new(network: [u8; 2], thirds: std::ops::RangeInclusive<u8>) -> Self {
        Self { network, thirds }
    }

    fn size(&self) -> u64 {
        let thirds = u64::from(*self.thirds.end()) - u64::from(*self.thirds.start()) + 1;
        thirds * 254
    }

    fn address(&self, index: u64) -> Ipv4Addr {
        let third = u8::try_from(index / 254).unwrap_or(0) + self.thirds.start();
        let fourth = u8::try_from(index % 254).unwrap_or(0) + 1;
        Ipv4Addr::new(self.network[0], self.network[1], third, fourth)
    }

    fn holds(&self, ip: Ipv4Addr) -> bool {
        let [a, b, third, fourth] = ip.octets();
        [a, b] == self.network && self.thirds.contains(&third) && (1..=254).contains(&fourth)
    }

    /// The first free address, beginning at a place that depends on the name: two Services made at
    /// the same instant do not meet.
    fn free(&self, store: &Store, namespace: &str, name: &str) -> Option<Ipv4Addr> {
        let services = store.list(of::<Service>(), None).items;
        let used: BTreeSet<&str> = services
            .iter()
            .map(|s| text(s, "/spec/clusterIP"))
            .collect();
        let hash = format!("{namespace}/{name}")
            .bytes()
            .fold(0_u64, |hash, byte| {
                hash.wrapping_mul(31).wrapping_add(u64::from(byte))
            });
        (0..self.size())
            .map(|step| self.address((hash % self.size() + step) % self.size()))
            .find(|ip| !used.contains(ip.to_string().as_str()))
    }
}

impl Admission for ClusterIps {
    fn admit(
        &self,
        store: &Store,
        resource: &'static Resource,
        _operation: Operation,
        object: &mut Value,
        old: Option<&Value>,
    ) -> Result<(), StoreError> {
        if resource != of::<Service>() {
            return Ok(());
        }
        let namespace = text(object, "/metadata/namespace").to_owned();
        let name = text(object, "/metadata/name").to_owned();
        let wanted = text(object, "/spec/clusterIP").to_owned();
        let before = old
            .map_or("", |old| text(old, "/spec/clusterIP"))
            .to_owned();
        let external = text(object, "/spec/type") == "ExternalName";
        let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
            return Ok(());
        };
        if external {
            spec.remove("clusterIP");
            spec.remove("clusterIPs");
            return Ok(());
        }
        let invalid = |message: String| StoreError::Invalid {
            resource,
            name: name.clone(),
            causes: vec![Cause {
                field: "spec.clusterIPs[0]".to_owned(),
                reason: "FieldValueInvalid",
                message: format!("Invalid value: {}: {message}", json!([&wanted])),
            }],
        };
        let ip = if wanted.is_empty() && !before.is_empty() {
            before
        } else if !before.is_empty() && wanted != before {
            return Err(invalid("may not change once set".to_owned()));
        } else if wanted == "None" {
            wanted.clone()
        } else if wanted.is_empty() {
            let free = self.free(store, &namespace, &name);
            free.ok_or_else(|| invalid("failed to allocate a serviceIP: range is full".to_owned()))?
                .to_string()
        } else {
            let parsed: Option<Ipv4Addr> = wanted.parse().ok();
            if !parsed.is_some_and(|ip| self.holds(ip)) {
                return Err(invalid(format!(
                    "failed to allocate IP {wanted}: the provided network does not match the current range"
                )));
            }
            let services = store.list(of::<Service>(), None).items;
            let taken = |service: &Arc<Value>| {
                text(service, "/spec/clusterIP") == wanted
                    && (
                        text(service, "/metadata/name"),
                        text(service, "/metadata/namespace"),
                    ) != (name.as_str(), namespace.as_str())
            };
            if services.iter().any(taken) {
                return Err(invalid(format!(
                    "failed to allocate IP {wanted}: provided IP is already allocated"
                )));
            }
            wanted.clone()
        };
        spec.insert("clusterIPs".to_owned(), json!([&ip]));
        spec.insert("clusterIP".to_owned(), json!(ip));
        for (field, value) in [
            ("type", json!("ClusterIP")),
            ("ipFamilies", json!(["IPv4"])),
            ("ipFamilyPolicy", json!("SingleStack")),
            ("internalTrafficPolicy", json!("Cluster")),
            ("sessionAffinity", json!("None")),
        ] {
            spec.entry(field).or_insert(value);
        }
        Ok(())
    }
}

/// The ready pods behind one port of a Service.
#[derive(Default)]
struct Backends {
    addresses: Mutex<Vec<SocketAddr>>,
    turn: AtomicUsize,
}

impl Backends {
    fn next(&self) -> Option<SocketAddr> {
        let addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        (!addresses.is_empty()).then(|| addresses[turn % addresses.len()])
    }
}

struct Relay {
    backends: Arc<Backends>,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Only the listening ends: connections are tasks of their own.
        self.task.abort();
    }
}

/// Listens on every Service's address and leads connections to a ready pod.
///
/// As with kube-proxy, a connection stays with its pod when the pod leaves the endpoints, and a
/// Service without a ready pod refuses connections.
pub(super) struct Proxy {
    relays: BTreeMap<(Key, SocketAddr), Relay>,
}

impl Proxy {
    pub(super) fn new() -> Self {
        Self {
            relays: BTreeMap::new(),
        }
    }
}

/// The pods to lead connections to, for each address and port of the Service.
fn wanted(store: &Store, key: &Key) -> Result<BTreeMap<SocketAddr, Vec<SocketAddr>>, StoreError> {
    let mut wanted = BTreeMap::new();
    let Some(service) = store.read_opt::<Service>(&key.namespace, &key.name)? else {
        return Ok(wanted);
    };
    let spec = service.spec.unwrap_or_default();
    let ip = spec.cluster_ip.and_then(|ip| ip.parse::<Ipv4Addr>().ok());
    let Some(ip) = ip else { return Ok(wanted) };
    let of_service = [(SERVICE_LABEL.to_owned(), key.name.clone())].into();
    let slices =
        store.read_all::<EndpointSlice>(Some(&key.namespace), &Selector::labels(&of_service))?;
    for port in spec.ports.iter().flatten() {
        if port.protocol.as_deref().unwrap_or("TCP") != "TCP" {
            continue;
        }
        let Ok(number) = u16::try_from(port.port) else {
            continue;
        };
        let mut backends = Vec::new();
        for slice in &slices.items {
            let name = port.name.as_deref().unwrap_or("");
            let slice_port = slice
                .ports
                .iter()
                .flatten()
                .find(|p| p.name.as_deref().unwrap_or("") == name)
                .and_then(|p| u16::try_from(p.port?).ok());
            let Some(slice_port) = slice_port else {
                continue;
            };
            let ready = slice.endpoints.iter().filter(|endpoint| {
                let conditions = endpoint.conditions.as_ref();
                conditions.and_then(|c| c.ready).unwrap_or(true)
            });
            let addresses = ready.flat_map(|endpoint| &endpoint.addresses);
            let addresses = addresses.filter_map(|a| a.parse::<Ipv4Addr>().ok());
            backends.extend(addresses.map(|a| SocketAddr::from((a, slice_port))));
        }
        wanted.insert(SocketAddr::from((ip, number)), backends);
    }
    Ok(wanted)
}

impl Controller for Proxy {
    fn name(&self) -> &'static str {
        "kube-proxy"
    }

    fn watches(&self) -> Vec<&'static Resource> {
        vec![of::<Service>(), of::<EndpointSlice>()]
    }

    fn keys(&mut self, _: &Store, resource: &'static Resource, event: &Event) -> Vec<Key> {
        let key = Key::of(event);
        if resource == of::<Service>() {
            return vec![key];
        }
        let labels = event.object.pointer("/metadata/labels");
        let service = labels.and_then(|labels| labels.get(SERVICE_LABEL)?.as_str());
        service
            .map(|s| Key::new(&key.namespace, s))
            .into_iter()
            .collect()
    }

    fn reconcile(&mut self, store: &Store, key: &Key) -> Result<Option<Duration>, StoreError> {
        let wanted = wanted(store, key)?;
        // Nobody listening is what refuses a connection.
        self.relays.retain(|(owner, address), _| {
            owner != key
                || wanted
                    .get(address)
                    .is_some_and(|backends| !backends.is_empty())
        });
        for (address, backends) in wanted {
            if backends.is_empty() {
                continue;
            }
            let id = (key.clone(), address);
            if self
                .relays
                .get(&id)
                .is_none_or(|relay| relay.task.is_finished())
            {
                let Ok(listener) = listen(address) else {
                    // Its last user may still be letting go of it.
                    return Ok(Some(Duration::from_millis(20)));
                };
                let shared = Arc::new(Backends::default());
                let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
                let relay = Relay {
                    backends: shared,
                    task,
                };
                self.relays.insert(id.clone(), relay);
            }
            if let Some(relay) = self.relays.get(&id) {
                let mut now = relay
                    .backends
                    .addresses
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *now = backends;
            }
        }
        Ok(None)
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

async fn accept(listener: TcpListener, backends: Arc<Backends>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => drop(tokio::spawn(relay(client, backends.next()))),
            // Out of file descriptors, for example: do not spin.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Carries one connection until both sides are done.
async fn relay(mut client: TcpStream, backend: Option<SocketAddr>) {
    let server = match backend {
        Some(address) => TcpStream::connect(address).await.ok(),
        None => None,
    };
    let Some(mut server) = server else {
        // kube-proxy would pass on the refusal; the nearest to it is a reset.
        let _ = client.set_zero_linger();
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}
