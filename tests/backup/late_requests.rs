//! Several that write the same backup to one bucket, and requests that arrive late.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use hyper::Method;
use jiff::Timestamp;
use pgctl::backup::format::{Manifest, write_checksummed};
use pgctl::backup::store::{Listing, S3Store, Store, StoreError, StoredFile, UnfinishedBackup};
use tokio::task::JoinHandle;

use crate::pruning::manifest;
use crate::support::{BUCKET, S3Server, eventually};

const ID: &str = "default_postgres_20261125T140000Z_logical_0a1b";

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
        // He leaves it to who has deleted his mark.
        second.discard()?;
        assert_eq!(store.list()?.partial, [ID]);
        assert!(store.remove_unfinished(ID)?);
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

async fn is_finished_and_whole(store: &Arc<S3Store>) -> anyhow::Result<()> {
    let looked = on_a_thread(store, |store| {
        Ok((store.list()?.finished, store.size(ID, "a.dump")?))
    });
    assert_eq!(looked.await?, (vec![ID.to_owned()], Some(4)));
    Ok(())
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
    is_finished_and_whole(&store).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stands_still_while_he_removes_what_was_given_up_removes_nothing_of_who_begins_it_anew()
-> anyhow::Result<()> {
    let s3 = S3Server::start().await;
    let store = Arc::new(s3.store("p"));
    let (_, file) = on_a_thread(&store, unfinished).await?;
    // He has looked, has deleted the mark, and asks what there is.
    s3.hold_after(1, Method::GET, "list-type=2");
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
    is_finished_and_whole(&store).await?;
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
async fn a_mark_that_arrives_late_takes_nothing_from_who_has_finished_meanwhile()
-> anyhow::Result<()> {
    let s3 = S3Server::start().await;
    let store = Arc::new(s3.store("p"));
    s3.hold(Method::PUT, "/partial");
    let late = Arc::clone(&store);
    let late = tokio::task::spawn_blocking(move || late.begin(ID).map(drop));
    is_on_its_way(&s3).await;
    let (second, file) = on_a_thread(&store, unfinished).await?;
    finishing(&second, &file).await??;
    s3.let_go();
    let error = late.await?.expect_err("somebody has finished it");
    assert!(matches!(error, StoreError::Taken { .. }), "{error}");
    let mark = s3.folder().join(BUCKET).join("p").join(ID).join("partial");
    assert!(!mark.exists());
    is_finished_and_whole(&store).await?;
    Ok(())
}

/// One of which all is there but the manifest, and that manifest.
fn all_but_finished(
    store: &S3Store,
) -> anyhow::Result<(Arc<dyn UnfinishedBackup>, StoredFile, Manifest)> {
    let manifest = manifest(Timestamp::now());
    let unfinished = store.begin(&manifest.id)?;
    let file = StoredFile {
        name: manifest.archives[0].file.clone(),
        bytes: 4,
    };
    let mut writer = unfinished.create(&file.name)?;
    writer.write_all(b"text")?;
    writer.finish()?;
    Ok((unfinished, file, manifest))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_arrives_while_what_it_names_is_removed_goes_with_it() -> anyhow::Result<()>
{
    let s3 = S3Server::start().await;
    let store = Arc::new(s3.store("p"));
    let (first, file, manifest) = on_a_thread(&store, all_but_finished).await?;
    let text = write_checksummed(&manifest)?.into_bytes();
    s3.hold(Method::PUT, "manifest.json");
    let late = tokio::task::spawn_blocking(move || first.commit(&[file], &text));
    is_on_its_way(&s3).await;
    // He has deleted the mark, has seen no manifest, and deletes the archive.
    s3.hold_after(1, Method::POST, "delete");
    let (removing, id) = (Arc::clone(&store), manifest.id.clone());
    let removing = tokio::task::spawn_blocking(move || removing.remove_unfinished(&id));
    eventually("both are on their way", async || {
        (s3.holding() == 2).then_some(())
    })
    .await;
    s3.let_go();
    let error = late.await?.expect_err("it is being removed");
    assert!(matches!(error, StoreError::Lost { .. }), "{error}");
    s3.let_go();
    assert!(removing.await??);
    let listed = on_a_thread(&store, |store| Ok(store.list()?));
    assert_eq!(listed.await?, Listing::default());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_beside_a_mark_is_believed_when_all_that_it_names_is_there() -> anyhow::Result<()>
{
    let s3 = S3Server::start().await;
    let store = Arc::new(s3.store("p"));
    let tested = on_a_thread(&store, move |store| {
        let (unfinished, file, manifest) = all_but_finished(store)?;
        let id = manifest.id.as_str();
        let text = write_checksummed(&manifest)?;
        unfinished.commit(std::slice::from_ref(&file), text.as_bytes())?;
        let folder = s3.folder().join(BUCKET).join("p").join(id);
        // As when who has finished it was killed right before his last request.
        std::fs::write(folder.join("partial"), "0123456789abcdef")?;
        assert_eq!(store.list()?.finished, [id]);
        assert!(store.is_finished(id)? && !store.remove_unfinished(id)?);
        // As when the manifest of another arrives while this one is being written.
        std::fs::remove_file(folder.join(&file.name))?;
        let listing = store.list()?;
        assert_eq!(
            (listing.finished, listing.partial),
            (Vec::new(), vec![id.to_owned()])
        );
        assert!(!store.is_finished(id)?);
        let error = store
            .put(id, "verified.json", b"{}")
            .expect_err("it is none");
        assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
        assert!(store.remove_unfinished(id)?);
        assert_eq!(store.list()?, Listing::default());
        Ok(())
    });
    tested.await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_deletes_no_manifest_that_is_whole_and_not_his() -> anyhow::Result<()> {
    let s3 = S3Server::start().await;
    let store = Arc::new(s3.store("p"));
    let tested = on_a_thread(&store, move |store| {
        for whole in [true, false] {
            let (unfinished, file, manifest) = all_but_finished(store)?;
            let folder = s3.folder().join(BUCKET).join("p").join(&manifest.id);
            std::fs::write(folder.join("manifest.json"), write_checksummed(&manifest)?)?;
            if !whole {
                std::fs::remove_file(folder.join(&file.name))?;
            }
            unfinished.discard()?;
            let mut listing = Listing::default();
            listing.finished.extend(whole.then(|| manifest.id.clone()));
            assert_eq!(store.list()?, listing);
            store.remove(&manifest.id)?;
        }
        Ok(())
    });
    tested.await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_knows_no_conditions_is_written_to_all_the_same() -> anyhow::Result<()> {
    let s3 = S3Server::start().await;
    s3.knows_no_conditions();
    let store = Arc::new(s3.store("p"));
    let (first, file) = on_a_thread(&store, unfinished).await?;
    finishing(&first, &file).await??;
    let again = on_a_thread(&store, |store| {
        assert_eq!(store.list()?.finished, [ID]);
        Ok(store.begin(ID).map(drop))
    });
    let again = again.await?;
    assert!(matches!(again, Err(StoreError::Taken { .. })), "{again:?}");
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
