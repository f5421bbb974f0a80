//! A physical restore with archived WAL: it is fetched beside what was unpacked, and replayed from there.

use std::collections::HashSet;
use std::sync::Arc;

use futures::StreamExt as _;
use tokio::time::Instant;

use crate::backup::format::{Fingerprint, Method};
use crate::backup::restore::Upload;
use crate::backup::store::blocking;
use crate::backup::tools::ToolLocation;
use crate::engine::WorldError;
use crate::plan::{OperationFinding, Plan, RecoveredTo, VolumeHandle};
use crate::recovery::{RecoveryTarget, RecoveryWay, parse_moment};
use crate::wal::{ArchivedSegment, Held, SegmentName, SegmentSize, WalArchiveFacts};
use crate::wal_archive::{ArchiveError, ArchivePlace, WalArchive};
use crate::world::restore::backups::Teller;
use crate::world::restore::restoring::{Restoring, scope};
use crate::world::restore::volume::script::{LOOKING, command};

/// What the script needs.
const NEEDED: [&str; 7] = ["sha256sum", "mkfifo", "mktemp", "tee", "head", "tar", "wc"];

/// Bytes that are sent at once: what was sent is not sent again when somebody goes on.
const BATCH: usize = 32 << 20;

/// Segments on their way compress a second time as fast as a disk writes.
const LEVEL: i32 = 1;

/// A segment as it travels.
struct Packed {
    file: String,
    bytes: Vec<u8>,
    sha256: String,
    stored_bytes: u64,
}

/// Files that are sent at once.
struct Batch {
    tar: tar::Builder<Vec<u8>>,
    sums: String,
}

impl Restoring<'_> {
    /// Fetches what is not there yet.
    pub(super) async fn fetch_wal(
        &self,
        plan: &Plan,
        volume: &VolumeHandle,
        deadline: Instant,
    ) -> Result<(), WorldError> {
        if self.wal_is_there(plan, volume).await? {
            return Ok(());
        }
        // One of before may still be at it, without anybody who sends: it ends by itself.
        self.script(plan, volume, &["idle"], LOOKING).await?;
        let way = way(plan)?;
        let size = segment_size(way)?;
        let there = self.wal_files(plan, volume).await?;
        let archive = self.archive(plan).await?;
        let listing = archive.clone();
        let facts = blocking(move || Ok(listing.list()))
            .await?
            .map_err(unusable)?;
        let facts = facts.ok_or_else(|| {
            WorldError::permanent(format!("there is no archive {}", archive.place().folder()))
        })?;
        let tools = self.tools_of(&volume.pod, &NEEDED).await?;
        let packs = tools.iter().any(|tool| tool == Method::Zstd.name());
        let mut batch = Batch::new();
        for timeline in &way.histories {
            let file = history_name(timeline.0);
            if there.contains(&file) {
                continue;
            }
            let (reading, timeline) = (archive.clone(), *timeline);
            let text = blocking(move || Ok(reading.history_file(timeline)))
                .await?
                .map_err(unusable)?
                .ok_or_else(|| {
                    WorldError::permanent(format!(
                        "the history of timeline {timeline} is not in the archive any more"
                    ))
                })?;
            let sha256 = Fingerprint::of(&text).sha256;
            batch.add(&file, &file, &text, &sha256)?;
        }
        let segments = missing(&facts, way, &there)?;
        let teller = Teller::new(self.backups()?, "archived WAL", way.stored_bytes);
        let mut done = way.stored_bytes
            - segments
                .iter()
                .map(|it| it.stored_bytes)
                .sum::<u64>()
                .min(way.stored_bytes);
        let identities = &self.backups()?.identities;
        let reading = archive.read_ahead(segments, size, identities, move |segment, bytes| {
            packed(segment, bytes, packs)
        });
        let mut reading = std::pin::pin!(reading);
        while let Some((name, read)) = reading.next().await {
            let packed = read
                .map_err(unusable)?
                .map_err(|error| WorldError::permanent(format!("compressing {name}: {error}")))?;
            batch.add(
                &packed.file,
                &name.to_string(),
                &packed.bytes,
                &packed.sha256,
            )?;
            done += packed.stored_bytes;
            if batch.bytes() >= BATCH {
                let full = std::mem::replace(&mut batch, Batch::new());
                self.send_batch(plan, volume, full, size, deadline).await?;
                teller.at(done);
            }
        }
        if !batch.is_empty() {
            self.send_batch(plan, volume, batch, size, deadline).await?;
        }
        Ok(())
    }

    async fn send_batch(
        &self,
        plan: &Plan,
        volume: &VolumeHandle,
        batch: Batch,
        size: SegmentSize,
        deadline: Instant,
    ) -> Result<(), WorldError> {
        let location = ToolLocation::Pod {
            kube: self.cluster.kube.clone(),
            namespace: self.cluster.namespace().to_owned(),
            pod: volume.pod.clone(),
        };
        let what = "archived WAL";
        let upload = Upload::of_bytes(what, batch.finish()?);
        let command = command(plan, &["receive-wal", &size.bytes().to_string()]);
        self.send(&location, upload, what, &command, "", &|_| {}, deadline)
            .await
    }

    /// Whether every segment and history is there, or was replayed already.
    pub(super) async fn wal_is_there(
        &self,
        plan: &Plan,
        volume: &VolumeHandle,
    ) -> Result<bool, WorldError> {
        let facts = self.status(plan, volume).await?;
        if ["recovered", "swapped"]
            .iter()
            .any(|it| facts.contains(&(*it).to_owned()))
        {
            return Ok(true);
        }
        let there = self.wal_files(plan, volume).await?;
        let way = way(plan)?;
        let histories = way.histories.iter().map(|it| history_name(it.0));
        let mut needed = way
            .names()
            .into_iter()
            .map(|it| it.to_string())
            .chain(histories);
        Ok(needed.all(|it| there.contains(&it)))
    }

    async fn wal_files(
        &self,
        plan: &Plan,
        volume: &VolumeHandle,
    ) -> Result<HashSet<String>, WorldError> {
        let said = self.script(plan, volume, &["wal"], LOOKING).await?;
        Ok(said.lines().map(str::to_owned).collect())
    }

    /// The archive of the WAL that the plan's backup belongs to.
    async fn archive(&self, plan: &Plan) -> Result<WalArchive, WorldError> {
        let manifest = self.manifest(plan).await?;
        let place = ArchivePlace::of(&manifest.source.cluster, &manifest.system_identifier);
        Ok(WalArchive::new(&Arc::clone(&self.backups()?.store), place))
    }
}

impl Batch {
    fn new() -> Self {
        Self {
            tar: tar::Builder::new(Vec::new()),
            sums: String::new(),
        }
    }

    /// `file` becomes `name` when it is unpacked, with this SHA-256.
    fn add(
        &mut self,
        file: &str,
        name: &str,
        bytes: &[u8],
        sha256: &str,
    ) -> Result<(), WorldError> {
        self.sums += &format!("{sha256}  {name}\n");
        self.append(file, bytes)
    }

    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), WorldError> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        self.tar
            .append_data(&mut header, file, bytes)
            .map_err(|error| WorldError::permanent(format!("packing {file}: {error}")))
    }

    fn bytes(&self) -> usize {
        self.tar.get_ref().len()
    }

    fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    fn finish(mut self) -> Result<Vec<u8>, WorldError> {
        let sums = std::mem::take(&mut self.sums);
        self.append("SUMS", sums.as_bytes())?;
        self.tar
            .into_inner()
            .map_err(|error| WorldError::permanent(format!("packing WAL: {error}")))
    }
}

fn packed(segment: &ArchivedSegment, bytes: Vec<u8>, packs: bool) -> std::io::Result<Packed> {
    let name = segment.name.segment.to_string();
    let (file, bytes) = match packs {
        true => (
            format!("{name}{}", Method::Zstd.suffix()),
            zstd::encode_all(bytes.as_slice(), LEVEL)?,
        ),
        false => (name, bytes),
    };
    Ok(Packed {
        file,
        bytes,
        sha256: segment.name.sha256.clone(),
        stored_bytes: segment.stored_bytes,
    })
}

/// The segments of the way that are not there yet, as the archive has them now.
fn missing(
    facts: &WalArchiveFacts,
    way: &RecoveryWay,
    there: &HashSet<String>,
) -> Result<Vec<ArchivedSegment>, WorldError> {
    way.names()
        .into_iter()
        .filter(|name| !there.contains(&name.to_string()))
        .map(|name| held(facts, name))
        .collect()
}

fn held(facts: &WalArchiveFacts, name: SegmentName) -> Result<ArchivedSegment, WorldError> {
    match facts.held(name) {
        Held::Whole(segment) | Held::Until(segment, _) => Ok(segment.clone()),
        Held::Several => Err(WorldError::permanent(format!(
            "of the segment {name} the archive has several with different contents by now"
        ))),
        Held::Missing => Err(WorldError::permanent(format!(
            "the segment {name} is not in the archive any more"
        ))),
    }
}

fn way(plan: &Plan) -> Result<&RecoveryWay, WorldError> {
    let way = scope(plan)?.recovery.as_ref();
    way.ok_or_else(|| WorldError::permanent("the plan recovers nothing from archived WAL"))
}

fn segment_size(way: &RecoveryWay) -> Result<SegmentSize, WorldError> {
    SegmentSize::new(way.segment_bytes).ok_or_else(|| {
        WorldError::permanent(format!(
            "no server has WAL segments of {} bytes",
            way.segment_bytes
        ))
    })
}

fn history_name(timeline: u32) -> String {
    format!("{timeline:08X}.history")
}

fn unusable(error: ArchiveError) -> WorldError {
    WorldError::permanent(error.to_string())
}

/// What the script needs to know besides, of a recovery through archived WAL.
pub(super) fn recovery_arguments(way: Option<&RecoveryWay>) -> Vec<String> {
    let Some(way) = way else {
        return Vec::new();
    };
    let last = way.last().map(|it| it.to_string()).unwrap_or_default();
    let what = match &way.target {
        RecoveryTarget::Latest => "end",
        RecoveryTarget::Time { .. } if way.end_will_do => "target-or-end",
        RecoveryTarget::Time { .. }
        | RecoveryTarget::Lsn { .. }
        | RecoveryTarget::Name { .. }
        | RecoveryTarget::Xid { .. } => "target",
    };
    let settings = way.target.settings().into_iter();
    [way.timeline.to_string(), last, what.to_owned()]
        .into_iter()
        .chain(settings.map(|(name, value)| format!("{name}={value}")))
        .collect()
}

/// Where the script says that it has ended.
pub(super) fn recovered_to(said: &str) -> Option<OperationFinding> {
    let value = |word: &str| {
        let mut lines = said.lines();
        lines
            .find_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
            .map(str::trim)
            .filter(|it| !it.is_empty())
    };
    // The first line of the three, empty when it was the end of the WAL.
    said.lines().find(|line| line.starts_with("stopped"))?;
    let stopped = value("stopped").map(|it| {
        let words = it.strip_prefix("recovery stopping ").unwrap_or(it);
        words.chars().filter(|c| !c.is_control()).collect()
    });
    Some(OperationFinding::Recovered(RecoveredTo {
        position: value("position").and_then(|it| it.parse().ok()),
        last_commit: value("commit").and_then(|it| parse_moment(it).ok()),
        stopped,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_script_says_of_the_end_is_read() {
        let said = "timeline 3\nstopped recovery stopping before commit of transaction 751, time 2026-11-28 13:03:02.12+00\nposition 0/5A000148\ncommit 2026-11-28 13:02:59.812345+00\n";
        let Some(OperationFinding::Recovered(to)) = recovered_to(said) else {
            panic!("nothing was read");
        };
        let stopped = "before commit of transaction 751, time 2026-11-28 13:03:02.12+00";
        assert_eq!(to.stopped.as_deref(), Some(stopped));
        assert_eq!(
            to.position.map(|it| it.to_string()).as_deref(),
            Some("0/5A000148")
        );
        let commit = to.last_commit.map(crate::cluster::words::moment);
        assert_eq!(commit.as_deref(), Some("2026-11-28 13:02:59.812345Z"));
        let Some(OperationFinding::Recovered(end)) =
            recovered_to("timeline 2\nstopped\nposition 0/3000028\ncommit\n")
        else {
            panic!("nothing was read");
        };
        assert_eq!((end.stopped, end.last_commit), (None, None));
        assert_eq!(recovered_to("timeline 2\n"), None);
    }
}
