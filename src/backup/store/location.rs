//! `--store`: which kind of store, and where.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the backups lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A directory.
    Directory(PathBuf),
    /// A prefix in a bucket.
    S3 {
        /// The bucket.
        bucket: String,
        /// The prefix, without slashes at its ends; may be empty.
        prefix: String,
    },
}

/// The text of `--store` was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a store: {reason}; give a directory or s3://BUCKET/PREFIX")]
pub struct ParseLocationError {
    given: String,
    reason: &'static str,
}

impl FromStr for Location {
    type Err = ParseLocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason| ParseLocationError {
            given: text.to_owned(),
            reason,
        };
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
            if bucket.is_empty() || !bucket.bytes().all(allowed) {
                return Err(error("that is no name of a bucket"));
            }
            let prefix = prefix.trim_matches('/');
            if prefix.split('/').any(|part| part == "." || part == "..") {
                return Err(error("a prefix can't contain . or .."));
            }
            return Ok(Self::S3 {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
            });
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return match scheme {
                "file" => Err(error("a directory is given by its path alone")),
                _ => Err(error("only s3:// is known")),
            };
        }
        if text.is_empty() {
            return Err(error("it is empty"));
        }
        Ok(Self::Directory(PathBuf::from(text)))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "{}", path.display()),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// The store that is used when none is named: `$XDG_STATE_HOME/pgctl/backups`, by default
/// `~/.local/state/pgctl/backups`. None when there is no home directory.
pub fn default_location() -> Option<Location> {
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".local/state")))?;
    Some(Location::Directory(state.join("pgctl/backups")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_and_buckets() {
        for (text, shown) in [
            ("/var/backups", "/var/backups"),
            ("backups", "backups"),
            ("s3://bucket", "s3://bucket"),
            ("s3://bucket/", "s3://bucket"),
            ("s3://my.bucket/a/b/", "s3://my.bucket/a/b"),
        ] {
            let location: Location = text.parse().expect(text);
            assert_eq!(location.to_string(), shown);
        }
    }

    #[test]
    fn nothing_else() {
        for text in [
            "",
            "s3://",
            "s3:///x",
            "s3://b cket/x",
            "s3://b/../c",
            "gs://b/c",
            "file:///x",
        ] {
            assert!(text.parse::<Location>().is_err(), "{text} was taken");
        }
    }
}
