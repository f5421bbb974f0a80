//! Clients of poolers wait while the primary moves, and see no error; and nobody waits for a pgctl that is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::task::JoinSet;

use super::test_cluster::{
    Application, SandboxCluster, eventually, full, on_sandbox_with_poolers, poolers,
};

/// Applications at the same time, each with a session of its own.
const APPLICATIONS: u64 = 8;

/// Applications that write one row after the other through the pooler, and connect again when they have to.
struct Writers {
    going: Arc<AtomicBool>,
    written: Vec<Arc<AtomicU64>>,
    tasks: JoinSet<Vec<String>>,
}

impl Writers {
    async fn start(cluster: &SandboxCluster) -> Result<Self> {
        let going = Arc::new(AtomicBool::new(true));
        let mut tasks = JoinSet::new();
        let mut written = Vec::new();
        for number in 0..APPLICATIONS {
            let mut session = Application::of_shop(cluster, "pooler").await?;
            let way = Application::way_of_shop(cluster, "pooler")?;
            let count = Arc::new(AtomicU64::new(0));
            written.push(Arc::clone(&count));
            let going = Arc::clone(&going);
            tasks.spawn(async move {
                let mut errors = Vec::new();
                while going.load(Ordering::Relaxed) {
                    if session.is_closed() {
                        match way.connect().await {
                            Ok(again) => session = again,
                            Err(error) => errors.push(format!("connecting: {error:#}")),
                        }
                        continue;
                    }
                    let sql = format!("insert into app.t values ({number})");
                    match session.one(&sql).await {
                        Ok(_) => drop(count.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => errors.push(format!("{error:#}")),
                    }
                }
                errors
            });
        }
        Ok(Self {
            going,
            written,
            tasks,
        })
    }

    /// Every one of them writes, now.
    async fn all_write(&self) -> Result<()> {
        let read = |it: &Arc<AtomicU64>| it.load(Ordering::Relaxed);
        let before: Vec<u64> = self.written.iter().map(read).collect();
        eventually("every application writes", async || {
            let now: Vec<u64> = self.written.iter().map(read).collect();
            let more = now.iter().zip(&before).all(|(now, before)| now > before);
            ensure!(more, "{before:?}, {now:?}");
            Ok(())
        })
        .await
    }

    /// Ends them: how many rows were acknowledged, and every error that they have seen.
    async fn end(mut self) -> Result<(u64, Vec<String>)> {
        self.going.store(false, Ordering::Relaxed);
        let mut errors = Vec::new();
        while let Some(seen) = self.tasks.join_next().await {
            errors.extend(seen?);
        }
        let written = self.written.iter();
        Ok((written.map(|it| it.load(Ordering::Relaxed)).sum(), errors))
    }
}

async fn set_up(cluster: &SandboxCluster) -> Result<()> {
    let line = ["pooler", "setup", "--yes"];
    cluster.pgctl(&line).await?.exits(0)?;
    let line = ["users", "create", "app", "--database", "shop", "--yes"];
    cluster.pgctl(&line).await?.exits(0)?;
    eventually("an application gets in", async || {
        let one = Application::of_shop(cluster, "pooler").await?;
        one.one("create table if not exists app.t (n int)").await
    })
    .await
    .map(drop)
}

async fn rows(cluster: &SandboxCluster) -> Result<u64> {
    let one = Application::of_shop(cluster, "pooler").await?;
    Ok(one.one("select count(*) from app.t").await?.parse()?)
}

#[test]
fn a_switchover_shows_clients_of_a_pooler_no_error() -> Result<()> {
    on_sandbox_with_poolers(2, async |cluster| {
        set_up(cluster).await?;
        let pods = poolers(cluster, "pooler")?;
        let writers = Writers::start(cluster).await?;
        for to in ["replica-0", "replica-1", "primary-0"] {
            writers.all_write().await?;
            let line = [
                "failover", "--to", to, "--rejoin", "--hold", "require", "--yes",
            ];
            let run = cluster.pgctl(&line).await?.exits(0)?;
            run.says("clients held")?.says("by 2 poolers")?;
            writers.all_write().await?;
        }
        let (written, errors) = writers.end().await?;
        ensure!(errors.is_empty(), "{errors:#?}");
        // Each row once: what was not acknowledged was not written either.
        ensure!(rows(cluster).await? == written, "{written} were written");
        ensure!(poolers(cluster, "pooler")? == pods, "restarted");
        Ok(())
    })
}

#[test]
fn a_rollout_shows_clients_of_a_pooler_no_error() -> Result<()> {
    on_sandbox_with_poolers(2, async |cluster| {
        set_up(cluster).await?;
        let writers = Writers::start(cluster).await?;
        writers.all_write().await?;
        let line = ["rollout", "--restart", "--hold", "require", "--yes"];
        let run = cluster.pgctl(&line).await?.exits(0)?;
        run.says("wait, once their transactions have ended")?;
        writers.all_write().await?;
        let (written, errors) = writers.end().await?;
        ensure!(errors.is_empty(), "{errors:#?}");
        ensure!(rows(cluster).await? == written, "{written} were written");
        Ok(())
    })
}

/// The tail of a pod's name, by which it is typed.
fn tail(pod: &str) -> &str {
    pod.strip_prefix(&full("")).unwrap_or(pod)
}

/// Whether a pooler lets its clients wait, as `pgctl pooler` says.
async fn is_paused(cluster: &SandboxCluster, pod: &str) -> Result<bool> {
    let run = cluster.pgctl(&["pooler", "-o", "json"]).await?;
    let seen = run.json()?;
    let mut all = seen["poolers"].as_array().into_iter().flatten();
    let found = all.find(|it| it["pod"] == pod);
    let paused = found.and_then(|it| it["paused"].as_bool());
    paused.with_context(|| format!("{pod}: {seen}"))
}

/// Who has paused a pooler ends that, and nobody else: whatever moves the primary, and however it ends.
#[test]
fn a_pause_by_hand_stays_one_through_switchovers_and_rollouts() -> Result<()> {
    on_sandbox_with_poolers(2, async |cluster| {
        set_up(cluster).await?;
        let pods = poolers(cluster, "pooler")?;
        let (paused, other) = (pods[0].0.as_str(), pods[1].0.as_str());
        let line = ["pooler", "pause", tail(paused), "--yes"];
        cluster.pgctl(&line).await?.exits(0)?;
        let words = format!("{paused} is paused by hand (by pgctl at ");
        let left_alone = async || {
            ensure!(is_paused(cluster, paused).await?, "it was resumed");
            ensure!(!is_paused(cluster, other).await?, "{other} is paused");
            Ok(())
        };
        for to in ["replica-0", "primary-0"] {
            let line = ["failover", "--to", to, "--rejoin", "--hold", "require"];
            let dry = cluster.pgctl(&[&line[..], &["--dry-run"]].concat()).await?;
            dry.exits(0)?
                .says(&words)?
                .says("its clients wait until `pgctl pooler resume`")?
                .says(&format!("{paused} stays paused by hand"))?;
            let run = cluster.pgctl(&[&line[..], &["--yes"]].concat()).await?;
            run.exits(0)?.says(&words)?.says("by 1 pooler")?;
            left_alone().await?;
        }
        let line = ["rollout", "--restart", "--hold", "require", "--yes"];
        cluster.pgctl(&line).await?.exits(0)?.says(&words)?;
        left_alone().await?;
        let line = ["pooler", "resume", "--yes"];
        cluster.pgctl(&line).await?.exits(0)?;
        ensure!(!is_paused(cluster, paused).await?, "it is resumed");
        let writers = Writers::start(cluster).await?;
        writers.all_write().await?;
        let (_, errors) = writers.end().await?;
        ensure!(errors.is_empty(), "{errors:#?}");
        Ok(())
    })
}

/// The poolers for writes in which the database `shop` alone is paused, as `pgctl pooler` says.
async fn with_shop_paused(cluster: &SandboxCluster) -> Result<Vec<String>> {
    let seen = cluster.pgctl(&["pooler", "-o", "json"]).await?.json()?;
    let poolers = seen["poolers"].as_array().into_iter().flatten();
    let paused = poolers.filter(|it| it["pausedDatabases"][0] == "shop");
    let names = paused.filter_map(|it| it["pod"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// Clients of every pooler for writes, so that each has the database `shop` on its list.
async fn clients_everywhere(cluster: &SandboxCluster) -> Result<Vec<Application>> {
    let mut clients = Vec::new();
    for _ in 0..64 {
        clients.push(Application::of_shop(cluster, "pooler").await?);
        let seen = cluster.pgctl(&["pooler", "-o", "json"]).await?.json()?;
        let poolers = seen["poolers"].as_array().into_iter().flatten();
        let mut writes = poolers.filter(|it| it["purpose"] == "writes");
        let has_some = |it: &serde_json::Value| {
            let mut pools = it["pools"].as_array().into_iter().flatten();
            pools.any(|it| it["database"] == "shop" && it["clients"].as_u64() > Some(0))
        };
        if writes.all(has_some) {
            return Ok(clients);
        }
    }
    bail!("a pooler gets no client")
}

/// What somebody has paused of a pooler alone stays so, too, and so does a pooler for reads; and both are told.
#[test]
fn a_pause_of_one_database_stays_one_and_a_pooler_for_reads_is_told_of() -> Result<()> {
    on_sandbox_with_poolers(1, async |cluster| {
        set_up(cluster).await?;
        let clients = clients_everywhere(cluster).await?;
        let secret = cluster.secret(&full("pooler-secret"))?;
        let login = ("pgctl_pooler_admin", secret["admin-password"].as_str());
        let console = Application::connect(cluster, "pooler", login, "pgbouncer").await?;
        console.one("PAUSE shop").await?;
        let paused = with_shop_paused(cluster).await?;
        let [paused] = &paused[..] else {
            bail!("one of them: {paused:?}");
        };
        let read = poolers(cluster, "pooler-read")?;
        let read = read.first().context("a pooler for reads")?.0.clone();
        let line = ["pooler", "pause", tail(&read), "--yes"];
        cluster.pgctl(&line).await?.exits(0)?;
        let run = cluster.pgctl(&["pooler"]).await?.exits(4)?;
        run.says("the database shop PAUSED alone")?;

        let line = ["failover", "--to", "replica-0", "--rejoin", "--hold"];
        let line = [&line[..], &["require"]].concat();
        let database = format!("the database shop of {paused}");
        let dry = cluster.pgctl(&[&line[..], &["--dry-run"]].concat()).await?;
        dry.exits(0)?
            .says(&format!("paused by hand, and left so: {database}"))?
            .says(&format!("{database} stays paused by hand"))?
            .says(&format!("{read} (for reads) is paused by hand"))?;
        let run = cluster.pgctl(&[&line[..], &["--yes"]].concat()).await?;
        let run = run.exits(0)?.says("by 2 poolers")?;
        let words = format!("left so: {database}");
        let all = [run.stdout.as_str(), run.stderr.as_str()].concat();
        ensure!(
            all.matches(&words).count() > 1,
            "in the plan and at the end: {all}"
        );
        let now = with_shop_paused(cluster).await?;
        ensure!(now == std::slice::from_ref(paused), "{now:?}");
        ensure!(is_paused(cluster, &read).await?, "{read} was resumed");

        // Nothing but its own end ends it.
        let run = cluster.pgctl(&["pooler", "resume", "--yes"]).await?;
        run.exits(0)?.says(&words)?;
        let run = cluster.pgctl(&["pooler", "resume", "--yes"]).await?;
        run.exits(0)?
            .says("there is nothing to do now")?
            .says(&words)?;
        console.one("RESUME shop").await?;
        for client in &clients {
            assert_eq!(client.one("select 7").await?, "7");
        }
        cluster.pgctl(&["pooler"]).await?.exits(0).map(drop)
    })
}

/// Whoever resumes them before the primary is stopped has clients that wait as ever.
#[cfg(feature = "failpoints")]
#[test]
fn poolers_that_were_all_paused_by_hand_are_held_once_they_are_resumed() -> Result<()> {
    on_sandbox_with_poolers(1, async |cluster| {
        set_up(cluster).await?;
        let line = ["pooler", "pause", "--yes"];
        cluster.pgctl(&line).await?.exits(0)?;
        let line = ["failover", "--to", "replica-0", "--rejoin", "--hold"];
        let line = [&line[..], &["require", "--yes"]].concat();
        let resumed = async || {
            let line = ["pooler", "resume", "--yes"];
            cluster.pgctl(&line).await?.exits(0)?;
            let writers = Writers::start(cluster).await?;
            writers.all_write().await?;
            Ok(writers)
        };
        let meanwhile = cluster.pgctl_meanwhile(&line, "checkpoint.before", resumed);
        let (run, writers) = meanwhile.await?;
        run.exits(0)?
            .says("the clients of whoever is resumed by then wait")?
            .says("clients held")?
            .says("by 2 poolers")?;
        writers.all_write().await?;
        let (_, errors) = writers.end().await?;
        ensure!(errors.is_empty(), "{errors:#?}");
        Ok(())
    })
}

/// One that is resumed after the others are held goes its own way, and nobody says that all is well.
#[cfg(feature = "failpoints")]
#[test]
fn a_pooler_that_is_resumed_while_the_primary_moves_is_told_of() -> Result<()> {
    on_sandbox_with_poolers(1, async |cluster| {
        set_up(cluster).await?;
        let pods = poolers(cluster, "pooler")?;
        let paused = pods[0].0.as_str();
        let line = ["pooler", "pause", tail(paused), "--yes"];
        cluster.pgctl(&line).await?.exits(0)?;
        let line = ["failover", "--to", "replica-0", "--rejoin", "--yes"];
        let resumed = async || {
            let line = ["pooler", "resume", tail(paused), "--yes"];
            cluster.pgctl(&line).await?.exits(0).map(drop)
        };
        let meanwhile = cluster.pgctl_meanwhile(&line, "promote.before", resumed);
        let (run, ()) = meanwhile.await?;
        let words = format!("resumed by hand while the primary moved: {paused}");
        run.exits(0)?.says(&words).map(drop)
    })
}

/// What came too late for the plan is left alone as well, and hides nobody who was held.
#[cfg(feature = "failpoints")]
#[test]
fn a_pause_that_comes_after_the_plan_is_told_of_beside_those_that_were_held() -> Result<()> {
    on_sandbox_with_poolers(1, async |cluster| {
        set_up(cluster).await?;
        let line = ["failover", "--to", "replica-0", "--rejoin", "--yes"];
        let late = async || {
            // At the console of one of them: pgctl refuses it while an operation is unfinished.
            let secret = cluster.secret(&full("pooler-secret"))?;
            let login = ("pgctl_pooler_admin", secret["admin-password"].as_str());
            let console = Application::connect(cluster, "pooler", login, "pgbouncer").await?;
            console.one("PAUSE").await.map(drop)
        };
        let meanwhile = cluster.pgctl_meanwhile(&line, "hold-clients.before", late);
        let (run, ()) = meanwhile.await?;
        let mut paused = Vec::new();
        for (pod, _) in poolers(cluster, "pooler")? {
            if is_paused(cluster, &pod).await? {
                paused.push(pod);
            }
        }
        ensure!(paused.len() == 1, "{paused:?}");
        run.exits(0)?
            .says(&format!("paused by hand, and left so: {}", paused[0]))?
            .says("clients held")?
            .says("by 1 pooler")
            .map(drop)
    })
}

/// The dead man's switch ends a hold, and no pause that was there before it; nor do those who end the operation.
#[cfg(feature = "failpoints")]
#[test]
fn a_pause_by_hand_outlives_a_pgctl_that_is_gone() -> Result<()> {
    on_sandbox_with_poolers(1, async |cluster| {
        set_up(cluster).await?;
        let pods = poolers(cluster, "pooler")?;
        let (paused, other) = (pods[0].0.as_str(), pods[1].0.as_str());
        let line = ["pooler", "pause", tail(paused), "--yes"];
        cluster.pgctl(&line).await?.exits(0)?;
        let line = ["failover", "--to", "replica-0", "--rejoin", "--yes"];
        let only_the_hold_is_over = async || {
            eventually("the hold is over", async || {
                ensure!(!is_paused(cluster, other).await?, "{other} is held");
                Ok(())
            })
            .await?;
            ensure!(is_paused(cluster, paused).await?, "it was resumed");
            Ok(())
        };
        for ends in ["--abort", "--resume"] {
            let dies = [("FAILPOINTS", "stop-primary.before=return(kill)")];
            cluster.pgctl_with(&line, &dies).await?.was_killed()?;
            only_the_hold_is_over().await?;
            let exit = if ends == "--abort" { 6 } else { 0 };
            cluster.pgctl(&["failover", ends]).await?.exits(exit)?;
            only_the_hold_is_over().await?;
        }
        ensure!(cluster.primary().await? == "replica-0", "it has not moved");
        Ok(())
    })
}

#[test]
fn a_transaction_that_goes_on_is_waited_for_until_the_limit_and_nobody_is_held_then() -> Result<()>
{
    on_sandbox_with_poolers(1, async |cluster| {
        set_up(cluster).await?;
        let writers = Writers::start(cluster).await?;
        let long = Application::of_shop(cluster, "pooler").await?;
        long.one("begin").await?;
        long.one("insert into app.t values (-1)").await?;
        let line = [
            "failover",
            "--to",
            "replica-0",
            "--yes",
            "--hold-limit",
            "1s",
            "--hold",
        ];
        let required = [&line[..], &["require"]].concat();
        let run = cluster.pgctl(&required).await?.exits(6)?;
        run.says("can't be held: transactions there have not ended")?;
        writers.all_write().await?;
        long.one("commit").await?;
        ensure!(cluster.primary().await? == "primary-0", "it has moved");
        let (_, errors) = writers.end().await?;
        ensure!(errors.is_empty(), "{errors:#?}");
        // Where it is not required it is told, and the switchover goes on.
        long.one("begin").await?;
        long.one("insert into app.t values (-1)").await?;
        let run = cluster
            .pgctl(&[&line[..], &["try"]].concat())
            .await?
            .exits(0)?;
        run.says("transactions there have not ended")?;
        ensure!(cluster.primary().await? == "replica-0", "it has not moved");
        eventually("an application writes", async || rows(cluster).await).await?;
        Ok(())
    })
}

/// Between the moment from which on the Service leads to the candidate and the hold, PgBouncer makes servers, too; and what
/// fails then it answers with errors.
#[cfg(feature = "failpoints")]
#[test]
fn clients_that_need_a_new_server_while_the_primary_moves_get_one() -> Result<()> {
    on_sandbox_with_poolers(1, async |cluster| {
        set_up(cluster).await?;
        let line = ["users", "create", "late", "--database", "later", "--yes"];
        cluster.pgctl(&line).await?.exits(0)?;
        let secret = cluster.secret(&format!("{}-user-late", cluster.name()?))?;
        let login = ("late", secret["password"].as_str());
        let line = [
            "failover",
            "--to",
            "replica-0",
            "--hold",
            "require",
            "--yes",
        ];
        let clients = async || {
            for _ in 0..10 {
                // No pool has a server for it.
                let late = Application::connect(cluster, "pooler", login, "later").await?;
                let answer = late.one("select pg_is_in_recovery()").await?;
                ensure!(answer == "f", "{answer}");
            }
            Ok(())
        };
        let meanwhile = cluster.pgctl_meanwhile(&line, "hold-clients.before", clients);
        let (run, ()) = meanwhile.await?;
        run.exits(0)?.says("clients held").map(drop)
    })
}

#[test]
fn a_pooler_that_hangs_holds_up_no_switchover() -> Result<()> {
    on_sandbox_with_poolers(1, async |cluster| {
        set_up(cluster).await?;
        let pods = poolers(cluster, "pooler")?;
        let tail = pods[0].0.trim_start_matches(&full("")).to_owned();
        cluster.freeze(&tail).await?;
        let line = ["failover", "--to", "replica-0", "--yes", "--hold"];
        let run = cluster
            .pgctl(&[&line[..], &["require"]].concat())
            .await?
            .exits(6)?;
        run.says(&pods[0].0)?;
        let run = cluster
            .pgctl(&[&line[..], &["try"]].concat())
            .await?
            .exits(0)?;
        run.says(&pods[0].0)?;
        ensure!(cluster.primary().await? == "replica-0", "it has not moved");
        cluster.mend().await?;
        // The other one never waited for it, and this one has missed it all.
        let writers = Writers::start(cluster).await?;
        writers.all_write().await?;
        writers.end().await.map(drop)
    })
}

/// Whatever step it dies in, the poolers go on by themselves, and the operation can be ended.
#[cfg(feature = "failpoints")]
#[test]
fn nobody_waits_for_a_pgctl_that_is_gone() -> Result<()> {
    on_sandbox_with_poolers(1, async |cluster| {
        set_up(cluster).await?;
        let writers = Writers::start(cluster).await?;
        let line = [
            "failover",
            "--to",
            "replica-0",
            "--rejoin",
            "--hold",
            "require",
            "--yes",
        ];
        let dies = |point: &'static str| async move {
            let point = format!("{point}=return(kill)");
            let point = [("FAILPOINTS", point.as_str())];
            cluster
                .pgctl_with(&line, &point)
                .await?
                .was_killed()
                .map(drop)
        };
        for point in [
            "hold-clients.middle",
            "hold-clients.after",
            "stop-primary.before",
        ] {
            dies(point).await?;
            writers.all_write().await?;
            cluster.pgctl(&["failover", "--abort"]).await?.exits(6)?;
            writers.all_write().await?;
        }
        // Whoever goes on with it holds them once more.
        dies("stop-primary.before").await?;
        let resumed = cluster.pgctl(&["failover", "--resume"]).await?;
        resumed.exits(0)?.says("clients held")?;
        let back = ["failover", "--to", "primary-0", "--rejoin", "--yes"];
        cluster.pgctl(&back).await?.exits(0)?.says("clients held")?;
        writers.all_write().await?;
        // Nothing was taken from them.
        let (_, errors) = writers.end().await?;
        ensure!(errors.is_empty(), "{errors:#?}");
        let writers = Writers::start(cluster).await?;
        let mut to = ["replica-0", "primary-0"].into_iter().cycle();
        for point in ["promote.before", "release-clients.before"] {
            let point = format!("{point}=return(kill)");
            let to = to.next().unwrap_or_default();
            let line = ["failover", "--to", to, "--rejoin", "--yes"];
            let point = [("FAILPOINTS", point.as_str())];
            cluster.pgctl_with(&line, &point).await?.was_killed()?;
            let resumed = cluster.pgctl(&["failover", "--resume"]).await?;
            resumed.exits(0)?;
            writers.all_write().await?;
            ensure!(cluster.primary().await? == to, "{to} is not the primary");
        }
        writers.end().await.map(drop)
    })
}
