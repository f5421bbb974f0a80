//! Starting and stopping the controllers.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::accounts::{AccountOfPods, Accounts};
use super::autoscaler::{Autoscalers, Usage};
use super::claims::Claims;
use super::cronjob::CronJobs;
use super::deployment::Deployments;
use super::disruption::Disruption;
use super::endpoints::EndpointsController;
use super::garbage::Garbage;
use super::job::Jobs;
use super::proxy::Proxy;
use super::replicaset::ReplicaSets;
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
    tasks.spawn(run(store.clone(), Deployments::new(store), stopped.clone()));
    tasks.spawn(run(store.clone(), ReplicaSets::new(store), stopped.clone()));
    tasks.spawn(run(store.clone(), Jobs::new(store), stopped.clone()));
    tasks.spawn(run(store.clone(), CronJobs::new(store), stopped.clone()));
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
    /// Lets pods talk to an API server whose authority has this certificate (PEM): each namespace gets the `default` account
    /// and the certificate, and each new pod the token of its account.
    pub fn publish_accounts(&mut self, store: &Store, ca: String) {
        store.add_admission(Arc::new(AccountOfPods));
        let stopped = self.stop.subscribe();
        self.tasks
            .spawn(run(store.clone(), Accounts::new(ca), stopped));
    }

    /// Stops them and waits until none runs.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}
