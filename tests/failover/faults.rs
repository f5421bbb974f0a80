//! Trouble in the cluster at each step, made from the plans themselves: `pgctl` waits at the
//! beginning of a step, something breaks, and it goes on. Whatever comes of it, it ends, and the
//! oracle is content.

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use pgctl_sandbox::api::{Effect, Fault};
use pgctl_sandbox::cli::FaultKind;
use pgctl_sandbox::store::DeleteOptions;

use super::broken_standbys::FORGET_PASSWORD;
use super::faults_during::WRITES;
use super::matrix::{is_chosen, steps};
use super::test_cluster::{
    Oracle, Run, SandboxCluster, TestCluster, eventually, full, on_sandbox, slot,
};

/// The standby that is neither the old nor the new primary.
const THIRD: &str = "replica-1";

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    CandidateKilled,
    StandbyKilled,
    /// It does not stop in time.
    PrimaryFrozen,
    ApiErrs(u16),
    /// The old primary's node is NotReady, and its pod stuck in Terminating.
    NodeLost,
    ReplayPaused,
    SlotMissing,
    WrongPassword,
    /// Somebody else wants to move the primary, too.
    TwoAtOnce,
}

const TROUBLES: [Trouble; 11] = [
    Trouble::PrimaryFrozen,
    Trouble::NodeLost,
    Trouble::ApiErrs(500),
    Trouble::ApiErrs(409),
    Trouble::ApiErrs(429),
    Trouble::SlotMissing,
    Trouble::WrongPassword,
    Trouble::TwoAtOnce,
    Trouble::ReplayPaused,
    Trouble::StandbyKilled,
    Trouble::CandidateKilled,
];

#[derive(Debug)]
struct Cell {
    step: String,
    trouble: Trouble,
}

impl TestCluster {
    fn node_of(&self, tail: &str) -> Result<String> {
        let pod: Pod = self.store().read(self.namespace(), &full(tail))?;
        pod.spec
            .and_then(|spec| spec.node_name)
            .context("it has no node")
    }
}

/// Breaks something. What is not there any more at this step can't break: that is no error.
async fn strike(cluster: &SandboxCluster, trouble: Trouble, from: &str, to: &str) -> Result<()> {
    let api = cluster.sandbox.faults().api().clone();
    match trouble {
        Trouble::CandidateKilled => cluster.kill(to).await?,
        Trouble::StandbyKilled => cluster.kill(THIRD).await?,
        Trouble::PrimaryFrozen => {
            cluster.freeze(from).await.ok();
        }
        Trouble::ApiErrs(status) => {
            for (verb, resource) in WRITES {
                let effect = Effect::Fail {
                    status,
                    message: None,
                };
                api.add(Fault::new(effect).verb(verb).resource(resource).times(2));
            }
        }
        Trouble::NodeLost => {
            if let Ok(node) = cluster.node_of(from)
                && node != cluster.node_of(to)?
            {
                cluster.fault(&FaultKind::NodeNotReady { node }).await?;
                let options = DeleteOptions::default();
                cluster
                    .store()
                    .remove::<Pod>(cluster.namespace(), &full(from), &options)?;
            }
        }
        Trouble::ReplayPaused => {
            cluster.sql(to, "SELECT pg_wal_replay_pause()").await.ok();
        }
        Trouble::SlotMissing => {
            let drop = format!("SELECT pg_drop_replication_slot('{}')", slot(THIRD));
            cluster.sql(to, &drop).await.ok();
        }
        Trouble::WrongPassword => {
            cluster.sql(THIRD, FORGET_PASSWORD).await?;
        }
        Trouble::TwoAtOnce => {
            let other = cluster.pgctl(&["failover", "--to", THIRD, "--yes"]).await?;
            other.exits(3)?.says("no other operation")?;
        }
    }
    Ok(())
}

/// What lasts until somebody ends it: a frozen process and a lost node, once that has cost the step.
async fn relieve(cluster: &SandboxCluster, trouble: Trouble) -> Result<()> {
    if matches!(trouble, Trouble::PrimaryFrozen | Trouble::NodeLost) {
        eventually("the step to fail, or the end", async || {
            let now = cluster.journal();
            let over = now.contains("\"event\":\"failed\"") || now.contains("\"event\":\"ended\"");
            ensure!(over, "it still tries: {now}");
            Ok(())
        })
        .await
        .ok();
        cluster.mend().await?;
    }
    Ok(())
}

/// Everything is as it should be again, but for what the operation has left.
async fn mend(cluster: &SandboxCluster, trouble: Trouble, to: &str) -> Result<()> {
    cluster.mend().await?;
    match trouble {
        Trouble::ReplayPaused => {
            // Not on one that was promoted.
            cluster.sql(to, "SELECT pg_wal_replay_resume()").await.ok();
        }
        // A container that is killed again and again is started later and later: a new pod is not.
        Trouble::WrongPassword | Trouble::StandbyKilled => cluster.replace(THIRD).await?,
        Trouble::CandidateKilled if !cluster.writable().await?.contains(&to.to_owned()) => {
            cluster.replace(to).await?;
        }
        _ => {}
    }
    Ok(())
}

/// Whatever is unfinished is finished.
async fn finish(cluster: &TestCluster, run: &Run) -> Result<()> {
    match run.status.code() {
        Some(0 | 6) => Ok(()),
        Some(5) => eventually("the end of it", async || {
            let resumed = cluster.pgctl(&["failover", "--resume"]).await?;
            match resumed.status.code() {
                Some(0 | 6) => Ok(()),
                Some(3) if resumed.stderr.contains("nothing to resume") => Ok(()),
                _ => bail!("{resumed}"),
            }
        })
        .await
        .with_context(|| run.to_string()),
        _ => bail!("an exit code that says nothing: {run}"),
    }
}

/// One cell. The cluster is healthy before and after.
async fn survive(
    cluster: &SandboxCluster,
    oracle: &Oracle,
    cell: &Cell,
    from: &str,
    to: &str,
) -> Result<Run> {
    let points = format!("{}.before=sleep(1000)", cell.step);
    let arguments = [
        "failover",
        "--to",
        to,
        "--rejoin",
        "--yes",
        "--stop-timeout",
        "4s",
        "--timeout",
        "3s",
    ];
    let before = cluster.journal();
    let striking = async {
        cluster.began(&before, &cell.step).await?;
        strike(cluster, cell.trouble, from, to).await?;
        relieve(cluster, cell.trouble).await
    };
    let environment = [("FAILPOINTS", points.as_str())];
    let (run, struck) = futures::join!(cluster.pgctl_with(&arguments, &environment), striking);
    let run = run?;
    struck.with_context(|| run.to_string())?;
    oracle.never_two()?;
    mend(cluster, cell.trouble, to).await?;
    finish(cluster, &run).await?;
    // Nothing of the old primary's was lost, in whatever way it went.
    let primary = oracle
        .content(cluster)
        .await
        .with_context(|| run.to_string())?;
    ensure!(
        primary == from || primary == to,
        "{primary} is primary: {run}"
    );
    if cell.trouble == Trouble::TwoAtOnce {
        ensure!(primary == to, "the first was not to be disturbed: {run}");
    }
    cluster
        .no_stale_slots()
        .await
        .with_context(|| run.to_string())?;
    Ok(run)
}

/// Every trouble at every step.
async fn cells(cluster: &SandboxCluster) -> Result<Vec<Cell>> {
    let steps = steps(cluster, "replica-0").await?;
    let at_each = |trouble: Trouble| {
        steps.iter().map(move |(step, _)| Cell {
            step: step.clone(),
            trouble,
        })
    };
    Ok(TROUBLES.into_iter().flat_map(at_each).collect())
}

async fn run(cluster: &SandboxCluster, cells: Vec<Cell>) -> Result<()> {
    let oracle = Oracle::start(cluster).await?;
    eprintln!("{} cells", cells.len());
    let mut failed = Vec::new();
    for cell in cells {
        let from = cluster.primary().await?;
        let to = if from == "primary-0" {
            "replica-0"
        } else {
            "primary-0"
        };
        // What is not ready is no candidate: the operation would not begin.
        cluster.all_ready().await?;
        let begun = std::time::Instant::now();
        let survived = survive(cluster, &oracle, &cell, &from, to).await;
        let took = begun.elapsed();
        match survived {
            Ok(run) => eprintln!("{took:>6.1?}  {cell:?} to {to}: {}", run.status),
            Err(error) => {
                eprintln!("{took:>6.1?}  FAILED {cell:?}, from {from} to {to}: {error:#}");
                failed.push(format!("{cell:?}, from {from} to {to}: {error:#}"));
                cluster.mend().await?;
                cluster.pgctl(&["failover", "--resume"]).await?;
                oracle.content(cluster).await?;
            }
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

/// Each trouble where it hurts most.
const EACH_TIME: [(Trouble, &str); 9] = [
    (Trouble::CandidateKilled, "catch-up"),
    (Trouble::StandbyKilled, "repoint"),
    (Trouble::PrimaryFrozen, "stop-primary"),
    (Trouble::ApiErrs(500), "promote"),
    (Trouble::ApiErrs(409), "point-service"),
    (Trouble::ApiErrs(429), "fence"),
    (Trouble::NodeLost, "stop-primary"),
    (Trouble::SlotMissing, "repoint"),
    (Trouble::TwoAtOnce, "checkpoint"),
];

#[test]
fn each_trouble_is_survived() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let mut cells = cells(cluster).await?;
        cells.retain(|cell| EACH_TIME.contains(&(cell.trouble, cell.step.as_str())));
        ensure!(cells.len() == EACH_TIME.len(), "{cells:?}");
        run(cluster, cells).await
    })
}

/// A quarter of all cells: the quarters run side by side, and each has a verdict of its own.
fn every_trouble(quarter: usize) -> Result<()> {
    on_sandbox(2, async |cluster| {
        let cells = cells(cluster).await?;
        let chosen = cells.into_iter().filter(|it| is_chosen(&it.step));
        run(cluster, chosen.skip(quarter - 1).step_by(4).collect()).await
    })
}

#[test]
#[ignore = "a quarter of an hour"]
fn every_trouble_at_every_step_is_survived_1_of_4() -> Result<()> {
    every_trouble(1)
}

#[test]
#[ignore = "a quarter of an hour"]
fn every_trouble_at_every_step_is_survived_2_of_4() -> Result<()> {
    every_trouble(2)
}

#[test]
#[ignore = "a quarter of an hour"]
fn every_trouble_at_every_step_is_survived_3_of_4() -> Result<()> {
    every_trouble(3)
}

#[test]
#[ignore = "a quarter of an hour"]
fn every_trouble_at_every_step_is_survived_4_of_4() -> Result<()> {
    every_trouble(4)
}
