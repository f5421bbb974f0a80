//! A stream that was cut or changed on its way never becomes a backup.

use std::sync::Arc;

use pgctl::backup::format::{Compression, Kind};
use pgctl::backup::store::{Store, StoredFile};
use pgctl::backup::take::{TransferError, archive_jobs, receive};

use crate::common::{directory, is_empty, place, server};
use crate::support::{Recording, S3Server};

const ID: &str = "n_c_20261123T155217Z_logical_3fa9";

/// Cuts what a source sent at 100 random places; the source itself says that all went well.
async fn cut_everywhere(recording: &Recording, store: &Arc<dyn Store>) -> anyhow::Result<()> {
    for _ in 0..100 {
        let cut = rand::random_range(0..recording.stdout.len());
        let mut short = recording.stdout.clone();
        short.truncate(cut);
        let result = offered(recording, store, short).await?;
        assert!(
            matches!(result, Err(TransferError::Different { .. })),
            "cut at {cut} of {}: {result:?}",
            recording.stdout.len()
        );
        assert!(is_empty(store).await, "cut at {cut}");
    }
    Ok(())
}

/// Receives it as the one archive of a backup, and commits only what was received whole.
async fn offered(
    recording: &Recording,
    store: &Arc<dyn Store>,
    stdout: Vec<u8>,
) -> anyhow::Result<Result<(), TransferError>> {
    let begun = Arc::clone(store);
    let unfinished = tokio::task::spawn_blocking(move || begun.begin(ID)).await??;
    let begun_too = Arc::clone(&unfinished);
    let writer = tokio::task::spawn_blocking(move || begun_too.create("archive")).await??;
    let (reception, _stop) = recording.reception();
    let result = receive(recording.sending(stdout), writer, reception).await;
    let bytes = result.as_ref().ok().map(|received| received.stored.bytes);
    let store = Arc::clone(store);
    tokio::task::spawn_blocking(move || {
        let Some(bytes) = bytes else {
            return unfinished.discard().map_err(anyhow::Error::from);
        };
        let file = StoredFile {
            name: "archive".to_owned(),
            bytes,
        };
        unfinished.commit(&[file], b"{}")?;
        assert_eq!(store.list()?.finished, [ID]);
        Ok(store.remove(ID)?)
    })
    .await??;
    Ok(result.map(drop))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_cuts_are_a_hundred_failures() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let inventory = place.session.inventory().await?;
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start().await;
    let stores: [Arc<dyn Store>; 2] = [directory(folder.path()), Arc::new(s3.store("p"))];
    let mut connection = place.tool_location.environment();
    connection.push(format!("PGUSER={}", place.user));
    for (kind, compression) in [
        (Kind::Logical, "zstd"),
        (Kind::Logical, "none"),
        (Kind::Physical, "zstd"),
    ] {
        let compression: Compression = compression.parse()?;
        let list = archive_jobs(kind, None, &inventory, compression, false, "l")?;
        // The archive with the tables, or the only one.
        let order = list
            .iter()
            .find(|order| order.file.contains("postgres"))
            .unwrap_or(&list[0]);
        let recording = Recording::of(order, compression, &connection).await;
        for store in &stores {
            cut_everywhere(&recording, store).await?;
            offered(&recording, store, recording.stdout.clone()).await??;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_flips_on_the_way_is_seen() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let inventory = place.session.inventory().await?;
    let compression: Compression = "none".parse()?;
    let list = archive_jobs(Kind::Logical, None, &inventory, compression, false, "l")?;
    let mut connection = place.tool_location.environment();
    connection.push(format!("PGUSER={}", place.user));
    let recording = Recording::of(&list[0], compression, &connection).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    for _ in 0..20 {
        let mut flipped = recording.stdout.clone();
        let at = rand::random_range(0..flipped.len());
        flipped[at] ^= 1 << rand::random_range(0..8);
        let result = offered(&recording, &store, flipped).await?;
        assert!(result.is_err(), "byte {at}");
    }
    Ok(())
}
