//! Commits never wait for a standby that restarts.

use anyhow::Result;

use super::test_cluster::{Oracle, on_sandbox};

#[test]
fn a_restart_that_would_block_every_write_is_refused() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let set = async |count: &str| {
            let set = ["sync", "set", "--standbys", count, "--yes"];
            cluster.pgctl(&set).await?.exits(0).map(drop)
        };
        set("2").await?;
        let run = cluster
            .pgctl(&["rollout", "--restart", "--yes"])
            .await?
            .exits(3)?;
        run.says("every write would be blocked")?
            .says("nothing was changed")?;
        set("1").await?;
        cluster.rolls_out(&["--restart"], 0).await?;
        oracle.content(cluster).await.map(drop)
    })
}
