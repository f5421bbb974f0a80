//! Reading a segment: decrypted, decompressed, and compared with the checksum in its name.

use std::io::{self, Read};

use super::archive::WalArchive;
use super::error::ArchiveError;
use crate::backup::format::{Identities, Meter, Method};
use crate::backup::store::StoreError;
use crate::wal::{ArchiveObject, ArchivedSegment, SegmentSize};

/// A segment as the server wrote it, from its first byte to its last. The last read is an error when it is not
/// what was stored: whoever has read to the end without one has the segment.
pub struct SegmentReader {
    content: Box<dyn Read + Send>,
    meter: Option<Meter>,
    sha256: String,
    bytes: u64,
}

impl WalArchive {
    /// Opens a segment of a listing. `size` is that of the archive's segments. Blocks, and so does reading.
    ///
    /// # Errors
    /// When it is not there, or can't be decrypted with these keys. An error of a read is the store's
    /// ([`StoreError`] inside of it), or says that the content is not what was stored
    /// ([`io::ErrorKind::InvalidData`]).
    pub fn open(
        &self,
        segment: &ArchivedSegment,
        size: SegmentSize,
        identities: &Identities,
    ) -> Result<SegmentReader, ArchiveError> {
        let object = ArchiveObject::Segment(segment.name.clone());
        let path = self.path(&object);
        if segment.name.encrypted && identities.is_empty() {
            return Err(ArchiveError::NoKey { object: path });
        }
        let stored = self.objects.open(&path)?;
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::PermissionDenied if segment.name.encrypted => ArchiveError::WrongKey {
                object: path.clone(),
            },
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                self.broken(&object, error.to_string())
            }
            _ => StoreError::while_reading(&path, error).into(),
        };
        let plain: Box<dyn Read + Send> = match segment.name.encrypted {
            true => identities.decrypt(stored).map_err(failed)?,
            false => stored,
        };
        let method = match segment.name.compressed {
            true => Method::Zstd,
            false => Method::None,
        };
        Ok(SegmentReader {
            content: method.decoder(plain).map_err(failed)?,
            meter: Some(Meter::default()),
            sha256: segment.name.sha256.clone(),
            bytes: size.bytes(),
        })
    }

    /// Reads a segment of a listing into memory. Blocks.
    ///
    /// # Errors
    /// As [`WalArchive::open`], and when the content is not what was stored.
    pub fn fetch(
        &self,
        segment: &ArchivedSegment,
        size: SegmentSize,
        identities: &Identities,
    ) -> Result<Vec<u8>, ArchiveError> {
        let mut reader = self.open(segment, size, identities)?;
        let mut bytes = Vec::with_capacity(usize::try_from(size.bytes()).unwrap_or_default());
        match reader.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => {
                let object = ArchiveObject::Segment(segment.name.clone());
                // The store's own words are inside of it, whatever has read them.
                Err(match error.downcast::<StoreError>() {
                    Ok(error) => error.into(),
                    Err(error) => self.broken(&object, error.to_string()),
                })
            }
        }
    }
}

impl Read for SegmentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.content.read(buffer)?;
        if let Some(meter) = &mut self.meter {
            meter.update(&buffer[..read]);
            if meter.bytes() > self.bytes {
                return Err(invalid(format!("it holds more than {} bytes", self.bytes)));
            }
        }
        if read == 0
            && let Some(meter) = self.meter.take()
        {
            let found = meter.finish();
            if found.bytes != self.bytes {
                return Err(invalid(format!(
                    "it holds {} bytes instead of {}",
                    found.bytes, self.bytes
                )));
            }
            if found.sha256 != self.sha256 {
                return Err(invalid(format!(
                    "the SHA-256 of its content is {} instead of {}",
                    found.sha256, self.sha256
                )));
            }
        }
        Ok(read)
    }
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
