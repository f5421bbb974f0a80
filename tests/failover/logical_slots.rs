//! Logical slots that PostgreSQL keeps on standbys itself (17 and newer) survive a switchover, and those who read through
//! them go on where they were.

use std::io::Write as _;

use anyhow::{Result, ensure};

use super::test_cluster::{Oracle, TestCluster, eventually, on_sandbox, slot};

const COPY: &str =
    "SELECT synced AND NOT temporary FROM pg_replication_slots WHERE slot_name = 'shop'";

impl TestCluster {
    async fn set(&self, tail: &str, name: &str, value: &str) -> Result<()> {
        let set = format!("ALTER SYSTEM SET {name} = '{value}'");
        let session = self.open(tail).await?;
        session.rows(&set).await?;
        session.rows("SELECT pg_reload_conf()").await?;
        Ok(())
    }

    async fn one(&self, tail: &str, sql: &str) -> Result<String> {
        self.open(tail).await?.one(sql).await
    }

    /// A copy is whole once the slot has moved on to where the standby has what it needs: somebody has to read through it.
    async fn copied(&self, from: &str, to: &str) -> Result<()> {
        let read = "SELECT count(*) FROM pg_logical_slot_get_changes('shop', NULL, NULL)";
        eventually(&format!("{to} has a copy of the slot"), async || {
            self.one(from, read).await?;
            let slots = "SELECT string_agg(slot_name || ' synced ' || coalesce(synced::text, '-') || ' temporary ' || temporary, ', ') \
                         FROM pg_replication_slots";
            let answer = self.one(to, COPY).await?;
            ensure!(answer == "t" || answer == "true", "{}", self.one(to, slots).await?);
            Ok(())
        })
        .await
    }
}

#[test]
fn who_reads_through_a_logical_slot_goes_on_after_a_switchover() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let pods = ["primary-0", "replica-0", "replica-1"];
        let version = cluster.one("primary-0", "SHOW server_version_num").await?;
        if version.parse::<u32>()? < 170_000 {
            let why =
                "SKIPPED on PostgreSQL before 17, which keeps no copies of slots: logical_slots\n";
            // Not `eprintln`: the output of a test that passes is thrown away.
            drop(std::io::stderr().write_all(why.as_bytes()));
            return Ok(());
        }
        for tail in pods {
            cluster.set(tail, "wal_level", "logical").await?;
            cluster.set(tail, "sync_replication_slots", "on").await?;
        }
        for tail in pods {
            cluster.kill(tail).await?;
            cluster.all_stream().await?;
        }
        let oracle = Oracle::start(cluster).await?;
        oracle.writes_flow().await?;
        let make =
            "SELECT pg_create_logical_replication_slot('shop', 'test_decoding', failover => true)";
        cluster.one("primary-0", make).await?;
        for tail in ["replica-0", "replica-1"] {
            cluster.copied("primary-0", tail).await?;
        }
        // What is not read yet must not be lost.
        let said = "SELECT pg_logical_emit_message(true, 'test', 'before the switchover')";
        cluster.one("primary-0", said).await?;
        // As an administrator sets it: readers never get ahead of the standbys.
        for tail in pods {
            let both = format!("{}, {}", slot("replica-0"), slot("replica-1"));
            cluster
                .set(tail, "synchronized_standby_slots", &both)
                .await?;
        }
        let arguments = ["failover", "--to", "replica-0", "--dry-run", "-v"];
        let run = cluster.pgctl(&arguments).await?.exits(0)?;
        run.says("their readers would wait")?;
        let arguments = ["failover", "--to", "replica-0", "--rejoin", "--yes"];
        cluster.pgctl(&arguments).await?.exits(0)?;
        oracle.writes_flow().await?;
        cluster
            .set(
                "replica-0",
                "synchronized_standby_slots",
                &slot("replica-1"),
            )
            .await?;
        let read = "SELECT count(*) FROM pg_logical_slot_get_changes('shop', NULL, NULL) \
                    WHERE data LIKE '%before the switchover%'";
        let seen = cluster.one("replica-0", read).await?;
        ensure!(seen == "1", "read {seen} times");
        // The former primary has no slot in the way of a copy.
        for tail in ["primary-0", "replica-1"] {
            cluster.copied("replica-0", tail).await?;
        }
        // And back.
        let arguments = ["failover", "--to", "primary-0", "--rejoin", "--yes"];
        cluster.pgctl(&arguments).await?.exits(0)?;
        cluster.one("primary-0", said).await?;
        let seen = cluster.one("primary-0", read).await?;
        ensure!(seen == "1", "read {seen} times");
        oracle.content(cluster).await?;
        Ok(())
    })
}
