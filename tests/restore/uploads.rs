//! Restores whose connection breaks while the archive is on its way.

use anyhow::{Context as _, Result, ensure};
use pgctl_sandbox::api::{Effect, Fault};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

use super::lab::{Lab, Run, on_sandbox};

const ROWS: &str = "select count(*) from filler";
const BACKED_UP: &str = "50000";
const PRESENT: &str = "7";

#[test]
fn an_upload_that_breaks_leaves_everything_as_it_was() -> Result<()> {
    on_sandbox(1, async |lab| {
        let mut random = StdRng::seed_from_u64(20_261_125);
        broken_uploads(lab, &mut random, 2).await
    })
}

#[test]
#[ignore = "a hundred restores: run it by hand after a change to how archives are sent"]
fn fifty_uploads_of_each_kind_that_break_leave_everything_as_it_was() -> Result<()> {
    on_sandbox(1, async |lab| {
        let mut random = StdRng::from_os_rng();
        broken_uploads(lab, &mut random, 50).await
    })
}

async fn broken_uploads(lab: &Lab, random: &mut StdRng, times: usize) -> Result<()> {
    lab.psql("primary-0", "postgres", "create database big")?;
    lab.psql(
        "primary-0",
        "big",
        "create table filler as select gen_random_uuid() a from generate_series(1, 50000)",
    )?;
    let logical = taken(lab, &["--from", "primary"]).await?;
    let physical = taken(lab, &["--physical", "--from", "primary"]).await?;
    let fewer =
        format!("delete from filler where ctid not in (select ctid from filler limit {PRESENT})");
    lab.psql("primary-0", "big", &fewer)?;

    for (taken, more) in [(&logical, CLEAN), (&physical, &[])] {
        let size = size(taken)?;
        // The last byte is a place of its own: everything else has arrived.
        let places = (1..times).map(|_| random.random_range(1..size));
        for after_bytes in places.chain([size - 1]) {
            let told = format!("cut after {after_bytes} of {size}: {}", taken["id"]);
            broken(lab, taken, more, after_bytes).await.context(told)?;
        }
    }
    // And without a fault both are restored.
    for (taken, more) in [(&logical, CLEAN), (&physical, &[])] {
        restore(lab, taken, more).await?.exits(0)?;
        ensure!(lab.psql("primary-0", "big", ROWS)? == BACKED_UP);
        lab.psql("primary-0", "big", &fewer)?;
    }
    lab.healthy("primary-0").await
}

/// Replaces what is there, and keeps no copy of it elsewhere: it must be where it was.
const CLEAN: &[&str] = &["--clean", "--no-safety-backup"];

async fn broken(lab: &Lab, taken: &Value, more: &[&str], after_bytes: u64) -> Result<()> {
    let fault = Fault::new(Effect::CutUpload { after_bytes }).resource("pods/exec");
    lab.sandbox.faults().api().add(fault);
    let run = restore(lab, taken, more).await?;
    lab.mend().await?;
    run.exits(6)?.says("the connection to the pod was lost")?;
    lab.healthy("primary-0").await?;
    ensure!(lab.psql("primary-0", "big", ROWS)? == PRESENT, "other rows");
    ensure!(
        lab.psql("replica-0", "big", ROWS)? == PRESENT,
        "other rows on the standby"
    );
    lab.tidy()
}

async fn restore(lab: &Lab, taken: &Value, more: &[&str]) -> Result<Run> {
    let store = lab.backups();
    let id = taken["id"].as_str().context("no name")?;
    let arguments = ["restore", id, "--store", &store, "--yes"];
    lab.pgctl(&[&arguments, more].concat()).await
}

async fn taken(lab: &Lab, more: &[&str]) -> Result<Value> {
    let store = lab.backups();
    let arguments = ["backup", "--store", &store, "-o", "json"];
    let run = lab.pgctl(&[&arguments, more].concat()).await?;
    run.exits(0)?.json()
}

/// Bytes of the largest archive, as they travel.
fn size(taken: &Value) -> Result<u64> {
    let archives = taken["backup"]["archives"].as_array();
    let sizes = archives.context("no archives")?.iter();
    let sent = sizes.filter_map(|archive| archive["sentBytes"].as_u64());
    sent.max().context("no sizes")
}
