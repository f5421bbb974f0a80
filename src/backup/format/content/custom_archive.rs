//! The custom format of `pg_dump`, read from the first byte to the last: header, table of
//! contents, and every data block. See `ReadHead()` and `ReadToc()` in
//! `src/bin/pg_dump/pg_backup_archiver.c`, and `pg_backup_custom.c`.

use std::collections::HashSet;
use std::io::{BufReader, Read};

use super::error::ContentError;
use super::toc::TocEntry;

/// Format number of custom archives (`archCustom`).
const CUSTOM: u8 = 1;
const BLOCK_DATA: u8 = 1;
const BLOCK_LARGE_OBJECTS: u8 = 3;

/// The oldest version of the format that is read, of PostgreSQL 12.
const OLDEST: (u8, u8) = (1, 14);

/// The newest version of the format that is known, of PostgreSQL 17 and 18.
const NEWEST: (u8, u8) = (1, 16);

/// No text in a table of contents is longer than this: a length beyond it means nonsense.
const LONGEST_TEXT: i64 = 1 << 30;

/// Reads a custom archive to its end: every entry of the table of contents that has data has its
/// block, every block is whole, and nothing else is there.
///
/// # Errors
/// When it is cut short or is not such an archive.
pub(super) fn check_custom_archive(input: impl Read) -> Result<(), ContentError> {
    let mut archive = Archive::open(input)?;
    let mut missing = archive.table_of_contents()?;
    while let Some(kind) = archive.byte_or_end()? {
        let entry = archive.int()?;
        if !missing.remove(&entry) {
            return Err(ContentError::broken(format!(
                "it has a data block for entry {entry}, which its table of contents does not expect"
            )));
        }
        match kind {
            BLOCK_DATA => archive.chunks()?,
            BLOCK_LARGE_OBJECTS => {
                while archive.int()? != 0 {
                    archive.chunks()?;
                }
            }
            other => {
                return Err(ContentError::broken(format!(
                    "it has a block of unknown type {other}"
                )));
            }
        }
    }
    match missing.len() {
        0 => Ok(()),
        1 => Err(ContentError::broken(
            "the data of a table is missing at its end",
        )),
        count => Err(ContentError::broken(format!(
            "the data of {count} tables is missing at its end"
        ))),
    }
}

pub(super) struct Archive<R> {
    input: BufReader<R>,
    int_size: u8,
    offset_size: u8,
    version: (u8, u8),
}

impl<R: Read> Archive<R> {
    /// Reads the header.
    pub(super) fn open(input: R) -> Result<Self, ContentError> {
        let mut archive = Self {
            input: BufReader::with_capacity(256 * 1024, input),
            int_size: 4,
            offset_size: 8,
            version: OLDEST,
        };
        archive.header()?;
        Ok(archive)
    }

    fn header(&mut self) -> Result<(), ContentError> {
        let mut magic = [0; 5];
        self.input.read_exact(&mut magic)?;
        if &magic != b"PGDMP" {
            return Err(ContentError::broken("it is not an archive of pg_dump"));
        }
        self.version = (self.byte()?, self.byte()?);
        let _revision = self.byte()?;
        if !(OLDEST..=NEWEST).contains(&self.version) {
            return Err(ContentError::broken(format!(
                "its format {}.{} is not one that this pgctl reads (1.14 to 1.16)",
                self.version.0, self.version.1
            )));
        }
        self.int_size = self.byte()?;
        self.offset_size = self.byte()?;
        if !(1..=8).contains(&self.int_size) || self.offset_size > 8 || self.byte()? != CUSTOM {
            return Err(ContentError::broken(
                "it is not a custom archive of pg_dump",
            ));
        }
        if self.version >= (1, 15) {
            self.byte()?;
        } else {
            self.int()?;
        }
        for _part_of_the_time in 0..7 {
            self.int()?;
        }
        for _database_server_tool in 0..3 {
            self.text()?;
        }
        Ok(())
    }

    /// The entries that have data.
    fn table_of_contents(&mut self) -> Result<HashSet<i64>, ContentError> {
        let mut with_data = HashSet::new();
        for _entry in 0..self.int()? {
            let id = self.int()?;
            if self.int()? != 0 {
                with_data.insert(id);
            }
            for _tableoid_oid_tag_desc in 0..4 {
                self.text()?;
            }
            let _section = self.int()?;
            for _defn_drop_copy_namespace_tablespace_am in 0..6 {
                self.text()?;
            }
            if self.version >= (1, 16) {
                let _relkind = self.int()?;
            }
            for _owner_with_oids in 0..2 {
                self.text()?;
            }
            while self.text()? {}
            self.skip(1 + i64::from(self.offset_size))?;
        }
        Ok(with_data)
    }

    /// The entries, each with the texts that tell what it is.
    pub(super) fn entries(&mut self) -> Result<Vec<TocEntry>, ContentError> {
        let count = self.int()?;
        let mut entries = Vec::new();
        for _entry in 0..count {
            let id = self.int()?;
            let _has_data = self.int()?;
            for _tableoid_oid in 0..2 {
                self.text()?;
            }
            let (tag, kind) = (self.string()?, self.string()?);
            let _section = self.int()?;
            let definition = self.string()?;
            for _drop_copy in 0..2 {
                self.text()?;
            }
            let (_namespace, tablespace) = (self.string()?, self.string()?);
            self.text()?;
            if self.version >= (1, 16) {
                let _relkind = self.int()?;
            }
            let owner = self.string()?;
            self.text()?;
            while self.text()? {}
            self.skip(1 + i64::from(self.offset_size))?;
            entries.push(TocEntry {
                id,
                kind,
                tag,
                definition,
                tablespace,
                owner,
            });
        }
        Ok(entries)
    }

    /// A text that is kept; empty when there is none.
    fn string(&mut self) -> Result<String, ContentError> {
        let length = self.int()?;
        let length = match u64::try_from(length) {
            Ok(length) if length <= LONGEST_TEXT.unsigned_abs() => length,
            Ok(_) => return Err(ContentError::broken("a length in it makes no sense")),
            Err(_) => return Ok(String::new()),
        };
        let mut bytes = Vec::new();
        self.input.by_ref().take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn chunks(&mut self) -> Result<(), ContentError> {
        loop {
            match self.int()? {
                0 => return Ok(()),
                length => self.skip(length)?,
            }
        }
    }

    fn byte(&mut self) -> Result<u8, ContentError> {
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn byte_or_end(&mut self) -> Result<Option<u8>, ContentError> {
        let mut byte = [0];
        loop {
            match self.input.read(&mut byte) {
                Ok(0) => return Ok(None),
                Ok(_) => return Ok(Some(byte[0])),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A sign, then the bytes, lowest first (`ReadInt()`).
    fn int(&mut self) -> Result<i64, ContentError> {
        let negative = self.byte()? != 0;
        let mut bytes = [0; 8];
        self.input
            .read_exact(&mut bytes[..usize::from(self.int_size)])?;
        let value = i64::from_le_bytes(bytes);
        Ok(if negative {
            value.saturating_neg()
        } else {
            value
        })
    }

    /// A length, then the text; a negative length is no text (`ReadStr()`).
    fn text(&mut self) -> Result<bool, ContentError> {
        match self.int()? {
            length if length < 0 => Ok(false),
            length => self.skip(length).map(|()| true),
        }
    }

    fn skip(&mut self, length: i64) -> Result<(), ContentError> {
        let length = u64::try_from(length)
            .ok()
            .filter(|length| *length <= LONGEST_TEXT.unsigned_abs())
            .ok_or_else(|| ContentError::broken("a length in it makes no sense"))?;
        let skipped = std::io::copy(&mut self.input.by_ref().take(length), &mut std::io::sink())?;
        if skipped == length {
            Ok(())
        } else {
            Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into())
        }
    }
}

/// Reads the table of contents of an archive of `pg_dump`, and nothing after it.
///
/// # Errors
/// When it is not such an archive, or ends too early.
pub(crate) fn read_table_of_contents(input: impl Read) -> Result<Vec<TocEntry>, ContentError> {
    Archive::open(input)?.entries()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(value: i64) -> Vec<u8> {
        let mut bytes = vec![u8::from(value < 0)];
        bytes.extend_from_slice(&value.unsigned_abs().to_le_bytes()[..4]);
        bytes
    }

    fn text(value: &str) -> Vec<u8> {
        [int(value.len() as i64), value.as_bytes().to_vec()].concat()
    }

    /// An archive as `pg_dump` of PostgreSQL 15 lays it out: a table with data, a large object.
    fn archive() -> Vec<u8> {
        let mut bytes = b"PGDMP\x01\x0e\x00\x04\x08\x01".to_vec();
        bytes.extend(int(0));
        for _time in 0..7 {
            bytes.extend(int(1));
        }
        for word in ["db", "15.1", "15.1"] {
            bytes.extend(text(word));
        }
        bytes.extend(int(3));
        for (id, with_data) in [(1, 0), (2, 1), (7, 1)] {
            bytes.extend(int(id));
            bytes.extend(int(with_data));
            for word in ["0", "0", "tag", "TABLE"] {
                bytes.extend(text(word));
            }
            bytes.extend(int(3));
            for word in ["CREATE", "DROP", "COPY", "public", "", "heap"] {
                bytes.extend(text(word));
            }
            for word in ["owner", "false", "1"] {
                bytes.extend(text(word));
            }
            bytes.extend(int(-1));
            bytes.extend([1, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        bytes.push(BLOCK_DATA);
        bytes.extend([int(2), text("1\tone\n"), text("2\ttwo\n"), int(0)].concat());
        bytes.push(BLOCK_LARGE_OBJECTS);
        bytes.extend([int(7), int(16_400), text("blob"), int(0), int(0)].concat());
        bytes
    }

    #[test]
    fn a_whole_archive_passes() -> Result<(), ContentError> {
        check_custom_archive(&archive()[..])
    }

    #[test]
    fn it_can_be_cut_nowhere() {
        let whole = archive();
        for cut in 0..whole.len() {
            assert!(check_custom_archive(&whole[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn nothing_may_follow() {
        let mut longer = archive();
        longer.push(0);
        assert!(check_custom_archive(&longer[..]).is_err());
    }
}
