//! The fault matrix, made from the plans themselves: at each step, before, in the middle and after
//! it, `pgctl` is killed or loses every connection; then `--resume` or `--abort` ends it. The
//! oracle watches all of it, on one cluster, whose primary each cell moves on.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context as _, Result, bail, ensure};

use super::test_cluster::{Oracle, TestCluster, eventually, on_cluster};

/// What happens to `pgctl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    /// Killed, with nothing flushed and no destructor run.
    Kill,
    /// Every connection is lost.
    Cut,
}

/// How the operation is ended after a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterDeath {
    Resume,
    Abort,
}

#[derive(Debug, Clone)]
struct Cell {
    step: String,
    moment: &'static str,
    blow: Blow,
    way: AfterDeath,
    /// The old primary has not been stopped yet.
    writable: bool,
}

/// The steps of a plan by name, and whether each can still be put back.
pub(crate) async fn steps(cluster: &TestCluster, to: &str) -> Result<Vec<(String, bool)>> {
    let arguments = [
        "failover",
        "--to",
        to,
        "--rejoin",
        "--dry-run",
        "-o",
        "json",
    ];
    let plan = cluster.pgctl(&arguments).await?.exits(0)?.json()?;
    let steps = plan["steps"].as_array().context("a plan has steps")?;
    let mut forward_only = false;
    let mut named = Vec::new();
    for step in steps {
        forward_only |= step["undo"]["undo"] == "point-of-no-return";
        let name = step["name"].as_str().context("a step has a name")?;
        named.push((name.to_owned(), !forward_only));
    }
    ensure!(forward_only, "a failover has a point of no return: {plan}");
    Ok(named)
}

/// Every cell of these steps.
fn cells(steps: &[(String, bool)]) -> Vec<Cell> {
    let mut cells = Vec::new();
    let stop = steps.iter().position(|(step, _)| step == "stop-primary");
    for (index, (step, undoable)) in steps.iter().enumerate() {
        for moment in ["before", "middle", "after"] {
            for (blow, way) in [
                (Blow::Kill, AfterDeath::Resume),
                (Blow::Kill, AfterDeath::Abort),
                (Blow::Cut, AfterDeath::Resume),
            ] {
                if way == AfterDeath::Resume || *undoable {
                    let step = step.clone();
                    let writable = blow == Blow::Kill
                        && stop.is_some_and(|stop| {
                            index < stop || (index == stop && moment == "before")
                        });
                    cells.push(Cell {
                        step,
                        moment,
                        blow,
                        way,
                        writable,
                    });
                }
            }
        }
    }
    cells
}

/// The part that runs each time, for the first or second row: every moment of the steps where two
/// primaries could come to be, and each other step at one moment in one of the rows.
fn choice(row: usize, cells: &[Cell]) -> Vec<Cell> {
    const CRITICAL: [&str; 3] = ["fence", "stop-primary", "promote"];
    let mut chosen = Vec::new();
    let steps = cells.chunk_by(|one, next| one.step == next.step);
    for (turn, cells) in steps.enumerate() {
        if CRITICAL.contains(&cells[0].step.as_str()) {
            let moments = cells.chunk_by(|one, next| one.moment == next.moment);
            let pick =
                |(index, cells): (usize, &[Cell])| cells[(index + row) % cells.len()].clone();
            chosen.extend(moments.enumerate().map(pick));
        } else if turn % 2 == row {
            chosen.push(cells[turn * 2 % cells.len()].clone());
        }
    }
    chosen
}

/// One cell. The cluster is healthy before and after.
async fn strike(
    cluster: &TestCluster,
    oracle: &Oracle,
    cell: &Cell,
    from: &str,
    to: &str,
) -> Result<()> {
    let blow = match cell.blow {
        Blow::Kill => "kill",
        Blow::Cut => "cut",
    };
    let points = format!("{}.{}=return({blow})", cell.step, cell.moment);
    let arguments = ["failover", "--to", to, "--rejoin", "--yes"];
    let run = cluster
        .pgctl_with(&arguments, &[("FAILPOINTS", &points)])
        .await?;
    oracle.never_two()?;
    if cell.writable {
        // Nobody was stopped: whoever dies here takes no writes away.
        oracle.writes_flow().await?;
    }
    let expected = match (cell.blow, cell.way) {
        (Blow::Kill, AfterDeath::Resume) => {
            run.was_killed()?;
            let another = cluster.pgctl(&arguments).await?;
            another.exits(3)?.says("nothing unfinished")?;
            cluster.pgctl(&["failover", "--resume"]).await?.exits(0)?;
            to
        }
        (Blow::Kill, AfterDeath::Abort) => {
            run.was_killed()?;
            cluster.pgctl(&["failover", "--abort"]).await?.exits(6)?;
            from
        }
        (Blow::Cut, _) => match run.status.code() {
            Some(0) => to,
            Some(6) => from,
            Some(5) => {
                cluster.pgctl(&["failover", "--resume"]).await?.exits(0)?;
                to
            }
            _ => anyhow::bail!("an exit code that says nothing: {run}"),
        },
    };
    let primary = oracle.content(cluster).await?;
    ensure!(
        primary == expected,
        "{primary} is primary, and not {expected}"
    );
    cluster.no_stale_slots().await
}

async fn run(cluster: &TestCluster, choose: impl Fn(usize, &[Cell]) -> Vec<Cell>) -> Result<()> {
    let oracle = Oracle::start(cluster).await?;
    let mut failed = Vec::new();
    // One row for each StatefulSet that the primary can leave: their plans differ.
    let mut waiting: BTreeMap<&str, VecDeque<Cell>> = BTreeMap::new();
    loop {
        let from = cluster.primary().await?;
        let to = if from == "primary-0" {
            "replica-0"
        } else {
            "primary-0"
        };
        if !waiting.contains_key(to) {
            let chosen = choose(waiting.len(), &cells(&steps(cluster, to).await?));
            eprintln!("{} cells towards {to}", chosen.len());
            waiting.insert(to, chosen.into());
        }
        let cell = waiting.get_mut(to).and_then(VecDeque::pop_front);
        if let Some(cell) = cell {
            let begun = std::time::Instant::now();
            let struck = strike(cluster, &oracle, &cell, &from, to).await;
            eprintln!("{:>6.1?}  {cell:?} to {to}", begun.elapsed());
            if let Err(error) = struck {
                let told = format!("{cell:?}, from {from} to {to}: {error:#}");
                eprintln!("FAILED {told}");
                failed.push(told);
                // The cells after it are to be seen, too.
                cluster.pgctl(&["failover", "--resume"]).await?;
                oracle.content(cluster).await?;
            }
        } else if waiting.len() == 2 && waiting.values().all(VecDeque::is_empty) {
            ensure!(failed.is_empty(), "{}", failed.join("\n"));
            return Ok(());
        } else {
            let moved = cluster
                .pgctl(&["failover", "--to", to, "--rejoin", "--yes"])
                .await?;
            moved.exits(0)?;
            oracle.content(cluster).await?;
        }
    }
}

#[test]
fn a_blow_at_every_step_is_survived() -> Result<()> {
    on_cluster(1, async |cluster| run(cluster, choice).await)
}

/// The step at which alone a matrix is run, for who has changed what is done there: `PGCTL_TEST_STEP`.
pub(crate) fn is_chosen(step: &str) -> bool {
    std::env::var("PGCTL_TEST_STEP").map_or(true, |only| only == step)
}

/// A quarter of all cells: the quarters run side by side, and each has a verdict of its own.
fn every_blow(quarter: usize) -> Result<()> {
    on_cluster(2, async |cluster| {
        run(cluster, |_, cells| {
            let chosen = cells.iter().filter(|it| is_chosen(&it.step));
            chosen.skip(quarter - 1).step_by(4).cloned().collect()
        })
        .await
    })
}

#[test]
#[ignore = "a quarter of an hour"]
fn every_blow_at_every_moment_is_survived_1_of_4() -> Result<()> {
    every_blow(1)
}

#[test]
#[ignore = "a quarter of an hour"]
fn every_blow_at_every_moment_is_survived_2_of_4() -> Result<()> {
    every_blow(2)
}

#[test]
#[ignore = "a quarter of an hour"]
fn every_blow_at_every_moment_is_survived_3_of_4() -> Result<()> {
    every_blow(3)
}

#[test]
#[ignore = "a quarter of an hour"]
fn every_blow_at_every_moment_is_survived_4_of_4() -> Result<()> {
    every_blow(4)
}

/// A resume right after pgctl has died, while the old primary is being stopped: it can't be asked any more, and its pod is
/// still there.
#[test]
fn a_kill_while_the_old_primary_stops_is_finished_by_a_resume_at_once() -> Result<()> {
    on_cluster(1, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        for to in ["replica-0", "primary-0"] {
            let arguments = ["failover", "--to", to, "--rejoin", "--yes"];
            let dies = [("FAILPOINTS", "stop-primary.middle=return(kill)")];
            let run = cluster.pgctl_with(&arguments, &dies).await?;
            run.was_killed()?;
            cluster.pgctl(&["failover", "--resume"]).await?.exits(0)?;
            let primary = oracle.content(cluster).await?;
            ensure!(primary == to, "{primary} is primary, and not {to}");
        }
        Ok(())
    })
}

/// The pod that was promoted is lost before the failover has ended: nothing can finish that one, so
/// another takes its place, and everybody follows.
#[test]
fn a_new_primary_that_is_lost_midway_is_replaced() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let moved = ["failover", "--to", "replica-0", "--rejoin", "--yes"];
        cluster.pgctl(&moved).await?.exits(0)?;
        oracle.content(cluster).await?;
        let back = ["failover", "--to", "primary-0", "--yes"];
        let point = [("FAILPOINTS", "promote.after=return(kill)")];
        cluster.pgctl_with(&back, &point).await?.was_killed()?;
        cluster.scale("primary", 0)?;
        cluster.kill("primary-0").await?;
        cluster.gone("primary-0").await?;
        let resumed = cluster.pgctl(&["failover", "--resume", "--timeout", "2s"]);
        resumed.await?.exits(5)?.says("lost for good")?;
        // The pod that was primary before stays for a moment.
        eventually("the failover takes its place", async || {
            let over = ["failover", "--to", "replica-1", "--yes"];
            let run = cluster.pgctl(&over).await?;
            if run.status.success() {
                return run.says("this failover replaces it").map(drop);
            }
            let run = run
                .exits(3)?
                .says("is being stopped, and has not ended yet")?;
            bail!("{run}")
        })
        .await?;
        let primary = oracle.content_but_for_losses(cluster).await?;
        ensure!(primary == "replica-1", "{primary} is primary");
        cluster.no_stale_slots().await?;
        let history = cluster.pgctl(&["history"]).await?;
        history.exits(0)?.says("replaced")?;
        // Both were promoted from the same timeline. When the lost one came to write that down, its data
        // and the cluster's are on timelines of one number: only a copy brings it back, which is said
        // without a long wait.
        let run = cluster.pgctl(&["rejoin", "primary-0", "--yes"]).await?;
        if !run.status.success() {
            run.exits(6)?.says("which is not newer")?.says("--clone")?;
            cluster
                .pgctl(&["rejoin", "primary-0", "--clone", "--yes"])
                .await?
                .exits(0)?;
        }
        oracle.content_but_for_losses(cluster).await?;
        cluster.no_stale_slots().await
    })
}
