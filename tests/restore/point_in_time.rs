//! Back to any moment: what was acknowledged until then is there, no more and no less.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::archiving::Archiving;
use super::test_cluster::{Database, Login, Run, SandboxCluster, TestCluster, on_sandbox};

/// Each commit of a writer, with when it was sent and when the answer came: its time lies between. The
/// servers of a sandbox have this machine's clock.
#[derive(Default)]
struct Book {
    sent: Vec<(i64, Timestamp)>,
    acknowledged: Vec<(i64, Timestamp)>,
}

/// Writes numbers through the write Service until it is dropped.
struct Ticking {
    book: Arc<Mutex<Book>>,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Ticking {
    async fn start(cluster: &TestCluster) -> Result<Self> {
        cluster.psql(
            "primary-0",
            "postgres",
            "create table ticks (n bigint primary key, filler text)",
        )?;
        let book = Arc::<Mutex<Book>>::default();
        let stop = Arc::<AtomicBool>::default();
        let (service, login) = (cluster.write_service()?, cluster.login.clone());
        let task = tokio::spawn(tick(service, login, Arc::clone(&book), Arc::clone(&stop)));
        Ok(Self { book, stop, task })
    }

    /// Writes for so long.
    async fn during(&self, time: Duration) -> Result<()> {
        let before = self.book().acknowledged.len();
        tokio::time::sleep(time).await;
        let after = self.book().acknowledged.len();
        ensure!(after > before, "nothing was acknowledged");
        Ok(())
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(self) -> Book {
        self.stop.store(true, Ordering::Relaxed);
        self.task.abort();
        std::mem::take(&mut *self.book())
    }
}

async fn tick(service: String, login: Login, book: Arc<Mutex<Book>>, stop: Arc<AtomicBool>) {
    let write_down = |entry: &dyn Fn(&mut Book)| {
        entry(&mut book.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let Ok(database) = Database::watch(&service, &login).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        while !stop.load(Ordering::Relaxed) {
            number += 1;
            let sent = Timestamp::now();
            write_down(&|it| it.sent.push((number, sent)));
            // Enough to fill segments.
            let sql = format!(
                "insert into ticks select {number}, string_agg(md5(g::text), '') from generate_series(1, 3000) g"
            );
            let writing = database.client().batch_execute(&sql);
            match tokio::time::timeout(Duration::from_secs(3), writing).await {
                Ok(Ok(())) => {
                    let now = Timestamp::now();
                    write_down(&|it| it.acknowledged.push((number, now)));
                }
                _ => break,
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Book {
    /// What a table holds is what it held at that moment.
    fn fits(&self, moment: Timestamp, there: &BTreeSet<i64>) -> Result<()> {
        let lost: Vec<i64> = self
            .acknowledged
            .iter()
            .filter(|(number, at)| *at <= moment && !there.contains(number))
            .map(|it| it.0)
            .collect();
        ensure!(
            lost.is_empty(),
            "acknowledged until {moment}, and not there: {lost:?}"
        );
        let later: Vec<i64> = self
            .sent
            .iter()
            .filter(|(number, at)| *at > moment && there.contains(number))
            .map(|it| it.0)
            .collect();
        ensure!(
            later.is_empty(),
            "sent after {moment}, and there: {later:?}"
        );
        Ok(())
    }

    /// A moment in between: when half of these had been acknowledged, or another part.
    fn moment(&self, part: f64) -> Timestamp {
        let at = (self.acknowledged.len() as f64 * part) as usize;
        self.acknowledged[at.min(self.acknowledged.len() - 1)].1
    }
}

impl SandboxCluster {
    fn ticks(&self, tail: &str) -> Result<BTreeSet<i64>> {
        let rows = self.psql(
            tail,
            "postgres",
            "select coalesce(json_agg(n), '[]') from ticks",
        )?;
        serde_json::from_str(&rows).context("a list of numbers")
    }

    async fn to_time_and_killed(&self, moment: Timestamp, at: &str) -> Result<()> {
        let (store, moment) = (self.backups(), moment.to_string());
        let kill = format!("{at}=return(kill)");
        let arguments = ["restore", "--to-time", &moment, "--store", &store, "--yes"];
        let run = self
            .pgctl_with(&arguments, &[("FAILPOINTS", &kill)])
            .await?;
        run.was_killed()?;
        Ok(())
    }

    /// What a restore has kept aside fills the volume in the end.
    async fn without_the_old(&self) -> Result<()> {
        let discard = ["restore", "--discard-old", "--yes"];
        self.pgctl(&discard).await?.exits(0).map(drop)
    }

    async fn to_time(&self, moment: Timestamp, more: &[&str]) -> Result<Run> {
        let moment = moment.to_string();
        let mut arguments = vec!["--to-time", &moment];
        arguments.extend(more);
        self.restore(&arguments).await
    }
}

#[test]
fn the_second_before_the_accident_comes_back_and_any_other_moment_too() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let archiving = Archiving::start(cluster)?;
        let ticking = Ticking::start(cluster).await?;
        ticking.during(Duration::from_secs(1)).await?;
        let backup = cluster.back_up(&["--physical"]).await?;
        ticking.during(Duration::from_secs(2)).await?;
        cluster.psql(
            "primary-0",
            "postgres",
            "select pg_create_restore_point('before the release')",
        )?;
        let at_point = Timestamp::now();
        ticking.during(Duration::from_secs(4)).await?;
        let book = ticking.end();
        let moment = Timestamp::now();
        tokio::time::sleep(Duration::from_millis(50)).await;
        cluster.psql("primary-0", "postgres", "delete from ticks")?;
        archiving.store("primary-0").await?;

        let dry = cluster.to_time(moment, &["--dry-run"]).await?.exits(0)?;
        eprintln!("{dry}");
        dry.says(&backup)?
            .says("archived WAL")?
            .says("before the first later commit")?;
        let run = cluster.to_time(moment, &[]).await?.exits(0)?;
        eprintln!("{run}");
        run.says("stopped")?.says("before commit of transaction")?;
        cluster.healthy("primary-0").await?;
        let there = cluster.ticks("primary-0")?;
        book.fits(moment, &there)?;
        ensure!(
            there.len() >= book.acknowledged.len(),
            "all of them were acknowledged"
        );
        let follows = cluster.ticks("replica-0")?;
        ensure!(follows == there, "the replica has {} rows", follows.len());

        cluster.without_the_old().await?;

        // Any other moment, also one that lies in the middle of what was written.
        let after_backup = {
            let ended = cluster.ended(&backup).await?;
            book.acknowledged.iter().filter(|it| it.1 > ended).count() as f64
        };
        let part = |share: f64| 1.0 - share * after_backup / book.acknowledged.len() as f64;
        for (share, killed_at) in [(0.9, "fetch-wal.middle"), (0.4, "recover.middle")] {
            let moment = book.moment(part(share));
            if cfg!(feature = "failpoints") {
                cluster.to_time_and_killed(moment, killed_at).await?;
                cluster.pgctl(&["restore", "--resume"]).await?.exits(0)?;
            } else {
                cluster.to_time(moment, &[]).await?.exits(0)?;
            }
            let there = cluster.ticks("primary-0")?;
            ensure!(
                there.len() < book.acknowledged.len(),
                "{moment}: all are there"
            );
            book.fits(moment, &there)?;
            cluster.healthy("primary-0").await?;
            cluster.without_the_old().await?;
        }

        // A restore point by its name; one that does not exist is found out at the end, and put back.
        cluster
            .restore(&["--to-name", "before the release"])
            .await?
            .exits(0)?;
        let named = cluster.ticks("primary-0")?;
        book.fits(at_point, &named)?;
        cluster.healthy("primary-0").await?;
        cluster.without_the_old().await?;
        let run = cluster
            .restore(&["--to-name", "nobody made this"])
            .await?
            .exits(6)?;
        run.says("the target was not reached")?
            .says("everything is as it was")?;
        cluster.healthy("primary-0").await?;
        ensure!(cluster.ticks("primary-0")? == named, "it is not as it was");

        // Looked at before any client is let in, and put back; or let in.
        let earlier = book.moment(part(0.7));
        let run = cluster.to_time(earlier, &["--pause"]).await?.exits(5)?;
        eprintln!("{run}");
        run.says("is paused, as asked")?.says("pgctl psql")?;
        book.fits(earlier, &cluster.ticks("primary-0")?)?;
        cluster
            .pgctl(&["status"])
            .await?
            .exits(4)?
            .says("the write Service is closed by restore-")?;
        cluster.pgctl(&["restore", "--abort"]).await?.exits(6)?;
        cluster.healthy("primary-0").await?;
        ensure!(cluster.ticks("primary-0")? == named, "it is not as it was");
        cluster.to_time(earlier, &["--pause"]).await?.exits(5)?;
        cluster.pgctl(&["restore", "--resume"]).await?.exits(0)?;
        book.fits(earlier, &cluster.ticks("primary-0")?)?;

        cluster.healthy("primary-0").await?;
        cluster.without_the_old().await?;

        // To the end: with the accident.
        let run = cluster.restore(&["--latest"]).await?.exits(0)?;
        eprintln!("{run}");
        ensure!(
            cluster.ticks("primary-0")?.is_empty(),
            "the accident was archived, too"
        );
        cluster.healthy("primary-0").await?;
        Ok(())
    })
}

impl SandboxCluster {
    async fn ended(&self, backup: &str) -> Result<Timestamp> {
        let store = self.backups();
        let list = ["backup", "list", "--store", &store, "-o", "json"];
        let document = self.pgctl(&list).await?.exits(0)?.json()?;
        let backups = document["backups"].as_array().context("a list")?;
        let found = backups.iter().find(|it| it["id"] == *backup);
        let ended = found
            .and_then(|it| it["backup"]["endedAt"].as_str())
            .context("its end")?;
        Ok(ended.parse()?)
    }
}

#[test]
fn over_a_switchover_each_side_of_the_fork_is_reached() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let mut archiving = Archiving::start(cluster)?;
        let ticking = Ticking::start(cluster).await?;
        ticking.during(Duration::from_secs(1)).await?;
        let backup = cluster.back_up(&["--physical"]).await?;
        ticking.during(Duration::from_secs(2)).await?;
        let before = Timestamp::now();
        ticking.during(Duration::from_secs(1)).await?;
        cluster
            .pgctl(&["failover", "--to", "replica-0", "--rejoin", "--yes"])
            .await?
            .exits(0)?;
        // It goes on where it was, and over the fork.
        archiving.receive_from("replica-0")?;
        ticking.during(Duration::from_secs(3)).await?;
        let after = Timestamp::now();
        ticking.during(Duration::from_secs(1)).await?;
        let book = ticking.end();
        archiving.store("replica-0").await?;

        let run = cluster.to_time(after, &[]).await?.exits(0)?;
        eprintln!("{run}");
        cluster.healthy("primary-0").await?;
        let there = cluster.ticks("primary-0")?;
        book.fits(after, &there)?;
        // A writer had no answer for a moment, and no number twice.
        ensure!(there.len() < book.acknowledged.len(), "all are there");
        let run = cluster
            .to_time(before, &["--timeline", "1"])
            .await?
            .exits(0)?;
        run.says(&backup)?;
        let there = cluster.ticks("primary-0")?;
        book.fits(before, &there)?;
        Ok(())
    })
}

#[test]
fn what_can_not_be_reached_or_is_not_whole_is_refused_before_anything_is_touched() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let store = cluster.backups();
        let run = cluster.restore(&["--latest"]).await?.exits(3)?;
        run.says("no WAL of this cluster is archived in this store")?;
        let archiving = Archiving::start(cluster)?;
        let too_early = Timestamp::now();
        let ticking = Ticking::start(cluster).await?;
        let backup = cluster.back_up(&["--physical"]).await?;
        for _ in 0..4 {
            ticking.during(Duration::from_secs(1)).await?;
            cluster.psql("primary-0", "postgres", "select pg_switch_wal()")?;
        }
        let moment = Timestamp::now();
        ticking.during(Duration::from_secs(1)).await?;
        let before = ticking.end().acknowledged.len();
        archiving.store("primary-0").await?;
        let unchanged = async || {
            cluster.healthy("primary-0").await?;
            let there = cluster.ticks("primary-0")?.len();
            ensure!(there >= before, "{there} of {before} rows");
            Ok::<_, anyhow::Error>(())
        };

        let run = cluster
            .restore(&["--to-time", "2026-11-28 14:03:00"])
            .await?
            .exits(2)?;
        run.says("does not say in which time zone")?;
        let run = cluster.to_time(too_early, &[]).await?.exits(3)?;
        eprintln!("{run}");
        run.says("it lies before the end of")?
            .says(&backup)?
            .says(" --to-time 2")?;
        let later = Timestamp::now() + Duration::from_secs(3600);
        let run = cluster.to_time(later, &[]).await?.exits(3)?;
        run.says("the archived WAL ends before it")?
            .says(" --to-time 2")?;
        let run = cluster
            .to_time(moment, &["--timeline", "7"])
            .await?
            .exits(3)?;
        run.says("nothing of timeline 7 is archived")?;

        let verify = [
            "backup",
            "verify",
            "--restore-test",
            "--to-latest",
            "--store",
            &store,
        ];
        let run = cluster.pgctl(&verify).await?.exits(0)?;
        eprintln!("{run}");
        run.says("with all of the archived WAL")?;

        // A bit flips in a segment on the way.
        let segments = segments(&store)?;
        ensure!(segments.len() > 3, "{} segments", segments.len());
        let damaged = &segments[segments.len() / 2];
        let whole = std::fs::read(damaged)?;
        let mut flipped = whole.clone();
        let at = flipped.len() / 2;
        flipped[at] ^= 1;
        std::fs::write(damaged, &flipped)?;
        let name = damaged
            .file_name()
            .context("a name")?
            .to_string_lossy()
            .into_owned();
        let run = cluster.restore(&["--latest"]).await?.exits(3)?;
        eprintln!("{run}");
        run.says(&name[..24])?.says("archived WAL")?;
        unchanged().await?;
        let run = cluster.pgctl(&verify).await?;
        ensure!(run.status.code() != Some(0), "the test went well: {run}");
        run.says(&name[..24])?;
        // It is missing.
        std::fs::remove_file(damaged)?;
        let run = cluster.restore(&["--latest"]).await?.exits(3)?;
        eprintln!("{run}");
        run.says(&name[..24])?
            .says("is not archived, and later ones are")?;
        unchanged().await?;
        std::fs::write(damaged, &whole)?;
        cluster.restore(&["--latest"]).await?.exits(0)?;
        Ok(())
    })
}

/// The files of whole segments, in their order.
fn segments(store: &str) -> Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![std::path::Path::new(store).join("wal")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if name.len() > 24 && name.as_bytes()[24] == b'-' && name.starts_with("0000") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}
