//! Who connects through the Services while pods go: the primary moves, or all are restarted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use pgctl_sandbox::store::Selector;
use tokio::task::JoinHandle;

use super::test_cluster::{
    Database, Oracle, TestCluster, eventually, full, on_cluster, on_sandbox, within,
};

/// Between two new connections.
const PERIOD: Duration = Duration::from_millis(40);
/// TCP gives up on an address that does not answer after two minutes; a busy machine answers long before this.
const HANGS: Duration = Duration::from_secs(60);

type Open = Mutex<BTreeMap<u64, Instant>>;

/// Connects anew through a Service, again and again, and never gives up on a connection.
struct Visitors {
    open: Arc<Open>,
    came: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Visitors {
    fn start(cluster: &TestCluster, service: &str) -> Result<Self> {
        let (service, login) = (cluster.service(service)?, cluster.login.clone());
        let (open, came) = (Arc::<Open>::default(), Arc::<AtomicU64>::default());
        let (waiting, count) = (Arc::clone(&open), Arc::clone(&came));
        let task = tokio::spawn(async move {
            loop {
                let number = count.fetch_add(1, Ordering::Relaxed);
                lock(&waiting).insert(number, Instant::now());
                let (service, login) = (service.clone(), login.clone());
                let waiting = Arc::clone(&waiting);
                tokio::spawn(async move {
                    drop(Database::arrive(&service, &login).await);
                    lock(&waiting).remove(&number);
                });
                tokio::time::sleep(PERIOD).await;
            }
        });
        Ok(Self { open, came, task })
    }

    /// Everybody who has come by now gets an answer: a session, or a refusal.
    async fn all_answered(&self) -> Result<()> {
        let now = Instant::now();
        within(HANGS, "every connection is answered", async || {
            let open = lock(&self.open);
            let late: Vec<Duration> = open
                .values()
                .filter(|since| **since < now)
                .map(Instant::elapsed)
                .collect();
            ensure!(late.is_empty(), "{} connections hang: {late:?}", late.len());
            Ok(())
        })
        .await
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(open: &Open) -> MutexGuard<'_, BTreeMap<u64, Instant>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A cluster in which some Service changes all the time, so that every proxy is always a second behind.
async fn unrest(cluster: &TestCluster) -> Result<()> {
    let name = "always-changing";
    let service = |pod: &str| -> Result<Service> {
        Ok(serde_json::from_value(serde_json::json!({
            "metadata": {"name": name, "namespace": cluster.namespace()},
            "spec": {
                "selector": {"statefulset.kubernetes.io/pod-name": full(pod)},
                "ports": [{"port": 5432}]
            }
        }))?)
    };
    cluster.store().add(&service("replica-0")?)?;
    for pod in ["replica-1", "replica-0"].into_iter().cycle() {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let selector = service(pod)?.spec.and_then(|spec| spec.selector);
        cluster
            .store()
            .modify::<Service>(cluster.namespace(), name, |service| {
                if let Some(spec) = &mut service.spec {
                    spec.selector.clone_from(&selector);
                }
            })?;
    }
    Ok(())
}

#[test]
fn nobody_who_connects_during_a_switchover_hangs() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let visitors = Visitors::start(cluster, "write")?;
        let switching = async {
            // Out of the primary's StatefulSet, within the other, and back: each stops its pod in another way.
            for to in ["replica-0", "replica-1", "primary-0"] {
                let arguments = ["failover", "--to", to, "--rejoin", "--yes"];
                let run = cluster.pgctl(&arguments).await?.exits(0)?;
                visitors.all_answered().await?;
                let failed = run.says("linger-on-stop")?.says("linger-on-stop failed");
                ensure!(failed.is_err(), "the old primary has not promised to stay");
                let primary = oracle.content(cluster).await?;
                ensure!(primary == to, "{primary} is primary, and not {to}");
            }
            anyhow::Ok(())
        };
        tokio::select! {
            done = switching => done?,
            failed = unrest(cluster) => failed?,
        }
        let came = visitors.came.load(Ordering::Relaxed);
        ensure!(came > 50, "only {came} have come");
        eprintln!(
            "{came} connections, longest silence {:?}",
            oracle.longest_silence()
        );
        Ok(())
    })
}

#[test]
fn nobody_who_connects_while_standbys_go_hangs() -> Result<()> {
    on_sandbox(3, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let writers = Visitors::start(cluster, "write")?;
        let readers = Visitors::start(cluster, "read")?;
        let rolling = async {
            // Each once; then the last for good.
            let fewer = ["scale", "2", "--permanent", "--yes"];
            for arguments in [&["rollout", "--restart", "--yes"], &fewer[..]] {
                cluster.pgctl(arguments).await?.exits(0)?;
                writers.all_answered().await?;
                readers.all_answered().await?;
            }
            oracle.content(cluster).await.map(drop)
        };
        tokio::select! {
            done = rolling => done?,
            failed = unrest(cluster) => failed?,
        }
        let came = readers.came.load(Ordering::Relaxed);
        ensure!(came > 50, "only {came} have come");
        Ok(())
    })
}

/// The pods that new readers are led to.
fn readers_of(cluster: &TestCluster) -> Result<Vec<String>> {
    let label = ("kubernetes.io/service-name".to_owned(), full("read"));
    let slices = cluster.store().read_all::<EndpointSlice>(
        Some(cluster.namespace()),
        &Selector::labels(&[label].into()),
    )?;
    let endpoints = slices.items.into_iter().flat_map(|slice| slice.endpoints);
    let ready = endpoints.filter(|it| {
        it.conditions
            .as_ref()
            .is_none_or(|c| c.ready != Some(false))
    });
    let mut pods: Vec<String> = ready.filter_map(|it| it.target_ref?.name).collect();
    pods.sort();
    Ok(pods)
}

async fn reads_go_to(cluster: &TestCluster, tails: &[&str]) -> Result<()> {
    let mut wanted: Vec<String> = tails.iter().map(|tail| full(tail)).collect();
    wanted.sort();
    eventually("the read Service leads there", async || {
        let found = readers_of(cluster)?;
        ensure!(
            found == wanted,
            "it leads to {found:?} and not to {wanted:?}"
        );
        Ok(())
    })
    .await
}

#[test]
fn no_standby_is_idle_away_from_home_also_after_restarts() -> Result<()> {
    on_cluster(2, async |cluster| {
        reads_go_to(cluster, &["replica-0", "replica-1"]).await?;
        cluster
            .pgctl(&["failover", "--to", "replica-0", "--rejoin", "--yes"])
            .await?
            .exits(0)?;
        let everybody = ["primary-0", "replica-0", "replica-1"];
        reads_go_to(cluster, &everybody).await?;
        for tail in ["primary-0", "replica-0"] {
            cluster.replace(tail).await?;
            reads_go_to(cluster, &everybody).await?;
            cluster.all_stream().await?;
        }
        cluster
            .pgctl(&["failover", "--to", "primary-0", "--rejoin", "--yes"])
            .await?
            .exits(0)?;
        reads_go_to(cluster, &["replica-0", "replica-1"]).await
    })
}
