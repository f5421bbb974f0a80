//! Planned switchovers: to and fro, and ten times in a row.

use anyhow::{Result, ensure};

use super::test_cluster::{Oracle, TestCluster, eventually, full, on_cluster, on_sandbox};

/// A split brain made by hand is seen, and a commit that was thrown away is missed: the oracle's
/// silence elsewhere means something.
#[test]
fn the_oracle_sees_a_split_brain_and_a_lost_commit() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        oracle.content(cluster).await?;
        cluster
            .sql("primary-0", "DELETE FROM public.oracle_commits WHERE n = 1")
            .await?;
        let lost = oracle.lost(cluster, "primary-0").await?;
        ensure!(lost == [(0, 1), (1, 1)], "lost: {lost:?}");
        cluster.sql("replica-0", "SELECT pg_promote()").await?;
        eventually("the oracle says so", async || {
            ensure!(oracle.never_two().is_err(), "two pods accept writes");
            Ok(())
        })
        .await
    })
}

/// Moves the primary, and the oracle is content.
async fn switch(cluster: &TestCluster, oracle: &Oracle, to: &str, more: &[&str]) -> Result<()> {
    let mut arguments = vec!["failover", "--to", to, "--yes", "-o", "json"];
    arguments.extend(more);
    let run = cluster.pgctl(&arguments).await?.exits(0)?;
    let report = run.json()?;
    ensure!(
        report["lostBytes"] == 0 && report["lossProven"] == true,
        "no loss is proven: {run}"
    );
    let outage = report["writeOutageSeconds"].as_f64();
    ensure!(
        outage.is_some_and(|it| it > 0.0),
        "the outage was not measured: {run}"
    );
    let primary = oracle.content(cluster).await?;
    ensure!(primary == to, "{primary} is primary, and not {to}: {run}");
    Ok(())
}

#[test]
fn a_switchover_loses_nothing_and_a_rejoined_primary_takes_over_again() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        switch(cluster, &oracle, "replica-0", &[]).await?;
        ensure!(cluster.wanted_pods()? == 2, "the old primary stays away");
        cluster
            .pgctl(&["rejoin", "primary-0", "--yes"])
            .await?
            .exits(0)?;
        ensure!(cluster.wanted_pods()? == 3, "the old primary is back");
        oracle.content(cluster).await?;
        cluster.no_stale_slots().await?;
        switch(cluster, &oracle, "primary-0", &[]).await?;
        cluster.no_stale_slots().await
    })
}

#[test]
fn ten_switchovers_in_a_row_between_both_stateful_sets() -> Result<()> {
    const ROUND: [&str; 10] = [
        "replica-0",
        "primary-0",
        "replica-1",
        "replica-0",
        "replica-1",
        "primary-0",
        "replica-0",
        "replica-1",
        "primary-0",
        "replica-0",
    ];
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        for to in ROUND {
            switch(cluster, &oracle, to, &["--rejoin"]).await?;
            cluster.no_stale_slots().await?;
        }
        let history = cluster
            .pgctl(&["history", "-o", "json"])
            .await?
            .exits(0)?
            .json()?;
        let told: Vec<_> = history["operations"]
            .as_array()
            .into_iter()
            .flatten()
            .collect();
        ensure!(told.len() == ROUND.len(), "the history: {history}");
        for (operation, to) in told.iter().zip(ROUND) {
            let report = &operation["report"];
            ensure!(
                report["to"] == full(to) && operation["outcome"] == "done",
                "{to} is told as {operation}"
            );
        }
        let (acknowledged, unknown) = oracle.counts();
        eprintln!(
            "{acknowledged} commits acknowledged, {unknown} unknown, longest silence {:?}",
            oracle.longest_silence()
        );
        Ok(())
    })
}

/// A container that was restarted may have started on an old topology, so its primary stops itself when
/// another is named; but not while the operation that names it waits to stop this very one.
#[test]
fn a_primary_whose_container_was_restarted_a_moment_ago_is_switched_over() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster.kill("primary-0").await?;
        oracle.content(cluster).await?;
        cluster.all_ready().await?;
        switch(cluster, &oracle, "replica-0", &["--rejoin"]).await?;
        cluster.no_stale_slots().await
    })
}

/// A standby lets a query hold its replay up for `max_standby_streaming_delay` (30 s here), longer than
/// writes may be away: one report would send the switchover back.
#[test]
fn a_report_on_the_candidate_fails_no_switchover() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster
            .sql(
                "primary-0",
                "CREATE TABLE read_by_report AS SELECT generate_series(1, 10000) AS n",
            )
            .await?;
        let delay = "SELECT setting FROM pg_settings WHERE name = 'max_standby_streaming_delay'";
        let before = cluster.sql("replica-0", delay).await?;
        ensure!(
            before != [["0"]],
            "there is no delay that could be in the way"
        );
        let report = cluster.open("replica-0").await?;
        eventually("the table on the candidate", async || {
            report.rows("SELECT 1 FROM read_by_report LIMIT 1").await
        })
        .await?;
        report
            .rows("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        report.rows("SELECT count(*) FROM read_by_report").await?;

        // It is told before it is cancelled.
        eventually("a warning of the report", async || {
            let dry = ["failover", "--to", "replica-0", "--dry-run"];
            let run = cluster.pgctl(&dry).await?.exits(0)?;
            run.says("it is cancelled if it holds up replay").map(drop)
        })
        .await?;

        let conflict = async || {
            // A lock: of removed rows a standby with hot_standby_feedback keeps the primary.
            cluster.sql("primary-0", "TRUNCATE read_by_report").await
        };
        let arguments = ["failover", "--to", "replica-0", "--rejoin", "--yes"];
        let meanwhile = cluster.pgctl_meanwhile(&arguments, "move-clients.after", conflict);
        let (run, _) = meanwhile.await?;
        let run = run.exits(0)?;
        let report = report.rows("SELECT count(*) FROM read_by_report").await;
        ensure!(
            report.is_err(),
            "the report was not in the way of anything: {report:?}; {run}"
        );
        ensure!(
            oracle.content(cluster).await? == "replica-0",
            "replica-0 is not the primary"
        );
        let after = cluster.sql("replica-0", delay).await?;
        ensure!(after == before, "the delay was {before:?} and is {after:?}");
        Ok(())
    })
}

impl TestCluster {
    /// The standby answers, and receives nothing more: its receiver stands still.
    async fn stop_receiver(&self, tail: &str) -> Result<u32> {
        let receiver = "SELECT pid FROM pg_stat_wal_receiver";
        let pid: u32 = self.open(tail).await?.one(receiver).await?.parse()?;
        self.signal(tail, "STOP", pid).await?;
        Ok(pid)
    }

    async fn signal(&self, tail: &str, signal: &str, pid: u32) -> Result<()> {
        let kill = format!("COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; kill -{signal} {pid}'");
        self.sql(tail, &kill).await.map(drop)
    }
}

/// The shutdown of a primary waits until every standby that is connected has confirmed all WAL: one that
/// hangs, and one that replays but receives no more, would each hold it up for as long as
/// `wal_sender_timeout` lets them.
#[test]
fn standbys_that_do_not_keep_up_hold_up_no_switchover() -> Result<()> {
    on_sandbox(3, async |cluster| {
        cluster.only_bounds_scale()?;
        let oracle = Oracle::start(cluster).await?;
        for setting in [
            "ALTER SYSTEM SET wal_sender_timeout = '1h'",
            "SELECT pg_reload_conf()",
        ] {
            cluster.sql("primary-0", setting).await?;
        }
        // In a switchover that goes well nobody is disconnected.
        let moved = ["failover", "--to", "replica-0", "--rejoin", "--yes"];
        let run = cluster.pgctl(&moved).await?.exits(0)?;
        ensure!(!run.stderr.contains("does not keep up:"), "{run}");
        oracle.content(cluster).await?;
        let back = ["failover", "--to", "primary-0", "--yes"];
        cluster.pgctl(&back).await?.exits(0)?;
        oracle.content(cluster).await?;
        // The whole pod hangs, and of another only its receiver.
        cluster.freeze("replica-1").await?;
        let receiver = cluster.stop_receiver("replica-2").await?;
        let run = cluster
            .pgctl(&["failover", "--to", "replica-0", "--yes"])
            .await?
            .exits(0)?;
        run.says("does not keep up: disconnected until the switchover is over")?;
        oracle.never_two()?;
        oracle.writes_flow().await?;
        cluster.mend().await?;
        cluster.signal("replica-2", "CONT", receiver).await?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "replica-0", "{primary} is primary");
        Ok(())
    })
}

/// A switchover that is put back leads whoever was disconnected back to the old primary.
#[test]
fn who_was_disconnected_is_back_when_a_switchover_is_put_back() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let receiver = cluster.stop_receiver("replica-1").await?;
        let dying = async || cluster.freeze("replica-0").await;
        let arguments = ["failover", "--to", "replica-0", "--yes"];
        let meanwhile = cluster.pgctl_meanwhile(&arguments, "stop-primary.before", dying);
        let (run, _) = meanwhile.await?;
        let run = run.exits(6)?.says("does not keep up:")?;
        oracle.never_two()?;
        cluster.mend().await?;
        cluster.signal("replica-1", "CONT", receiver).await?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "primary-0", "{primary} is primary: {run}");
        Ok(())
    })
}
