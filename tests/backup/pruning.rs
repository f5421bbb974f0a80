//! `pgctl backup prune` as it is typed, on stores of made-up backups.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use pgctl::backup::format::{
    Archive, BackupSource, Content, Fingerprint, Kind, Manifest, WalRange, write_checksummed,
};
use pgctl::backup::store::{DirectoryStore, Store as _, StoredFile};
use pgctl::cluster::{ClusterId, Lsn, Timeline};
use serde_json::Value;

/// A directory with backups in it.
struct Shelf {
    folder: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A finished backup that began so many hours ago.
    fn holds(&self, hours_ago: i64) -> Result<String> {
        let started = Timestamp::now() - SignedDuration::from_hours(hours_ago);
        let manifest = manifest(started);
        let store = DirectoryStore::new(self.folder.path())?;
        let unfinished = store.begin(&manifest.id)?;
        let mut file = unfinished.create("00-globals.sql")?;
        file.write_all(b"text")?;
        file.finish()?;
        let file = StoredFile {
            name: "00-globals.sql".to_owned(),
            bytes: 4,
        };
        unfinished.commit(&[file], write_checksummed(&manifest)?.as_bytes())?;
        Ok(manifest.id)
    }

    /// An unfinished one that began so many hours ago, to which was written last so many hours ago.
    fn has_begun(&self, hours_ago: i64, written: u64) -> Result<String> {
        let id = manifest(Timestamp::now() - SignedDuration::from_hours(hours_ago)).id;
        let folder = self.path(&format!("{id}.partial"));
        std::fs::create_dir(&folder)?;
        let then = SystemTime::now() - Duration::from_secs(written * 3600);
        std::fs::File::open(&folder)?.set_modified(then)?;
        Ok(id)
    }

    fn prune(&self, arguments: &[&str]) -> Result<Output> {
        let output = Command::new(env!("CARGO_BIN_EXE_pgctl"))
            .args(["backup", "prune"])
            .args(arguments)
            .env("PGCTL_CONFIG", "")
            .env("PGCTL_STORE", self.folder.path())
            .output()?;
        Ok(output)
    }
}

pub(crate) fn manifest(started: Timestamp) -> Manifest {
    let sum = Fingerprint::of(b"text");
    let name = started.strftime("%Y%m%dT%H%M%SZ");
    Manifest {
        api_version: Manifest::API_VERSION.to_owned(),
        kind: Manifest::KIND.to_owned(),
        id: format!("n_c_{name}_logical_3fa9"),
        backup: Kind::Logical,
        label: None,
        source: BackupSource {
            cluster: ClusterId {
                namespace: "n".to_owned(),
                name: "c".to_owned(),
            },
            pod: "c-primary-0".to_owned(),
            role: "primary".to_owned(),
            architecture: "x86_64".to_owned(),
            tool: "pg_dump (PostgreSQL) 15.18".to_owned(),
            user: "postgres".to_owned(),
            via: "exec".to_owned(),
        },
        server_version: 150_018,
        system_identifier: "7".to_owned(),
        wal: WalRange {
            timeline: Timeline(1),
            start: Lsn::new(1),
            end: Lsn::new(2),
        },
        started,
        ended: started,
        pgctl_version: "0.1.0".to_owned(),
        encrypted_for: Vec::new(),
        left_out: Vec::new(),
        archives: vec![Archive {
            file: "00-globals.sql".to_owned(),
            content: Content::Globals,
            compression: pgctl::backup::format::Method::None,
            stored: sum.clone(),
            sent: sum,
            raw_bytes: 4,
        }],
    }
}

fn document(output: &Output) -> Result<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text)
        .with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

fn there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[test]
fn one_that_can_not_be_deleted_keeps_none_of_the_others() -> Result<()> {
    let shelf = Shelf::new()?;
    let [oldest, older, newest] = [72, 48, 24].map(|hours| shelf.holds(hours));
    let (oldest, older, newest) = (oldest?, older?, newest?);
    // Where its folder would be put to be deleted, there is something else.
    std::fs::write(shelf.path(&format!("{oldest}.deleting")), "in the way")?;
    let output = shelf.prune(&["--keep-last", "1", "--yes", "-o", "json"])?;
    let found = document(&output)?;
    ensure!(output.status.code() == Some(5), "{:?}", output.status);
    ensure!(
        found["deleted"] == Value::from(vec![older.clone()]),
        "{found:#}"
    );
    ensure!(found["failed"][0]["id"] == oldest, "{found:#}");
    ensure!(!there(&shelf.path(&older)) && there(&shelf.path(&newest)));
    // Now it is all that there is to do, and can't be done.
    let output = shelf.prune(&["--keep-last", "1", "--yes"])?;
    ensure!(output.status.code() == Some(1), "{:?}", output.status);
    let told = String::from_utf8_lossy(&output.stdout);
    ensure!(told.contains("could not be deleted"), "{told}");
    std::fs::remove_file(shelf.path(&format!("{oldest}.deleting")))?;
    let output = shelf.prune(&["--keep-last", "1", "--yes"])?;
    ensure!(output.status.success(), "{:?}", output.status);
    ensure!(!there(&shelf.path(&oldest)) && there(&shelf.path(&newest)));
    Ok(())
}

#[test]
fn what_is_still_written_is_not_given_up_however_long_ago_it_began() -> Result<()> {
    let shelf = Shelf::new()?;
    shelf.holds(1)?;
    let slow = shelf.has_begun(100, 1)?;
    let silent = shelf.has_begun(101, 50)?;
    let output = shelf.prune(&["--keep-last", "1", "--yes", "-o", "json"])?;
    let found = document(&output)?;
    ensure!(found["deleted"] == Value::from(vec![silent]), "{found:#}");
    ensure!(there(&shelf.path(&format!("{slow}.partial"))));
    Ok(())
}

#[test]
fn the_newest_is_verified_also_when_its_manifest_can_not_be_read() -> Result<()> {
    let shelf = Shelf::new()?;
    shelf.holds(48)?;
    let newest = shelf.holds(24)?;
    std::fs::write(shelf.path(&newest).join("manifest.json"), "{}")?;
    let output = Command::new(env!("CARGO_BIN_EXE_pgctl"))
        .args(["backup", "verify", "-o", "json"])
        .env("PGCTL_CONFIG", "")
        .env("PGCTL_STORE", shelf.folder.path())
        .output()?;
    ensure!(output.status.code() == Some(4), "{:?}", output.status);
    let found = document(&output)?;
    ensure!(found.to_string().contains(&newest), "{found:#}");
    Ok(())
}
