//! What arrives whole is a backup, and what it holds is what was there.

use std::sync::Arc;

use pgctl::backup::catalogue::Catalogue;
use pgctl::backup::format::{Identities, Kind};
use pgctl::backup::store::StoreError;
use pgctl::backup::take::TakeRequest;

use crate::common::{directory, new_key, place, problems, request, server, taken, verified};
use crate::support::{S3Server, Server, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_taken_and_verifies_in_every_kind_of_store() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start().await;
    for store in [directory(folder.path()), Arc::new(s3.store("some/prefix"))] {
        for (kind, compression) in [
            (Kind::Logical, "zstd:1"),
            (Kind::Logical, "gzip"),
            (Kind::Database, "none"),
            (Kind::Physical, "zstd"),
        ] {
            let request = TakeRequest {
                database: (kind == Kind::Database).then(|| "naïve=1 host=evil'".to_owned()),
                compression: compression.parse().ok(),
                ..request(kind)
            };
            let manifest = taken(&place, &store, &request).await?;
            assert_eq!(manifest.backup, kind);
            assert!(manifest.wal.start <= manifest.wal.end);
            assert!(manifest.stored_bytes() > 0);
            assert_eq!(problems(&store, &Identities::default()).await, [""; 0]);
            if kind == Kind::Logical {
                // globals, template1, postgres and the two of ours
                assert_eq!(manifest.archives.len(), 5);
            }
        }
        let catalogue = Catalogue::read(&store).await?;
        assert_eq!(catalogue.entries.len(), 4);
        assert_eq!(catalogue.partial, [""; 0]);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logical_backup_restored_into_an_empty_server_gives_the_same_dump() -> anyhow::Result<()>
{
    let server = Server::primary("");
    server.load_difficult_data();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let manifest = taken(&place, &store, &request(Kind::Logical)).await?;
    let empty = Server::primary("");
    empty.restore_by_hand(&folder.path().join("store").join(&manifest.id));
    let (before, after) = (server.dump_all(), empty.dump_all());
    let shown = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
    let differs = before.iter().zip(&after).find(|(a, b)| a != b);
    assert!(
        before == after,
        "{} and {} lines; {:?}",
        before.len(),
        after.len(),
        differs.map(|(a, b)| (shown(a), shown(b)))
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_physical_backup_of_a_standby_that_replays_starts_and_is_sound() -> anyhow::Result<()> {
    let primary = server();
    let standby = primary.standby("pod_1");
    primary.psql("create table ticks (n bigserial primary key, t text)");
    let writer = primary.psql_in_background(
        "do $$begin for i in 1..100000000 loop insert into ticks (t) values (repeat('x', 100)); commit; end loop; end$$",
    );
    let ticks = |server: &Server| server.query("select count(*) from ticks").parse::<u64>();
    eventually("the standby sees the writes", async || {
        let there = "select count(*) from pg_class where relname = 'ticks'";
        (standby.query(there) == "1" && ticks(&standby).is_ok_and(|it| it > 0)).then_some(())
    })
    .await;
    let before = ticks(&standby)?;
    let mut place = place(&standby).await;
    place.role = "standby".to_owned();
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let request = TakeRequest {
        compression: "zstd".parse().ok(),
        ..request(Kind::Physical)
    };
    let manifest = taken(&place, &store, &request).await?;
    assert!(manifest.wal.start < manifest.wal.end, "{:?}", manifest.wal);
    let backup = folder.path().join("store").join(&manifest.id);
    let restored = Server::of_base_backup(&backup.join(&manifest.archives[0].file));
    eventually("it has replayed its WAL and ended recovery", async || {
        (restored.query("select pg_is_in_recovery()") == "f").then_some(())
    })
    .await;
    assert_eq!(restored.query("select count(*) from many"), "20000");
    let held = ticks(&restored)?;
    assert!(held >= before, "{held} of at least {before}");
    eventually("more is written than the backup holds", async || {
        ticks(&primary).is_ok_and(|it| it > held).then_some(())
    })
    .await;
    drop(writer);
    restored.amcheck();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_ones_are_read_with_their_key_only() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let (recipient, file) = new_key(folder.path())?;
    let request = TakeRequest {
        recipients: vec![recipient.parse()?],
        ..request(Kind::Logical)
    };
    let manifest = taken(&place, &store, &request).await?;
    assert_eq!(manifest.encrypted_for, [recipient]);
    let backup = folder.path().join("store").join(&manifest.id);
    for archive in &manifest.archives {
        let bytes = std::fs::read(backup.join(&archive.file))?;
        assert!(
            bytes.starts_with(b"age-encryption.org/v1"),
            "{}",
            archive.file
        );
    }
    assert_eq!(problems(&store, &Identities::default()).await, [""; 0]);
    assert_eq!(problems(&store, &Identities::read(&file)?).await, [""; 0]);
    let (_, file) = new_key(folder.path())?;
    // A wrong key says nothing about the backup.
    let wrong = verified(&store, &Identities::read(&file)?).await;
    assert!(
        matches!(wrong, Err(StoreError::WrongKey { .. })),
        "{wrong:?}"
    );
    Ok(())
}
