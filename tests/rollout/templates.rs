//! The templates of before, and those of another version.

use anyhow::{Result, ensure};

use super::test_cluster::{Oracle, on_sandbox};
use super::world::BOTH;

#[test]
fn a_broken_rollout_goes_back_to_the_former_template() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let good = cluster.images()?["replica-0"].clone();
        let nothing = cluster
            .pgctl(&["rollout", "--undo", "--yes"])
            .await?
            .exits(3)?;
        nothing.says("no template of before")?;
        cluster.apply_image(&BOTH, "no-such-image:1").await?;
        cluster.rolls_out(&[], 5).await?;
        let plan = cluster
            .pgctl(&["rollout", "--undo", "--dry-run"])
            .await?
            .exits(0)?;
        plan.says(&format!("{good} (revision"))?
            .says("instead of no-such-image:1")?;
        let back = cluster.rolls_out(&["--undo"], 0).await?;
        ensure!(back.contains("1 pod of"), "{back}");
        cluster.all_have(&good)?;
        ensure!(
            oracle.content(cluster).await? == "primary-0",
            "the primary has stayed"
        );
        let history = cluster.pgctl(&["history"]).await?.exits(0)?;
        history.says("to the former template").map(drop)
    })
}

#[test]
fn another_minor_version_is_set_and_rolled_out_and_another_major_one_refused() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let version = cluster.sql("primary-0", "SHOW server_version").await?[0][0].clone();
        // Debian says more than the number.
        let version = version.split(' ').next().unwrap_or_default().to_owned();
        let major: u32 = version.split('.').next().unwrap_or_default().parse()?;
        let before = cluster.uids()?;
        let other = format!("{}.1", major + 1);
        let refused = cluster
            .pgctl(&["upgrade", "--to", &other, "--yes"])
            .await?
            .exits(3)?;
        refused.says("another major version")?;
        cluster
            .pgctl(&["upgrade", "--to", "seventeen", "--yes"])
            .await?
            .exits(2)?;
        ensure!(cluster.uids()? == before, "nothing was to be restarted");

        let plan = ["upgrade", "--to", &version, "--dry-run"];
        cluster
            .pgctl(&plan)
            .await?
            .exits(0)?
            .says(&format!("postgres:{version}"))?;
        let run = cluster
            .pgctl(&["upgrade", "--to", &version, "--yes"])
            .await?;
        run.exits(0)?;
        cluster.all_have(&format!("postgres:{version}"))?;
        oracle.content(cluster).await?;
        let again = cluster
            .pgctl(&["upgrade", "--to", &version, "--yes"])
            .await?
            .exits(0)?;
        again.says("Nothing to do")?;
        // The image does not hold what its name says.
        let wrong = format!("{major}.99");
        let run = cluster
            .pgctl(&["upgrade", "--to", &wrong, "--yes"])
            .await?
            .exits(5)?;
        run.says(&format!("not PostgreSQL {wrong}")).map(drop)
    })
}
