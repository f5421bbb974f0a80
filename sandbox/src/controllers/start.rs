//! Starting and stopping the controllers.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::autoscaler::{Autoscalers, Usage};
use super::claims::Claims;
use super::disruption::Disruption;
use super::endpoints::EndpointsController;
use super::garbage::Garbage;
use super::proxy::Proxy;
use super::services::ClusterIps;
use super::statefulset::StatefulSets;
use super::worker::run;
use crate::pod_network::PodNetwork;
use crate::store::Store;

/// The running controllers. They end when this is dropped.
pub struct Controllers {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// Starts all controllers. `volumes` is the folder for the bytes of volume claims, `network` knows the pods whose
/// addresses are silent.
///
/// Must be called in a Tokio runtime.
pub fn start(
    store: &Store,
    addresses: ClusterIps,
    volumes: PathBuf,
    usage: Arc<dyn Usage>,
    network: Arc<PodNetwork>,
) -> Controllers {
    store.add_admission(Arc::new(addresses));
    super::claims::add_class(store);
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    tasks.spawn(run(
        store.clone(),
        StatefulSets::new(store),
        stopped.clone(),
    ));
    tasks.spawn(run(
        store.clone(),
        Claims::new(store, volumes),
        stopped.clone(),
    ));
    tasks.spawn(run(store.clone(), EndpointsController, stopped.clone()));
    tasks.spawn(run(store.clone(), Proxy::new(network), stopped.clone()));
    tasks.spawn(run(
        store.clone(),
        Autoscalers::new(store, usage),
        stopped.clone(),
    ));
    tasks.spawn(run(store.clone(), Disruption, stopped.clone()));
    tasks.spawn(run(store.clone(), Garbage, stopped));
    Controllers { stop, tasks }
}

impl Controllers {
    /// Stops them and waits until none runs.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}
