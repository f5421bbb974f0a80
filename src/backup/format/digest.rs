//! Counting and hashing what passes by.

use std::fmt::Write as _;
use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How many bytes passed, and their SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fingerprint {
    /// Number of bytes.
    pub bytes: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
}

impl Fingerprint {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut meter = Meter::default();
        meter.update(bytes);
        meter.finish()
    }
}

/// Bytes in hexadecimal, lower case.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// Adds up what it is shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    bytes: u64,
    sha256: Sha256,
}

impl Meter {
    /// These bytes passed, too.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.sha256.update(bytes);
    }

    /// How many so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The sum.
    pub(crate) fn finish(self) -> Fingerprint {
        Fingerprint {
            bytes: self.bytes,
            sha256: hexadecimal(&self.sha256.finalize()),
        }
    }
}

/// A writer that measures what was written through it.
pub(crate) struct MeteredWriter<W> {
    inner: W,
    meter: Meter,
}

impl<W> MeteredWriter<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner,
            meter: Meter::default(),
        }
    }

    pub(crate) fn into_parts(self) -> (W, Fingerprint) {
        (self.inner, self.meter.finish())
    }
}

impl<W: Write> Write for MeteredWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.meter.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A reader that measures what was read through it.
pub(crate) struct MeteredReader<R> {
    inner: R,
    meter: Meter,
}

impl<R: Read> MeteredReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            meter: Meter::default(),
        }
    }

    /// Reads what is left, so that the sum is that of the whole.
    pub(crate) fn drain(mut self) -> io::Result<Fingerprint> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.meter.finish())
    }
}

impl<R: Read> Read for MeteredReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.meter.update(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_that_of_sha256sum() {
        assert_eq!(
            Fingerprint::of(b"abc"),
            Fingerprint {
                bytes: 3,
                sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
                    .to_owned(),
            }
        );
    }

    #[test]
    fn readers_and_writers_measure_the_same() -> io::Result<()> {
        let mut writer = MeteredWriter::new(Vec::new());
        writer.write_all(b"some")?;
        writer.write_all(b" bytes")?;
        let (bytes, written) = writer.into_parts();
        let read = MeteredReader::new(&bytes[..]).drain()?;
        assert_eq!(written, read);
        assert_eq!(read, Fingerprint::of(b"some bytes"));
        Ok(())
    }
}
