//! The names of the objects in an archive. A listing of them says everything but the times of commits
//! in between: `docs/wal-archive.md` describes them.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::segment::SegmentName;
use crate::cluster::{Lsn, Timeline};

/// An object in an archive's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveObject {
    /// `archive.json`: whose WAL it is, and how large the segments are.
    About,
    /// `newest.json`: up to which moment all is stored.
    Newest,
    /// `gap-…json`: WAL that is missing.
    Gap {
        /// The timeline on which it is missing.
        timeline: Timeline,
        /// Where it begins.
        from: Lsn,
    },
    /// `0000000N.history-SHA256`: the history of a timeline, as it is.
    History {
        /// The timeline.
        timeline: Timeline,
        /// SHA-256 of the text, lower-case hexadecimal.
        sha256: String,
    },
    /// A segment, whole or up to a position.
    Segment(NameOfSegment),
}

/// The name of the object that holds a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameOfSegment {
    /// The segment.
    pub segment: SegmentName,
    /// Of an unfinished one: up to where it was written. The rest of it is zeros.
    pub until: Option<Lsn>,
    /// SHA-256 of the segment as the server wrote it, lower-case hexadecimal.
    pub sha256: String,
    /// When the last transaction was committed whose record lies in it as a whole, by the server's clock;
    /// none when there is none or the writer did not look.
    pub last_commit: Option<Timestamp>,
    /// Whether it is compressed with zstd.
    pub compressed: bool,
    /// Whether it is encrypted with age.
    pub encrypted: bool,
}

const TIME: &str = "%Y%m%dT%H%M%S";
const ZSTD: &str = ".zst";
const AGE: &str = ".age";

impl ArchiveObject {
    /// Reads the name of an object, with its folder, below the archive's own.
    pub fn parse(path: &str) -> Option<Self> {
        match path {
            "archive.json" => return Some(Self::About),
            "newest.json" => return Some(Self::Newest),
            _ => {}
        }
        if let Some(name) = path.strip_prefix("gap-") {
            let (timeline, from) = name.strip_suffix(".json")?.split_once('-')?;
            return Some(Self::Gap {
                timeline: timeline_of(timeline)?,
                from: position(from)?,
            });
        }
        if let Some((timeline, sum)) = path.split_once(".history-") {
            return Some(Self::History {
                timeline: timeline_of(timeline)?,
                sha256: sha256(sum)?,
            });
        }
        let (folder, name) = path.split_once('/')?;
        let name = NameOfSegment::parse(name)?;
        (name.segment.folder() == folder).then_some(Self::Segment(name))
    }
}

impl fmt::Display for ArchiveObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::About => f.write_str("archive.json"),
            Self::Newest => f.write_str("newest.json"),
            Self::Gap { timeline, from } => {
                write!(f, "gap-{:08X}-{:016X}.json", timeline.0, from.bytes())
            }
            Self::History { timeline, sha256 } => {
                write!(f, "{:08X}.history-{sha256}", timeline.0)
            }
            Self::Segment(name) => write!(f, "{}/{name}", name.segment.folder()),
        }
    }
}

impl NameOfSegment {
    fn parse(name: &str) -> Option<Self> {
        let (name, encrypted) = without(name, AGE);
        let (name, compressed) = without(name, ZSTD);
        let (head, rest) = name.split_once('-')?;
        let (segment, until, rest) = match head.strip_suffix(".partial") {
            Some(segment) => {
                let (until, rest) = rest.split_once('-')?;
                (segment, Some(position(until)?), rest)
            }
            None => (head, None, rest),
        };
        let (sum, last_commit) = match rest.split_once('-') {
            Some((sum, time)) => (sum, Some(read_time(time)?)),
            None => (rest, None),
        };
        Some(Self {
            segment: segment.parse().ok()?,
            until,
            sha256: sha256(sum)?,
            last_commit,
            compressed,
            encrypted,
        })
    }
}

impl fmt::Display for NameOfSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.segment)?;
        if let Some(until) = self.until {
            write!(f, ".partial-{:016X}", until.bytes())?;
        }
        write!(f, "-{}", self.sha256)?;
        if let Some(time) = self.last_commit {
            write!(f, "-{}", write_time(time))?;
        }
        if self.compressed {
            f.write_str(ZSTD)?;
        }
        if self.encrypted {
            f.write_str(AGE)?;
        }
        Ok(())
    }
}

fn without<'a>(name: &'a str, ending: &str) -> (&'a str, bool) {
    match name.strip_suffix(ending) {
        Some(rest) => (rest, true),
        None => (name, false),
    }
}

/// A time with microseconds, as PostgreSQL has them: `20261129T011700.123456Z`.
fn write_time(time: Timestamp) -> String {
    let micros = time.subsec_nanosecond() / 1000;
    let zoned = time.to_zoned(TimeZone::UTC);
    format!("{}.{micros:06}Z", zoned.strftime(TIME))
}

fn read_time(text: &str) -> Option<Timestamp> {
    let (seconds, micros) = text.strip_suffix('Z')?.split_once('.')?;
    let digits =
        |text: &str, many| text.len() == many && text.bytes().all(|it| it.is_ascii_digit());
    (digits(micros, 6) && seconds.len() == 15).then_some(())?;
    let civil = jiff::civil::DateTime::strptime(TIME, seconds).ok()?;
    let time = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let micros: i64 = micros.parse().ok()?;
    time.checked_add(jiff::SignedDuration::from_micros(micros))
        .ok()
}

/// Hexadecimal of a fixed length, in capitals.
fn hexadecimal(text: &str, length: usize) -> Option<u64> {
    let plain = text.len() == length
        && text
            .bytes()
            .all(|it| it.is_ascii_digit() || (b'A'..=b'F').contains(&it));
    plain.then(|| u64::from_str_radix(text, 16).ok())?
}

fn timeline_of(text: &str) -> Option<Timeline> {
    let number = u32::try_from(hexadecimal(text, 8)?).ok()?;
    (number > 0).then_some(Timeline(number))
}

fn position(text: &str) -> Option<Lsn> {
    hexadecimal(text, 16).map(Lsn::new)
}

fn sha256(text: &str) -> Option<String> {
    let plain = text.len() == 64
        && text
            .bytes()
            .all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it));
    plain.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal::SegmentSize;
    use proptest::prelude::*;

    const SUM: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn what_an_archive_holds_is_known_by_its_name() {
        for name in [
            "archive.json".to_owned(),
            "newest.json".to_owned(),
            "gap-00000001-0000000003000000.json".to_owned(),
            format!("00000002.history-{SUM}"),
            format!("0000000100000000/000000010000000000000003-{SUM}.zst"),
            format!("0000000100000000/000000010000000000000003-{SUM}.zst.age"),
            format!("0000000100000000/000000010000000000000003-{SUM}"),
            format!("0000000100000000/000000010000000000000003-{SUM}-20261129T011700.000001Z.zst"),
            format!(
                "0000000100000000/000000010000000000000004.partial-0000000004001A28-{SUM}-20261129T011700.123456Z.zst.age"
            ),
        ] {
            let object = ArchiveObject::parse(&name).expect(&name);
            assert_eq!(object.to_string(), name);
        }
    }

    #[test]
    fn nothing_else_is_taken_for_a_part_of_it() {
        for name in [
            String::new(),
            "newest.json.tmp".to_owned(),
            "gap-1-0.json".to_owned(),
            "00000000.history-x".to_owned(),
            format!("00000002.history-{}", &SUM[1..]),
            format!("00000000.history-{SUM}"),
            // In another's folder.
            format!("0000000200000000/000000010000000000000003-{SUM}.zst"),
            format!("000000010000000000000003-{SUM}.zst"),
            format!("0000000100000000/000000010000000000000003-{SUM}.zst.tmp"),
            format!("0000000100000000/000000010000000000000003-{SUM}-yesterday.zst"),
            format!("0000000100000000/000000010000000000000003-{SUM}-20261129T011700Z.zst"),
            format!("0000000100000000/000000010000000000000004.partial-{SUM}.zst"),
        ] {
            assert_eq!(ArchiveObject::parse(&name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_read_as_it_was_written(
            at: u64,
            timeline in 1_u32..,
            until: Option<u64>,
            time in proptest::option::of(0_i64..4_000_000_000_000_000),
            compressed: bool,
            encrypted: bool,
        ) {
            let size = SegmentSize::DEFAULT;
            let time = time.map(|micros| Timestamp::from_microsecond(micros).expect("a time"));
            let object = ArchiveObject::Segment(NameOfSegment {
                segment: SegmentName::at(Timeline(timeline), Lsn::new(at), size),
                until: until.map(Lsn::new),
                sha256: SUM.to_owned(),
                last_commit: time,
                compressed,
                encrypted,
            });
            prop_assert_eq!(ArchiveObject::parse(&object.to_string()), Some(object));
        }
    }
}
