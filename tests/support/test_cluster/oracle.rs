//! The oracle: it writes through the write Service and asks every pod 20 times a second whether it
//! accepts writes. It believes nothing that `pgctl` says.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use pgctl_sandbox::store::Selector;
use tokio::task::{JoinHandle, JoinSet};

use super::cluster::{TestCluster, address_of, eventually, tail_of};
use super::database::{Database, Login};
use super::objects::Objects;
use super::overlap::{Life, Sightings, Writable, overlaps};
use super::writers::Writers;

/// Between two questions to one pod.
const PERIOD: Duration = Duration::from_millis(50);
/// How many writers there are.
const WRITERS: usize = 2;

/// Watches a cluster from its start on, until it is dropped.
pub(crate) struct Oracle {
    begun: Instant,
    writers: Writers,
    seen: Arc<Mutex<Seen>>,
    watcher: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    questions: u64,
    sightings: Sightings,
}

impl Oracle {
    /// Begins to write and to ask.
    pub(crate) async fn start(cluster: &TestCluster) -> Result<Self> {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let writers =
            Writers::start(WRITERS, run, &cluster.write_service()?, &cluster.login).await?;
        let seen = Arc::<Mutex<Seen>>::default();
        let begun = Instant::now();
        let watcher = tokio::spawn(watch(
            cluster.store().clone(),
            cluster.namespace().to_owned(),
            cluster.login.clone(),
            begun,
            Arc::clone(&seen),
        ));
        let oracle = Self {
            begun,
            writers,
            seen,
            watcher,
        };
        oracle.writes_flow().await?;
        Ok(oracle)
    }

    /// Each writer gets a commit acknowledged that it began after this was called.
    pub(crate) async fn writes_flow(&self) -> Result<()> {
        let now = Instant::now();
        eventually("writes through the write Service", async || {
            let ledgers = self.writers.ledgers();
            let flows = ledgers.iter().all(|ledger| {
                let after = ledger.acknowledged.iter().rev().take_while(|it| it.1 > now);
                // The first may have begun before.
                after.take(2).count() == 2
            });
            ensure!(flows, "a writer gets nothing acknowledged");
            Ok(())
        })
        .await
    }

    /// The longest time without any acknowledged write by now.
    pub(crate) fn longest_silence(&self) -> Duration {
        let ledgers = self.writers.ledgers();
        let mut times: Vec<Instant> = ledgers
            .iter()
            .flat_map(|ledger| ledger.acknowledged.iter().map(|it| it.1))
            .collect();
        times.push(self.begun);
        times.sort();
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.max().unwrap_or_default()
    }

    /// What must hold after a planned operation: never two pods that accept writes, no acknowledged
    /// commit missing, writes through the Service, every wanted standby streaming and complete.
    /// Gives the primary.
    pub(crate) async fn content(&self, cluster: &TestCluster) -> Result<String> {
        let primary = self.content_but_for_losses(cluster).await?;
        let lost = self.lost(cluster, &primary).await?;
        ensure!(
            lost.is_empty(),
            "{} acknowledged commits are missing on {primary}, such as {:?}",
            lost.len(),
            &lost[..lost.len().min(5)]
        );
        Ok(primary)
    }

    /// The same after an emergency, in which the last commits may be lost.
    pub(crate) async fn content_but_for_losses(&self, cluster: &TestCluster) -> Result<String> {
        self.never_two()?;
        self.writes_flow().await?;
        let primary = cluster.all_stream().await?;
        self.never_two()?;
        Ok(primary)
    }

    /// No two pods accepted writes in the same instant.
    pub(crate) fn never_two(&self) -> Result<()> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(seen.questions > 0, "nobody was asked");
        let both = overlaps(&seen.sightings);
        if let Some((one, other)) = both.first() {
            bail!("SPLIT BRAIN: {one:?} and {other:?} accepted writes in the same instant");
        }
        Ok(())
    }

    /// The acknowledged commits (writer, number) that this pod does not have. A commit that was
    /// refused and is there all the same is an error.
    pub(crate) async fn lost(&self, cluster: &TestCluster, pod: &str) -> Result<Vec<(usize, u64)>> {
        // What is acknowledged by now must be there; what comes in between may.
        let ledgers = self.writers.ledgers();
        let database = cluster.open(pod).await?;
        let mut lost = Vec::new();
        for (writer, ledger) in ledgers.iter().enumerate() {
            let sql = format!(
                "SELECT n FROM public.oracle_commits WHERE run = {} AND writer = {writer}",
                self.writers.run()
            );
            let rows = database.rows(&sql).await?;
            let present: BTreeSet<u64> = rows
                .iter()
                .map(|row| row[0].parse().context("a number"))
                .collect::<Result<_>>()?;
            if let Some(number) = ledger.refused.iter().find(|n| present.contains(n)) {
                bail!("commit {number} of writer {writer} was refused, and is there");
            }
            let missing = ledger.acknowledged.iter().map(|it| it.0);
            lost.extend(
                missing
                    .filter(|n| !present.contains(n))
                    .map(|n| (writer, n)),
            );
        }
        Ok(lost)
    }

    /// Acknowledged commits so far, and those of unknown outcome.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let ledgers = self.writers.ledgers();
        let acknowledged = ledgers.iter().map(|it| it.acknowledged.len()).sum();
        (
            acknowledged,
            ledgers.iter().map(|it| it.unknown.len()).sum(),
        )
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

/// Asks every address at which a pod was ever seen: an old one may go on running on a lost node.
async fn watch(
    store: Objects,
    namespace: String,
    login: Login,
    begun: Instant,
    seen: Arc<Mutex<Seen>>,
) {
    let mut known = BTreeSet::new();
    let mut tasks = JoinSet::new();
    loop {
        let pods = store.read_all::<Pod>(Some(&namespace), &Selector::everything());
        for pod in pods.map(|list| list.items).unwrap_or_default() {
            // It was a part of the cluster once, and is to be writable: no client comes there.
            let labels = pod.metadata.labels.as_ref();
            if labels.is_some_and(|it| it.contains_key("pgctl.io/throw-away")) {
                continue;
            }
            let Some(address) = address_of(&pod, &login) else {
                continue;
            };
            if known.insert((tail_of(&pod), address.clone())) {
                let (login, seen) = (login.clone(), Arc::clone(&seen));
                tasks.spawn(ask(tail_of(&pod), address, login, begun, seen));
            }
        }
        tokio::time::sleep(PERIOD).await;
    }
}

async fn ask(pod: String, address: String, login: Login, begun: Instant, seen: Arc<Mutex<Seen>>) {
    const QUESTION: &str = "SELECT pg_is_in_recovery(), pg_postmaster_start_time()";
    let mut session = None;
    loop {
        if session.is_none() {
            session = Database::watch(&address, &login).await.ok();
        }
        if let Some(database) = &session {
            let asked = begun.elapsed();
            let rows = database.rows(QUESTION).await;
            let answered = begun.elapsed();
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.questions += 1;
            match rows.as_deref() {
                Ok([row]) if row[0] == "f" => {
                    let life = Life {
                        pod: pod.clone(),
                        address: address.clone(),
                        started: row[1].clone(),
                    };
                    let sighting = Writable { asked, answered };
                    seen.sightings.entry(life).or_default().push(sighting);
                }
                Ok(_) => {}
                Err(_) => session = None,
            }
        }
        tokio::time::sleep(PERIOD).await;
    }
}
