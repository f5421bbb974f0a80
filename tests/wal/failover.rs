//! A switchover in the middle: both timelines are archived, and what was committed can be reached.

use anyhow::{Result, ensure};

use crate::fixture::Fixture;
use crate::test_cluster::on_cluster;

#[test]
fn a_switchover_is_followed_and_no_moment_is_lost() -> Result<()> {
    on_cluster(1, async |cluster| {
        let fixture = Fixture::new(cluster).await?;
        let recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        let archiver = fixture.archive("spool", &["--encrypt", recipient])?;
        archiver.tells("up-to", |_| true).await?;
        fixture.run(&["backup", "--physical"]).await?.exits(0)?;
        fixture.write(30).await?;
        let seen = fixture.all_is_archived().await?;
        let from = seen["recoverable"]["from"].clone();
        ensure!(from.is_string(), "{seen}");

        fixture
            .run(&["failover", "--to", "replica-0", "--rejoin", "--yes"])
            .await?
            .exits(0)?;
        archiver.tells("up-to", |it| it["timeline"] == 2).await?;
        fixture.write(30).await?;
        let seen = fixture.all_is_archived().await?;
        ensure!(seen["gaps"].as_array().is_some_and(Vec::is_empty), "{seen}");
        ensure!(seen["recoverable"]["timeline"] == 2, "{seen}");
        ensure!(
            seen["recoverable"]["from"] == from,
            "across the switchover: {seen}"
        );
        fixture.is_what_the_primary_has().await?;

        // And back: the third timeline.
        fixture
            .run(&["failover", "--to", "primary-0", "--rejoin", "--yes"])
            .await?
            .exits(0)?;
        archiver.tells("up-to", |it| it["timeline"] == 3).await?;
        fixture.write(20).await?;
        let seen = fixture.all_is_archived().await?;
        ensure!(seen["recoverable"]["timeline"] == 3, "{seen}");
        ensure!(seen["recoverable"]["from"] == from, "{seen}");
        let (code, told) = archiver.stop().await?;
        ensure!(code == Some(0), "{told:#?}");
        // Without the key nothing is verified, and that is said.
        fixture
            .run(&["wal", "verify"])
            .await?
            .exits(3)?
            .says("--identity FILE")?;
        Ok(())
    })
}
