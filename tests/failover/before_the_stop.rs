//! What happens to the candidate between the plan and the stop: nothing is stopped for one that could not take over.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use pgctl_sandbox::store::DeleteOptions;

use super::put_back::STARTED;
use super::test_cluster::{Database, Oracle, TestCluster, full, on_sandbox};

/// Of a Service.
type Selector = BTreeMap<String, String>;

/// A step, and the one after it, which needs the candidate.
const BEFORE_CLIENTS_MOVE: (&str, &str) = ("detach-laggards", "move-clients");
const AFTER_CLIENTS_MOVED: (&str, &str) = ("move-clients", "stop-primary");
/// A resume finds that they are not led there any more.
const RESUMED: (&str, &str) = ("move-clients", "move-clients");

/// What a client of the write Service goes by, and what decides who may write.
fn as_clients_see_it(cluster: &TestCluster) -> Result<(Option<Selector>, String)> {
    let namespace = cluster.namespace();
    let service: Service = cluster.store().read(namespace, &full("write"))?;
    let topology: Option<ConfigMap> = cluster.store().read_opt(namespace, &full("topology"))?;
    // Before the first operation there is none, and pod 0 of the primary StatefulSet is meant.
    let primary = topology
        .and_then(|it| it.data)
        .and_then(|mut data| data.remove("primary"))
        .unwrap_or_else(|| full("primary-0"));
    Ok((service.spec.and_then(|it| it.selector), primary))
}

/// After a step before the stop something happens to the candidate: the primary is not stopped, and clients are where they
/// were. `late`: pgctl has died there, and what comes next is part of a resume.
fn nothing_is_stopped(
    (step, next): (&str, &str),
    late: bool,
    happens: impl AsyncFn(&TestCluster) -> Result<()>,
) -> Result<()> {
    // The sandbox, because the finalizer of a test that fails would stay.
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let before = as_clients_see_it(cluster)?;
        let client = Database::open(&cluster.write_service()?, &cluster.login).await?;
        let started = cluster.sql("primary-0", STARTED).await?;
        hold(cluster, "replica-0", true)?;
        let to_replica_0 = ["failover", "--to", "replica-0", "--yes"];
        let run = if late {
            let dies = format!("{step}.after=return(kill)");
            let dies = [("FAILPOINTS", dies.as_str())];
            let run = cluster.pgctl_with(&to_replica_0, &dies).await?;
            run.was_killed()?;
            happens(cluster).await?;
            cluster.pgctl(&["failover", "--resume"]).await?
        } else {
            let point = format!("{step}.after");
            let meanwhile =
                cluster.pgctl_meanwhile(&to_replica_0, &point, async || happens(cluster).await);
            meanwhile.await?.0
        };
        let run = run.exits(6)?;
        // Whichever of the things that it needs is missed first.
        let run = run.says(&format!("{next}: it does not hold that"))?;
        ensure!(
            client.one("SELECT pg_is_in_recovery()").await? == "f",
            "a client's session has not stayed where it was"
        );
        let now = cluster.sql("primary-0", STARTED).await?;
        ensure!(now == started, "the primary was stopped: {run}");
        ensure!(
            as_clients_see_it(cluster)? == before,
            "clients are not led as before: {run}"
        );
        hold(cluster, "replica-0", false)?;
        cluster.scale("replica", 2)?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "primary-0", "{primary} is primary");
        Ok(())
    })
}

/// The pod's object stays when it is deleted, as with a long grace period, or not.
fn hold(cluster: &TestCluster, tail: &str, held: bool) -> Result<()> {
    cluster
        .store()
        .modify::<Pod>(cluster.namespace(), &full(tail), |pod| {
            pod.metadata.finalizers = held.then(|| vec!["example.com/test".to_owned()]);
        })?;
    Ok(())
}

#[test]
fn nothing_is_stopped_for_a_candidate_that_is_deleted_meanwhile() -> Result<()> {
    for (between, late) in [(BEFORE_CLIENTS_MOVE, false), (RESUMED, true)] {
        let deleted = async |cluster: &TestCluster| {
            let (namespace, pod) = (cluster.namespace(), full("replica-0"));
            let options = DeleteOptions::default();
            cluster.store().remove::<Pod>(namespace, &pod, &options)
        };
        nothing_is_stopped(between, late, deleted)?;
    }
    Ok(())
}

#[test]
fn nothing_is_stopped_for_a_candidate_that_is_scaled_away_meanwhile() -> Result<()> {
    for (between, late) in [(BEFORE_CLIENTS_MOVE, true), (AFTER_CLIENTS_MOVED, false)] {
        let scaled = async |cluster: &TestCluster| cluster.scale("replica", 0);
        nothing_is_stopped(between, late, scaled)?;
    }
    Ok(())
}
