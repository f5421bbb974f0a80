//! The spool: what was received and is not stored yet. `pg_receivewal` writes into `receive`; what it must not
//! find there when it begins anew, because it would go on behind it, waits in `queue`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::error::ArchiverError;
use crate::cluster::Timeline;
use crate::wal::{SegmentName, SegmentSize};

const PARTIAL: &str = ".partial";
const HISTORY: &str = ".history";

/// A folder that one archiver uses at a time.
#[derive(Debug)]
pub struct Spool {
    root: PathBuf,
    lock: File,
}

/// The part of it for one data directory.
#[derive(Debug, Clone)]
pub(super) struct SpoolFolder {
    pub(super) receive: PathBuf,
    queue: PathBuf,
}

/// A file in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spooled {
    /// A whole segment.
    Whole(SegmentName, PathBuf),
    /// The beginning of a segment; true when more of it may come.
    Part(SegmentName, PathBuf, bool),
    /// The history of a timeline.
    History(Timeline, PathBuf),
}

impl Spool {
    /// Takes a folder, which is made when it is not there.
    ///
    /// # Errors
    /// When it can't be made, or another archiver has it.
    pub fn open(root: &Path) -> Result<Self, ArchiverError> {
        let failed = |source| ArchiverError::Spool {
            folder: root.to_owned(),
            source,
        };
        make(root).map_err(failed)?;
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(root.join("lock"))
            .map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self {
                root: root.to_owned(),
                lock,
            }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(ArchiverError::SpoolInUse(root.to_owned())),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The lock, for a program that writes into the spool: it is held for as long as that lives, too.
    pub(super) fn lock(&self) -> io::Result<File> {
        self.lock.try_clone()
    }

    /// The part of it for the WAL of one data directory.
    pub(super) fn folder(&self, cluster: &str, system_identifier: &str) -> io::Result<SpoolFolder> {
        let folder = self.root.join(cluster).join(system_identifier);
        let folder = SpoolFolder {
            receive: folder.join("receive"),
            queue: folder.join("queue"),
        };
        make(&folder.receive)?;
        make(&folder.queue)?;
        Ok(folder)
    }
}

impl SpoolFolder {
    /// What is in it, by name: the queue before what was received after it.
    pub(super) fn files(&self, size: SegmentSize) -> io::Result<Vec<Spooled>> {
        let mut files = Vec::new();
        for (folder, receiving) in [(&self.queue, false), (&self.receive, true)] {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let length = match fs::metadata(&path) {
                    Ok(metadata) => metadata.len(),
                    // Renamed since it was listed.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                let name = path.file_name().and_then(|name| name.to_str());
                let name = name.unwrap_or_default();
                if let Ok(segment) = name.parse::<SegmentName>() {
                    if length == size.bytes() {
                        files.push(Spooled::Whole(segment, path));
                    }
                } else if let Some(segment) = name.strip_suffix(PARTIAL) {
                    // An empty one only says where to begin.
                    if let (Ok(segment), true) = (segment.parse(), length == size.bytes()) {
                        files.push(Spooled::Part(segment, path, receiving));
                    }
                } else if let Some(timeline) = name.strip_suffix(HISTORY)
                    && let Ok(number) = u32::from_str_radix(timeline, 16)
                {
                    files.push(Spooled::History(Timeline(number), path));
                }
            }
        }
        files.sort_by_key(|it| match it {
            Spooled::History(timeline, path) => (0, *timeline, None, path.clone()),
            Spooled::Whole(segment, path) => (1, segment.timeline, Some(*segment), path.clone()),
            Spooled::Part(segment, path, _) => (2, segment.timeline, Some(*segment), path.clone()),
        });
        // Of what is received only the last is written on: a timeline that was left leaves one behind.
        let last = files.iter().filter_map(Spooled::received_part).max();
        for file in &mut files {
            if let Spooled::Part(segment, _, more) = file {
                *more = *more && Some(*segment) == last;
            }
        }
        Ok(files)
    }

    /// Bytes of what waits in it. The segment that is being received does not wait.
    pub(super) fn bytes(&self, size: SegmentSize) -> io::Result<u64> {
        let files = self.files(size)?;
        let waits = |it: &&Spooled| matches!(it, Spooled::Whole(..) | Spooled::Part(_, _, false));
        Ok(files.iter().filter(waits).count() as u64 * size.bytes())
    }

    /// Prepares `receive` so that `pg_receivewal` begins with this segment: it goes on with the last one that it
    /// finds.
    pub(super) fn begin_with(&self, segment: SegmentName) -> io::Result<()> {
        let wanted = format!("{segment}{PARTIAL}");
        for entry in fs::read_dir(&self.receive)? {
            let entry = entry?;
            if entry.file_name() == *wanted {
                continue;
            }
            if entry.metadata()?.len() == 0 {
                fs::remove_file(entry.path())?;
            } else {
                fs::rename(entry.path(), self.queue.join(entry.file_name()))?;
            }
        }
        let marker = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(self.receive.join(wanted))?;
        marker.sync_all()?;
        File::open(&self.queue)?.sync_all()?;
        File::open(&self.receive)?.sync_all()
    }
}

impl Spooled {
    fn received_part(&self) -> Option<SegmentName> {
        match self {
            Self::Part(segment, _, true) => Some(*segment),
            Self::Part(..) | Self::Whole(..) | Self::History(..) => None,
        }
    }
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size() -> SegmentSize {
        SegmentSize::new(1 << 20).expect("a size")
    }

    fn write(path: &Path, bytes: u64) -> io::Result<()> {
        File::create(path)?.set_len(bytes)
    }

    #[test]
    fn one_archiver_at_a_time_has_it() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let spool = Spool::open(folder.path())?;
        assert!(matches!(
            Spool::open(folder.path()),
            Err(ArchiverError::SpoolInUse(_))
        ));
        // Nor when it has died and its program still writes.
        let program = spool.lock()?;
        drop(spool);
        assert!(Spool::open(folder.path()).is_err());
        drop(program);
        Spool::open(folder.path())?;
        Ok(())
    }

    #[test]
    fn what_would_lead_it_astray_waits_in_the_queue() -> anyhow::Result<()> {
        let root = tempfile::tempdir()?;
        let folder = Spool::open(root.path())?.folder("n_c", "7")?;
        let receive = |name: &str| folder.receive.join(name);
        let old: SegmentName = "000000010000000000000006".parse()?;
        write(&receive("000000010000000000000005"), 1 << 20)?;
        write(&receive("000000010000000000000006.partial"), 1 << 20)?;
        write(&receive("00000002.history"), 40)?;
        let new: SegmentName = "000000020000000000000005".parse()?;
        folder.begin_with(new)?;
        let left: Vec<_> = fs::read_dir(&folder.receive)?.collect::<Result<_, _>>()?;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].file_name(), "000000020000000000000005.partial");
        let files = folder.files(size())?;
        assert!(matches!(files[0], Spooled::History(Timeline(2), _)));
        assert!(matches!(files[1], Spooled::Whole(..)));
        assert!(matches!(&files[2], Spooled::Part(it, _, false) if *it == old));
        assert_eq!((files.len(), folder.bytes(size())?), (3, 2 << 20));
        // Once more: what it has received of the segment stays.
        write(&receive("000000020000000000000005.partial"), 1 << 20)?;
        folder.begin_with(new)?;
        assert!(matches!(
            folder.files(size())?.last(),
            Some(Spooled::Part(it, _, true)) if *it == new
        ));
        // And goes when it is to begin elsewhere.
        folder.begin_with("000000020000000000000006".parse()?)?;
        assert!(
            folder
                .files(size())?
                .iter()
                .all(|it| it.received_part().is_none())
        );
        Ok(())
    }

    #[test]
    fn of_a_timeline_that_was_left_nothing_more_comes() -> anyhow::Result<()> {
        let root = tempfile::tempdir()?;
        let folder = Spool::open(root.path())?.folder("n_c", "7")?;
        for name in [
            "000000010000000000000005.partial",
            "000000020000000000000005.partial",
        ] {
            write(&folder.receive.join(name), 1 << 20)?;
        }
        let more: Vec<bool> = folder
            .files(size())?
            .into_iter()
            .map(|it| it.received_part().is_some())
            .collect();
        assert_eq!(more, [false, true]);
        Ok(())
    }
}
