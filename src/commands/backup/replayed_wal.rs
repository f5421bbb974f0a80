//! The archived WAL that `pgctl backup verify --restore-test --to-latest` replays.

use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt as _;

use super::super::restore::{ToLatest, segments, to_latest};
use crate::backup::catalogue::{Catalogue, Entry};
use crate::backup::format::{Identities, Kind};
use crate::backup::restore_test::TestedWal;
use crate::backup::store::{Store, StoreError, blocking};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::wal::ArchivedSegment;
use crate::wal_archive::ArchiveError;

/// All of the archived WAL after a base backup; none of a backup whose manifest can't be read.
pub(super) async fn replayed(
    store: &Arc<dyn Store>,
    catalogue: &Catalogue,
    entry: &Entry,
    identities: &Identities,
) -> Result<Option<TestedWal>, Failure> {
    let Ok(manifest) = &entry.manifest else {
        return Ok(None);
    };
    if manifest.backup != Kind::Physical {
        return Err(Failure::new(
            ExitCode::Usage,
            "--to-latest replays archived WAL after a base backup, and this one holds SQL",
        )
        .on(&entry.id)
        .next("pgctl backup verify --restore-test --to-latest"));
    }
    let to_latest = to_latest(store, catalogue, manifest).await?;
    let way = &to_latest.way;
    let last = way.last().map(|it| it.to_string()).unwrap_or_default();
    let (segments, timeline, raw_bytes) = (way.count, way.timeline.0, way.raw_bytes());
    let identities = identities.clone();
    Ok(Some(TestedWal {
        segments,
        last,
        timeline,
        raw_bytes,
        fetch: Box::new(move |folder| Box::pin(fetched(to_latest, identities, folder))),
    }))
}

/// Every segment and history of the way, each compared with its SHA-256, by the names that PostgreSQL asks
/// for.
async fn fetched(
    to_latest: ToLatest,
    identities: Identities,
    folder: PathBuf,
) -> Result<(), StoreError> {
    let ToLatest {
        archive,
        facts,
        way,
    } = to_latest;
    for timeline in way.histories.clone() {
        let (archive, folder) = (archive.clone(), folder.clone());
        blocking(move || {
            let text = archive.history_file(timeline).map_err(told)?;
            let file = folder.join(format!("{:08X}.history", timeline.0));
            std::fs::write(&file, text.unwrap_or_default()).map_err(|source| StoreError::Disk {
                doing: format!("writing {}", file.display()),
                source,
            })
        })
        .await?;
    }
    let write = move |segment: &ArchivedSegment, bytes: Vec<u8>| {
        std::fs::write(folder.join(segment.name.segment.to_string()), bytes)
    };
    let size = facts.segment_size;
    let reading = archive.read_ahead(segments(&facts, &way), size, &identities, write);
    let mut reading = std::pin::pin!(reading);
    while let Some((name, read)) = reading.next().await {
        read.map_err(told)?.map_err(|source| StoreError::Disk {
            doing: format!("writing {name}"),
            source,
        })?;
    }
    Ok(())
}

fn told(error: ArchiveError) -> StoreError {
    match error {
        ArchiveError::Store(error) => error,
        other @ (ArchiveError::Broken { .. }
        | ArchiveError::NoKey { .. }
        | ArchiveError::WrongKey { .. }
        | ArchiveError::OtherSize { .. }) => StoreError::Settings(other.to_string()),
    }
}
