//! Several segments at a time, given in their order: whoever replays them never waits for the store.

use futures::{Stream, StreamExt as _};

use super::archive::WalArchive;
use super::error::ArchiveError;
use crate::backup::format::Identities;
use crate::backup::store::blocking;
use crate::wal::{ArchivedSegment, SegmentName, SegmentSize};

/// The most segments that are read at the same time.
const AT_ONCE: u64 = 4;

/// Bytes of them, unless one has more.
const BYTES_AT_ONCE: u64 = 64 << 20;

impl WalArchive {
    /// Reads segments of a listing, several at a time, each to its end; what is not what was stored is an error
    /// of its own. `work` is done with the content of each on the thread that has read it.
    pub fn read_ahead<T, W>(
        &self,
        segments: Vec<ArchivedSegment>,
        size: SegmentSize,
        identities: &Identities,
        work: W,
    ) -> impl Stream<Item = (SegmentName, Result<T, ArchiveError>)> + use<T, W>
    where
        T: Send + 'static,
        W: Fn(&ArchivedSegment, Vec<u8>) -> T + Clone + Send + 'static,
    {
        let (archive, identities) = (self.clone(), identities.clone());
        let read = move |segment: ArchivedSegment| {
            let (archive, identities, work) = (archive.clone(), identities.clone(), work.clone());
            async move {
                let name = segment.name.segment;
                let reading = move || {
                    let bytes = archive.fetch(&segment, size, &identities);
                    Ok(bytes.map(|bytes| work(&segment, bytes)))
                };
                let read = blocking(reading).await.map_err(ArchiveError::from);
                (name, read.flatten())
            }
        };
        let at_once = (BYTES_AT_ONCE / size.bytes()).clamp(1, AT_ONCE);
        futures::stream::iter(segments)
            .map(read)
            .buffered(usize::try_from(at_once).unwrap_or(1))
    }
}
