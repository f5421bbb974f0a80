//! Segments: the files that PostgreSQL cuts its log into, and their names.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::{Lsn, Timeline};

/// How large the segments of a cluster are, in bytes: a power of two between 1 MiB and 1 GiB, chosen by
/// `initdb --wal-segsize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct SegmentSize(u64);

/// Bytes that a log's number in a segment's name stands for.
const LOG_BYTES: u64 = 1 << 32;

impl SegmentSize {
    /// What `initdb` chooses: 16 MiB.
    pub const DEFAULT: Self = Self(16 << 20);

    /// A size; none when no server has segments of it.
    pub fn new(bytes: u64) -> Option<Self> {
        let possible = bytes.is_power_of_two() && (1 << 20..=1 << 30).contains(&bytes);
        possible.then_some(Self(bytes))
    }

    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    const fn in_a_log(self) -> u64 {
        LOG_BYTES / self.0
    }
}

impl TryFrom<u64> for SegmentSize {
    type Error = String;

    fn try_from(bytes: u64) -> Result<Self, Self::Error> {
        Self::new(bytes).ok_or_else(|| format!("no server has WAL segments of {bytes} bytes"))
    }
}

impl From<SegmentSize> for u64 {
    fn from(size: SegmentSize) -> Self {
        size.0
    }
}

/// The name of a segment, such as `000000010000000000000003`: its timeline, and its place, which says
/// where it begins only together with the size of segments. In order: by timeline, then by place.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct SegmentName {
    /// The timeline on which it was written.
    pub timeline: Timeline,
    /// The upper half of the position where it begins.
    log: u32,
    /// The how manieth of that log.
    within: u32,
}

/// The text was no name of a segment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a WAL segment such as 000000010000000000000003")]
pub struct ParseSegmentError(String);

impl SegmentName {
    /// Letters of a name.
    pub const LENGTH: usize = 24;

    /// The segment that holds the byte at this position.
    pub fn at(timeline: Timeline, position: Lsn, size: SegmentSize) -> Self {
        Self::numbered(timeline, position.bytes() / size.0, size)
    }

    /// The segment that holds the last byte before this position: that of a position that was written up to.
    pub fn before(timeline: Timeline, position: Lsn, size: SegmentSize) -> Self {
        Self::numbered(timeline, position.bytes().saturating_sub(1) / size.0, size)
    }

    /// The segment of this number, counted from the beginning of the log.
    pub fn numbered(timeline: Timeline, number: u64, size: SegmentSize) -> Self {
        Self {
            timeline,
            // Positions have 64 bits: neither half can have more than 32.
            log: u32::try_from(number / size.in_a_log()).unwrap_or(u32::MAX),
            within: u32::try_from(number % size.in_a_log()).unwrap_or(u32::MAX),
        }
    }

    /// Its number, counted from the beginning of the log.
    pub const fn number(self, size: SegmentSize) -> u64 {
        self.log as u64 * size.in_a_log() + self.within as u64
    }

    /// The position of its first byte.
    pub const fn start(self, size: SegmentSize) -> Lsn {
        Lsn::new(self.number(size).saturating_mul(size.0))
    }

    /// The position after its last byte.
    pub const fn end(self, size: SegmentSize) -> Lsn {
        Lsn::new((self.number(size) + 1).saturating_mul(size.0))
    }

    /// The one after it on the same timeline.
    pub fn next(self, size: SegmentSize) -> Self {
        Self::numbered(self.timeline, self.number(size) + 1, size)
    }

    /// The segment of the same place on another timeline.
    pub const fn on(self, timeline: Timeline) -> Self {
        Self { timeline, ..self }
    }

    /// Whether a server whose segments have this size could have a segment of this name.
    pub const fn fits(self, size: SegmentSize) -> bool {
        self.timeline.0 > 0 && (self.within as u64) < size.in_a_log()
    }

    /// The first sixteen letters of the name: timeline and log. An archive has a folder for each.
    pub fn folder(self) -> String {
        format!("{:08X}{:08X}", self.timeline.0, self.log)
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:08X}{:08X}{:08X}",
            self.timeline.0, self.log, self.within
        )
    }
}

impl FromStr for SegmentName {
    type Err = ParseSegmentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = |from: usize| {
            let digits = text.get(from..from + 8)?;
            // PostgreSQL writes capitals; from_str_radix would take a sign, too.
            let hexadecimal = digits
                .bytes()
                .all(|it| it.is_ascii_digit() || (b'A'..=b'F').contains(&it));
            hexadecimal.then(|| u32::from_str_radix(digits, 16).ok())?
        };
        let read = || {
            (text.len() == Self::LENGTH).then_some(())?;
            Some(Self {
                timeline: Timeline(part(0)?),
                log: part(8)?,
                within: part(16)?,
            })
        };
        read().ok_or_else(|| ParseSegmentError(text.to_owned()))
    }
}

impl TryFrom<String> for SegmentName {
    type Error = ParseSegmentError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SegmentName> for String {
    fn from(name: SegmentName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_those_that_postgresql_gives() {
        // As pg_walfile_name() says on servers with segments of 16 MiB and of 1 MiB.
        let size = SegmentSize::DEFAULT;
        let name = |position: &str, size| {
            let position = position.parse().expect("a position");
            SegmentName::at(Timeline(1), position, size).to_string()
        };
        assert_eq!(name("0/3000060", size), "000000010000000000000003");
        assert_eq!(name("16/B374D848", size), "0000000100000016000000B3");
        let small = SegmentSize::new(1 << 20).expect("a size");
        assert_eq!(name("0/3000060", small), "000000010000000000000030");
        assert_eq!(name("1/0", small), "000000010000000100000000");
    }

    #[test]
    fn what_was_written_up_to_an_edge_is_in_the_segment_before_it() {
        let size = SegmentSize::DEFAULT;
        let edge = Lsn::new(3 * size.bytes());
        assert_eq!(SegmentName::at(Timeline(1), edge, size).number(size), 3);
        assert_eq!(SegmentName::before(Timeline(1), edge, size).number(size), 2);
    }

    #[test]
    fn other_files_of_pg_wal_are_no_segments() {
        for text in [
            "",
            "00000001000000000000000",
            "0000000100000000000000030",
            "000000010000000000000003.partial",
            "00000001000000000000000g",
            "00000001000000000000000a",
            "+00000010000000000000003",
            "00000002.history",
            "ünicode0000000000000000",
        ] {
            assert!(text.parse::<SegmentName>().is_err(), "{text}");
        }
        let name: SegmentName = "0000000100000000000001FF".parse().expect("a name");
        assert!(!name.fits(SegmentSize::DEFAULT));
        assert!(name.fits(SegmentSize::new(1 << 20).expect("a size")));
    }

    proptest! {
        #[test]
        fn a_position_is_in_its_segment(position: u64, timeline in 1_u32.., power in 20_u32..=30) {
            let size = SegmentSize::new(1 << power).expect("a size");
            let name = SegmentName::at(Timeline(timeline), Lsn::new(position), size);
            prop_assert!(name.fits(size));
            prop_assert!(name.start(size).bytes() <= position && position - name.start(size).bytes() < size.bytes());
            prop_assert_eq!(name.to_string().parse(), Ok(name));
            prop_assert_eq!(SegmentName::numbered(name.timeline, name.number(size), size), name);
        }

        #[test]
        fn names_sort_as_their_text_does(a in any::<(u32, u32, u32)>(), b in any::<(u32, u32, u32)>()) {
            let name = |(timeline, log, within)| SegmentName { timeline: Timeline(timeline), log, within };
            let (a, b) = (name(a), name(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }
}
