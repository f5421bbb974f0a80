//! What the kubelet knows of one pod that it runs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::sync::watch;

use super::context::Context;
use super::status;
use crate::controllers::{EventType, Recorder};
use crate::runtime::{Container, Log};

/// What the API says about the pod.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// The newest object seen.
    pub(super) pod: Arc<core::Pod>,
    /// Its object is gone without the kubelet having let go of it.
    pub(super) gone: bool,
}

impl Wish {
    /// Seconds to stop in, when the pod is to end.
    pub(super) fn grace(&self) -> Option<u64> {
        let meta = &self.pod.metadata;
        // Removed by force: the kubelet still gives one second.
        if self.gone {
            return Some(1);
        }
        meta.deletion_timestamp.as_ref()?;
        let seconds = meta.deletion_grace_period_seconds.unwrap_or(30);
        Some(u64::try_from(seconds).unwrap_or(0).max(1))
    }
}

/// One container of the pod: what its status says, and its process when it has one.
pub(super) struct Slot {
    pub(super) definition: core::Container,
    pub(super) init: bool,
    pub(super) status: core::ContainerStatus,
    pub(super) running: Option<Container>,
    pub(super) log: Option<Log>,
    pub(super) previous: Option<Log>,
}

/// A pod on a node of the sandbox.
pub(super) struct PodState {
    pub(super) context: Arc<Context>,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) node: String,
    pub(super) ip: String,
    pub(super) dir: PathBuf,
    pub(super) wish: watch::Sender<Wish>,
    pub(super) slots: Mutex<Vec<Slot>>,
    pub(super) initialized: AtomicBool,
    /// Whether changes of ConfigMaps and Secrets don't reach its volumes, until that is mended.
    pub(super) late_volumes: AtomicBool,
    pub(super) started_at: Timestamp,
    /// Held while the status is written, so that an older one never overwrites a newer one.
    publishing: Mutex<()>,
}

impl PodState {
    pub(super) fn new(context: Arc<Context>, pod: core::Pod, ip: String) -> Arc<Self> {
        let meta = &pod.metadata;
        let uid = meta.uid.clone().unwrap_or_default();
        let spec = pod.spec.clone().unwrap_or_default();
        let init = spec.init_containers.unwrap_or_default();
        let init_count = init.len();
        let waiting = if init_count > 0 {
            "PodInitializing"
        } else {
            "ContainerCreating"
        };
        let slots = init
            .into_iter()
            .chain(spec.containers)
            .enumerate()
            .map(|(index, definition)| Slot {
                status: status::initial(&definition, waiting),
                init: index < init_count,
                definition,
                running: None,
                log: None,
                previous: None,
            })
            .collect();
        Arc::new(Self {
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
            node: spec.node_name.unwrap_or_default(),
            dir: context.config.root.join("pods").join(&uid),
            uid,
            ip,
            context,
            wish: watch::Sender::new(Wish {
                pod: Arc::new(pod),
                gone: false,
            }),
            slots: Mutex::new(slots),
            initialized: AtomicBool::new(false),
            late_volumes: AtomicBool::new(false),
            started_at: Timestamp::now(),
            publishing: Mutex::new(()),
        })
    }

    pub(super) fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn pod(&self) -> Arc<core::Pod> {
        Arc::clone(&self.wish.borrow().pod)
    }

    pub(super) fn ending(&self) -> bool {
        self.wish.borrow().grace().is_some()
    }

    /// Whether no container runs but this one.
    pub(super) fn is_last(&self, index: usize) -> bool {
        let slots = self.slots();
        let mut others = slots
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index);
        others.all(|(_, slot)| slot.running.is_none())
    }

    /// Takes the pod's network down: what is sent to its address goes nowhere from now on.
    ///
    /// The kubelet stops the pod's sandbox, and its network with it, right after the last container has ended
    /// (`killPodWithSyncResult` in pkg/kubelet/kuberuntime/kuberuntime_manager.go), and only then tells the API that they
    /// have (`SyncTerminatingPod` in pkg/kubelet/kubelet.go).
    pub(super) async fn tear_down_network(&self) {
        let ports: BTreeSet<u16> = {
            let slots = self.slots();
            let ports = slots
                .iter()
                .flat_map(|slot| slot.definition.ports.iter().flatten());
            ports
                .filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP")
                .filter_map(|port| u16::try_from(port.container_port).ok())
                .collect()
        };
        let ports: Vec<u16> = ports.into_iter().collect();
        if let Ok(address) = self.ip.parse() {
            self.context.network.tear_down(address, &ports).await;
        }
    }

    /// Waits until the pod is to end.
    pub(super) async fn until_ending(&self) {
        let mut wish = self.wish.subscribe();
        // The sender is part of this value, so it cannot be gone.
        drop(wish.wait_for(|wish| wish.grace().is_some()).await);
    }

    /// Changes a container's slot and tells the API about it.
    pub(super) fn change(&self, index: usize, change: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.slots().get_mut(index) {
            change(slot);
        }
        self.publish();
    }

    /// Writes the pod's status as it is now, unless its node is cut off.
    pub(super) fn publish(&self) {
        let _one_at_a_time = self
            .publishing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !self.context.is_up(&self.node) {
            return;
        }
        let written = self
            .context
            .store
            .modify::<core::Pod>(&self.namespace, &self.name, |pod| {
                if pod.metadata.uid.as_deref() == Some(&self.uid) {
                    let old = pod.status.take().unwrap_or_default();
                    pod.status = Some(status::of(self.observed(), pod, old));
                }
            });
        // The pod is gone from the API: nobody is left to be told.
        drop(written);
    }

    /// Writes an event about the pod, or about one of its containers.
    pub(super) fn event(&self, kind: EventType, reason: &str, message: &str) {
        if self.context.is_up(&self.node) {
            let about = serde_json::json!(*self.pod());
            Recorder::new(&self.context.store, "kubelet").event(&about, kind, reason, message);
        }
    }

    fn observed(&self) -> status::Observed {
        let slots = self.slots();
        let of_kind = |init: bool| {
            let slots = slots.iter().filter(|slot| slot.init == init);
            slots.map(|slot| slot.status.clone()).collect()
        };
        status::Observed {
            init: of_kind(true),
            main: of_kind(false),
            initialized: self.initialized.load(Ordering::SeqCst),
            ip: self.ip.clone(),
            host_ip: self.context.node_ip(&self.node),
            start_time: Time(self.started_at),
        }
    }
}
