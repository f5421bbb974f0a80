//! A cluster, two stores, and `pgctl backup` as an operator types it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use pgctl::backup::store::{DirectoryStore, Location, Store};
use pgctl::kubernetes::Kube;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::S3Server;
use crate::test_cluster::{Run, TestCluster, eventually, full, tail_of};

/// How the sessions of a backup begin their name in `pg_stat_activity`.
const SESSIONS: &str =
    "select count(*) from pg_stat_activity where application_name like 'pgctl_backup_%'";

/// A cluster and two stores.
pub(crate) struct Fixture<'a> {
    pub(crate) cluster: &'a TestCluster,
    pub(crate) s3: S3Server,
    folder: TempDir,
}

impl<'a> Fixture<'a> {
    /// With about 30 MB that do not compress well: more than the buffers between a pod and a slow
    /// reader take in, so that what is to be caught in the middle is there.
    pub(crate) async fn new(cluster: &'a TestCluster) -> Result<Self> {
        cluster
            .sql(
                "primary-0",
                "create table filler as select gen_random_uuid() a, gen_random_uuid() b \
             from generate_series(1, 400000)",
            )
            .await?;
        let fixture = Self {
            cluster,
            s3: S3Server::start().await,
            folder: tempfile::tempdir()?,
        };
        eventually("the standby has it", async || {
            let seen = cluster
                .sql("replica-0", "select count(*) from filler")
                .await?;
            ensure!(seen[0][0] == "400000");
            Ok(())
        })
        .await?;
        Ok(fixture)
    }

    /// A store in a directory, and one in a bucket.
    pub(crate) fn stores(&self) -> [String; 2] {
        let directory = self.folder.path().join("store");
        [
            directory.display().to_string(),
            "s3://backups/some/prefix".to_owned(),
        ]
    }

    /// One of them, opened in this process.
    pub(crate) fn store(&self, store: &str) -> Result<Arc<dyn Store>> {
        Ok(match store.parse::<Location>()? {
            Location::Directory(path) => Arc::new(DirectoryStore::new(&path)?),
            Location::S3 { prefix, .. } => Arc::new(self.s3.store(&prefix)),
        })
    }

    /// `pgctl`, not yet started.
    pub(crate) fn command(&self, store: &str, arguments: &[&str]) -> Result<Command> {
        let mut command = self.cluster.command(arguments)?;
        command
            .env("PGCTL_STORE", store)
            .envs(self.s3.environment());
        Ok(command)
    }

    /// Runs `pgctl` to its end.
    pub(crate) async fn run(&self, store: &str, arguments: &[&str]) -> Result<Run> {
        self.run_with(store, arguments, &self.s3.environment())
            .await
    }

    pub(crate) async fn run_with(
        &self,
        store: &str,
        arguments: &[&str],
        environment: &[(&'static str, String)],
    ) -> Result<Run> {
        let mut all: Vec<(&str, &str)> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        all.push(("PGCTL_STORE", store));
        self.cluster.pgctl_with(arguments, &all).await
    }

    /// Its document, after it ended with this code.
    pub(crate) async fn json(&self, store: &str, arguments: &[&str], code: i32) -> Result<Value> {
        let arguments = [arguments, &["-o", "json"]].concat();
        self.run(store, &arguments).await?.exits(code)?.json()
    }

    /// Names of the backups, and of what is unfinished.
    pub(crate) async fn listed(&self, store: &str) -> Result<(Vec<String>, Vec<String>)> {
        let list = self.json(store, &["backup", "list"], 0).await?;
        let names = |values: &Value, key: Option<&str>| -> Vec<String> {
            let values = values.as_array().into_iter().flatten();
            let name = |value: &Value| {
                let value = key.map_or(value, |key| &value[key]);
                value.as_str().unwrap_or_default().to_owned()
            };
            values.map(name).collect()
        };
        Ok((
            names(&list["backups"], Some("id")),
            names(&list["unfinished"], None),
        ))
    }

    /// Runs a backup that must fail: nothing of it is listed, and nothing of it runs on.
    pub(crate) async fn fails(
        &self,
        store: &str,
        arguments: &[&str],
        code: i32,
        words: &str,
    ) -> Result<()> {
        let before = self.listed(store).await?;
        let arguments = [&["backup"], arguments].concat();
        let run = self.run(store, &arguments).await?;
        run.exits(code)?.says(words)?;
        ensure!(
            self.listed(store).await? == before,
            "{arguments:?} left something"
        );
        self.nothing_runs().await
    }

    /// No session and no script of a backup is left in any pod, and no pipe on its disk.
    pub(crate) async fn nothing_runs(&self) -> Result<()> {
        for pod in self.cluster.pods()? {
            let tail = tail_of(&pod);
            eventually("the sessions of the backup end", async || {
                let rows = self.cluster.sql(&tail, SESSIONS).await?;
                ensure!(rows[0][0] == "0", "{} are left", rows[0][0]);
                Ok(())
            })
            .await?;
            // The script in the pod removes its pipes as the last thing that it does.
            eventually("the script in the pod has ended", async || {
                let script = "ls -d /tmp/pgctl.* 2>/dev/null; true";
                let left = self.in_pod(&tail, script).await?;
                ensure!(left.trim().is_empty(), "left in {tail}: {left}");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Runs a script in a pod.
    async fn in_pod(&self, tail: &str, script: &str) -> Result<String> {
        let kube = Kube::connect(&self.cluster.connect_options()).await?;
        let argv = ["sh", "-c", script];
        let limit = Duration::from_secs(120);
        let output = kube
            .run_command(self.cluster.namespace(), &full(tail), &argv, None, limit)
            .await?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts a slow backup and waits until some of it has arrived; it ends with what this returns.
    pub(crate) async fn slow(&self, arguments: &[&str]) -> Result<tokio::process::Child> {
        let [store, _] = self.stores();
        let slow = ["backup", "--rate", "150KB", "--compress", "none"];
        let mut child = self
            .command(&store, &[&slow, arguments].concat())?
            .spawn()?;
        let arrived = eventually("some of it has arrived", async || {
            ensure!(self.arriving()? > 200_000);
            Ok(())
        })
        .await;
        if let (Err(error), Ok(Some(_))) = (&arrived, child.try_wait()) {
            bail!("it ended too early: {error}");
        }
        arrived?;
        Ok(child)
    }

    /// Bytes in what is unfinished.
    fn arriving(&self) -> Result<u64> {
        let [store, _] = self.stores();
        let mut sum = 0;
        for entry in std::fs::read_dir(store).context("no store yet")? {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == "partial") {
                for file in std::fs::read_dir(path)? {
                    sum += file?.metadata()?.len();
                }
            }
        }
        Ok(sum)
    }
}

/// Sends a signal to a process that runs.
pub(crate) fn signal(child: &tokio::process::Child, signal: rustix::process::Signal) -> Result<()> {
    let id = child.id().context("it has ended")?;
    let pid = rustix::process::Pid::from_raw(i32::try_from(id)?).context("no process")?;
    Ok(rustix::process::kill_process(pid, signal)?)
}
