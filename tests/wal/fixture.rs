//! A cluster, a store, and archivers that are started, watched and killed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, bail, ensure};
use pgctl::wal::{ArchiveObject, NameOfSegment, SegmentName};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::test_cluster::{Run, TestCluster, eventually};

/// A cluster with a directory to archive into.
pub(crate) struct Fixture<'a> {
    pub(crate) cluster: &'a TestCluster,
    folder: TempDir,
}

/// A running `pgctl wal archive -o json`, and all that it has told.
pub(crate) struct ArchiverProcess {
    child: Child,
    told: Arc<Mutex<Vec<Value>>>,
    reading: JoinHandle<()>,
}

impl<'a> Fixture<'a> {
    pub(crate) async fn new(cluster: &'a TestCluster) -> Result<Self> {
        let fixture = Self {
            cluster,
            folder: tempfile::tempdir()?,
        };
        cluster
            .sql(
                "primary-0",
                "create table if not exists wal_load (n bigserial, text text)",
            )
            .await?;
        Ok(fixture)
    }

    pub(crate) fn store(&self) -> String {
        self.folder.path().join("store").display().to_string()
    }

    pub(crate) fn spool(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts an archiver with a spool of this name.
    pub(crate) fn archive(&self, spool: &str, more: &[&str]) -> Result<ArchiverProcess> {
        self.archive_into(&self.store(), &[], spool, more)
    }

    pub(crate) fn archive_into(
        &self,
        store: &str,
        environment: &[(&'static str, String)],
        spool: &str,
        more: &[&str],
    ) -> Result<ArchiverProcess> {
        let spool = self.spool(spool).display().to_string();
        let arguments = ["wal", "archive", "-o", "json", "--spool", &spool];
        let mut command = self.cluster.command(&[&arguments[..], more].concat())?;
        command
            .env("PGCTL_STORE", store)
            .envs(environment.iter().cloned());
        ArchiverProcess::start(command)
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<Run> {
        self.cluster
            .pgctl_with(arguments, &[("PGCTL_STORE", &self.store())])
            .await
    }

    /// What `wal list -o json` says of the only archive.
    pub(crate) async fn listed(&self) -> Result<Value> {
        self.listed_in(&self.store(), &[]).await
    }

    pub(crate) async fn listed_in(
        &self,
        store: &str,
        environment: &[(&'static str, String)],
    ) -> Result<Value> {
        let mut all: Vec<(&str, &str)> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        all.push(("PGCTL_STORE", store));
        let run = self
            .cluster
            .pgctl_with(&["wal", "list", "-o", "json"], &all)
            .await?;
        let list = run.json()?;
        let archives = list["archives"].as_array().context("no archives")?;
        ensure!(archives.len() == 1, "{list}");
        Ok(archives[0].clone())
    }

    /// Writes about so many MB of WAL on the primary, a segment of it unfinished.
    pub(crate) async fn write(&self, megabytes: u32) -> Result<()> {
        let primary = self.cluster.primary().await?;
        for _ in 0..megabytes {
            self.cluster
                .sql(
                    &primary,
                    "insert into wal_load (text) select string_agg(gen_random_uuid()::text, '') \
                     from generate_series(1, 9000), generate_series(1, 3) as row group by row",
                )
                .await?;
        }
        Ok(())
    }

    /// Waits until all that the primary has written is in the store, by what `wal list` says.
    pub(crate) async fn all_is_archived(&self) -> Result<Value> {
        self.all_is_archived_in(&self.store(), &[]).await
    }

    pub(crate) async fn all_is_archived_in(
        &self,
        store: &str,
        environment: &[(&'static str, String)],
    ) -> Result<Value> {
        let primary = self.cluster.primary().await?;
        let flushed = self
            .cluster
            .sql(&primary, "select pg_current_wal_flush_lsn()")
            .await?[0][0]
            .clone();
        eventually("all is archived", async || {
            let archive = self.listed_in(store, environment).await?;
            let newest = archive["newest"]["position"].as_str().unwrap_or_default();
            let there = self
                .cluster
                .sql(
                    &primary,
                    &format!("select '{newest}'::pg_lsn >= '{flushed}'::pg_lsn"),
                )
                .await;
            ensure!(
                there.is_ok_and(|it| it[0][0] == "t"),
                "{newest} of {flushed}: {archive}"
            );
            Ok(archive)
        })
        .await
    }

    /// The whole segments in the store, with the checksums of their contents.
    pub(crate) fn stored(&self) -> Result<BTreeMap<SegmentName, Vec<NameOfSegment>>> {
        let mut stored: BTreeMap<SegmentName, Vec<NameOfSegment>> = BTreeMap::new();
        for path in self.objects()? {
            let name = path.components().rev().take(2).collect::<Vec<_>>();
            let name: PathBuf = name.into_iter().rev().collect();
            let object = ArchiveObject::parse(&name.display().to_string());
            if let Some(ArchiveObject::Segment(segment)) = object
                && segment.until.is_none()
            {
                stored.entry(segment.segment).or_default().push(segment);
            }
        }
        Ok(stored)
    }

    /// Paths of everything in the store.
    pub(crate) fn objects(&self) -> Result<Vec<PathBuf>> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    walk(&path, found)?;
                } else {
                    found.push(path);
                }
            }
            Ok(())
        }
        let mut found = Vec::new();
        walk(Path::new(&self.store()), &mut found)?;
        found.sort();
        Ok(found)
    }

    /// Each whole segment in the store is, byte by byte, the one that the primary has; and of those that it has
    /// before the position that the archive is said to reach none is missing. (It may have gone on meanwhile: autovacuum
    /// writes WAL, too.) How many were compared.
    pub(crate) async fn is_what_the_primary_has(&self) -> Result<usize> {
        let primary = self.cluster.primary().await?;
        let archive = self.listed().await?;
        let newest = archive["newest"]["position"].as_str();
        let newest = newest.with_context(|| format!("a position: {archive}"))?;
        let rows = self
            .cluster
            .sql(
                &primary,
                &format!(
                    "select name, encode(sha256(pg_read_binary_file('pg_wal/' || name)), 'hex') \
                     from pg_ls_waldir() where name ~ '^[0-9A-F]{{24}}$' \
                     and name < pg_walfile_name(least(pg_current_wal_lsn(), '{newest}')) \
                     and substr(name, 1, 8) = substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
                ),
            )
            .await?;
        let stored = self.stored()?;
        let first = *stored.keys().next().context("nothing is stored")?;
        let mut compared = 0;
        for row in rows {
            let name: SegmentName = row[0].parse()?;
            match stored.get(&name) {
                Some(contents) => {
                    ensure!(contents.len() == 1, "{name} is there twice: {contents:?}");
                    ensure!(
                        contents[0].sha256 == row[1],
                        "{name} is another: {contents:?}"
                    );
                    compared += 1;
                }
                // Before the archive began.
                None if name < first => {}
                None => bail!("{name} is missing: {:?}", stored.keys()),
            }
        }
        Ok(compared)
    }
}

impl ArchiverProcess {
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stderr(Stdio::inherit()).spawn()?;
        let stdout = child.stdout.take().context("stdout was asked for")?;
        let told: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = Arc::clone(&told);
        let reading = tokio::spawn(async move {
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                kept.lock().expect("nobody panics with it").push(value);
            }
        });
        Ok(Self {
            child,
            told,
            reading,
        })
    }

    pub(crate) fn told(&self) -> Vec<Value> {
        self.told.lock().expect("nobody panics with it").clone()
    }

    /// Waits until it tells an event of this name for which this holds.
    pub(crate) async fn tells(&self, event: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        eventually(event, async || {
            let told = self.told();
            let found = told.iter().find(|it| it["event"] == event && holds(it));
            found
                .cloned()
                .with_context(|| format!("it does not tell {event}: {told:#?}"))
        })
        .await
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it was not waited for")
    }

    /// kill -9.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.kill().await?;
        self.reading.await?;
        Ok(())
    }

    /// Waits until it ends by itself; its exit code, and what it has told.
    pub(crate) async fn ended(mut self) -> Result<(Option<i32>, Vec<Value>)> {
        let limit = std::time::Duration::from_secs(120);
        let status = tokio::time::timeout(limit, self.child.wait()).await;
        let status = status.with_context(|| format!("it does not end: {:#?}", self.told()))??;
        (&mut self.reading).await?;
        Ok((status.code(), self.told()))
    }

    /// As Ctrl-C does; its exit code, and what it has told.
    pub(crate) async fn stop(self) -> Result<(Option<i32>, Vec<Value>)> {
        signal(self.id(), "INT").await?;
        self.ended().await
    }
}

pub(crate) async fn signal(process: u32, name: &str) -> Result<()> {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &process.to_string()])
        .status()
        .await?;
    ensure!(sent.success(), "kill -{name} {process}");
    Ok(())
}

/// The processes of this machine that have this in their arguments, but for `pgctl` itself and shells.
pub(crate) fn receivers(spool: &Path) -> Result<Vec<u32>> {
    let wanted = format!("--directory={}", spool.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|it| it.parse().ok()) else {
            continue;
        };
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        let receives = words.iter().any(|it| it.starts_with(wanted.as_bytes()));
        let shell = words.first().is_some_and(|it| it.ends_with(b"sh"));
        if receives && !shell {
            found.push(process);
        }
    }
    Ok(found)
}
