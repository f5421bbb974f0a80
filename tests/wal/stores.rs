//! A store that takes nothing for a while, and a spool that is full meanwhile.

use anyhow::{Result, ensure};

use crate::fixture::Fixture;
use crate::support::S3Server;
use crate::test_cluster::on_cluster;

const STORE: &str = "s3://backups/some/prefix";

#[test]
fn a_store_that_is_away_loses_nothing_and_a_full_spool_stops_the_stream() -> Result<()> {
    on_cluster(1, async |cluster| {
        let fixture = Fixture::new(cluster).await?;
        let s3 = S3Server::start().await;
        let environment = s3.environment();
        let archiver =
            fixture.archive_into(STORE, &environment, "spool", &["--spool-limit", "40MB"])?;
        archiver.tells("up-to", |_| true).await?;
        s3.busy_for(u64::MAX);
        fixture.write(100).await?;
        archiver
            .tells("waiting", |it| it["what"] == "store")
            .await?;
        let full = archiver
            .tells("waiting", |it| it["what"] == "spool")
            .await?;
        let reason = full["reason"].as_str().unwrap_or_default();
        ensure!(
            reason.contains("the slot pgctl_wal_archive holds the rest"),
            "{full}"
        );
        // What it has not received the server holds.
        let held = cluster
            .sql(
                "primary-0",
                "select restart_lsn < pg_current_wal_lsn() and not active \
                 from pg_replication_slots where slot_name = 'pgctl_wal_archive'",
            )
            .await?;
        ensure!(held[0][0] == "t", "{held:?}");
        s3.busy_for(0);
        archiver.tells("back", |it| it["what"] == "store").await?;
        archiver.tells("back", |it| it["what"] == "spool").await?;
        let archive = fixture.all_is_archived_in(STORE, &environment).await?;
        ensure!(
            archive["gaps"].as_array().is_some_and(Vec::is_empty),
            "{archive}"
        );
        ensure!(
            archive["ranges"].as_array().map(Vec::len) == Some(1),
            "{archive}"
        );
        let (code, told) = archiver.stop().await?;
        ensure!(code == Some(0), "{told:#?}");
        let all: Vec<(&str, &str)> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .chain([("PGCTL_STORE", STORE)])
            .collect();
        cluster
            .pgctl_with(&["wal", "verify"], &all)
            .await?
            .exits(0)?;
        // The folder of the archives is no backup.
        let list = cluster
            .pgctl_with(&["backup", "list", "-o", "json"], &all)
            .await?;
        let list = list.exits(0)?.json()?;
        ensure!(
            list["backups"].as_array().is_some_and(Vec::is_empty),
            "{list}"
        );

        // A bucket that there is not is said at once.
        let wrong = fixture.archive_into("s3://nowhere/x", &environment, "other", &[])?;
        let (code, told) = wrong.ended().await?;
        ensure!(code == Some(3), "{code:?} {told:#?}");
        cluster
            .sql(
                "primary-0",
                "select pg_drop_replication_slot('pgctl_wal_archive')",
            )
            .await?;
        Ok(())
    })
}
