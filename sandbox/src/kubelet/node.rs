//! The kubelets of all nodes in one.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::api_access::ApiAccess;
use super::config::KubeletConfig;
use super::context::Context;
use super::pod::PodState;
use super::pods::Pods;
use super::{hosts, lifecycle, nodes, scheduler};
use crate::api::Authenticator;
use crate::controllers::{PodUsage, Usage};
use crate::pod_network::PodNetwork;
use crate::runtime::Containers;
use crate::store::{Store, of, text};

/// Runs the pods of the sandbox's nodes. Everything it runs ends when this is dropped.
pub struct Kubelet {
    pub(super) context: Arc<Context>,
    pub(super) pods: Arc<Pods>,
    tasks: Mutex<JoinSet<()>>,
    samples: Mutex<HashMap<String, Sample>>,
}

/// CPU time seen at a point in time, and the rate since the one before.
struct Sample {
    at: Instant,
    cpu: Duration,
    millis: Option<i64>,
}

/// Figures of CPU use are averages over at least so long.
const SAMPLE_PERIOD: Duration = Duration::from_secs(1);

impl Kubelet {
    /// Adds the Node objects, and begins to schedule and run pods. Must be called in a Tokio
    /// runtime.
    ///
    /// # Errors
    /// When the folder or the thread that starts containers can't be made.
    pub fn start(store: &Store, config: KubeletConfig) -> io::Result<Arc<Self>> {
        std::fs::create_dir_all(config.root.join("pods"))?;
        let context = Arc::new(Context {
            containers: Containers::new(config.tools.clone())?,
            config,
            store: store.clone(),
            api: OnceLock::new(),
            network: Arc::default(),
            down: watch::Sender::default(),
            fills: Mutex::default(),
        });
        nodes::register(&context).map_err(io::Error::other)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(scheduler::run(Arc::clone(&context)));
        let pods = Arc::<Pods>::default();
        tasks.spawn(hosts::run(Arc::clone(&context), Arc::clone(&pods)));
        tasks.spawn(run(Arc::clone(&context), Arc::clone(&pods)));
        Ok(Arc::new(Self {
            context,
            pods,
            tasks: Mutex::new(tasks),
            samples: Mutex::default(),
        }))
    }

    /// Kills every container and ends. Pods stay in the store as they are.
    pub fn stop(&self) {
        self.tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .abort_all();
        for pod in self.pods.all() {
            for container in pod.slots().iter_mut().filter_map(|s| s.running.take()) {
                container.kill();
            }
        }
        self.pods.clear();
        self.context.network.clear();
    }

    /// Tells pods that start from now on where the API server is; it gives out their tokens. Only the first call counts.
    pub fn reach_api(&self, address: SocketAddr, issuer: Arc<Authenticator>) {
        drop(self.context.api.set(ApiAccess::new(address, issuer)));
    }

    /// The addresses of its pods.
    pub fn network(&self) -> Arc<PodNetwork> {
        Arc::clone(&self.context.network)
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Usage for Kubelet {
    fn usage(&self, namespace: &str, pod: &str) -> Option<PodUsage> {
        let state = self.pods.named(namespace, pod)?;
        let running: Vec<_> = state
            .slots()
            .iter()
            .filter_map(|s| s.running.clone())
            .collect();
        if running.is_empty() {
            return None;
        }
        let used: Vec<_> = running
            .iter()
            .map(crate::runtime::Container::usage)
            .collect();
        let cpu: Duration = used.iter().map(|u| u.cpu).sum();
        let memory: u64 = used.iter().map(|u| u.memory).sum();
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let fresh = Sample {
            at: now,
            cpu,
            millis: None,
        };
        let sample = samples.entry(state.uid.clone()).or_insert(fresh);
        let passed = now.duration_since(sample.at);
        if passed >= SAMPLE_PERIOD {
            let spent = cpu.saturating_sub(sample.cpu).as_millis() * 1000;
            let millis = spent / passed.as_millis().max(1);
            *sample = Sample {
                at: now,
                cpu,
                millis: i64::try_from(millis).ok(),
            };
        }
        Some(PodUsage {
            cpu_millis: sample.millis?,
            memory_bytes: i64::try_from(memory).unwrap_or(i64::MAX),
        })
    }
}

/// Compares what should run with what runs, after every change.
async fn run(context: Arc<Context>, pods: Arc<Pods>) {
    let mut changes = context.store.changes();
    let mut down = context.down.subscribe();
    let mut workers = JoinSet::new();
    let mut last_address = 0;
    loop {
        changes.borrow_and_update();
        down.borrow_and_update();
        for state in reconcile(&context, &pods, &mut last_address) {
            workers.spawn(lifecycle::run(state, Arc::clone(&pods)));
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            _ = down.changed() => {}
            Some(_) = workers.join_next() => {}
        }
    }
}

/// Tells the pods that run what is wanted of them now; returns those to be started.
fn reconcile(context: &Arc<Context>, pods: &Pods, last_address: &mut u16) -> Vec<Arc<PodState>> {
    let objects = context.store.list(of::<Pod>(), None).items;
    let wanted: BTreeMap<&str, &Arc<Value>> = objects
        .iter()
        .map(|o| (text(o, "/metadata/uid"), o))
        .collect();
    for state in pods.all() {
        if !context.is_up(&state.node) {
            continue;
        }
        match wanted.get(state.uid.as_str()) {
            Some(object) => tell(&state, object),
            None => {
                state
                    .wish
                    .send_if_modified(|wish| !std::mem::replace(&mut wish.gone, true));
            }
        }
    }
    let names = context.node_names();
    let mut fresh = Vec::new();
    for (uid, object) in wanted {
        let node = text(object, "/spec/nodeName");
        let mine = names.iter().any(|n| n == node) && context.is_up(node);
        if !mine || pods.contains(uid) {
            continue;
        }
        let Ok(pod) = Pod::deserialize(&**object) else {
            continue;
        };
        let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) || has_ended(&pod) {
            continue;
        }
        let Some(ip) = pods.free_address(context.config.network, last_address) else {
            continue;
        };
        if let Ok(address) = ip.parse() {
            context.network.set_up(address);
        }
        let state = PodState::new(Arc::clone(context), pod, ip);
        pods.add(Arc::clone(&state));
        fresh.push(state);
    }
    fresh
}

/// A pod that was deleted and whose containers have ended, but whose object a finalizer keeps:
/// nothing starts in it again.
fn has_ended(pod: &Pod) -> bool {
    let containers = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_deref())
        .unwrap_or_default();
    pod.metadata.deletion_timestamp.is_some()
        && !containers.is_empty()
        && containers.iter().all(|container| {
            container
                .state
                .as_ref()
                .is_some_and(|state| state.terminated.is_some())
        })
}

fn tell(state: &PodState, object: &Value) {
    let revision = text(object, "/metadata/resourceVersion");
    state.wish.send_if_modified(|wish| {
        if wish.pod.metadata.resource_version.as_deref() == Some(revision) {
            return false;
        }
        match Pod::deserialize(object) {
            Ok(pod) => {
                wish.pod = Arc::new(pod);
                true
            }
            Err(_) => false,
        }
    });
}
