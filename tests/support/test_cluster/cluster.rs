//! A cluster of one test's own, and what can be seen of it past `pgctl`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::FutureExt as _;
use futures::future::join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::AttachParams;
use kube::{Api, Client};
use pgctl_sandbox::cli::{FaultKind, Scope};
use pgctl_sandbox::store::Selector;
use tempfile::TempDir;

use super::as_found::AsFound;
use super::backend::{Backend, prefix};
use super::database::{Database, Login};
use super::objects::Objects;

/// The longest that anything that ought to happen is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// A running cluster, and what a test may do to any: look at it past `pgctl`, change its objects, run
/// SQL, kill PostgreSQL. What only a sandbox can do is in [`SandboxCluster`](super::SandboxCluster).
pub(crate) struct TestCluster {
    pub(super) backend: Backend,
    pub(crate) login: Login,
    objects: Objects,
    folder: TempDir,
    /// What a cluster that was given is to be again.
    pub(super) found: OnceLock<AsFound>,
}

/// Runs a test on a cluster with so many standbys: a sandbox, or the cluster that was given
/// (`PGCTL_TEST_CONTEXT`), which is brought to this state before, and is as it was found afterwards.
pub(crate) fn on_cluster(
    standbys: u32,
    test: impl AsyncFnOnce(&TestCluster) -> Result<()>,
) -> Result<()> {
    let cluster = TestCluster::find(standbys)?;
    run(async {
        let work = async {
            cluster.prepare(standbys).await?;
            test(&cluster).await
        };
        // A test that fails, also by a panic, leaves it no other way than one that passes.
        let result = AssertUnwindSafe(work).catch_unwind().await;
        let put_back = cluster.put_back().await;
        match result {
            Ok(result) => result?,
            Err(panic) => {
                if let Err(error) = put_back {
                    eprintln!("the cluster is not as it was found: {error:#}");
                }
                resume_unwind(panic);
            }
        }
        put_back.context("leaving the cluster as it was found")
    })
}

/// Runs a test to its end.
pub(super) fn run(test: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let result = runtime.block_on(test);
    runtime.shutdown_timeout(Duration::from_secs(2));
    result
}

/// The full name of a pod or object, from its tail (`replica-0`).
pub(crate) fn full(tail: &str) -> String {
    format!("{}{tail}", prefix())
}

/// The slot of a pod.
pub(crate) fn slot(tail: &str) -> String {
    full(tail).replace('-', "_")
}

impl TestCluster {
    /// Starts or finds the cluster.
    pub(crate) fn find(standbys: u32) -> Result<Self> {
        Self::on(Backend::find(standbys)?)
    }

    pub(super) fn on(backend: Backend) -> Result<Self> {
        Ok(Self {
            login: Login::read(&backend)?,
            objects: backend.objects(),
            backend,
            folder: tempfile::tempdir()?,
            found: OnceLock::new(),
        })
    }

    /// The cluster's name, as `pgctl` asks for it.
    pub(crate) fn name(&self) -> Result<String> {
        let set: StatefulSet = self.store().read(self.namespace(), &full("primary"))?;
        let mut labels = set.metadata.labels.unwrap_or_default();
        labels
            .remove("app.kubernetes.io/instance")
            .context("a StatefulSet without the label of an instance")
    }

    /// The name of the Lease and of the ConfigMap in which pgctl keeps what it does to the cluster.
    pub(crate) fn record(&self) -> Result<String> {
        Ok(format!("pgctl-{}", self.name()?))
    }

    /// A folder on this machine that goes with the test.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn store(&self) -> &Objects {
        &self.objects
    }

    /// What the machine does besides must not scale the cluster: only the autoscaler's bounds do.
    pub(crate) fn only_bounds_scale(&self) -> Result<()> {
        let change = |autoscaler: &mut HorizontalPodAutoscaler| {
            let spec = autoscaler.spec.iter_mut();
            for metric in spec.flat_map(|spec| spec.metrics.iter_mut().flatten()) {
                if let Some(resource) = &mut metric.resource {
                    resource.target.average_utilization = Some(100_000);
                }
            }
        };
        let name = full("replica-hpa");
        self.store().modify(self.namespace(), &name, change)?;
        Ok(())
    }

    pub(crate) fn namespace(&self) -> &str {
        self.backend.namespace()
    }

    /// Every database pod that there is.
    pub(crate) fn pods(&self) -> Result<Vec<Pod>> {
        let labels = BTreeMap::from([("app.kubernetes.io/name".to_owned(), "postgres".to_owned())]);
        let selector = Selector::labels(&labels);
        Ok(self
            .store()
            .read_all::<Pod>(Some(self.namespace()), &selector)?
            .items)
    }

    /// The address of a pod, by the tail of its name.
    pub(crate) fn address(&self, tail: &str) -> Result<String> {
        let pod: Pod = self.store().read(self.namespace(), &full(tail))?;
        address_of(&pod, &self.login).with_context(|| format!("{tail} has no address"))
    }

    pub(crate) fn uid(&self, tail: &str) -> Result<String> {
        let pod: Pod = self.store().read(self.namespace(), &full(tail))?;
        pod.metadata.uid.context("a pod without uid")
    }

    /// A session on a pod, past everything.
    pub(crate) async fn open(&self, tail: &str) -> Result<Database> {
        Database::open(&self.address(tail)?, &self.login).await
    }

    /// Connects as an application does: as another role, with what is set on it.
    pub(crate) async fn open_as(
        &self,
        tail: &str,
        role: &str,
        password: &str,
        database: &str,
    ) -> Result<Database> {
        let address = self.address(tail)?;
        Database::open_as(&address, &self.login, (role, password), database).await
    }

    /// Runs SQL on a pod.
    pub(crate) async fn sql(&self, tail: &str, sql: &str) -> Result<Vec<Vec<String>>> {
        self.open(tail).await?.rows(sql).await
    }

    /// The write Service's address.
    pub(crate) fn write_service(&self) -> Result<String> {
        self.service("write")
    }

    /// The address of a Service: `write` or `read`.
    pub(crate) fn service(&self, tail: &str) -> Result<String> {
        if self.login.forwards() {
            return Ok(format!("service/{}", full(tail)));
        }
        let service: Service = self.store().read(self.namespace(), &full(tail))?;
        service
            .spec
            .and_then(|spec| spec.cluster_ip)
            .with_context(|| format!("the {tail} Service has no address"))
    }

    /// The tails of the names of all pods that accept writes.
    pub(crate) async fn writable(&self) -> Result<Vec<String>> {
        let names: Vec<String> = self.pods()?.iter().map(tail_of).collect();
        let asked = join_all(names.iter().map(async |tail| {
            let answer = match self.open(tail).await {
                Ok(database) => database.one("SELECT pg_is_in_recovery()").await,
                Err(error) => Err(error),
            };
            answer.is_ok_and(|it| it == "f")
        }))
        .await;
        let pairs = names.into_iter().zip(asked);
        Ok(pairs
            .filter(|(_, writable)| *writable)
            .map(|(name, _)| name)
            .collect())
    }

    /// The one pod that accepts writes.
    pub(crate) async fn primary(&self) -> Result<String> {
        match self.writable().await?.as_slice() {
            [one] => Ok(one.clone()),
            [] => bail!("no pod accepts writes"),
            several => bail!("several pods accept writes: {}", several.join(", ")),
        }
    }

    /// How many pods the StatefulSets ask for.
    pub(crate) fn wanted_pods(&self) -> Result<usize> {
        let everything = Selector::everything();
        let sets = self
            .store()
            .read_all::<StatefulSet>(Some(self.namespace()), &everything)?;
        let wanted = |set: &StatefulSet| set.spec.as_ref().and_then(|spec| spec.replicas);
        let sum: i32 = sets.items.iter().filter_map(wanted).sum();
        Ok(usize::try_from(sum)?)
    }

    pub(crate) fn scale(&self, set: &str, replicas: i32) -> Result<()> {
        self.store()
            .modify::<StatefulSet>(self.namespace(), &full(set), |set| {
                if let Some(spec) = &mut set.spec {
                    spec.replicas = Some(replicas);
                }
            })?;
        Ok(())
    }

    /// Kills PostgreSQL, and with it its container: a crash.
    pub(crate) async fn kill(&self, tail: &str) -> Result<()> {
        let pod = full(tail);
        match &self.backend {
            Backend::Sandbox(sandbox) => {
                let scope = Scope { namespace: None };
                let kill = FaultKind::Kill { pod, scope };
                sandbox.faults().apply(&kill).await.map(drop)
            }
            Backend::Given(given) => crash(given.client(), self.namespace(), &pod).await,
        }
    }
}

/// Kills PostgreSQL in a pod; the container ends with it.
async fn crash(client: &Client, namespace: &str, pod: &str) -> Result<()> {
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let kill = "kill -9 \"$(cat /var/run/postgresql/pgctl-postmaster)\"";
    let parameters = AttachParams::default().container("postgres").stdin(false);
    let process = pods.exec(pod, ["sh", "-c", kill], &parameters).await?;
    // The container's end takes this process along, and with it the word of its own end.
    process.join().await.ok();
    Ok(())
}

/// `replica-0` of `sandbox-postgres-replica-0`.
pub(crate) fn tail_of(pod: &Pod) -> String {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    name.strip_prefix(prefix()).unwrap_or(name).to_owned()
}

/// Where a pod's server is: its IP on the sandbox, its name elsewhere.
pub(crate) fn address_of(pod: &Pod, login: &Login) -> Option<String> {
    let ip = pod.status.as_ref()?.pod_ip.clone()?;
    if login.forwards() {
        return pod.metadata.name.as_ref().map(|name| format!("pod/{name}"));
    }
    Some(ip)
}

/// Waits for a condition; its last "no" is the error.
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    within(PATIENCE, what, look).await
}

/// As [`eventually`], with a limit of its own.
pub(crate) async fn within<T>(
    limit: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let end = tokio::time::Instant::now() + limit;
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(error) if tokio::time::Instant::now() >= end => {
                return Err(error.context(format!("waited {} s in vain: {what}", limit.as_secs())));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
