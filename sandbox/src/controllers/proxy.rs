//! The stand-in for kube-proxy in iptables mode: listens on every Service's address and leads connections to a pod.
//!
//! Looked up in Kubernetes: a change is applied at once after a quiet second, and then at most once a second, all Services
//! together (`minSyncPeriod`, one second by pkg/proxy/apis/config/v1alpha1/defaults.go; pkg/proxy/runner/bounded_frequency_runner.go:
//! between the end of one run and the begin of the next). Which endpoints count says `CategorizeEndpoints` in
//! pkg/proxy/topology.go: those that are ready, and when none is, those that are terminating and still serve. A Service
//! without any refuses connections (a REJECT rule, pkg/proxy/iptables/proxier.go), and a connection stays with its pod when
//! that leaves the endpoints.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::endpoints::SERVICE_LABEL;
use super::relay::relay;
use super::worker::{Controller, Key};
use crate::pod_network::PodNetwork;
use crate::store::{Event, Resource, Selector, Store, StoreError, of};

/// Between two times that changes are applied.
const MIN_SYNC_PERIOD: Duration = Duration::from_secs(1);
/// Until an address that its last user is still letting go of is tried again.
const RETRY: Duration = Duration::from_millis(20);

/// What an EndpointSlice says of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    address: SocketAddr,
    ready: bool,
    serving: bool,
    terminating: bool,
}

/// What is known of a Service: the targets of each of its addresses and ports.
type Known = BTreeMap<SocketAddr, Vec<Target>>;

/// The pods that new connections to one port of a Service are led to.
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

    fn set(&self, addresses: Vec<SocketAddr>) {
        *self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = addresses;
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

/// Leads connections to Services on.
pub(super) struct Proxy {
    network: Arc<PodNetwork>,
    /// What it was told last of each Service: only what differs from it asks for a sync.
    told: BTreeMap<Key, Known>,
    relays: BTreeMap<SocketAddr, Relay>,
    synced: Option<Instant>,
}

impl Proxy {
    pub(super) fn new(network: Arc<PodNetwork>) -> Self {
        Self {
            network,
            told: BTreeMap::new(),
            relays: BTreeMap::new(),
            synced: None,
        }
    }

    /// Applies all that it was told. False when an address is not free yet.
    fn sync(&mut self, store: &Store) -> bool {
        let mut wanted: BTreeMap<SocketAddr, Vec<SocketAddr>> = BTreeMap::new();
        for (key, last) in &mut self.told {
            // The informers are not behind: they are this process.
            if let Ok(now) = known(store, key) {
                *last = now;
            }
            for (address, targets) in last {
                wanted.insert(*address, usable(targets));
            }
        }
        self.told.retain(|_, known| !known.is_empty());
        // Nobody listening is what refuses a connection.
        self.relays
            .retain(|address, _| wanted.get(address).is_some_and(|to| !to.is_empty()));
        let mut complete = true;
        for (address, backends) in wanted {
            if !backends.is_empty() {
                complete &= self.lead(address, backends);
            }
        }
        complete
    }

    fn lead(&mut self, address: SocketAddr, backends: Vec<SocketAddr>) -> bool {
        if let Some(relay) = self.relays.get(&address)
            && !relay.task.is_finished()
        {
            relay.backends.set(backends);
            return true;
        }
        let Ok(listener) = listen(address) else {
            return false;
        };
        let shared = Arc::new(Backends::default());
        shared.set(backends);
        let task = accept(listener, Arc::clone(&shared), Arc::clone(&self.network));
        let relay = Relay {
            backends: shared,
            task: tokio::spawn(task),
        };
        self.relays.insert(address, relay);
        true
    }
}

/// `CategorizeEndpoints`.
fn usable(targets: &[Target]) -> Vec<SocketAddr> {
    let those = |which: fn(&Target) -> bool| -> Vec<SocketAddr> {
        let chosen = targets.iter().filter(|target| which(target));
        chosen.map(|target| target.address).collect()
    };
    let ready = those(|target| target.ready);
    if ready.is_empty() {
        return those(|target| target.serving && target.terminating);
    }
    ready
}

/// What the API says of a Service now; nothing when it has no address of its own.
fn known(store: &Store, key: &Key) -> Result<Known, StoreError> {
    let mut known = Known::new();
    let Some(service) = store.read_opt::<Service>(&key.namespace, &key.name)? else {
        return Ok(known);
    };
    let spec = service.spec.unwrap_or_default();
    let ip = spec.cluster_ip.and_then(|ip| ip.parse::<Ipv4Addr>().ok());
    let Some(ip) = ip else { return Ok(known) };
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
        let mut targets = Vec::new();
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
            let of_slice = slice.endpoints.iter();
            targets.extend(of_slice.flat_map(|endpoint| targets_of(endpoint, slice_port)));
        }
        known.insert(SocketAddr::from((ip, number)), targets);
    }
    Ok(known)
}

/// Conditions that are not set mean ready, serving and not terminating (`EndpointConditions` of discovery.k8s.io/v1).
fn targets_of(endpoint: &Endpoint, port: u16) -> impl Iterator<Item = Target> {
    let conditions = endpoint.conditions.clone().unwrap_or_default();
    let addresses = endpoint.addresses.iter();
    let addresses = addresses.filter_map(|address| address.parse::<Ipv4Addr>().ok());
    addresses.map(move |address| Target {
        address: SocketAddr::from((address, port)),
        ready: conditions.ready.unwrap_or(true),
        serving: conditions.serving.unwrap_or(true),
        terminating: conditions.terminating.unwrap_or(false),
    })
}

impl Controller for Proxy {
    fn name(&self) -> &'static str {
        "kube-proxy"
    }

    fn watches(&self) -> Vec<&'static Resource> {
        vec![of::<Service>(), of::<EndpointSlice>()]
    }

    fn keys(&mut self, store: &Store, resource: &'static Resource, event: &Event) -> Vec<Key> {
        let mut service = Key::of(event);
        if resource == of::<EndpointSlice>() {
            let labels = event.object.pointer("/metadata/labels");
            let name = labels.and_then(|labels| labels.get(SERVICE_LABEL)?.as_str());
            let Some(name) = name else { return Vec::new() };
            service = Key::new(&service.namespace, name);
        }
        let Ok(now) = known(store, &service) else {
            return Vec::new();
        };
        // Another selector, a label or a headless Service is nothing to a proxy.
        if self
            .told
            .get(&service)
            .map_or(now.is_empty(), |last| *last == now)
        {
            return Vec::new();
        }
        self.told.insert(service, now);
        // One run for all.
        vec![Key::new("", "")]
    }

    fn reconcile(&mut self, store: &Store, _: &Key) -> Result<Option<Duration>, StoreError> {
        let rest = self
            .synced
            .and_then(|at| MIN_SYNC_PERIOD.checked_sub(at.elapsed()))
            .filter(|rest| !rest.is_zero());
        if rest.is_some() {
            return Ok(rest);
        }
        if !self.sync(store) {
            return Ok(Some(RETRY));
        }
        self.synced = Some(Instant::now());
        Ok(None)
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

async fn accept(listener: TcpListener, backends: Arc<Backends>, network: Arc<PodNetwork>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let network = Arc::clone(&network);
                drop(tokio::spawn(relay(client, backends.next(), network)));
            }
            // Out of file descriptors, for example: do not spin.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(last: u8, ready: bool, serving: bool, terminating: bool) -> Target {
        Target {
            address: SocketAddr::from(([127, 9, 1, last], 5432)),
            ready,
            serving,
            terminating,
        }
    }

    #[test]
    fn a_terminating_pod_serves_when_no_other_is_ready() {
        let (stopping, stopped) = (target(1, false, true, true), target(2, false, false, true));
        let (ready, unready) = (target(3, true, true, false), target(4, false, false, false));
        let all = [
            stopping.clone(),
            stopped.clone(),
            ready.clone(),
            unready.clone(),
        ];
        assert_eq!(usable(&all), [ready.address]);
        assert_eq!(
            usable(&[stopping.clone(), stopped.clone(), unready.clone()]),
            [stopping.address]
        );
        assert!(usable(&[stopped, unready]).is_empty());
    }
}
