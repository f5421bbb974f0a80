//! Whatever dies: what is archived is what the server has written, and a flipped bit is found.

use std::time::Duration;

use anyhow::{Result, ensure};
use rand::Rng as _;

use crate::fixture::{Fixture, receivers, signal};
use crate::test_cluster::{eventually, on_cluster};

/// A length of time up to which something happens before the next kill.
fn soon() -> Duration {
    Duration::from_millis(rand::rng().random_range(50..2500))
}

#[test]
fn every_segment_is_archived_whoever_is_killed() -> Result<()> {
    on_cluster(1, async |cluster| {
        let fixture = Fixture::new(cluster).await?;
        let mut archiver = fixture.archive("spool", &[])?;
        archiver.tells("up-to", |_| true).await?;
        // Under load, in turn: pgctl itself, and pg_receivewal.
        let load = async {
            for _ in 0..12 {
                fixture.write(12).await?;
            }
            anyhow::Ok(())
        };
        let kills = async {
            for turn in 0..8 {
                tokio::time::sleep(soon()).await;
                if turn % 2 == 0 {
                    archiver.kill().await?;
                    tokio::time::sleep(soon()).await;
                    archiver = fixture.archive("spool", &[])?;
                } else {
                    for process in receivers(&fixture.spool("spool"))? {
                        // It may be gone by now.
                        let _ = signal(process, "KILL").await;
                    }
                }
            }
            anyhow::Ok(archiver)
        };
        let (loaded, killed) = tokio::join!(load, kills);
        loaded?;
        let archiver = killed?;
        let archive = match fixture.all_is_archived().await {
            Ok(archive) => archive,
            Err(error) => {
                let (code, told) = archiver.stop().await?;
                return Err(error.context(format!("the archiver: {code:?}: {told:#?}")));
            }
        };
        ensure!(
            archive["gaps"].as_array().is_some_and(Vec::is_empty),
            "{archive}"
        );
        ensure!(
            archive["unreadable"].as_array().is_some_and(Vec::is_empty),
            "{archive}"
        );
        let ranges = archive["ranges"].as_array().map_or(0, Vec::len);
        ensure!(ranges == 1, "one range without a hole: {archive}");
        let compared = fixture.is_what_the_primary_has().await?;
        ensure!(compared >= 8, "only {compared} segments were compared");

        // It stops as it is asked to, and nothing of it is left.
        let (code, told) = archiver.stop().await?;
        ensure!(code == Some(0), "{code:?}: {told:#?}");
        eventually("pg_receivewal ends with it", async || {
            let left = receivers(&fixture.spool("spool"))?;
            ensure!(left.is_empty(), "{left:?}");
            Ok(())
        })
        .await?;

        let verified = fixture
            .run(&["wal", "verify", "-o", "json"])
            .await?
            .exits(0)?
            .json()?;
        ensure!(verified["archives"][0]["whole"] == true, "{verified}");
        ensure!(
            verified["archives"][0]["records"].as_u64() > Some(100),
            "{verified}"
        );
        // A base backup from before would have led here; there is none.
        fixture
            .run(&["wal", "list"])
            .await?
            .exits(0)?
            .says("no base backup leads into it")?;

        a_flipped_bit_is_found_and_named(&fixture).await
    })
}

async fn a_flipped_bit_is_found_and_named(fixture: &Fixture<'_>) -> Result<()> {
    let objects = fixture.objects()?;
    let segments = objects
        .iter()
        .filter(|it| it.extension().is_some_and(|it| it == "zst"));
    let segments: Vec<_> = segments.collect();
    let victim = segments[segments.len() / 2];
    let whole = std::fs::read(victim)?;
    let name = victim
        .file_name()
        .and_then(|it| it.to_str())
        .unwrap_or_default();
    for at in [10, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(victim, bytes)?;
        let found = fixture.run(&["wal", "verify"]).await?.exits(4)?;
        ensure!(
            found.stdout.contains("BROKEN") && found.stdout.contains(name),
            "byte {at}: {found}"
        );
    }
    // Cut, and gone.
    std::fs::write(victim, &whole[..whole.len() - 1])?;
    fixture
        .run(&["wal", "verify"])
        .await?
        .exits(4)?
        .says(name)?;
    std::fs::remove_file(victim)?;
    let missing = fixture.run(&["wal", "list"]).await?.exits(4)?;
    missing.says("it is not there, and nobody has recorded why")?;
    std::fs::write(victim, &whole)?;
    fixture.run(&["wal", "verify"]).await?.exits(0)?;
    Ok(())
}
