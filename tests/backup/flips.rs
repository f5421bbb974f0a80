//! A bit that flips in a store is found.

use pgctl::backup::encryption::Identities;
use pgctl::backup::manifest::Kind;

use crate::common::{directory, place, problems, request, server, taken};

#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_every_bit_that_flips_in_a_store() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let manifest = taken(&place, &store, &request(Kind::Physical)).await?;
    let backup = folder.path().join("store").join(&manifest.id);
    for entry in std::fs::read_dir(&backup)? {
        let path = entry?.path();
        let whole = std::fs::read(&path)?;
        for _ in 0..8 {
            let mut flipped = whole.clone();
            let at = rand::random_range(0..flipped.len());
            flipped[at] ^= 1 << rand::random_range(0..8);
            std::fs::write(&path, &flipped)?;
            let found = problems(&store, &Identities::default()).await;
            assert_eq!(found.len(), 1, "{} byte {at}: {found:?}", path.display());
        }
        std::fs::write(&path, &whole[..whole.len() - 1])?;
        assert_eq!(problems(&store, &Identities::default()).await.len(), 1);
        std::fs::remove_file(&path)?;
        assert_eq!(problems(&store, &Identities::default()).await.len(), 1);
        std::fs::write(&path, &whole)?;
    }
    assert_eq!(problems(&store, &Identities::default()).await, [""; 0]);
    Ok(())
}
