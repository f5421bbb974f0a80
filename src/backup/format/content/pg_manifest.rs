//! PostgreSQL's `backup_manifest` (documentation, chapter 77 "Backup Manifest Format"), read as a
//! stream: it has a line for each file, and there may be very many.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::cluster::{Lsn, Timeline};

/// Size and CRC-32C of a file seen in the archive.
pub(super) type Seen = HashMap<Box<str>, (u64, u32)>;

/// What the manifest says beside the files.
#[derive(Debug, Default)]
pub(super) struct PgManifest {
    pub(super) wal_ranges: Vec<WalRange>,
    pub(super) files: u64,
    pub(super) system_identifier: Option<u64>,
    /// The first thing that does not fit.
    pub(super) problem: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WalRange {
    pub(super) timeline: Timeline,
    #[serde(rename = "Start-LSN")]
    pub(super) start: Lsn,
    #[serde(rename = "End-LSN")]
    pub(super) end: Lsn,
}

#[derive(Deserialize)]
struct FileEntry {
    #[serde(rename = "Path")]
    path: Option<String>,
    /// Hexadecimal, for a name that is not UTF-8.
    #[serde(rename = "Encoded-Path")]
    encoded_path: Option<String>,
    #[serde(rename = "Size")]
    size: u64,
    #[serde(rename = "Checksum-Algorithm")]
    algorithm: Option<String>,
    #[serde(rename = "Checksum")]
    checksum: Option<String>,
}

impl FileEntry {
    fn name(&self) -> Option<String> {
        match (&self.path, &self.encoded_path) {
            (Some(path), _) => Some(path.clone()),
            (None, Some(hexadecimal)) => Some(format!("hex:{hexadecimal}")),
            (None, None) => None,
        }
    }

    /// What does not fit, if anything. A file that fits is taken out of `seen`.
    fn compare(&self, seen: &mut Seen) -> Option<String> {
        let Some(name) = self.name() else {
            return Some("it lists a file without a name".to_owned());
        };
        let Some((size, checksum)) = seen.remove(name.as_str()) else {
            return Some(format!("{name} is missing"));
        };
        if size != self.size {
            return Some(format!("{name} has {size} bytes instead of {}", self.size));
        }
        match (self.algorithm.as_deref(), self.checksum.as_deref()) {
            (Some("CRC32C"), Some(expected)) => {
                // PostgreSQL writes the four bytes in the order of memory.
                let bytes = crate::backup::format::digest::hexadecimal(&checksum.to_le_bytes());
                (!bytes.eq_ignore_ascii_case(expected))
                    .then(|| format!("{name} has the checksum {bytes} instead of {expected}"))
            }
            (Some(other), _) => Some(format!(
                "{name} has a {other} checksum: only CRC32C is made by pgctl"
            )),
            (None, _) => Some(format!("{name} has no checksum")),
        }
    }
}

/// Parses the manifest, and compares each file with what was seen.
pub(super) struct ManifestSeed<'a>(pub(super) &'a mut Seen);

impl<'de> DeserializeSeed<'de> for ManifestSeed<'_> {
    type Value = PgManifest;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<PgManifest, D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ManifestSeed<'_> {
    type Value = PgManifest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a backup_manifest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PgManifest, A::Error> {
        let mut manifest = PgManifest::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "PostgreSQL-Backup-Manifest-Version" => {
                    let version: u32 = map.next_value()?;
                    if !(1..=2).contains(&version) {
                        return Err(de::Error::custom(format!(
                            "its version {version} is not known"
                        )));
                    }
                }
                "System-Identifier" => manifest.system_identifier = Some(map.next_value()?),
                "Files" => {
                    let (files, problem) = map.next_value_seed(FilesSeed(self.0))?;
                    manifest.files = files;
                    manifest.problem = problem;
                }
                "WAL-Ranges" => manifest.wal_ranges = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(manifest)
    }
}

struct FilesSeed<'a>(&'a mut Seen);

impl<'de> DeserializeSeed<'de> for FilesSeed<'_> {
    type Value = (u64, Option<String>);

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Self::Value, D::Error> {
        input.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for FilesSeed<'_> {
    type Value = (u64, Option<String>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of files")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut files = 0;
        let mut problem = None;
        while let Some(file) = list.next_element::<FileEntry>()? {
            files += 1;
            let found = file.compare(self.0);
            problem = problem.or(found);
        }
        Ok((files, problem))
    }
}
