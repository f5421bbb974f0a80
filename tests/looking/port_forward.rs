//! `pgctl port-forward`: a local port that outlives pods and primaries.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr};
use tokio_postgres::{Client, NoTls};

use super::test_cluster::{
    PATIENCE, SandboxCluster, TestCluster, VIEWER, document, eventually, full, on_sandbox,
};

/// `pgctl port-forward` while it runs.
struct Forward {
    child: Child,
    document: Value,
    said: Lines<BufReader<ChildStderr>>,
}

impl Forward {
    async fn begin(cluster: &TestCluster, target: &str) -> Result<Self> {
        Self::begin_with(cluster, target, &[]).await
    }

    async fn begin_with(cluster: &TestCluster, target: &str, more: &[&str]) -> Result<Self> {
        let arguments = ["port-forward", target, "--port", "0", "-o", "json"];
        let arguments = [&arguments[..], more].concat();
        let mut child = cluster.command(&arguments)?.spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("stdout")?).lines();
        let said = BufReader::new(child.stderr.take().context("stderr")?).lines();
        let line = tokio::time::timeout(PATIENCE, stdout.next_line()).await??;
        let document = document(&line.context("it ended")?)?;
        Ok(Self {
            child,
            document,
            said,
        })
    }

    fn port(&self) -> Result<u16> {
        Ok(self.document["port"]
            .as_u64()
            .context("a port")?
            .try_into()?)
    }

    async fn connect(&self, cluster: &TestCluster) -> Result<Client> {
        let mut config = tokio_postgres::Config::new();
        config
            .host("127.0.0.1")
            .port(self.port()?)
            .user(cluster.login.user())
            .password(cluster.login.password())
            .dbname("postgres");
        let connecting = config.connect(NoTls);
        let (client, connection) =
            tokio::time::timeout(Duration::from_secs(60), connecting).await??;
        tokio::spawn(connection);
        Ok(client)
    }

    async fn ask(&self, cluster: &TestCluster, sql: &str) -> Result<String> {
        let client = self.connect(cluster).await?;
        let row = client.query_one(sql, &[]).await?;
        Ok(row.get(0))
    }

    async fn says(&mut self, words: &str) -> Result<()> {
        let looking = async {
            while let Some(line) = self.said.next_line().await? {
                if line.contains(words) {
                    return Ok(());
                }
            }
            anyhow::bail!("it ended without saying {words:?}")
        };
        tokio::time::timeout(PATIENCE, looking)
            .await
            .with_context(|| format!("never said {words:?}"))?
    }

    async fn ends_with_ctrl_c(mut self) -> Result<()> {
        let id = self.child.id().context("it runs")?.to_string();
        let kill = tokio::process::Command::new("kill")
            .args(["-INT", &id])
            .status();
        ensure!(kill.await?.success());
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        ensure!(status.code() == Some(130), "{status}");
        Ok(())
    }
}

const WHO: &str = "select inet_server_addr()::text || ' ' || pg_is_in_recovery()::text";

#[test]
fn a_local_port_outlives_pods_and_primaries() -> Result<()> {
    on_sandbox(2, async |cluster| {
        refusals(cluster).await?;
        reads_go_round(cluster).await?;
        let mut forward = Forward::begin(cluster, "write").await?;
        ensure!(
            forward.document["pods"] == serde_json::json!([full("primary-0")]),
            "{}",
            forward.document
        );
        many_and_silent_ones(cluster, &forward).await?;
        a_pod_that_restarts(cluster, &forward).await?;
        a_failover(cluster, &mut forward).await?;
        no_primary(cluster, &forward).await?;
        forward.ends_with_ctrl_c().await
    })
}

async fn refusals(cluster: &SandboxCluster) -> Result<()> {
    let wrong = cluster
        .pgctl(&["port-forward", "replica-7", "--port", "0"])
        .await?
        .exits(2)?;
    wrong.says(&full("replica-1"))?;
    let taken = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = taken.local_addr()?.port().to_string();
    let used = cluster
        .pgctl(&["port-forward", "--port", &port])
        .await?
        .exits(2)?;
    used.says("in use")?.says("--port 0")?;
    let no_secret = VIEWER.replace("resources: [secrets]", "resources: [serviceaccounts]");
    cluster.grant(
        &no_secret.replace("name: pgctl-viewer", "name: no-secret"),
        "nora",
    )?;
    let nora = cluster.kubeconfig_of("nora")?;
    let run = cluster.pgctl(&["--kubeconfig", &nora, "psql"]).await?;
    run.exits(3)?.says("secrets")?;
    no_way_in(cluster).await
}

/// Who has every right but that to be led to a pod, and would wait for ever.
async fn no_way_in(cluster: &SandboxCluster) -> Result<()> {
    let fewer = VIEWER.replace("pods/portforward", "pods/status");
    cluster.grant(
        &fewer.replace("name: pgctl-viewer", "name: no-forward"),
        "finn",
    )?;
    let finn = cluster.kubeconfig_of("finn")?;
    for command in [
        &["port-forward", "--port", "0"][..],
        &["port-forward", "read", "--port", "0"],
        &["port-forward", "replica-0", "--port", "0"],
        &["psql", "--", "-c", "select 1"],
        &["psql", "replica-0", "--", "-c", "select 1"],
        &["psql", "--in-pod", "--", "-c", "select 1"],
        &["shell", "primary", "--", "true"],
    ] {
        let line = [&["--kubeconfig", &finn], command].concat();
        let run = tokio::time::timeout(PATIENCE, cluster.pgctl(&line)).await??;
        run.exits(3)?.says("pods/portforward")?;
    }
    // Nobody is led anywhere for that.
    let line = [
        "--kubeconfig",
        &finn,
        "psql",
        "replica-0",
        "--in-pod",
        "--",
        "-c",
        "select 1",
    ];
    cluster.pgctl(&line).await?.exits(0)?;
    Ok(())
}

async fn reads_go_round(cluster: &TestCluster) -> Result<()> {
    let forward = Forward::begin(cluster, "read").await?;
    let first = forward.ask(cluster, WHO).await?;
    let second = forward.ask(cluster, WHO).await?;
    ensure!(first != second, "{first} twice");
    ensure!([first, second].iter().all(|it| it.ends_with("true")));
    forward.ends_with_ctrl_c().await
}

async fn many_and_silent_ones(cluster: &TestCluster, forward: &Forward) -> Result<()> {
    let silent = TcpStream::connect(("127.0.0.1", forward.port()?)).await?;
    let asking = (0..20).map(|_| forward.ask(cluster, WHO));
    for answer in futures::future::join_all(asking).await {
        ensure!(answer?.ends_with("false"));
    }
    drop(silent);
    Ok(())
}

async fn a_pod_that_restarts(cluster: &TestCluster, forward: &Forward) -> Result<()> {
    let client = forward.connect(cluster).await?;
    cluster.kill("primary-0").await?;
    eventually("the connection is closed", async || {
        ensure!(client.is_closed());
        Ok(())
    })
    .await?;
    eventually("there is a server again", async || {
        forward.ask(cluster, WHO).await.map(drop)
    })
    .await
}

async fn a_failover(cluster: &TestCluster, forward: &mut Forward) -> Result<()> {
    let client = forward.connect(cluster).await?;
    // A primary that has just crashed may be on its way up still: then everything is put back.
    eventually("the failover", async || {
        let moving = cluster.pgctl(&["failover", "--to", "replica-1", "--yes"]);
        moving.await?.exits(0).map(drop)
    })
    .await?;
    eventually("the old connection is closed", async || {
        ensure!(client.is_closed());
        Ok(())
    })
    .await?;
    forward
        .says(&format!("leads to {} now", full("replica-1")))
        .await?;
    let answer = forward.ask(cluster, WHO).await?;
    ensure!(answer.ends_with("false"), "{answer}");
    Ok(())
}

async fn no_primary(cluster: &SandboxCluster, forward: &Forward) -> Result<()> {
    cluster.freeze("replica-1").await?;
    let began = Instant::now();
    let refused = forward.connect(cluster).await;
    let error = refused.err().context("a frozen server lets nobody in")?;
    let code = error
        .downcast_ref::<tokio_postgres::Error>()
        .and_then(|it| it.code().cloned());
    ensure!(code.is_some_and(|it| it.code() == "57P03"), "{error:#}");
    ensure!(began.elapsed() < Duration::from_secs(55), "it hung");
    // Five seconds, unless less was given for any answer.
    for (more, limit) in [(&[][..], "5"), (&["--timeout", "4s"], "4")] {
        let to_pod = Forward::begin_with(cluster, "replica-1", more).await?;
        let error = to_pod.connect(cluster).await.err();
        let error = error.context("a frozen server lets nobody in")?;
        let error = error.downcast_ref::<tokio_postgres::Error>();
        let said = error.and_then(tokio_postgres::Error::as_db_error);
        let said = said.map(|it| it.message().to_owned()).unwrap_or_default();
        let limit = format!("no answer within {limit} s");
        ensure!(said.contains(&limit), "{limit}, not {said:?}");
        to_pod.ends_with_ctrl_c().await?;
    }
    cluster.mend().await?;
    eventually("it is led on", async || {
        forward.ask(cluster, WHO).await.map(drop)
    })
    .await
}
