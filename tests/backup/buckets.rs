//! Buckets that fail.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use hyper::Method;
use pgctl::backup::catalogue::Catalogue;
use pgctl::backup::format::{Identities, Kind};
use pgctl::backup::store::{Listing, S3Store, Store, StoreError, StoredFile, UnfinishedBackup};
use pgctl::backup::take::TakeError;

use tokio::task::JoinHandle;

use crate::common::{place, problems, request, server, taken};
use crate::support::{BUCKET, S3Server, eventually};

const ID: &str = "default_postgres_20261125T140000Z_logical_0a1b";

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_or_not_ours_is_said_before_anything_is_dumped()
-> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let s3 = S3Server::start().await;
    let missing: Arc<dyn Store> = Arc::new(s3.store_in_missing_bucket()?);
    let error = taken(&place, &missing, &request(Kind::Logical))
        .await
        .expect_err("no bucket");
    assert!(
        matches!(error, TakeError::Store(StoreError::NoBucket { .. })),
        "{error}"
    );
    let denied: Arc<dyn Store> = Arc::new(s3.store_with_wrong_secret());
    let error = taken(&place, &denied, &request(Kind::Logical))
        .await
        .expect_err("wrong secret");
    assert!(
        matches!(error, TakeError::Store(StoreError::Denied { .. })),
        "{error}"
    );
    assert!(!error.to_string().contains("wrong"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_dies_in_the_middle_has_no_backup() -> anyhow::Result<()> {
    let server = server();
    // More than one part of an upload.
    server.psql("create table big as select gen_random_uuid() as a, gen_random_uuid() as b from generate_series(1, 700000)");
    let place = place(&server).await;
    let s3 = S3Server::start().await;
    let patience = std::time::Duration::from_secs(1);
    let store: Arc<dyn Store> = Arc::new(s3.store_with_patience("p", patience));
    s3.die_after(20 << 20);
    let error = taken(&place, &store, &request(Kind::Physical))
        .await
        .expect_err("it died");
    assert!(!error.is_refusal(), "{error}");
    s3.die_after(u64::MAX);
    let catalogue = Catalogue::read(&store).await?;
    assert!(catalogue.entries.is_empty());
    // And with the server back, a backup of several parts is whole.
    taken(&place, &store, &request(Kind::Physical)).await?;
    assert_eq!(problems(&store, &Identities::default()).await, [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_back_after_a_while_costs_no_backup() -> anyhow::Result<()> {
    let s3 = S3Server::start().await;
    let store = s3.store("p");
    let written = tokio::task::spawn_blocking(move || {
        let unfinished = store.begin(ID)?;
        let mut file = unfinished.create("a.dump")?;
        // More than the repetitions of one request: it is waited for.
        s3.busy_for(9);
        let content = vec![7; 17 << 20];
        file.write_all(&content)?;
        file.finish()?;
        let file = StoredFile {
            name: "a.dump".to_owned(),
            bytes: 17 << 20,
        };
        unfinished.commit(&[file], b"{}")?;
        assert_eq!(s3.still_busy_for(), 0);
        let mut read = Vec::new();
        store.open(ID, "a.dump")?.read_to_end(&mut read)?;
        assert!(read == content, "{} bytes", read.len());
        // Whoever comes first is not made to wait.
        s3.busy_for(u64::MAX);
        const OTHER: &str = "default_postgres_20261125T140000Z_logical_0a1c";
        let error = store.begin(OTHER).err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| text.contains("503")));
        assert!(s3.still_busy_for() >= u64::MAX - 7);
        anyhow::Ok(())
    });
    written.await?
}

/// An unfinished backup of one file, finished there.
fn unfinished(store: &S3Store) -> anyhow::Result<(Arc<dyn UnfinishedBackup>, StoredFile)> {
    let unfinished = store.begin(ID)?;
    let mut file = unfinished.create("a.dump")?;
    file.write_all(b"text")?;
    file.finish()?;
    let file = StoredFile {
        name: "a.dump".to_owned(),
        bytes: 4,
    };
    Ok((unfinished, file))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_while_it_was_written_can_not_be_finished() -> anyhow::Result<()> {
    let s3 = S3Server::start().await;
    let store = s3.store("p");
    let tested = tokio::task::spawn_blocking(move || {
        let (first, file) = unfinished(&store)?;
        assert!(store.last_written(ID)?.is_some());
        assert!(store.remove_unfinished(ID)?);
        // What it would show of itself afterwards brings nothing back.
        let error = first.still_written().expect_err("it is gone");
        assert!(matches!(error, StoreError::Lost { .. }), "{error}");
        let error = first.commit(&[file], b"{}").expect_err("it is gone");
        assert!(matches!(error, StoreError::Lost { .. }), "{error}");
        assert_eq!(store.list()?.finished, [""; 0]);
        first.discard()?;
        assert_eq!(store.list()?, Listing::default());
        // Only the mark was deleted so far: as when somebody removes it in this moment.
        let (second, file) = unfinished(&store)?;
        std::fs::remove_file(s3.folder().join(BUCKET).join("p").join(ID).join("partial"))?;
        let error = second
            .commit(std::slice::from_ref(&file), b"{}")
            .expect_err("unmarked");
        assert!(matches!(error, StoreError::Lost { .. }), "{error}");
        second.discard()?;
        let (third, _) = unfinished(&store)?;
        let short = StoredFile { bytes: 5, ..file };
        assert!(third.commit(&[short], b"{}").is_err());
        assert_eq!(store.list()?.finished, [""; 0]);
        anyhow::Ok(())
    });
    tested.await?
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_removed_touches_nothing_of_who_copies_the_same_backup_after_him()
-> anyhow::Result<()> {
    let s3 = S3Server::start().await;
    let store = s3.store("p");
    let tested = tokio::task::spawn_blocking(move || {
        let (first, file) = unfinished(&store)?;
        assert!(store.remove_unfinished(ID)?);
        let (second, _) = unfinished(&store)?;
        let error = first
            .commit(std::slice::from_ref(&file), b"{}")
            .expect_err("it is not his");
        assert!(matches!(error, StoreError::Lost { .. }), "{error}");
        first.discard()?;
        assert_eq!(store.list()?.partial, [ID]);
        second.commit(std::slice::from_ref(&file), b"{}")?;
        // He comes back when all is done.
        let error = first.commit(&[file], b"{}").expect_err("it is not his");
        assert!(matches!(error, StoreError::Lost { .. }), "{error}");
        first.discard()?;
        assert_eq!(store.list()?.finished, [ID]);
        assert_eq!(store.size(ID, "a.dump")?, Some(4));
        assert_eq!(store.size(ID, "b.dump")?, None);
        anyhow::Ok(())
    });
    tested.await?
}

/// Asks a store on a thread that may block.
async fn on_a_thread<T: Send + 'static>(
    store: &Arc<S3Store>,
    work: impl FnOnce(&S3Store) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let store = Arc::clone(store);
    tokio::task::spawn_blocking(move || work(&store)).await?
}

fn finishing(
    unfinished: &Arc<dyn UnfinishedBackup>,
    file: &StoredFile,
) -> JoinHandle<Result<(), StoreError>> {
    let (unfinished, files) = (Arc::clone(unfinished), vec![file.clone()]);
    tokio::task::spawn_blocking(move || unfinished.commit(&files, b"{}"))
}

async fn is_on_its_way(s3: &S3Server) {
    let held = async || s3.holds().then_some(());
    eventually("the request is on its way", held).await;
}

/// How far somebody else is with the same backup when a manifest arrives late.
#[derive(Debug, Clone, Copy)]
enum Other {
    IsGone,
    IsHalfWay,
    HasFinished,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_arrives_late_spoils_nothing_of_who_has_taken_over() -> anyhow::Result<()> {
    for other in [Other::IsGone, Other::IsHalfWay, Other::HasFinished] {
        let s3 = S3Server::start().await;
        let store = Arc::new(s3.store("p"));
        let (first, file) = on_a_thread(&store, unfinished).await?;
        s3.hold(Method::PUT, "manifest.json");
        let late = finishing(&first, &file);
        is_on_its_way(&s3).await;
        let removed = on_a_thread(&store, |store| Ok(store.remove_unfinished(ID)?));
        assert!(removed.await?);
        let second = match other {
            Other::IsGone => None,
            Other::IsHalfWay | Other::HasFinished => Some(on_a_thread(&store, unfinished).await?.0),
        };
        if let (Other::HasFinished, Some(second)) = (other, &second) {
            finishing(second, &file).await??;
        }
        s3.let_go();
        let error = late.await?.expect_err("it is not his");
        assert!(
            matches!(error, StoreError::Lost { .. }),
            "{other:?}: {error}"
        );
        let discarding = on_a_thread(&store, move |_| Ok(first.discard()?));
        discarding.await?;
        if let (Other::IsHalfWay, Some(second)) = (other, &second) {
            finishing(second, &file).await??;
        }
        let looked = on_a_thread(&store, move |store| {
            Ok((store.list()?, store.size(ID, "a.dump")?))
        });
        let (listing, size) = looked.await?;
        match other {
            Other::IsGone => assert_eq!(listing, Listing::default()),
            Other::IsHalfWay | Other::HasFinished => {
                assert_eq!((listing.finished, size), (vec![ID.to_owned()], Some(4)));
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_finished_before_who_removes_it_looked_stays_finished() -> anyhow::Result<()> {
    let s3 = S3Server::start().await;
    let store = Arc::new(s3.store("p"));
    let (first, file) = on_a_thread(&store, unfinished).await?;
    s3.hold(Method::PUT, "manifest.json");
    let late = finishing(&first, &file);
    is_on_its_way(&s3).await;
    // Somebody who removes it deletes the mark, and looks for the manifest when that has arrived.
    let folder = s3.folder().join(BUCKET).join("p").join(ID);
    std::fs::remove_file(folder.join("partial"))?;
    s3.let_go();
    let error = late.await?.expect_err("somebody removes it");
    assert!(matches!(error, StoreError::Lost { .. }), "{error}");
    let looked = on_a_thread(&store, move |store| {
        assert!(!store.remove_unfinished(ID)?);
        first.discard()?;
        Ok((store.list()?.finished, store.size(ID, "a.dump")?))
    });
    assert_eq!(looked.await?, (vec![ID.to_owned()], Some(4)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stands_still_while_he_removes_his_own_removes_nothing_of_who_has_taken_over()
-> anyhow::Result<()> {
    let s3 = S3Server::start().await;
    let store = Arc::new(s3.store("p"));
    let (first, file) = on_a_thread(&store, unfinished).await?;
    // He has seen that it is his, and asks what there is.
    s3.hold(Method::GET, "list-type=2");
    let discarding = tokio::task::spawn_blocking(move || first.discard());
    is_on_its_way(&s3).await;
    let taken_over = on_a_thread(&store, |store| {
        assert!(store.remove_unfinished(ID)?);
        unfinished(store)
    });
    let (second, _) = taken_over.await?;
    finishing(&second, &file).await??;
    s3.let_go();
    discarding.await??;
    let looked = on_a_thread(&store, |store| {
        Ok((store.list()?.finished, store.size(ID, "a.dump")?))
    });
    assert_eq!(looked.await?, (vec![ID.to_owned()], Some(4)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stands_still_while_he_removes_what_was_given_up_removes_nothing_of_who_begins_it_anew()
-> anyhow::Result<()> {
    let s3 = S3Server::start().await;
    let store = Arc::new(s3.store("p"));
    let (_, file) = on_a_thread(&store, unfinished).await?;
    // He has deleted the mark, has seen no manifest, and asks what there is.
    s3.hold(Method::GET, "list-type=2");
    let late = Arc::clone(&store);
    let late = tokio::task::spawn_blocking(move || late.remove_unfinished(ID));
    is_on_its_way(&s3).await;
    let taken_over = on_a_thread(&store, |store| {
        assert!(store.remove_unfinished(ID)?);
        unfinished(store)
    });
    let (second, _) = taken_over.await?;
    s3.let_go();
    let error = late.await?.expect_err("it is begun anew");
    assert!(matches!(error, StoreError::Taken { .. }), "{error}");
    finishing(&second, &file).await??;
    let looked = on_a_thread(&store, |store| {
        Ok((store.list()?.finished, store.size(ID, "a.dump")?))
    });
    assert_eq!(looked.await?, (vec![ID.to_owned()], Some(4)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_arrives_late_takes_nothing_from_who_has_begun_meanwhile() -> anyhow::Result<()>
{
    let s3 = S3Server::start().await;
    let store = Arc::new(s3.store("p"));
    s3.hold(Method::PUT, "/partial");
    let late = Arc::clone(&store);
    let late = tokio::task::spawn_blocking(move || late.begin(ID).map(drop));
    is_on_its_way(&s3).await;
    let (second, file) = on_a_thread(&store, unfinished).await?;
    s3.let_go();
    let error = late.await?.expect_err("somebody has begun it");
    assert!(matches!(error, StoreError::Taken { .. }), "{error}");
    finishing(&second, &file).await??;
    let listed = on_a_thread(&store, |store| Ok(store.list()?.finished));
    assert_eq!(listed.await?, [ID]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_finished_in_the_meantime_is_not_removed_as_unfinished() -> anyhow::Result<()> {
    let s3 = S3Server::start().await;
    let store = s3.store("p");
    let tested = tokio::task::spawn_blocking(move || {
        let (unfinished, file) = unfinished(&store)?;
        unfinished.still_written()?;
        unfinished.commit(&[file], b"{}")?;
        // No sign of life comes after the end.
        unfinished.still_written()?;
        let sign = s3
            .folder()
            .join(BUCKET)
            .join("p")
            .join(ID)
            .join("still-written");
        assert!(!sign.exists());
        assert!(!store.remove_unfinished(ID)?);
        assert_eq!(store.list()?.finished, [ID]);
        let mut text = String::new();
        store.open(ID, "a.dump")?.read_to_string(&mut text)?;
        assert_eq!(text, "text");
        store.remove(ID)?;
        assert_eq!(store.list()?, Listing::default());
        anyhow::Ok(())
    });
    tested.await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_is_read_to_its_end_however_often_the_connection_breaks()
-> anyhow::Result<()> {
    let s3 = S3Server::start().await;
    let content: Vec<u8> = (0_u32..25 << 20).flat_map(u32::to_le_bytes).collect();
    {
        let store = s3.store("p");
        let content = content.clone();
        tokio::task::spawn_blocking(move || {
            let unfinished = store.begin(ID)?;
            let mut file = unfinished.create("a.dump")?;
            file.write_all(&content).map_err(anyhow::Error::from)?;
            file.finish()?;
            unfinished.commit(&[], b"{}")?;
            anyhow::Ok(())
        })
        .await??;
    }
    s3.connections_break_after(9 << 20);
    // A client of its own: it has no connections yet.
    let store = s3.store("p");
    let read = tokio::task::spawn_blocking(move || {
        let mut read = Vec::new();
        store.open(ID, "a.dump")?.read_to_end(&mut read)?;
        anyhow::Ok(read)
    })
    .await??;
    assert!(read == content, "{} bytes of {}", read.len(), content.len());
    Ok(())
}
