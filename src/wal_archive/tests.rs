//! An archive in a directory: what is put is listed and read, and whatever is changed is seen.

use std::sync::Arc;

use anyhow::{Result, ensure};
use jiff::Timestamp;

use super::*;
use crate::backup::format::{Fingerprint, Identities};
use crate::backup::store::{DirectoryStore, Store};
use crate::cluster::{ClusterId, Lsn, Timeline};
use crate::wal::{ArchiveObject, GapReason, Held, NewestWal, SegmentName, SegmentSize, WalGap};

struct Fixture {
    folder: tempfile::TempDir,
    store: Arc<dyn Store>,
    archive: WalArchive,
    size: SegmentSize,
}

impl Fixture {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let store: Arc<dyn Store> = Arc::new(DirectoryStore::new(folder.path())?);
        let cluster = ClusterId {
            namespace: "n".to_owned(),
            name: "c".to_owned(),
        };
        let size = SegmentSize::new(1 << 20).expect("a size");
        let archive = WalArchive::new(&store, ArchivePlace::of(&cluster, "7"));
        ensure!(archive.list()?.is_none(), "there is none yet");
        archive.begin(&about(cluster, size))?;
        Ok(Self {
            folder,
            store,
            archive,
            size,
        })
    }

    fn bytes(&self, content: u8) -> Vec<u8> {
        vec![content; self.size.bytes() as usize]
    }

    fn put(&self, number: u64, until: Option<Lsn>, content: u8) -> Result<()> {
        let bytes = self.bytes(content);
        let new = NewSegment {
            segment: name(number, self.size),
            until,
            last_commit: None,
            bytes: &bytes,
        };
        self.archive.put_segment(new, &[])?;
        Ok(())
    }
}

fn about(cluster: ClusterId, size: SegmentSize) -> About {
    About {
        api_version: About::API_VERSION.to_owned(),
        kind: About::KIND.to_owned(),
        cluster,
        system_identifier: "7".to_owned(),
        segment_bytes: size,
        server_version: 150_018,
        begun: Timestamp::UNIX_EPOCH,
    }
}

fn name(number: u64, size: SegmentSize) -> SegmentName {
    SegmentName::numbered(Timeline(1), number, size)
}

#[test]
fn what_was_put_is_listed_and_read() -> Result<()> {
    let fixture = Fixture::new()?;
    let (archive, size) = (&fixture.archive, fixture.size);
    fixture.put(3, None, 3)?;
    fixture.put(4, Some(Lsn::new((4 << 20) + 100)), 4)?;
    let history = b"1\t0/400100\tno recovery target specified\n";
    archive.put_history(Timeline(2), history)?;
    let gap = WalGap {
        timeline: Timeline(1),
        from: Lsn::new(0x10_0000),
        to: Lsn::new(0x30_0000),
        reason: GapReason::SpoolLost,
        detail: String::new(),
        found: Timestamp::UNIX_EPOCH,
    };
    archive.put_gap(&gap)?;
    let newest = NewestWal {
        timeline: Timeline(1),
        position: Lsn::new((4 << 20) + 100),
        as_of: Timestamp::UNIX_EPOCH,
        last_commit: None,
        written: Timestamp::UNIX_EPOCH,
    };
    archive.put_newest(&newest)?;
    archive.put_newest(&newest)?;
    let facts = archive.list()?.expect("it was begun");
    assert_eq!(facts.unreadable, [""; 0]);
    assert_eq!(facts.gaps, [gap]);
    assert_eq!(facts.newest, Some(newest));
    assert!(facts.histories.contains_key(&Timeline(2)));
    assert_eq!(
        archive.history_file(Timeline(2))?.as_deref(),
        Some(&history[..])
    );
    assert_eq!(archive.history_file(Timeline(3))?, None);
    for (number, content) in [(3, 3), (4, 4)] {
        let segment = match facts.held(name(number, size)) {
            Held::Whole(segment) | Held::Until(segment, _) => segment,
            other => panic!("{other:?}"),
        };
        let read = archive.fetch(segment, size, &Identities::default())?;
        assert_eq!(read, fixture.bytes(content));
    }
    assert_eq!(places(&fixture.store)?, [archive.place().clone()]);
    // It is no backup, and hides none.
    assert!(fixture.store.list()?.finished.is_empty());
    Ok(())
}

#[test]
fn two_contents_of_a_segment_are_two_objects() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.put(3, None, 3)?;
    fixture.put(3, None, 3)?;
    let segment = name(3, fixture.size);
    let held = fixture.archive.list()?.expect("it was begun");
    assert!(matches!(held.held(segment), Held::Whole(_)));
    fixture.put(3, None, 4)?;
    let held = fixture.archive.list()?.expect("it was begun");
    assert_eq!(held.held(segment), Held::Several);
    Ok(())
}

#[test]
fn what_is_superseded_is_removed_and_nothing_else() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.put(3, Some(Lsn::new((3 << 20) + 8)), 1)?;
    fixture.put(3, None, 3)?;
    fixture.put(4, Some(Lsn::new((4 << 20) + 8)), 1)?;
    fixture.put(4, Some(Lsn::new((4 << 20) + 16)), 2)?;
    let facts = fixture.archive.list()?.expect("it was begun");
    assert_eq!(facts.segments.len(), 4);
    fixture.archive.remove_superseded(&facts)?;
    let facts = fixture.archive.list()?.expect("it was begun");
    let left: Vec<_> = facts.segments.iter().map(|it| it.name.until).collect();
    assert_eq!(left, [None, Some(Lsn::new((4 << 20) + 16))]);
    Ok(())
}

#[test]
fn every_flipped_byte_and_every_cut_is_seen() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.put(3, None, 3)?;
    fixture
        .archive
        .put_history(Timeline(2), b"1\t0/400100\treason\n")?;
    let facts = fixture.archive.list()?.expect("it was begun");
    let segment = facts.segments[0].clone();
    let object = ArchiveObject::Segment(segment.name.clone());
    let path = fixture.folder.path().join(fixture.archive.path(&object));
    let whole = std::fs::read(&path)?;
    let fetch = || {
        fixture
            .archive
            .fetch(&segment, fixture.size, &Identities::default())
    };
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 16;
        std::fs::write(&path, flipped)?;
        // A byte of zstd's header may change nothing of the content; then it is the content.
        match fetch() {
            Ok(read) => assert_eq!(read, fixture.bytes(3), "byte {at}"),
            Err(error) => assert!(matches!(error, ArchiveError::Broken { .. }), "{error}"),
        }
        std::fs::write(&path, &whole[..at])?;
        assert!(fetch().is_err(), "cut at {at}");
    }
    // Two frames are not one segment.
    std::fs::write(&path, [whole.clone(), whole].concat())?;
    assert!(fetch().is_err());
    let sum = Fingerprint::of(b"1\t0/400100\treason\n").sha256;
    let history = ArchiveObject::History {
        timeline: Timeline(2),
        sha256: sum,
    };
    let history = fixture.folder.path().join(fixture.archive.path(&history));
    std::fs::write(history, "1\t0/500100\treason\n")?;
    let facts = fixture.archive.list()?.expect("it was begun");
    assert!(facts.histories.is_empty());
    assert!(
        facts.unreadable[0].contains("its SHA-256 is another"),
        "{:?}",
        facts.unreadable
    );
    assert!(fixture.archive.history_file(Timeline(2)).is_err());
    Ok(())
}

#[test]
fn another_size_of_segments_is_refused() -> Result<()> {
    let fixture = Fixture::new()?;
    let found = fixture.archive.about()?.expect("it was begun");
    fixture.archive.begin(&found)?;
    let other = about(found.cluster, SegmentSize::DEFAULT);
    assert!(matches!(
        fixture.archive.begin(&other),
        Err(ArchiveError::OtherSize { .. })
    ));
    Ok(())
}

#[test]
fn strangers_in_its_folder_are_named_and_hide_nothing() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.put(3, None, 3)?;
    let folder = fixture.folder.path().join(&fixture.archive.folder);
    std::fs::write(folder.join("notes.txt"), "hello")?;
    std::fs::write(folder.join("newest.json"), "{}")?;
    let facts = fixture.archive.list()?.expect("it was begun");
    assert_eq!(facts.segments.len(), 1);
    assert_eq!(facts.unreadable.len(), 2, "{:?}", facts.unreadable);
    std::fs::write(folder.join("archive.json"), "{}")?;
    assert!(matches!(
        fixture.archive.list(),
        Err(ArchiveError::Broken { .. })
    ));
    Ok(())
}
