//! An archive as it is shown.

use jiff::{SignedDuration, Timestamp};

use crate::cluster::ClusterId;
use crate::wal::{BaseBackup, Recoverable, WalArchiveFacts, WalBreak, WalProtection};
use crate::wal_archive::ArchivePlace;

/// An archive, and the base backups from which it leads on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveView {
    /// The cluster; none when the archive does not tell.
    pub cluster: Option<ClusterId>,
    /// Its folder in the store.
    pub folder: String,
    /// Of the cluster's data directory.
    pub system_identifier: String,
    content: Result<(WalArchiveFacts, Vec<BaseBackup>), String>,
}

impl ArchiveView {
    /// An archive of which this is known.
    pub fn new(
        cluster: ClusterId,
        system_identifier: String,
        facts: WalArchiveFacts,
        backups: Vec<BaseBackup>,
    ) -> Self {
        Self {
            folder: ArchivePlace::of(&cluster, &system_identifier).folder(),
            cluster: Some(cluster),
            system_identifier,
            content: Ok((facts, backups)),
        }
    }

    /// An archive that can't be read.
    pub fn unreadable(place: &ArchivePlace, why: String) -> Self {
        Self {
            cluster: None,
            folder: place.folder(),
            system_identifier: place.system_identifier.clone(),
            content: Err(why),
        }
    }

    /// Whose it is, in words.
    pub fn name(&self) -> String {
        match &self.cluster {
            Some(cluster) => cluster.to_string(),
            None => self.folder.clone(),
        }
    }

    /// What it has; none when that can't be read.
    pub fn facts(&self) -> Option<&WalArchiveFacts> {
        self.content.as_ref().ok().map(|(facts, _)| facts)
    }

    /// The base backups from which it leads on.
    pub fn backups(&self) -> &[BaseBackup] {
        self.content.as_ref().map_or(&[], |(_, backups)| backups)
    }

    /// What it does for its cluster; none when it can't be read.
    pub fn protection(&self) -> Option<WalProtection> {
        Some(self.facts()?.protection(self.backups()))
    }

    /// The moments without a break up to the newest.
    pub fn recoverable(&self) -> Option<Recoverable> {
        self.protection()?.recoverable
    }

    /// The places that no recovery crosses.
    pub fn breaks(&self) -> Vec<WalBreak> {
        let breaks = self.facts().map(|it| it.breaks(self.backups()));
        breaks.unwrap_or_default()
    }

    /// What of it can't be read, with why.
    pub fn unreadables(&self) -> Vec<String> {
        match &self.content {
            Ok((facts, _)) => facts.unreadable.clone(),
            Err(why) => vec![why.clone()],
        }
    }

    /// How long ago the moment was up to which all is stored; none when nobody has said so.
    pub fn behind(&self, now: Timestamp) -> Option<SignedDuration> {
        self.protection()?.behind(now)
    }

    /// Whether all of it can be read, and nothing is missing behind the last base backup.
    pub fn is_whole(&self) -> bool {
        self.unreadables().is_empty() && self.breaks().iter().all(|it| it.closed)
    }
}
