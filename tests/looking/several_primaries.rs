//! Several servers that accept writes: every command says so, and none calls it silence.

use anyhow::{Result, ensure};

use super::test_cluster::{SandboxCluster, eventually, full, on_sandbox};

const PODS: [&str; 3] = ["primary-0", "replica-0", "replica-1"];

#[test]
fn several_primaries_are_called_that() -> Result<()> {
    on_sandbox(2, async |cluster| {
        cluster
            .sql("primary-0", "CREATE ROLE app LOGIN PASSWORD 'app'")
            .await?;
        for replica in &PODS[1..] {
            eventually("the role has come", async || {
                let role = "SELECT count(*) FROM pg_roles WHERE rolname = 'app'";
                let count = cluster.sql(replica, role).await?;
                ensure!(count == [["1"]], "{count:?}");
                Ok(())
            })
            .await?;
            cluster.sql(replica, "SELECT pg_promote()").await?;
        }
        for line in [["lag"].as_slice(), &["users"], &["databases"]] {
            let run = cluster.pgctl(line).await?;
            let code = if line == ["lag"] { 4 } else { 0 };
            names_all(&run.exits(code)?.stdout)?;
        }
        let run = cluster.pgctl(&["logs", "primary", "--tail", "1"]).await?;
        names_all(&run.exits(0)?.stderr)?;
        the_doctor_asks_one_of_them(cluster).await
    })
}

/// In one sentence, which is broken where a line ends.
fn names_all(text: &str) -> Result<()> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    ensure!(text.contains("several pods accept writes"), "{text}");
    for pod in PODS {
        ensure!(text.contains(&full(pod)), "no {pod}: {text}");
    }
    Ok(())
}

async fn the_doctor_asks_one_of_them(cluster: &SandboxCluster) -> Result<()> {
    let checks = ["doctor", "--check", "password-is-name"];
    let run = cluster.pgctl(&checks).await?;
    run.exits(4)?.says("its password is its name")?;
    let checks = ["doctor", "--check", "unlogged-tables"];
    let run = cluster.pgctl(&checks).await?.exits(0)?;
    ensure!(!run.stdout.contains("UNKNOWN"), "{run}");
    Ok(())
}
