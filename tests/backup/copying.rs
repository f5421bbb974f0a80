//! Backups in a second place: what arrives there is the same to the byte, or no backup there.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use pgctl::backup::catalogue::{Catalogue, record};
use pgctl::backup::copy::{
    Copied, CopyError, CopyState, CopyWork, Silence, compare, copy, would_copy,
};
use pgctl::backup::format::{
    Archive, Content, Fingerprint, Identities, Kind, Manifest, Method, RestoreTest, Verification,
    write_checksummed,
};
use pgctl::backup::store::{DirectoryStore, Listing, Store, StoredFile};
use pgctl::backup::take::TakeRequest;
use pgctl::events::RunEvent;
use tokio::sync::watch;

use crate::common::{is_empty, new_key, place, problems, request, taken};
use crate::pruning::manifest;
use crate::support::{S3Server, Server};

const FIRST: &str = "00-globals.sql";
pub(crate) const SECOND: &str = "01-shop.dump";
pub(crate) const GLOBALS: &[u8] = b"-- PostgreSQL database cluster dump complete\n";

pub(crate) fn directory(folder: &Path, name: &str) -> Arc<dyn Store> {
    Arc::new(DirectoryStore::new(&folder.join(name)).expect("a path"))
}

pub(crate) fn work(from: &Arc<dyn Store>, to: &Arc<dyn Store>) -> (watch::Sender<bool>, CopyWork) {
    let (keep, stop) = watch::channel(false);
    let work = CopyWork {
        from: Arc::clone(from),
        to: Arc::clone(to),
        silence: Silence::default(),
        stop,
    };
    (keep, work)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.expect("no panic")
}

pub(crate) async fn listed(store: &Arc<dyn Store>) -> Listing {
    let store = Arc::clone(store);
    let listing = blocking(move || store.list()).await;
    listing.expect("the store can be read")
}

pub(crate) async fn copied(work: &CopyWork, id: &str) -> Result<Copied, CopyError> {
    copied_and(work, id, &|_| {}).await
}

pub(crate) async fn copied_and(
    work: &CopyWork,
    id: &str,
    tell: &(dyn Fn(RunEvent) + Sync),
) -> Result<Copied, CopyError> {
    let catalogue = Catalogue::read(&work.from).await;
    let catalogue = catalogue.expect("the store can be read");
    let entry = catalogue.entries.iter().find(|it| it.id == id);
    let (entry, seen) = (entry.expect("it is there"), Arc::default());
    copy(work, entry, &seen, tell).await
}

pub(crate) async fn compared(from: &Arc<dyn Store>, to: &Arc<dyn Store>, id: &str) -> CopyState {
    let catalogue = Catalogue::read(from).await.expect("the store can be read");
    let entry = catalogue.entries.iter().find(|it| it.id == id);
    let entry = entry.expect("it is there");
    let seen = Arc::default();
    let found = compare(to, entry, &seen, Silence::default(), &|_| {}).await;
    found.expect("the store can be read").0.state
}

/// A finished backup of these files, which began so many hours ago.
async fn shelved(
    store: &Arc<dyn Store>,
    hours_ago: i64,
    files: &[(&'static str, Vec<u8>)],
) -> Manifest {
    let mut made = manifest(Timestamp::now() - SignedDuration::from_hours(hours_ago));
    let archive = |(file, bytes): &(&str, Vec<u8>)| Archive {
        file: (*file).to_owned(),
        content: Content::Globals,
        compression: Method::None,
        stored: Fingerprint::of(bytes),
        sent: Fingerprint::of(bytes),
        raw_bytes: bytes.len() as u64,
    };
    made.archives = files.iter().map(archive).collect();
    let (store, files, manifest) = (Arc::clone(store), files.to_vec(), made.clone());
    blocking(move || {
        let unfinished = store.begin(&manifest.id)?;
        let mut stored = Vec::new();
        for (name, bytes) in files {
            let mut file = unfinished.create(name)?;
            file.write_all(&bytes)?;
            file.finish()?;
            let bytes = bytes.len() as u64;
            let name = name.to_owned();
            stored.push(StoredFile { name, bytes });
        }
        unfinished.commit(&stored, write_checksummed(&manifest)?.as_bytes())?;
        anyhow::Ok(())
    })
    .await
    .expect("the store takes it");
    made
}

/// The same with two small files.
pub(crate) async fn small(store: &Arc<dyn Store>, hours_ago: i64) -> Manifest {
    let files = [(FIRST, GLOBALS.to_vec()), (SECOND, GLOBALS.to_vec())];
    shelved(store, hours_ago, &files).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_the_same_to_the_byte_and_can_be_restored() -> Result<()> {
    let server = Server::primary("");
    server.load_difficult_data();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let (recipient, _) = new_key(folder.path())?;
    let s3 = S3Server::start().await;
    let from = directory(folder.path(), "from");
    let bucket: Arc<dyn Store> = Arc::new(s3.store("some/prefix"));
    let last = directory(folder.path(), "last");
    let encrypted = TakeRequest {
        recipients: vec![recipient.parse()?],
        ..request(Kind::Physical)
    };
    let logical = taken(&place, &from, &request(Kind::Logical)).await?;
    let physical = taken(&place, &from, &encrypted).await?;
    for (from, to) in [(&from, &bucket), (&bucket, &last)] {
        let (_keep, work) = work(from, to);
        for manifest in [&logical, &physical] {
            assert_eq!(copied(&work, &manifest.id).await?, Copied::Now);
            assert_eq!(compared(from, to, &manifest.id).await, CopyState::Equal);
            assert_eq!(problems(to, &Identities::default()).await, [""; 0]);
            // What is there is not copied again.
            assert_eq!(copied(&work, &manifest.id).await?, Copied::Before);
        }
        assert_eq!(listed(to).await, listed(from).await);
    }
    for manifest in [&logical, &physical] {
        let archives = manifest.archives.iter().map(|it| it.file.as_str());
        for file in archives.chain(["manifest.json"]) {
            let bytes = |store: &str| {
                let place = folder.path().join(store).join(&manifest.id).join(file);
                std::fs::read(place)
            };
            assert!(bytes("from")? == bytes("last")?, "{file}");
        }
    }
    let empty = Server::primary("");
    empty.restore_by_hand(&folder.path().join("last").join(&logical.id));
    assert!(server.dump_all() == empty.dump_all(), "the rows differ");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_is_not_copied() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let from = directory(folder.path(), "from");
    let to = directory(folder.path(), "to");
    let (_keep, work) = work(&from, &to);
    let id = small(&from, 1).await.id;
    // The last of its files: what was copied before it must not stay either.
    let file = folder.path().join("from").join(&id).join(SECOND);
    let mut flipped = GLOBALS.to_vec();
    flipped[7] ^= 1;
    let longer = [GLOBALS, b"x"].concat();
    for (bytes, said) in [
        (Some(flipped), "its SHA-256 is"),
        (Some(GLOBALS[1..].to_vec()), "bytes instead of"),
        (Some(longer), "it has more than"),
        (None, "it is missing"),
    ] {
        match bytes {
            Some(bytes) => std::fs::write(&file, bytes)?,
            None => std::fs::remove_file(&file)?,
        }
        let error = copied(&work, &id).await.expect_err(said);
        assert!(matches!(error, CopyError::Damaged(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains(SECOND) && text.contains(said), "{text}");
        assert!(is_empty(&to).await, "{said}");
    }
    // Nor is one of which that is known.
    std::fs::write(&file, GLOBALS)?;
    let entry = Catalogue::read(&from).await?.entries.remove(0);
    let found = verification(&id, entry.fingerprint, &["it is cut"]);
    record(from.as_ref(), &found)?;
    let error = copied(&work, &id).await.expect_err("it is cut");
    assert!(error.to_string().contains("it is cut"), "{error}");
    assert!(is_empty(&to).await);
    Ok(())
}

pub(crate) fn verification(id: &str, manifest: Fingerprint, problems: &[&str]) -> Verification {
    Verification {
        at: Timestamp::UNIX_EPOCH,
        id: id.to_owned(),
        manifest,
        content: true,
        problems: problems.iter().map(|&it| it.to_owned()).collect(),
        restore_test: Some(RestoreTest {
            at: Timestamp::UNIX_EPOCH,
            server: "15.18".to_owned(),
            amcheck: false,
            databases: 1,
            tables: 1,
            rows: 1,
            wal_segments: None,
            problems: Vec::new(),
        }),
        other_restore_test: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_a_backup_goes_with_it_and_replaces_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let from = directory(folder.path(), "from");
    let to = directory(folder.path(), "to");
    let (_keep, work) = work(&from, &to);
    let id = small(&from, 1).await.id;
    let entry = Catalogue::read(&from).await?.entries.remove(0);
    let found = verification(&id, entry.fingerprint, &[]);
    record(from.as_ref(), &found)?;
    copied(&work, &id).await?;
    let there = Catalogue::read(&to).await?.entries.remove(0);
    assert_eq!(there.verification, Some(found.clone()));
    // What was found of the copy itself stays.
    let mut own = found;
    own.at = Timestamp::now();
    own.restore_test = None;
    record(to.as_ref(), &own)?;
    assert_eq!(copied(&work, &id).await?, Copied::Before);
    let there = Catalogue::read(&to).await?.entries.remove(0);
    assert_eq!(there.verification, Some(own));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_stopped_leaves_nothing_and_can_be_made_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start().await;
    let from = directory(folder.path(), "from");
    let id = small(&from, 1).await.id;
    let bucket: Arc<dyn Store> = Arc::new(s3.store("p"));
    for to in [directory(folder.path(), "to"), bucket] {
        let (stop, work) = work(&from, &to);
        let tell = |event| {
            if matches!(event, RunEvent::FileStored { .. }) {
                stop.send_replace(true);
            }
        };
        let stopped = copied_and(&work, &id, &tell).await;
        assert!(
            matches!(stopped, Err(CopyError::Interrupted)),
            "{stopped:?}"
        );
        assert!(is_empty(&to).await);
        stop.send_replace(false);
        assert_eq!(copied(&work, &id).await?, Copied::Now);
        assert_eq!(compared(&from, &to, &id).await, CopyState::Equal);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_dies_in_the_middle_has_no_copy_and_the_next_one_takes_over() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start().await;
    let from = directory(folder.path(), "from");
    // More than one part of an upload.
    let files = [(FIRST, GLOBALS.to_vec()), (SECOND, vec![7; 40 << 20])];
    let id = shelved(&from, 1, &files).await.id;
    let patience = Duration::from_secs(1);
    let to: Arc<dyn Store> = Arc::new(s3.store_with_patience("p", patience));
    let (_keep, work) = work(&from, &to);
    s3.die_after(20 << 20);
    let error = copied(&work, &id).await.expect_err("it died");
    assert!(matches!(error, CopyError::To(_)), "{error}");
    s3.die_after(u64::MAX);
    let left = listed(&to).await;
    assert_eq!(left.finished, [""; 0]);
    // Nobody could remove what was begun.
    assert_eq!(left.partial, [id.as_str()]);
    let early = copied(&work, &id).await;
    assert!(
        matches!(early, Err(CopyError::BeingWritten(_))),
        "{early:?}"
    );
    two_hours_pass(s3.folder());
    assert_eq!(copied(&work, &id).await?, Copied::Now);
    let left = listed(&to).await;
    assert_eq!((left.finished, left.partial), (vec![id], Vec::new()));
    Ok(())
}

/// Makes everything below a folder two hours older.
fn two_hours_pass(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            two_hours_pass(&path);
        }
        let file = File::open(&path).expect("it can be opened");
        let metadata = file.metadata().expect("it is open");
        let written = metadata.modified().expect("it has a time");
        file.set_modified(written - Duration::from_secs(2 * 3600))
            .expect("it is ours");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_writes_is_left_to_him_until_he_is_gone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start().await;
    let from = directory(folder.path(), "from");
    let id = small(&from, 1).await.id;
    let bucket: Arc<dyn Store> = Arc::new(s3.store("p"));
    let places = [
        (directory(folder.path(), "to"), folder.path().join("to")),
        (bucket, s3.folder().to_owned()),
    ];
    for (to, lies_in) in places {
        let (_keep, work) = work(&from, &to);
        let (there, name) = (Arc::clone(&to), id.clone());
        let other = blocking(move || there.begin(&name)).await?;
        // What he has begun is old, and he has just shown that he is at it.
        two_hours_pass(&lies_in);
        let shown = Arc::clone(&other);
        blocking(move || shown.still_written()).await?;
        let result = copied(&work, &id).await;
        assert!(
            matches!(&result, Err(CopyError::BeingWritten(silent)) if silent.as_secs() < 3600),
            "{result:?}"
        );
        assert_eq!(listed(&to).await.partial, [id.as_str()]);
        // He has stopped, and has removed nothing.
        two_hours_pass(&lies_in);
        assert_eq!(copied(&work, &id).await?, Copied::Now);
        let ended = blocking(move || {
            let shown = other.still_written();
            other.discard().map(|()| shown.is_err())
        });
        assert!(ended.await?);
        assert_eq!(compared(&from, &to, &id).await, CopyState::Equal);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_under_the_same_name_is_never_written_over() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let from = directory(folder.path(), "from");
    let to = directory(folder.path(), "to");
    let (_keep, work) = work(&from, &to);
    let id = small(&from, 1).await.id;
    copied(&work, &id).await?;
    let there = |file: &str| folder.path().join("to").join(&id).join(file);
    let manifest = std::fs::read(there("manifest.json"))?;
    let mut other: Manifest = serde_json::from_slice(&manifest)?;
    other.label = Some("another".to_owned());
    let other = write_checksummed(&other)?.into_bytes();
    for (file, bytes, said) in [
        (SECOND, GLOBALS[1..].to_vec(), "bytes instead of"),
        ("manifest.json", other, "its manifest is another one"),
        ("manifest.json", b"{}".to_vec(), "checksum"),
    ] {
        let before = std::fs::read(there(file))?;
        std::fs::write(there(file), &bytes)?;
        let catalogue = Catalogue::read(&from).await?;
        let looked = would_copy(&work, &catalogue.entries[0], &|_| {}).await;
        assert!(matches!(looked, Err(CopyError::Different(_))), "{looked:?}");
        let error = copied(&work, &id).await.expect_err("it differs");
        let text = error.to_string();
        assert!(
            text.contains(said) && text.contains("never written over"),
            "{text}"
        );
        assert!(std::fs::read(there(file))? == bytes, "it was written over");
        assert_ne!(compared(&from, &to, &id).await, CopyState::Equal);
        std::fs::write(there(file), before)?;
    }
    assert_eq!(copied(&work, &id).await?, Copied::Before);
    Ok(())
}
