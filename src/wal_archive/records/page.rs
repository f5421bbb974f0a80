//! The header of a page of WAL (`access/xlog_internal.h` of PostgreSQL), as a little-endian server writes it.

use crate::cluster::{Lsn, Timeline};

/// Bytes of a page: `--with-wal-blocksize`, which nobody changes; a page that says otherwise is not understood.
pub(super) const PAGE: usize = 8192;

/// Bytes of the header of the first page of a segment.
const LONG_HEADER: usize = 40;

/// Bytes of the header of any other page.
const SHORT_HEADER: usize = 24;

/// Flags: the page begins with the rest of a record; it has the long header; that rest was given up, because the
/// server crashed before it had written it.
const CONTINUES: u16 = 1;
const LONG: u16 = 2;
const OVERWRITTEN: u16 = 8;
const ALL_FLAGS: u16 = 15;

/// What a page says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// Version of the format: another with each major version of PostgreSQL.
    pub(super) magic: u16,
    /// The timeline on which it was written.
    pub(super) timeline: Timeline,
    /// Where it begins.
    pub(super) address: Lsn,
    /// Bytes that belong to a record that began before it; none when it begins with a record of its own.
    pub(super) rest: usize,
    /// Whether the record that began before it is never finished.
    pub(super) overwritten: bool,
    /// Bytes of the header.
    pub(super) length: usize,
    /// What only the first page of a segment says.
    pub(super) long: Option<LongHeader>,
}

/// What the first page of a segment says besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LongHeader {
    /// Of `pg_control_system()`.
    pub(super) system_identifier: u64,
    /// Bytes of a segment.
    pub(super) segment_bytes: u32,
    page_bytes: u32,
}

impl PageHeader {
    /// Reads it.
    ///
    /// # Errors
    /// In words, when it is none.
    pub(super) fn read(page: &[u8]) -> Result<Self, String> {
        let magic = u16_at(page, 0).ok_or("the page is cut")?;
        let flags = u16_at(page, 2).ok_or("the page is cut")?;
        if magic == 0 && flags == 0 {
            return Err("the page is empty".to_owned());
        }
        // Every version of the last ten years has D0 or D1 there.
        if !matches!(magic >> 8, 0xD0 | 0xD1) {
            return Err(format!(
                "{magic:04X} is not the magic number of a page of WAL"
            ));
        }
        if flags & !ALL_FLAGS != 0 {
            return Err(format!("the page has unknown flags ({flags:04X})"));
        }
        let read = || {
            let long = match flags & LONG {
                0 => None,
                _ => Some(LongHeader {
                    system_identifier: u64_at(page, 24)?,
                    segment_bytes: u32_at(page, 32)?,
                    page_bytes: u32_at(page, 36)?,
                }),
            };
            let rest = usize::try_from(u32_at(page, 16)?).ok()?;
            Some(Self {
                magic,
                timeline: Timeline(u32_at(page, 4)?),
                address: Lsn::new(u64_at(page, 8)?),
                rest: if flags & CONTINUES == 0 { 0 } else { rest },
                overwritten: flags & OVERWRITTEN != 0,
                length: match long {
                    Some(_) => LONG_HEADER,
                    None => SHORT_HEADER,
                },
                long,
            })
        };
        let header = read().ok_or("the page is cut")?;
        match header.long {
            Some(long) if long.page_bytes as usize != PAGE => {
                Err(format!("its pages have {} bytes", long.page_bytes))
            }
            _ => Ok(header),
        }
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + 8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}
