//! JSON files that carry the checksum of their own text, as PostgreSQL's `backup_manifest` does:
//! the last member is `"sha256"`, over every byte before its line.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::digest::Fingerprint;

const LAST: &str = "  \"sha256\": \"";
const END: &str = "\"\n}\n";

/// Why a file with a checksum can't be trusted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChecksumError {
    /// It has no checksum at its end: cut short, or not ours.
    #[error("it does not end in its own checksum: cut short, or not written by pgctl")]
    NoChecksum,
    /// The checksum does not fit the text.
    #[error("its checksum does not fit: it was changed after it was written")]
    Broken,
    /// Its checksum fits, but it says something that this version does not understand.
    #[error("it can't be read: {0}")]
    Format(#[from] serde_json::Error),
}

/// The text of a file that says `value`, which must be a JSON object.
///
/// # Errors
/// When it can't be written as JSON.
pub fn write_checksummed<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.truncate(text.trim_end_matches('}').trim_end().len());
    text.push_str(",\n");
    let sum = Fingerprint::of(text.as_bytes()).sha256;
    Ok(format!("{text}{LAST}{sum}{END}"))
}

/// Reads such a file.
///
/// # Errors
/// [`ChecksumError`] when any byte of it was changed, or is missing.
pub(crate) fn read_checksummed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ChecksumError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ChecksumError::Broken)?;
    let (body, end) = text
        .rfind(LAST)
        .map(|at| text.split_at(at))
        .ok_or(ChecksumError::NoChecksum)?;
    let sum = end[LAST.len()..]
        .strip_suffix(END)
        .ok_or(ChecksumError::NoChecksum)?;
    if Fingerprint::of(body.as_bytes()).sha256 != sum {
        return Err(ChecksumError::Broken);
    }
    Ok(serde_json::from_slice(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Thing {
        name: String,
        list: Vec<u32>,
    }

    fn thing() -> Thing {
        Thing {
            name: "}  \"sha256\": \"".to_owned(),
            list: vec![1, 2],
        }
    }

    #[test]
    fn what_was_written_is_read() -> anyhow::Result<()> {
        let text = write_checksummed(&thing())?;
        assert_eq!(read_checksummed::<Thing>(text.as_bytes())?, thing());
        Ok(())
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() -> anyhow::Result<()> {
        let text = write_checksummed(&thing())?.into_bytes();
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut flipped = text.clone();
                flipped[at] ^= 1 << bit;
                assert!(
                    read_checksummed::<Thing>(&flipped).is_err(),
                    "byte {at} bit {bit}"
                );
            }
            assert!(
                read_checksummed::<Thing>(&text[..at]).is_err(),
                "cut at {at}"
            );
        }
        Ok(())
    }
}
