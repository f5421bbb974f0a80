//! How an archive is compressed.

use std::fmt;
use std::io::{self, BufReader, Read};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Zstandard (RFC 8878).
    Zstd,
    /// gzip (RFC 1952).
    Gzip,
    /// As it is.
    None,
}

impl Method {
    /// What a file so compressed ends in, with its dot.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
            Self::None => "",
        }
    }

    /// Its name, as in `--compress` and in the manifest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
            Self::None => "none",
        }
    }

    /// Reads what was compressed so, to its very end: of a stream that stops early, or has
    /// anything after its end, the last read is an error.
    ///
    /// # Errors
    /// When no decompressor can be made.
    pub fn decoder<'a>(
        self,
        input: impl Read + Send + 'a,
    ) -> io::Result<Box<dyn Read + Send + 'a>> {
        let input = BufReader::with_capacity(128 * 1024, input);
        Ok(match self {
            Self::Zstd => Box::new(zstd::Decoder::with_buffer(input)?),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Self::None => Box::new(input),
        })
    }
}

/// The method, and how hard to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// zstd, gzip, or none.
    pub method: Method,
    /// zstd: 1 to 19; gzip: 1 to 9. None: the tool's own default (3 and 6).
    pub level: Option<u8>,
}

/// The text of `--compress` was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a compression: {reason}; try zstd, zstd:9, gzip, gzip:6 or none")]
pub struct ParseCompressionError {
    given: String,
    reason: &'static str,
}

impl FromStr for Compression {
    type Err = ParseCompressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason| ParseCompressionError {
            given: text.to_owned(),
            reason,
        };
        let (name, level) = match text.split_once(':') {
            Some((name, level)) => (name, Some(level)),
            None => (text, None),
        };
        let (method, highest) = match name {
            "zstd" => (Method::Zstd, 19),
            "gzip" => (Method::Gzip, 9),
            "none" => (Method::None, 0),
            _ => return Err(error("the method is unknown")),
        };
        let level = match level {
            None => None,
            Some(_) if method == Method::None => return Err(error("none has no level")),
            Some(level) => Some(
                level
                    .parse()
                    .ok()
                    .filter(|level| (1..=highest).contains(level))
                    .ok_or_else(|| error("the level is out of range (zstd: 1-19, gzip: 1-9)"))?,
            ),
        };
        Ok(Self { method, level })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method.name())?;
        match self.level {
            Some(level) => write!(f, ":{level}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_can_be_typed() {
        for text in ["zstd", "zstd:1", "zstd:19", "gzip", "gzip:9", "none"] {
            let parsed: Compression = text.parse().expect(text);
            assert_eq!(parsed.to_string(), text);
        }
        for text in [
            "", "lz4", "zstd:", "zstd:0", "zstd:20", "gzip:10", "none:1", "zstd:-1",
        ] {
            assert!(text.parse::<Compression>().is_err(), "{text} was taken");
        }
    }

    fn compressed(method: Method, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match method {
            Method::Zstd => zstd::encode_all(bytes, 3),
            Method::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            Method::None => Ok(bytes.to_vec()),
        }
    }

    #[test]
    fn a_truncated_stream_never_reads_as_a_whole_one() -> io::Result<()> {
        let text: Vec<u8> = (0..40_000_u32)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        for method in [Method::Zstd, Method::Gzip] {
            let whole = compressed(method, &text)?;
            let mut read = Vec::new();
            method.decoder(&whole[..])?.read_to_end(&mut read)?;
            assert!(read == text);
            for cut in (1..whole.len()).step_by(997).chain([whole.len() - 1]) {
                let mut sink = Vec::new();
                let result = method
                    .decoder(&whole[..cut])
                    .and_then(|mut decoder| decoder.read_to_end(&mut sink));
                assert!(
                    result.is_err(),
                    "{} cut at {cut} read as whole",
                    method.name()
                );
            }
        }
        Ok(())
    }
}
