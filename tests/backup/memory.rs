//! Memory does not grow with what is backed up, nor with how many databases are read side by side.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::fixture::Fixture;
use crate::test_cluster::on_sandbox;

/// Databases that are read side by side, of 30 MB each: more than may be in memory.
const DATABASES: usize = 6;
/// What may be in memory, in MiB (100 MB); the pages of the program itself don't count.
const MOST: u64 = 95;

#[test]
fn a_backup_of_several_databases_at_once_into_a_bucket_stays_under_100_mb() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let fixture = Fixture::new(cluster).await?;
        let primary = cluster.open("primary-0").await?;
        for number in 0..DATABASES {
            primary
                .rows(&format!("create database copy_{number} template postgres"))
                .await?;
        }
        let [_, bucket] = fixture.stores();
        let jobs = DATABASES.to_string();
        let arguments = [
            "backup",
            "--from",
            "primary",
            "--compress",
            "none",
            "--jobs",
            &jobs,
        ];
        let mut child = fixture.command(&bucket, &arguments)?.spawn()?;
        let id = child.id().context("it runs")?;
        let mut most = 0;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            most = most.max(anonymous_mib(id).unwrap_or_default());
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        ensure!(status.success(), "{status}");
        let (taken, _) = fixture.listed(&bucket).await?;
        ensure!(taken.len() == 1, "{taken:?}");
        eprintln!("{most} MiB at most");
        // Some parts were in memory at once: it was looked at while it mattered.
        ensure!((32..=MOST).contains(&most), "{most} MiB at most");
        Ok(())
    })
}

/// Memory of a process that no file stands for.
fn anonymous_mib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}
