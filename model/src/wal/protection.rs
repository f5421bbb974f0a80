//! What an archive does for a cluster, in short.

use jiff::{SignedDuration, Timestamp};

use super::archive::WalArchiveFacts;
use super::breaks::WalBreak;
use super::recoverable::{BaseBackup, Recoverable};

/// To which moments the cluster can be brought back, and what is in the way of others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalProtection {
    /// The moments without a break up to the newest; none when no base backup leads there.
    pub recoverable: Option<Recoverable>,
    /// By the server's clock: what was committed until then is stored. None when nobody has said so.
    pub as_of: Option<Timestamp>,
    /// The places that no recovery crosses and behind which no base backup was taken.
    pub open_breaks: Vec<WalBreak>,
    /// How many of its objects can't be read.
    pub unreadable: usize,
}

impl WalProtection {
    /// How long ago the moment was up to which all is stored.
    pub fn behind(&self, now: Timestamp) -> Option<SignedDuration> {
        let behind = now.duration_since(self.as_of?);
        Some(behind.max(SignedDuration::ZERO))
    }
}

impl WalArchiveFacts {
    /// What this archive and these base backups do for their cluster.
    pub fn protection(&self, backups: &[BaseBackup]) -> WalProtection {
        let mut open_breaks = self.breaks(backups);
        open_breaks.retain(|it| !it.closed);
        WalProtection {
            recoverable: self.recoverable(backups),
            as_of: self.newest.as_ref().map(|it| it.as_of),
            open_breaks,
            unreadable: self.unreadable.len(),
        }
    }
}
