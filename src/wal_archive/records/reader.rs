//! From page to page, from record to record, from segment to segment.

use jiff::Timestamp;

use super::page::{PAGE, PageHeader, u32_at};
use super::record::Record;
use crate::cluster::Lsn;
use crate::wal::{SegmentName, SegmentSize};

/// Records begin at multiples of so many bytes.
const ALIGNED: u64 = 8;

/// What was found in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WalScan {
    /// The position after the last whole record; where the segment begins when no record ends in it.
    pub(crate) end: Lsn,
    /// The last commit whose record lies in the segment as a whole, by the server's clock.
    pub(crate) last_commit: Option<Timestamp>,
    /// How many records end in it.
    pub(crate) records: u64,
    /// What comes after the last of them.
    pub(crate) stop: WalEnd,
}

/// What comes after the last whole record of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WalEnd {
    /// The next segment.
    Full,
    /// Zeros: nothing was written there yet.
    Empty,
    /// Something that can't be read: where, and why. In a segment that is being written it is what was not yet
    /// received.
    Unreadable {
        /// Where it begins.
        at: Lsn,
        /// Why, in words.
        reason: String,
    },
}

/// Reads segments one after the other.
pub(crate) struct WalReader {
    size: SegmentSize,
    system_identifier: Option<u64>,
    magic: Option<u16>,
    /// The position after the segment that was read last, and what it has left.
    after: Option<Lsn>,
    begun: Option<Record>,
    /// Where the last whole record begins.
    before: Option<Lsn>,
}

impl WalReader {
    /// For segments of this size, of this cluster when it is known.
    pub(crate) fn new(size: SegmentSize, system_identifier: Option<u64>) -> Self {
        Self {
            size,
            system_identifier,
            magic: None,
            after: None,
            begun: None,
            before: None,
        }
    }

    /// Another one that goes on where this one does, without the rest of a record: of a segment of which there
    /// is more in another place.
    pub(crate) fn fork(&self) -> Self {
        Self {
            size: self.size,
            system_identifier: self.system_identifier,
            magic: self.magic,
            after: None,
            begun: None,
            before: None,
        }
    }

    /// Reads the next segment; a record that the one before has begun is read on. After a hole it begins anew
    /// with the first record that begins in the segment.
    pub(crate) fn read(&mut self, segment: SegmentName, bytes: &[u8]) -> WalScan {
        let start = segment.start(self.size);
        if self.after != Some(start) {
            (self.begun, self.before) = (None, None);
        }
        let known = self.after == Some(start);
        self.after = Some(segment.end(self.size));
        let mut scan = WalScan {
            end: start,
            last_commit: None,
            records: 0,
            stop: WalEnd::Full,
        };
        let read = self.pages(segment, bytes, known, &mut scan);
        scan.stop = match read {
            Ok(stop) => stop,
            Err((at, reason)) => WalEnd::Unreadable { at, reason },
        };
        match &scan.stop {
            WalEnd::Full => scan.end = segment.end(self.size),
            WalEnd::Empty | WalEnd::Unreadable { .. } => {
                (self.after, self.begun) = (None, None);
            }
        }
        scan
    }

    fn pages(
        &mut self,
        segment: SegmentName,
        bytes: &[u8],
        known: bool,
        scan: &mut WalScan,
    ) -> Result<WalEnd, (Lsn, String)> {
        let start = segment.start(self.size).bytes();
        // Bytes of a record whose beginning is not known.
        let mut skip: Option<usize> = (!known).then_some(0);
        for (number, page) in bytes.chunks(PAGE).enumerate() {
            let address = Lsn::new(start + (number * PAGE) as u64);
            let unreadable = |reason: String| (address, reason);
            if page.len() < PAGE {
                return Err(unreadable("the page is cut".to_owned()));
            }
            let between = self.begun.is_none() && skip.is_none_or(|skip| skip == 0);
            if number > 0 && between && page[..4] == [0; 4] {
                return Ok(WalEnd::Empty);
            }
            let header = PageHeader::read(page).map_err(unreadable)?;
            self.fits(&header, segment, address, number == 0)
                .map_err(unreadable)?;
            if header.overwritten {
                (self.begun, skip) = (None, skip.map(|_| 0));
            }
            match (&self.begun, skip.as_mut()) {
                (Some(begun), _) if begun.missing() != header.rest => {
                    return Err(unreadable(format!(
                        "{} bytes of the record at {} should follow and the page says {}",
                        begun.missing(),
                        begun.start,
                        header.rest
                    )));
                }
                (Some(_), _) => {}
                (None, Some(skip)) if number == 0 => *skip = header.rest,
                (None, Some(skip)) if *skip != header.rest => {
                    return Err(unreadable(format!(
                        "{skip} bytes of a record should follow and the page says {}",
                        header.rest
                    )));
                }
                (None, None) if header.rest != 0 => {
                    return Err(unreadable(
                        "the rest of a record follows that was not begun".to_owned(),
                    ));
                }
                (None, _) => {}
            }
            let body = (
                address.bytes() + header.length as u64,
                &page[header.length..],
            );
            if let Some(stop) = self.records(segment, body, &mut skip, scan)? {
                return Ok(stop);
            }
        }
        Ok(WalEnd::Full)
    }

    /// Reads what is in a page; says how the WAL ends when it does.
    fn records(
        &mut self,
        segment: SegmentName,
        (at, mut body): (u64, &[u8]),
        skip: &mut Option<usize>,
        scan: &mut WalScan,
    ) -> Result<Option<WalEnd>, (Lsn, String)> {
        let mut at = at;
        let mut forward = |body: &mut &[u8], many: usize| {
            let aligned = (many as u64).next_multiple_of(ALIGNED) as usize;
            let step = aligned.min(body.len());
            *body = &body[step..];
            at += step as u64;
            at
        };
        if let Some(left) = skip.as_mut() {
            let now = (*left).min(body.len());
            *left -= now;
            let end = forward(&mut body, now);
            if *left > 0 {
                return Ok(None);
            }
            if now > 0 {
                scan.end = Lsn::new(end);
            }
            *skip = None;
        }
        loop {
            let here = forward(&mut body, 0);
            let mut record = match self.begun.take() {
                Some(record) => record,
                None if body.is_empty() => return Ok(None),
                None => {
                    let length = u32_at(body, 0).unwrap_or_default();
                    if length == 0 {
                        return Ok(Some(WalEnd::Empty));
                    }
                    let at = Lsn::new(here);
                    Record::begin(at, length).map_err(|reason| (at, reason))?
                }
            };
            let now = record.missing().min(body.len());
            record.take(&body[..now]);
            let end = Lsn::new(forward(&mut body, now));
            if record.missing() > 0 {
                self.begun = Some(record);
                return Ok(None);
            }
            let start = record.start;
            let whole = record.finish().map_err(|reason| (start, reason))?;
            if let Some(before) = self.before.filter(|before| *before != whole.before) {
                return Err((
                    start,
                    format!(
                        "the record says that the one before it is at {} and that is at {before}",
                        whole.before
                    ),
                ));
            }
            self.before = Some(start);
            scan.end = end;
            scan.records += 1;
            if start >= segment.start(self.size) {
                scan.last_commit = scan.last_commit.max(whole.commit);
            }
            if whole.switches {
                // The rest of the segment is not used.
                return Ok(Some(WalEnd::Full));
            }
        }
    }

    /// Whether a page belongs where it is.
    fn fits(
        &mut self,
        header: &PageHeader,
        segment: SegmentName,
        address: Lsn,
        first: bool,
    ) -> Result<(), String> {
        if header.address != address {
            return Err(format!(
                "the page says that it is the one at {}",
                header.address
            ));
        }
        if header.timeline > segment.timeline {
            return Err(format!("the page is of timeline {}", header.timeline));
        }
        let magic = *self.magic.get_or_insert(header.magic);
        if magic != header.magic {
            return Err(format!(
                "the page is of another version of PostgreSQL ({:04X}, and not {magic:04X})",
                header.magic
            ));
        }
        match (first, header.long) {
            (true, None) => Err("the first page is not that of a segment".to_owned()),
            (true, Some(long)) => {
                let expected = *self.system_identifier.get_or_insert(long.system_identifier);
                if long.system_identifier != expected {
                    return Err(format!(
                        "it is of another cluster ({}, and not {expected})",
                        long.system_identifier
                    ));
                }
                if u64::from(long.segment_bytes) != self.size.bytes() {
                    return Err(format!("its segments have {} bytes", long.segment_bytes));
                }
                Ok(())
            }
            (false, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
