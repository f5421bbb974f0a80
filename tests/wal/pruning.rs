//! `pgctl backup prune` keeps the WAL that the backups that stay need, and nothing before it.

use anyhow::{Result, ensure};

use crate::fixture::Fixture;
use crate::test_cluster::on_cluster;

#[test]
fn prune_keeps_the_wal_that_leads_on_from_the_backups_that_stay() -> Result<()> {
    on_cluster(1, async |cluster| {
        let fixture = Fixture::new(cluster).await?;
        let archiver = fixture.archive("spool", &[])?;
        archiver.tells("up-to", |_| true).await?;
        for _ in 0..2 {
            // A base backup begins where its server's last checkpoint was: not in the segment of the one before.
            cluster.sql("primary-0", "SELECT pg_switch_wal()").await?;
            cluster.sql("primary-0", "CHECKPOINT").await?;
            cluster.all_stream().await?;
            fixture.run(&["backup", "--physical"]).await?.exits(0)?;
            fixture.write(60).await?;
        }
        let before = fixture.all_is_archived().await?;
        let all = fixture.stored()?.len();
        let prune = ["backup", "prune", "--keep-last", "1"];
        let shown = fixture
            .run(&[&prune[..], &["--dry-run"]].concat())
            .await?
            .exits(0)?;
        shown
            .says("which no base backup that stays")?
            .says("nothing was deleted")?;
        ensure!(fixture.stored()?.len() == all, "it only looked");
        // A window of a day needs all that a backup leads into; before the first of them nothing does.
        let window = ["backup", "prune", "--keep-window", "1d", "--yes"];
        fixture.run(&window).await?.exits(0)?;
        let all = fixture.stored()?.len();
        let kept = fixture.listed().await?;
        ensure!(
            kept["recoverable"]["from"] == before["recoverable"]["from"],
            "{kept}"
        );

        let done = fixture
            .run(&[&prune[..], &["--yes", "-o", "json"]].concat())
            .await?;
        let done = done.exits(0)?.json()?;
        ensure!(done["wal"][0]["deleted"].as_u64() > Some(0), "{done}");
        let left = fixture.stored()?.len();
        ensure!(left < all && left > 0, "{left} of {all}");
        let after = fixture.listed().await?;
        ensure!(
            after["recoverable"]["from"] != before["recoverable"]["from"],
            "{after}"
        );
        ensure!(after["recoverable"]["from"].is_string(), "{after}");
        ensure!(
            after["gaps"].as_array().is_some_and(Vec::is_empty),
            "{after}"
        );
        // It goes on where it was, also after a new start.
        fixture.write(20).await?;
        fixture.all_is_archived().await?;
        let (code, told) = archiver.stop().await?;
        ensure!(code == Some(0), "{told:#?}");
        fixture.run(&["wal", "verify"]).await?.exits(0)?;
        let again = fixture
            .run(&[&prune[..], &["--yes", "-o", "json"]].concat())
            .await?;
        let again = again.exits(0)?.json()?;
        ensure!(
            again["wal"].as_array().is_some_and(Vec::is_empty),
            "{again}"
        );
        Ok(())
    })
}
