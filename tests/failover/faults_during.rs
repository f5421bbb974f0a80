//! Trouble in the cluster while the primary moves.

use anyhow::{Result, ensure};
use pgctl_sandbox::api::{Effect, Fault};

use super::test_cluster::{
    Oracle, SandboxCluster, TestCluster, eventually, full, on_cluster, on_sandbox, slot,
};

const TO_REPLICA_0: [&str; 4] = ["failover", "--to", "replica-0", "--yes"];

/// What a failover writes.
pub(crate) const WRITES: [(&str, &str); 9] = [
    ("create", "configmaps"),
    ("update", "configmaps"),
    ("patch", "configmaps"),
    ("create", "leases"),
    ("update", "leases"),
    ("patch", "statefulsets/scale"),
    ("patch", "services"),
    ("patch", "pods"),
    ("delete", "pods"),
];

/// Brings whatever is left unfinished to its end, and gives the exit code of that.
pub(crate) async fn finish(cluster: &TestCluster) -> Result<()> {
    let run = cluster.pgctl(&["failover", "--resume"]).await?;
    let code = run.status.code();
    ensure!(matches!(code, Some(0 | 6)), "it does not go on: {run}");
    Ok(())
}

/// Runs a failover under a fault; whatever comes of it, it ends, and the oracle is content.
async fn survives(cluster: &SandboxCluster, oracle: &Oracle, arguments: &[&str]) -> Result<()> {
    let run = cluster.pgctl(arguments).await?;
    oracle.never_two()?;
    match run.status.code() {
        Some(0 | 3 | 6) => {}
        // It failed before it began: then nothing is left behind.
        Some(1 | 7) => {
            cluster.mend().await?;
            cluster
                .refuses(&["failover", "--resume"], "nothing to resume")
                .await?;
        }
        Some(5) => {
            cluster.mend().await?;
            finish(cluster).await?;
        }
        _ => anyhow::bail!("an exit code that says nothing: {run}"),
    }
    cluster.mend().await?;
    oracle.content(cluster).await?;
    Ok(())
}

#[test]
fn an_api_server_that_errs_at_every_kind_of_request_stops_nothing_halfway() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let api = cluster.sandbox.faults().api().clone();
        let mut to = ["replica-0", "primary-0"].into_iter().cycle();
        for status in [500, 409, 429] {
            for (verb, resource) in WRITES {
                let message = None;
                let effect = Effect::Fail { status, message };
                api.add(Fault::new(effect).verb(verb).resource(resource).times(2));
            }
            if status != 409 {
                // Nobody answers a question with a conflict.
                let message = None;
                let effect = Effect::Fail { status, message };
                api.add(Fault::new(effect).verb("get").times(2));
            }
            let Some(target) = to.next() else { break };
            survives(
                cluster,
                &oracle,
                &["failover", "--to", target, "--yes", "--rejoin"],
            )
            .await?;
        }
        // What was carried out although the answer was lost must be found out.
        for (verb, resource) in WRITES.into_iter().filter(|it| it.1 != "leases") {
            let fault = Fault::new(Effect::LoseAnswer);
            api.add(fault.verb(verb).resource(resource).times(1));
        }
        let target = if cluster.primary().await? == "primary-0" {
            "replica-0"
        } else {
            "primary-0"
        };
        survives(
            cluster,
            &oracle,
            &["failover", "--to", target, "--yes", "--rejoin"],
        )
        .await
    })
}

#[test]
fn a_standby_that_dies_meanwhile_does_not_stop_the_failover() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let killing = async {
            fenced(cluster).await?;
            cluster.kill("replica-1").await
        };
        let (run, killed) = futures::join!(cluster.pgctl(&TO_REPLICA_0), killing);
        killed?;
        run?.exits(0)?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "replica-0", "{primary} is primary");
        Ok(())
    })
}

#[test]
fn a_candidate_that_dies_meanwhile_loses_nothing() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let killing = async {
            fenced(cluster).await?;
            cluster.kill("replica-0").await
        };
        let (run, killed) = futures::join!(cluster.pgctl(&TO_REPLICA_0), killing);
        killed?;
        let run = run?;
        match run.status.code() {
            Some(0 | 6) => {}
            Some(5) => finish(cluster).await?,
            _ => anyhow::bail!("an exit code that says nothing: {run}"),
        }
        oracle.content(cluster).await?;
        Ok(())
    })
}

/// The topology names another primary.
pub(crate) async fn fenced(cluster: &TestCluster) -> Result<()> {
    use k8s_openapi::api::core::v1::ConfigMap;
    eventually("the fence", async || {
        let map: ConfigMap = cluster
            .store()
            .read(cluster.namespace(), &super::test_cluster::full("topology"))?;
        let primary = map.data.and_then(|data| data.get("primary").cloned());
        ensure!(
            primary.is_some_and(|it| it.ends_with("replica-0")),
            "not yet"
        );
        Ok(())
    })
    .await
}

#[test]
fn two_people_at_once_move_the_primary_once() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let to_replica_1 = ["failover", "--to", "replica-1", "--yes"];
        let (one, other) =
            futures::join!(cluster.pgctl(&TO_REPLICA_0), cluster.pgctl(&to_replica_1));
        let (one, other) = (one?, other?);
        let mut codes = [one.status.code(), other.status.code()];
        codes.sort_unstable();
        ensure!(
            codes == [Some(0), Some(3)],
            "one goes through and the other is refused: {one}\n{other}"
        );
        let winner = if one.status.success() {
            "replica-0"
        } else {
            "replica-1"
        };
        let primary = oracle.content(cluster).await?;
        ensure!(primary == winner, "{primary} is primary, and not {winner}");
        Ok(())
    })
}

#[test]
fn a_slot_that_is_missing_is_made() -> Result<()> {
    on_cluster(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        // Its own slot vanished from the primary, and it streams without one.
        cluster
            .sql("replica-1", "ALTER SYSTEM SET primary_slot_name = ''")
            .await?;
        cluster.sql("replica-1", "SELECT pg_reload_conf()").await?;
        let dropping = format!("SELECT pg_drop_replication_slot('{}')", slot("replica-1"));
        eventually("the slot is free", async || {
            cluster.sql("primary-0", &dropping).await.map(drop)
        })
        .await?;
        cluster.pgctl(&TO_REPLICA_0).await?.exits(0)?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "replica-0", "{primary} is primary");
        Ok(())
    })
}

/// A standby that lacks a lot of WAL is no candidate, and follows afterwards.
fn far_behind(rounds: u32) -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster.freeze("replica-1").await?;
        cluster.sql(
            "primary-0",
            "CREATE TABLE public.bulk AS SELECT i, repeat('x', 1000) AS t FROM generate_series(1, 1000) i",
        )
        .await?;
        for _ in 0..rounds {
            cluster
                .sql(
                    "primary-0",
                    "INSERT INTO public.bulk SELECT * FROM public.bulk LIMIT 5000",
                )
                .await?;
        }
        let run = cluster
            .pgctl(&["failover", "--to", "replica-1", "--yes", "--timeout", "2s"])
            .await?;
        run.exits(3)?;
        cluster.mend().await?;
        let run = cluster.pgctl(&TO_REPLICA_0).await?.exits(0)?;
        eprintln!("{run}");
        // Where the new primary has not kept what it lacks, it is made anew, as the screen says.
        let advice = format!("pgctl rejoin {}", full("replica-1"));
        if run.stdout.contains(&advice) {
            let run = cluster.pgctl(&["rejoin", "replica-1", "--yes"]).await?;
            eprintln!("{}", run.exits(0)?);
        }
        oracle.content(cluster).await?;
        Ok(())
    })
}

#[test]
fn a_standby_far_behind_is_no_candidate_and_follows_afterwards() -> Result<()> {
    far_behind(5)
}

#[test]
#[ignore = "writes a gigabyte"]
fn a_standby_that_is_a_gigabyte_behind_is_no_candidate_and_follows_afterwards() -> Result<()> {
    // Each round is five megabytes and a little.
    far_behind(200)
}
