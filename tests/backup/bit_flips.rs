//! A bit that flips in a store is found.

use std::path::Path;
use std::sync::Arc;

use pgctl::backup::catalogue::{Catalogue, record};
use pgctl::backup::format::{Identities, Kind, VERIFIED_FILE};
use pgctl::backup::store::Store;
use pgctl::backup::take::TakeRequest;

use crate::common::{directory, new_key, place, problems, request, server, taken, verified};
use crate::support::{BUCKET, S3Server};

#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_every_bit_that_flips_in_a_store() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start().await;
    let bucket = s3.folder().join(BUCKET);
    let (recipient, file) = new_key(folder.path())?;
    let mut encrypted = request(Kind::Logical);
    encrypted.recipients = vec![recipient.parse()?];
    let keys = Identities::read(&file)?;
    let none = Identities::default();
    let one = TakeRequest {
        database: Some("app data".to_owned()),
        ..request(Kind::Database)
    };
    for (name, request, keys, times) in [
        ("physical", &request(Kind::Physical), &none, 8),
        ("logical", &request(Kind::Logical), &none, 2),
        // With its key, and without: then its bytes are compared.
        ("encrypted", &encrypted, &keys, 1),
        ("sealed", &encrypted, &none, 1),
    ] {
        let place_of = folder.path().join(name);
        let store = directory(&place_of);
        let id = taken(&place, &store, request).await?.id;
        flipped(&store, &place_of.join("store").join(id), keys, times).await?;
    }
    let store: Arc<dyn Store> = Arc::new(s3.store("p"));
    let id = taken(&place, &store, &one).await?.id;
    flipped(&store, &bucket.join("p").join(id), &none, 2).await
}

/// Flips bits in every file of a backup, cuts it short and takes it away.
async fn flipped(
    store: &Arc<dyn Store>,
    backup: &Path,
    keys: &Identities,
    times: usize,
) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(backup)? {
        let path = entry?.path();
        let whole = std::fs::read(&path)?;
        for _ in 0..times {
            let mut flipped = whole.clone();
            let at = rand::random_range(0..flipped.len());
            flipped[at] ^= 1 << rand::random_range(0..8);
            std::fs::write(&path, &flipped)?;
            let found = problems(store, keys).await;
            assert_eq!(found.len(), 1, "{} byte {at}: {found:?}", path.display());
        }
        std::fs::write(&path, &whole[..whole.len() - 1])?;
        assert_eq!(problems(store, keys).await.len(), 1);
        std::fs::remove_file(&path)?;
        // In a bucket a folder without a manifest is no backup: nothing is there to be verified.
        let listed = !Catalogue::read(store).await?.entries.is_empty();
        assert!(listed || path.ends_with("manifest.json"));
        assert!(!listed || problems(store, keys).await.len() == 1);
        std::fs::write(&path, &whole)?;
    }
    assert_eq!(problems(store, keys).await, [""; 0]);
    the_record(store, backup, keys).await
}

/// A record of the last verification that can't be read says nothing about the backup, is not believed,
/// and is known to be spoiled.
async fn the_record(
    store: &Arc<dyn Store>,
    backup: &Path,
    keys: &Identities,
) -> anyhow::Result<()> {
    let found = verified(store, keys).await?;
    let written = Arc::clone(store);
    tokio::task::spawn_blocking(move || record(written.as_ref(), &found)).await??;
    let path = backup.join(VERIFIED_FILE);
    let mut text = std::fs::read(&path)?;
    let at = rand::random_range(0..text.len());
    text[at] ^= 1;
    std::fs::write(&path, &text)?;
    let catalogue = Catalogue::read(store).await?;
    let entry = &catalogue.entries[0];
    assert!(entry.spoiled_record.is_some(), "byte {at}");
    assert_eq!(entry.verification, None);
    assert_eq!(problems(store, keys).await, [""; 0]);
    Ok(())
}
