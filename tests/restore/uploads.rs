//! Restores whose connection breaks while the archive is on its way.

use anyhow::{Context as _, Result, ensure};
use pgctl_sandbox::api::{Effect, Fault};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

use super::test_cluster::{Run, SandboxCluster, TestCluster, on_sandbox};

const ROWS: &str = "select count(*) from filler";
const BACKED_UP: &str = "50000";
const PRESENT: &str = "7";

#[test]
fn an_upload_that_breaks_leaves_everything_as_it_was() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let mut random = StdRng::seed_from_u64(20_261_125);
        broken_uploads(cluster, &mut random, 2).await
    })
}

#[test]
#[ignore = "a hundred restores: run it by hand after a change to how archives are sent"]
fn fifty_uploads_of_each_kind_that_break_leave_everything_as_it_was() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let mut random = StdRng::from_os_rng();
        broken_uploads(cluster, &mut random, 50).await
    })
}

async fn broken_uploads(cluster: &SandboxCluster, random: &mut StdRng, times: usize) -> Result<()> {
    cluster.psql("primary-0", "postgres", "create database big")?;
    cluster.psql(
        "primary-0",
        "big",
        "create table filler as select gen_random_uuid() a from generate_series(1, 50000)",
    )?;
    let logical = taken(cluster, &["--from", "primary"]).await?;
    let physical = taken(cluster, &["--physical", "--from", "primary"]).await?;
    let fewer =
        format!("delete from filler where ctid not in (select ctid from filler limit {PRESENT})");
    cluster.psql("primary-0", "big", &fewer)?;

    for (taken, more) in [(&logical, CLEAN), (&physical, &[])] {
        let size = size(taken)?;
        // The last byte is a place of its own: everything else has arrived.
        let places = (1..times).map(|_| random.random_range(1..size));
        for after_bytes in places.chain([size - 1]) {
            let told = format!("cut after {after_bytes} of {size}: {}", taken["id"]);
            broken(cluster, taken, more, after_bytes)
                .await
                .context(told)?;
        }
    }
    // And without a fault both are restored.
    for (taken, more) in [(&logical, CLEAN), (&physical, &[])] {
        restore(cluster, taken, more).await?.exits(0)?;
        ensure!(cluster.psql("primary-0", "big", ROWS)? == BACKED_UP);
        cluster.psql("primary-0", "big", &fewer)?;
    }
    cluster.healthy("primary-0").await
}

/// Replaces what is there, and keeps no copy of it elsewhere: it must be where it was.
const CLEAN: &[&str] = &["--clean", "--no-safety-backup"];

async fn broken(
    cluster: &SandboxCluster,
    taken: &Value,
    more: &[&str],
    after_bytes: u64,
) -> Result<()> {
    let fault = Fault::new(Effect::CutUpload { after_bytes }).resource("pods/exec");
    cluster.sandbox.faults().api().add(fault);
    let run = restore(cluster, taken, more).await?;
    cluster.mend().await?;
    run.exits(6)?.says("the connection to the pod was lost")?;
    cluster.healthy("primary-0").await?;
    ensure!(
        cluster.psql("primary-0", "big", ROWS)? == PRESENT,
        "other rows"
    );
    ensure!(
        cluster.psql("replica-0", "big", ROWS)? == PRESENT,
        "other rows on the standby"
    );
    cluster.tidy()
}

async fn restore(cluster: &TestCluster, taken: &Value, more: &[&str]) -> Result<Run> {
    let store = cluster.backups();
    let id = taken["id"].as_str().context("no name")?;
    let arguments = ["restore", id, "--store", &store, "--yes"];
    cluster.pgctl(&[&arguments, more].concat()).await
}

async fn taken(cluster: &TestCluster, more: &[&str]) -> Result<Value> {
    let store = cluster.backups();
    let arguments = ["backup", "--store", &store, "-o", "json"];
    let run = cluster.pgctl(&[&arguments, more].concat()).await?;
    run.exits(0)?.json()
}

/// Bytes of the largest archive, as they travel.
fn size(taken: &Value) -> Result<u64> {
    let archives = taken["backup"]["archives"].as_array();
    let sizes = archives.context("no archives")?.iter();
    let sent = sizes.filter_map(|archive| archive["sentBytes"].as_u64());
    sent.max().context("no sizes")
}
