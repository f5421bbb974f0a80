//! `examples/applications`: what somebody copies into an application of theirs goes on through a lost primary and a
//! switchover, writes each row once, and reads from standbys; straight through the Services, and through poolers.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use tokio::process::{Child, Command};

use super::needs::{self, Need, does_without};
use super::test_cluster::{
    Application, Database, PATIENCE, SandboxCluster, eventually, on_sandbox_with_poolers,
};

mod refused;
mod unconfirmed;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/applications");

/// By the names of their folders.
const APPLICATIONS: [(&str, Need); 5] = [
    ("psycopg3", Need::Python),
    ("psycopg2", Need::Python),
    ("node", Need::Node),
    ("jdbc", Need::Java),
    ("go", Need::Go),
];

/// The Services for writes and for reads, straight and through poolers, by what the writers are called for.
const WAYS: [(&str, &str, &str); 2] = [
    ("direct", "write", "read"),
    ("pooler", "pooler", "pooler-read"),
];

#[test]
fn the_example_applications_write_each_row_once_whatever_becomes_of_the_primary() -> Result<()> {
    let present = APPLICATIONS.into_iter().filter(|it| !does_without(it.1));
    let present: Vec<&str> = present.map(|(name, _)| name).collect();
    if present.is_empty() {
        return Ok(());
    }
    on_sandbox_with_poolers(2, async |cluster| {
        set_up(cluster).await?;
        let mut running = Running::start(cluster, &present).await?;
        running.all_write(cluster).await?;
        at_home(cluster, running.all.len()).await?;

        cluster.scale("primary", 0)?;
        cluster.kill("primary-0").await?;
        cluster.gone("primary-0").await?;
        cluster.pgctl(&["failover", "--yes"]).await?.exits(0)?;
        running.all_write(cluster).await?;
        let back = ["rejoin", "primary-0", "--yes"];
        cluster.pgctl(&back).await?.exits(0)?;

        let home = ["failover", "--to", "primary-0", "--yes"];
        cluster.pgctl(&home).await?.exits(0)?;
        running.all_write(cluster).await?;

        running.none_is_done_without_a_standby(cluster).await?;
        running.all_write(cluster).await?;

        let reports = running.end().await?;
        each_row_is_there_once(cluster, &reports).await
    })
}

/// Commits wait for a standby, so that no acknowledged one is lost with the primary; the role, its database, its table.
async fn set_up(cluster: &SandboxCluster) -> Result<()> {
    let lines = [
        &["sync", "set", "--standbys", "1", "--yes"][..],
        &["pooler", "setup", "--yes"],
        &["users", "create", "app", "--database", "shop", "--yes"],
    ];
    for line in lines {
        cluster.pgctl(line).await?.exits(0)?;
    }
    let schema = std::fs::read_to_string(Path::new(EXAMPLES).join("schema.sql"))?;
    eventually("an application gets in through the pooler", async || {
        let one = Application::of_shop(cluster, "pooler").await?;
        one.one(&schema).await
    })
    .await?;
    // A read that finds no table is an error of the application's.
    cluster.all_stream().await.map(drop)
}

/// Applications at work.
struct Running {
    all: Vec<(String, Child)>,
    folder: PathBuf,
}

impl Running {
    async fn start(cluster: &SandboxCluster, present: &[&str]) -> Result<Self> {
        let folder = cluster.folder().join("applications");
        std::fs::create_dir_all(&folder)?;
        let secret = cluster.secret(&format!("{}-user-app", cluster.name()?))?;
        let password = secret.get("password").context("password")?;
        let mut all = Vec::new();
        for name in present {
            for (way, writes, reads) in WAYS {
                let writer = format!("{name}-{way}");
                let file = |ending: &str| File::create(folder.join(format!("{writer}.{ending}")));
                let mut command = command(name, &folder).await?;
                command
                    .env("PGHOST", cluster.service(writes)?)
                    .env("READ_HOST", cluster.service(reads)?)
                    .env("PGPORT", "5432")
                    .env("PGDATABASE", "shop")
                    .env("PGUSER", "app")
                    .env("PGPASSWORD", password)
                    .env("WRITER", &writer)
                    // On a slow machine an outage may take longer than a user would wait; whether an application is
                    // quick to come back after one is for `refused`.
                    .env("GIVE_UP_SECONDS", "900")
                    .stdin(Stdio::null())
                    .stdout(file("out")?)
                    .stderr(file("err")?)
                    .kill_on_drop(true);
                let child = command.spawn().context(writer.clone())?;
                all.push((writer, child));
            }
        }
        Ok(Self { all, folder })
    }

    /// Both writers of every application get something acknowledged that they have written after this was called.
    async fn all_write(&mut self, cluster: &SandboxCluster) -> Result<()> {
        let before = rows(cluster).await?;
        eventually("every application writes", async || {
            for (name, child) in &mut self.all {
                let ended = child.try_wait()?;
                // Waiting would be in vain.
                assert!(
                    ended.is_none(),
                    "{name}: {ended:?}: {}",
                    said(&self.folder, name)
                );
            }
            let now = rows(cluster).await?;
            for (name, _) in &self.all {
                for writer in writers(name) {
                    let count = |rows: &BTreeMap<String, Rows>| rows.get(&writer).map(|it| it.last);
                    let (before, now) = (count(&before), count(&now));
                    // One that was under way counts for nothing yet.
                    let more = now.unwrap_or_default() > before.unwrap_or_default() + 1;
                    ensure!(more, "{writer}: {now:?}, {}", said(&self.folder, name));
                }
            }
            Ok(())
        })
        .await
    }

    /// Tells each to end, and waits until it has: what it says of itself, by its name.
    async fn end(mut self) -> Result<Vec<(String, Report)>> {
        for (name, child) in &self.all {
            let id = child.id().with_context(|| format!("{name} has ended"))?;
            let pid = rustix::process::Pid::from_raw(i32::try_from(id)?).context("no process")?;
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        let mut reports = Vec::new();
        for (name, mut child) in std::mem::take(&mut self.all) {
            let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
            let status = ended.with_context(|| format!("{name} does not end"))??;
            let printed = std::fs::read_to_string(self.folder.join(format!("{name}.out")))?;
            let last = printed.lines().next_back().unwrap_or_default();
            let report: Report = serde_json::from_str(last).with_context(|| {
                format!("{name}: {status}: {printed}\n{}", said(&self.folder, &name))
            })?;
            if let Some(error) = &report.error {
                bail!("{name}: {error}\n{}", said(&self.folder, &name));
            }
            // 143 is how a JVM ends that was told to.
            ensure!(matches!(status.code(), Some(0 | 143)), "{name}: {status}");
            reports.push((name, report));
        }
        Ok(reports)
    }
}

/// An application's last words.
fn said(folder: &Path, name: &str) -> String {
    let text = std::fs::read(folder.join(format!("{name}.err"))).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// How an application is started.
async fn command(name: &str, folder: &Path) -> Result<Command> {
    let file = |file: &str| Path::new(EXAMPLES).join(name).join(file);
    Ok(match name {
        "node" => {
            let mut command = Command::new("node");
            command.arg(file("app.js"));
            command.env("NODE_PATH", needs::node_path());
            command
        }
        "jdbc" => {
            let mut command = Command::new("java");
            command.args(["-Xmx128m", "-cp", &needs::class_path()]);
            command.arg(file("App.java"));
            command
        }
        "go" => Command::new(built(&file("main.go"), folder).await?),
        _ => {
            let mut command = Command::new(needs::python().context("no Python has the drivers")?);
            command.arg(file("app.py"));
            command
        }
    })
}

/// The program, built from Debian's packages of pgx.
async fn built(source: &Path, folder: &Path) -> Result<PathBuf> {
    let program = folder.join("orders");
    if program.exists() {
        return Ok(program);
    }
    let output = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(source)
        .env("GOPATH", needs::GO_SOURCES)
        .env("GO111MODULE", "off")
        .env("GOFLAGS", "")
        // What was compiled once is there the next time.
        .env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go"))
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(output.status.success(), "{output:?}");
    Ok(program)
}

/// What an application says of itself at its end.
#[derive(Debug, Deserialize)]
struct Report {
    writers: Vec<Written>,
    reader: Seen,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Written {
    writer: String,
    acknowledged: u64,
    retries: u64,
    longest_gap_ms: u64,
}

#[derive(Debug, Deserialize)]
struct Seen {
    reads: u64,
    from_standbys: u64,
    retries: u64,
}

/// Each application has two.
fn writers(name: &str) -> [String; 2] {
    [format!("{name}-0"), format!("{name}-1")]
}

/// What the database has of a writer.
#[derive(Debug, PartialEq, Eq)]
struct Rows {
    count: u64,
    /// Of numbers; a row that was written twice has the same.
    distinct: u64,
    last: u64,
}

async fn rows(cluster: &SandboxCluster) -> Result<BTreeMap<String, Rows>> {
    let sql = "SELECT writer, count(*), count(DISTINCT number), max(number) \
               FROM app.orders GROUP BY writer";
    let (address, login) = (cluster.address(&cluster.primary().await?)?, &cluster.login);
    let rows = Database::ask(&address, login, "shop", sql).await?;
    let parsed = rows.into_iter().map(|row| {
        let number = |at: usize| {
            row.get(at)
                .context("a column")?
                .parse::<u64>()
                .context("a number")
        };
        let found = Rows {
            count: number(1)?,
            distinct: number(2)?,
            last: number(3)?,
        };
        Ok((row[0].clone(), found))
    });
    parsed.collect()
}

/// While the primary is where it belongs, nobody reads there, and nobody who writes is anywhere else.
async fn at_home(cluster: &SandboxCluster, applications: usize) -> Result<()> {
    let sessions = async |tails: &[&str], kind: &str| -> Result<usize> {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'orders-{kind}%'"
        );
        let mut sum = 0;
        for tail in tails {
            sum += cluster
                .open(tail)
                .await?
                .one(&sql)
                .await?
                .parse::<usize>()?;
        }
        Ok(sum)
    };
    let (primary, standbys) = (["primary-0"], ["replica-0", "replica-1"]);
    // Those that come through poolers share sessions.
    let least = applications / WAYS.len();
    eventually("reads and writes are apart", async || {
        let writing = (
            sessions(&primary, "write").await?,
            sessions(&standbys, "write").await?,
        );
        ensure!(writing.0 >= least && writing.1 == 0, "write: {writing:?}");
        let reading = (
            sessions(&primary, "read").await?,
            sessions(&standbys, "read").await?,
        );
        ensure!(reading.0 == 0 && reading.1 >= least, "read: {reading:?}");
        Ok(())
    })
    .await
}

async fn each_row_is_there_once(
    cluster: &SandboxCluster,
    reports: &[(String, Report)],
) -> Result<()> {
    let found = rows(cluster).await?;
    let mut retries = 0;
    for (name, report) in reports {
        let names: Vec<&str> = report.writers.iter().map(|it| it.writer.as_str()).collect();
        ensure!(names == writers(name), "{names:?} are no writers of {name}");
        for it in &report.writers {
            let wanted = Rows {
                count: it.acknowledged,
                distinct: it.acknowledged,
                last: it.acknowledged,
            };
            let rows = found.get(&it.writer);
            ensure!(rows == Some(&wanted), "{rows:?} are there of {it:?}");
            retries += it.retries;
            eprintln!(
                "{}: {} written, {} more attempts, longest gap {} ms",
                it.writer, it.acknowledged, it.retries, it.longest_gap_ms
            );
        }
        let reader = &report.reader;
        ensure!(reader.from_standbys > 0, "{name}: {reader:?}");
        ensure!(reader.reads >= reader.from_standbys, "{name}: {reader:?}");
        retries += reader.retries;
    }
    // With none, nobody has noticed anything, and the test has proven nothing.
    ensure!(retries > 0, "{reports:?}");
    Ok(())
}
