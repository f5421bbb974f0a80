//! WAL that is made here, byte by byte, as a server writes it.

use crc_fast::{CrcAlgorithm, Digest};
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::cluster::Timeline;

const SYSTEM: u64 = 7_300_000_000_000_000_001;
const MEBIBYTE: usize = 1 << 20;

fn size() -> SegmentSize {
    SegmentSize::new(MEBIBYTE as u64).expect("a size")
}

fn name(number: u64) -> SegmentName {
    SegmentName::numbered(Timeline(1), number, size())
}

/// Writes records one after the other, over the edges of pages and segments.
struct Writer {
    start: u64,
    bytes: Vec<u8>,
    before: u64,
    /// Where each record begins, and where it ends.
    records: Vec<(u64, u64)>,
}

impl Writer {
    fn new(segment: u64) -> Self {
        Self {
            start: segment * MEBIBYTE as u64,
            bytes: Vec::new(),
            before: 0,
            records: Vec::new(),
        }
    }

    fn at(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// The header of a page, with so many bytes of a record that follow.
    fn page(&mut self, rest: usize) {
        let first = self.bytes.len().is_multiple_of(MEBIBYTE);
        let flags = u16::from(rest > 0) | if first { 2 } else { 0 };
        let address = self.at();
        self.bytes.extend(0xD110_u16.to_le_bytes());
        self.bytes.extend(flags.to_le_bytes());
        self.bytes.extend(1_u32.to_le_bytes());
        self.bytes.extend(address.to_le_bytes());
        self.bytes.extend((rest as u32).to_le_bytes());
        self.bytes.extend(0_u32.to_le_bytes());
        if first {
            self.bytes.extend(SYSTEM.to_le_bytes());
            self.bytes.extend((MEBIBYTE as u32).to_le_bytes());
            self.bytes.extend((PAGE as u32).to_le_bytes());
        }
    }

    fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = PAGE - self.bytes.len() % PAGE;
            let now = room.min(bytes.len());
            self.bytes.extend(&bytes[..now]);
            bytes = &bytes[now..];
            if !bytes.is_empty() {
                self.page(bytes.len());
            }
        }
    }

    fn record(&mut self, manager: u8, info: u8, data: &[u8]) {
        if self.bytes.len().is_multiple_of(PAGE) {
            self.page(0);
        }
        let start = self.at();
        let mut record = Vec::new();
        let length = super::super::record::HEADER + 5 + data.len();
        record.extend((length as u32).to_le_bytes());
        record.extend(700_u32.to_le_bytes());
        record.extend(self.before.to_le_bytes());
        record.extend([info, manager, 0, 0]);
        record.extend(0_u32.to_le_bytes());
        record.push(254);
        record.extend((data.len() as u32).to_le_bytes());
        record.extend(data);
        let mut sum = Digest::new(CrcAlgorithm::Crc32Iscsi);
        sum.update(&record[24..]);
        sum.update(&record[..20]);
        let sum = sum.finalize() as u32;
        record[20..24].copy_from_slice(&sum.to_le_bytes());
        self.put(&record);
        self.records.push((start, self.at()));
        while !self.bytes.len().is_multiple_of(8) {
            self.bytes.push(0);
        }
        self.before = start;
    }

    fn commit(&mut self, micros: i64) {
        self.record(1, 0, &(micros - 946_684_800_000_000).to_le_bytes());
    }

    /// Its segments, the last filled up with zeros.
    fn segments(&self) -> Vec<Vec<u8>> {
        let pieces = self.bytes.chunks(MEBIBYTE);
        let full = pieces.map(|piece| {
            let mut piece = piece.to_vec();
            piece.resize(MEBIBYTE, 0);
            piece
        });
        full.collect()
    }
}

fn time(micros: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(micros).ok()
}

const NOW: i64 = 1_790_000_000_123_456;

#[test]
fn records_are_read_over_every_edge_and_the_last_commit_is_known() {
    let mut writer = Writer::new(5);
    for turn in 0..40 {
        writer.record(10, 0, &vec![7; 50_000]);
        writer.commit(NOW + turn);
    }
    let segments = writer.segments();
    assert!(segments.len() > 1);
    let mut reader = WalReader::new(size(), Some(SYSTEM));
    let first = reader.read(name(5), &segments[0]);
    assert_eq!(first.stop, WalEnd::Full);
    assert_eq!(first.end, name(5).end(size()));
    let last = reader.read(name(6), &segments[1]);
    assert_eq!(last.stop, WalEnd::Empty);
    assert_eq!(last.end.bytes(), writer.at());
    assert_eq!(last.last_commit, time(NOW + 39));
    assert_eq!(first.records + last.records, 80);
    // Alone, a segment is read from the first record that begins in it.
    let alone = WalReader::new(size(), None).read(name(6), &segments[1]);
    assert_eq!((alone.end, alone.last_commit), (last.end, last.last_commit));
}

#[test]
fn half_a_record_at_the_end_does_not_count() {
    let mut writer = Writer::new(1);
    writer.commit(NOW);
    let end = writer.at();
    writer.record(10, 0, &[7; 30_000]);
    for cut in [end + 1, end + 8, end + 24, end + 20_000, writer.at() - 8] {
        let mut segment = writer.segments().remove(0);
        segment[(cut - writer.start) as usize..].fill(0);
        let scan = WalReader::new(size(), None).read(name(1), &segment);
        assert_eq!(scan.end.bytes(), end, "cut at {cut}");
        assert_eq!(scan.last_commit, time(NOW));
    }
}

#[test]
fn after_a_switch_the_rest_is_not_used() {
    let mut writer = Writer::new(1);
    writer.commit(NOW);
    writer.record(0, 0x40, &[]);
    let scan = WalReader::new(size(), None).read(name(1), &writer.segments()[0]);
    assert_eq!((scan.end, scan.stop), (name(1).end(size()), WalEnd::Full));
}

#[test]
fn what_belongs_elsewhere_is_found() {
    let mut writer = Writer::new(1);
    for _ in 0..60 {
        writer.record(10, 0, &[7; 30_000]);
    }
    let segments = writer.segments();
    let stop = |reader: &mut WalReader, number, bytes: &[u8]| match reader
        .read(name(number), bytes)
        .stop
    {
        WalEnd::Unreadable { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    let mut new = WalReader::new(size(), None);
    let reason = stop(&mut new, 2, &segments[0]);
    assert!(reason.contains("it is the one at 0/100000"), "{reason}");
    let reason = stop(&mut WalReader::new(size(), Some(9)), 1, &segments[0]);
    assert!(reason.contains("of another cluster"), "{reason}");
    let cut = stop(
        &mut WalReader::new(size(), None),
        1,
        &segments[0][..MEBIBYTE - 1],
    );
    assert!(cut.contains("cut"), "{cut}");
    // The segment after it is another's: its records come after others.
    let mut other = Writer::new(1);
    other.commit(NOW);
    for _ in 0..60 {
        other.record(10, 0, &[7; 30_000]);
    }
    let mut reader = WalReader::new(size(), None);
    assert_eq!(reader.read(name(1), &segments[0]).stop, WalEnd::Full);
    stop(&mut reader, 2, &other.segments()[1]);
}

proptest! {
    /// No changed bit is read as WAL: of a whole segment each byte that is used is summed or compared.
    #[test]
    fn a_flipped_bit_never_reads_as_a_whole_segment(at in 0..MEBIBYTE, bit in 0..8_u8) {
        let mut writer = Writer::new(1);
        for _ in 0..60 {
            writer.record(10, 0, &[7; 30_000]);
        }
        let mut segment = writer.segments().remove(0);
        segment[at] ^= 1 << bit;
        let scan = WalReader::new(size(), Some(SYSTEM)).read(name(1), &segment);
        let place = writer.start + at as u64;
        // Of a record that goes on in the next segment the sum is not known yet.
        let end = name(1).end(size()).bytes();
        let mut whole = writer.records.iter().filter(|(_, last)| *last <= end);
        let padding = !whole.any(|(start, end)| (*start..*end).contains(&place));
        // What the first page or the zeros between two records say is no record.
        prop_assert!(padding || scan.stop != WalEnd::Full || at % PAGE < 40, "{at}");
    }

    /// Anything at all is read without a panic, and never to the end of nothing.
    #[test]
    fn noise_is_no_wal(seed: u64, length in 0..3 * PAGE) {
        let mut state = seed | 1;
        let noise: Vec<u8> = (0..length).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u8
        }).collect();
        let scan = WalReader::new(size(), None).read(name(1), &noise);
        prop_assert_eq!(scan.records, 0);
    }
}
