//! Two archivers by mistake, and WAL that is gone: a gap is recorded, and closed by a base backup.

use anyhow::{Result, ensure};

use crate::fixture::Fixture;
use crate::test_cluster::{eventually, on_cluster};

#[test]
fn two_archivers_do_no_harm_and_a_gap_is_told_until_a_base_backup_closes_it() -> Result<()> {
    on_cluster(1, async |cluster| {
        let fixture = Fixture::new(cluster).await?;
        let first = fixture.archive("first", &[])?;
        first.tells("up-to", |_| true).await?;

        // With the same spool: refused. With another one: it waits for the slot.
        let (code, _) = fixture.archive("first", &[])?.ended().await?;
        ensure!(code == Some(3), "{code:?}");
        let second = fixture.archive("second", &[])?;
        second.tells("waiting", |it| it["what"] == "slot").await?;
        fixture.write(40).await?;
        fixture.all_is_archived().await?;
        first.kill().await?;
        // The other one takes over where the first has stopped.
        second.tells("streaming", |_| true).await?;
        fixture.write(40).await?;
        let archive = fixture.all_is_archived().await?;
        ensure!(
            archive["gaps"].as_array().is_some_and(Vec::is_empty),
            "{archive}"
        );
        fixture.is_what_the_primary_has().await?;
        let (code, told) = second.stop().await?;
        ensure!(code == Some(0), "{told:#?}");

        // Somebody drops the slot while nobody archives, and the server removes the WAL.
        let before = fixture.stored()?.len();
        for sql in [
            "select pg_drop_replication_slot('pgctl_wal_archive')",
            "alter system set wal_keep_size = 0",
            "alter system set min_wal_size = '32MB'",
            "alter system set max_wal_size = '64MB'",
            "select pg_reload_conf()",
        ] {
            cluster.sql("primary-0", sql).await?;
        }
        let last = fixture.stored()?.into_keys().next_back();
        let last = last.map(|it| it.to_string()).unwrap_or_default();
        eventually("the server has removed it", async || {
            fixture.write(30).await?;
            cluster.sql("primary-0", "checkpoint").await?;
            let oldest = cluster
                .sql(
                    "primary-0",
                    "select min(name) from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'",
                )
                .await?;
            ensure!(oldest[0][0] > last, "{oldest:?} and {last}");
            Ok(())
        })
        .await?;
        for sql in [
            "alter system reset wal_keep_size",
            "alter system reset min_wal_size",
            "alter system reset max_wal_size",
            "select pg_reload_conf()",
        ] {
            cluster.sql("primary-0", sql).await?;
        }
        let third = fixture.archive("second", &[])?;
        let gap = third.tells("gap", |_| true).await?;
        ensure!(gap["gap"]["reason"] == "removed-by-server", "{gap}");
        fixture.write(20).await?;
        let archive = fixture.all_is_archived().await?;
        ensure!(archive["gaps"][0]["closed"] == false, "{archive}");
        ensure!(
            fixture.stored()?.len() > before,
            "it goes on behind the gap"
        );
        let listed = fixture.run(&["wal", "list"]).await?.exits(4)?;
        listed
            .says("gap on timeline 1")?
            .says("before a new base backup is taken")?;
        let status = fixture.run(&["status"]).await?;
        status.says("no base backup leads into it")?;
        let doctor = fixture
            .run(&["doctor", "--check", "wal-archive-incomplete"])
            .await?;
        doctor.exits(4)?.says("WAL is missing from")?;
        fixture.run(&["backup", "--physical"]).await?.exits(0)?;
        fixture.write(20).await?;
        let archive = fixture.all_is_archived().await?;
        ensure!(archive["gaps"][0]["closed"] == true, "{archive}");
        ensure!(archive["recoverable"]["from"].is_string(), "{archive}");
        let listed = fixture.run(&["wal", "list"]).await?.exits(0)?;
        listed.says("recoverable from")?;
        fixture.run(&["status"]).await?.says("recoverable from")?;
        let doctor = fixture
            .run(&["doctor", "--check", "wal-archive-incomplete"])
            .await?;
        doctor.exits(0)?;
        let metrics = fixture.run(&["metrics"]).await?;
        metrics
            .says("pgctl_wal_archive_recoverable_from_timestamp_seconds{")?
            .says("pgctl_wal_archive_open_gaps{")?;
        let (code, told) = third.stop().await?;
        ensure!(code == Some(0), "{told:#?}");
        fixture.run(&["wal", "verify"]).await?.exits(0)?;
        cluster
            .sql(
                "primary-0",
                "select pg_drop_replication_slot('pgctl_wal_archive')",
            )
            .await?;
        Ok(())
    })
}
