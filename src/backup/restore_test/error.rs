use std::io;
use std::path::PathBuf;

use crate::backup::store::StoreError;
use crate::cluster::words;
use crate::postgres::SqlError;

/// Why there was no restore test. A backup that could not be restored is no error: that is what the
/// test finds.
#[derive(Debug, thiserror::Error)]
pub enum RestoreTestError {
    /// No server of a fitting version.
    #[error(
        "there is no PostgreSQL {major}{} server on this machine to restore it into{}: install it (Debian: apt-get install postgresql-{major})",
        if *.exactly { "" } else { " or newer" },
        there_is(.found)
    )]
    NoServer {
        /// The major version of the backup's server.
        major: u32,
        /// Whether only this one will do.
        exactly: bool,
        /// Versions that there are.
        found: Vec<String>,
    },
    /// A base backup of another architecture.
    #[error(
        "a base backup of {backup} does not start on this machine ({here}): test it where the processors are the same"
    )]
    Architecture {
        /// Of the backup.
        backup: String,
        /// Of this machine.
        here: String,
    },
    /// Not enough room.
    #[error("{} has {} free, and {} are needed: set TMPDIR to a folder with more room", folder.display(), words::bytes(*free), words::bytes(*needed))]
    NoRoom {
        /// Where the throw-away server would be.
        folder: PathBuf,
        /// Bytes that are free there.
        free: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// Who runs the throw-away server can't make and remove folders there.
    #[error(
        "the user postgres, as whom the throw-away server runs when pgctl runs as root, can't make and remove folders in {} ({said}): set TMPDIR to a folder where everybody can, such as /tmp",
        folder.display()
    )]
    NotOurs {
        /// Where the throw-away server would be.
        folder: PathBuf,
        /// What the system said.
        said: String,
    },
    /// PostgreSQL does not run as root, and there is nobody else.
    #[error(
        "PostgreSQL does not run as root, and there is no user named postgres: run this as another user"
    )]
    Root,
    /// It is encrypted and there is no key.
    #[error("it is encrypted: give the file with the key of {} (--identity FILE)", .0.join(", "))]
    NoKey(Vec<String>),
    /// A socket's path has room for about a hundred bytes only.
    #[error("the path {} is too long for a socket: set TMPDIR to a shorter one", .0.display())]
    LongPath(PathBuf),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// This machine did not do what was asked.
    #[error("{doing}: {source}")]
    Machine {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// The throw-away server does not answer.
    #[error("the throw-away server: {0}")]
    Sql(#[from] SqlError),
    /// Somebody wanted it to stop.
    #[error("interrupted")]
    Interrupted,
}

impl RestoreTestError {
    pub(super) fn machine(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Machine { doing, source }
    }

    /// Whether it was refused before anything was begun.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NoServer { .. }
                | Self::Architecture { .. }
                | Self::NoRoom { .. }
                | Self::NotOurs { .. }
                | Self::Root
                | Self::NoKey(_)
                | Self::LongPath(_)
        )
    }
}

fn there_is(versions: &[String]) -> String {
    if versions.is_empty() {
        String::new()
    } else {
        format!(" (there is {})", versions.join(", "))
    }
}
