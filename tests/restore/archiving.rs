//! WAL that is archived as `pg_receivewal` receives it, by hand: what `pgctl wal archive` stores, and nothing of its code.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use pgctl::backup::store::{DirectoryStore, Store};
use pgctl::cluster::{ClusterId, Lsn, Timeline};
use pgctl::wal::{NewestWal, SegmentName, SegmentSize};
use pgctl::wal_archive::{About, ArchivePlace, NewSegment, WalArchive};

use super::test_cluster::{SandboxCluster, eventually};

const SIZE: SegmentSize = SegmentSize::DEFAULT;

/// Receives, and stores what it has received.
pub(crate) struct Archiving<'a> {
    cluster: &'a SandboxCluster,
    folder: PathBuf,
    receiver: Option<Child>,
    pub(crate) archive: WalArchive,
}

impl<'a> Archiving<'a> {
    /// Begins the archive, and to receive from the primary.
    pub(crate) fn start(cluster: &'a SandboxCluster) -> Result<Self> {
        let system = cluster.psql(
            "primary-0",
            "postgres",
            "select system_identifier from pg_control_system()",
        )?;
        let id = ClusterId {
            namespace: cluster.namespace().to_owned(),
            name: cluster.name()?,
        };
        let store: Arc<dyn Store> = Arc::new(DirectoryStore::new(Path::new(&cluster.backups()))?);
        let archive = WalArchive::new(&store, ArchivePlace::of(&id, &system));
        archive.begin(&About {
            api_version: About::API_VERSION.to_owned(),
            kind: About::KIND.to_owned(),
            cluster: id,
            system_identifier: system,
            segment_bytes: SIZE,
            server_version: 150_000,
            begun: Timestamp::now(),
        })?;
        let folder = cluster.folder().join("received");
        std::fs::create_dir_all(&folder)?;
        let mut archiving = Self {
            cluster,
            folder,
            receiver: None,
            archive,
        };
        archiving.receive_from("primary-0")?;
        Ok(archiving)
    }

    /// From another pod from here on.
    pub(crate) fn receive_from(&mut self, tail: &str) -> Result<()> {
        self.stop()?;
        let mut command = self.cluster.client("pg_receivewal", tail)?;
        command
            .env_remove("PGDATABASE")
            .args(["--synchronous", "--directory"])
            .arg(&self.folder)
            .stderr(Stdio::null());
        self.receiver = Some(command.spawn()?);
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        if let Some(mut receiver) = self.receiver.take() {
            receiver.kill()?;
            receiver.wait()?;
        }
        Ok(())
    }

    /// Everything that the primary has written until now is stored when this returns.
    pub(crate) async fn store(&self, primary: &str) -> Result<()> {
        let as_of = Timestamp::now();
        let flushed =
            self.cluster
                .psql(primary, "postgres", "select pg_current_wal_flush_lsn()")?;
        let timeline = self.cluster.psql(
            primary,
            "postgres",
            "select ('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))::bit(32)::int",
        )?;
        let timeline = Timeline(timeline.parse()?);
        let position: Lsn = flushed.parse()?;
        eventually("it is received", async || {
            let end = self.end_of(timeline)?;
            ensure!(end >= Some(position), "{end:?} and not yet {position}");
            Ok(())
        })
        .await?;
        let files = self.files()?;
        let mut last_commit = None;
        for (name, path) in &files {
            if let Some(number) = name.strip_suffix(".history") {
                let timeline = Timeline(u32::from_str_radix(number, 16)?);
                self.archive.put_history(timeline, &std::fs::read(path)?)?;
                continue;
            }
            let bytes = std::fs::read(path)?;
            let unfinished = name.ends_with(".partial");
            let segment: SegmentName = name.trim_end_matches(".partial").parse()?;
            let commit = self.last_commit(&segment, &bytes)?;
            last_commit = last_commit.max(commit);
            let new = NewSegment {
                segment,
                until: unfinished.then(|| written(&segment, &bytes)),
                last_commit: commit,
                bytes: &bytes,
            };
            self.archive.put_segment(new, &[])?;
        }
        self.archive.put_newest(&NewestWal {
            timeline,
            position,
            as_of,
            last_commit,
            written: Timestamp::now(),
        })?;
        Ok(())
    }

    fn files(&self) -> Result<Vec<(String, PathBuf)>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.ends_with(".tmp") {
                files.push((name, entry.path()));
            }
        }
        files.sort();
        Ok(files)
    }

    /// How far a timeline was received.
    fn end_of(&self, timeline: Timeline) -> Result<Option<Lsn>> {
        let prefix = format!("{:08X}", timeline.0);
        let mut segments = self.files()?.into_iter();
        let last =
            segments.rfind(|(name, _)| name.starts_with(&prefix) && !name.ends_with(".history"));
        last.map(|(name, path)| {
            let segment: SegmentName = name.trim_end_matches(".partial").parse()?;
            Ok(if name.ends_with(".partial") {
                written(&segment, &std::fs::read(path)?)
            } else {
                segment.end(SIZE)
            })
        })
        .transpose()
    }

    /// As `pg_waldump` reads it.
    fn last_commit(&self, segment: &SegmentName, bytes: &[u8]) -> Result<Option<Timestamp>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join(segment.to_string());
        std::fs::write(&file, bytes)?;
        let programs = pgctl_sandbox::runtime::postgres_programs().unwrap_or_default();
        let output = Command::new(programs.join("pg_waldump"))
            .arg("--rmgr=Transaction")
            .arg(&file)
            .env("TZ", "UTC")
            .output()
            .context("pg_waldump")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let times = text.lines().filter_map(|line| {
            let (_, rest) = line.split_once("COMMIT ")?;
            let (time, _) = rest.split_once(" UTC")?;
            format!("{time}Z").parse::<Timestamp>().ok()
        });
        Ok(times.max())
    }
}

impl Drop for Archiving<'_> {
    fn drop(&mut self) {
        // It has ended by itself when its server has.
        self.stop().ok();
    }
}

/// Up to where there is something else than zeros.
fn written(segment: &SegmentName, bytes: &[u8]) -> Lsn {
    let used = bytes.iter().rposition(|byte| *byte != 0);
    // Records begin at multiples of eight.
    let used = used.map_or(0, |it| (it as u64 / 8 + 1) * 8);
    Lsn::new(segment.start(SIZE).bytes() + used)
}
