//! Why the start script does not start PostgreSQL.

/// The words of `deploy/base/scripts/`: what `hold` gives (the script looks again), and what `refuse`
/// gives (the container ends); a test compares them. A word that is not here is one of a script that is newer than this
/// pgctl: it is shown, and nothing is decided by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StartReason {
    /// The Secret with the server's certificate can't be used.
    BadCertificate,
    /// A key of the Secret can't be used.
    BadSecret,
    /// PostgreSQL can't start with the settings in the ConfigMap or in `postgresql.auto.conf`.
    BadSettings,
    /// What the topology ConfigMap says can't be read.
    BadTopology,
    /// `initdb`, or the first SQL after it, failed.
    BootstrapFailed,
    /// A fresh copy was begun and failed; it is tried again, later each time.
    CloneFailed,
    /// A fresh copy was asked for, and the data here is newer than that of the primary.
    CloneRefused,
    /// A fresh copy was asked for, and the primary can't give one at the moment.
    CloneWanted,
    /// The volume of the pod that is to be primary is empty, and the cluster exists.
    EmptyPrimary,
    /// The data is of another cluster.
    ForeignData,
    /// The pod that the topology names has another cluster's data.
    ForeignPrimary,
    /// A former primary's data; the new primary is not there yet.
    FormerPrimary,
    /// A rewind was interrupted, and the primary can't give a fresh copy at the moment.
    HalfRewound,
    /// The volume is empty; the other pods are given time to show that they have data.
    LookingForData,
    /// `shared_preload_libraries` names what the image does not have.
    MissingLibrary,
    /// The image lacks a program that the script needs.
    MissingTool,
    /// Timelines here and at the primary have one number, but not one history.
    NamesakeTimeline,
    /// The cluster's DNS does not know the pod yet.
    NoDns,
    /// The image has no PostgreSQL.
    NoPostgres,
    /// The volume is empty, and the primary can't give a copy at the moment.
    NoPrimary,
    /// The volume has no room for a fresh copy, or only when what is here goes first; or none for what a rewind would remove.
    NoRoom,
    /// Another pod is writable, although the topology names this one.
    OtherPrimary,
    /// A pod that does not answer may just have been made primary: for as long as a topology can be out of date.
    PeersSilent,
    /// Of a pod it can't be told whether it is primary.
    PeersUnclear,
    /// A key of the Secret is still the placeholder of the manifests.
    PlaceholderSecret,
    /// A rewind can't begin; it is tried again.
    RewindDelayed,
    /// A rewind failed; only a fresh copy helps.
    RewindFailed,
    /// A primary's data on a timeline that is not older than the primary's.
    RivalPrimary,
    /// The topology is older than what the volume or another pod knows.
    StaleTopology,
    /// PostgreSQL was stopped in this pod for a switchover, and the pod is to be deleted.
    StoppedForGood,
    /// Somebody has set the data up for a recovery to a point in time (`recovery.signal`).
    UnfinishedRecovery,
    /// `pg_controldata` can't read the data.
    UnreadableData,
    /// Other processes still work in the volume.
    VolumeInUse,
    /// The volume can't be written to.
    VolumeNotWritable,
    /// The data is of another major version of PostgreSQL.
    WrongVersion,
}

impl StartReason {
    /// All of them, by their words.
    pub const ALL: [Self; 35] = [
        Self::BadCertificate,
        Self::BadSecret,
        Self::BadSettings,
        Self::BadTopology,
        Self::BootstrapFailed,
        Self::CloneFailed,
        Self::CloneRefused,
        Self::CloneWanted,
        Self::EmptyPrimary,
        Self::ForeignData,
        Self::ForeignPrimary,
        Self::FormerPrimary,
        Self::HalfRewound,
        Self::LookingForData,
        Self::MissingLibrary,
        Self::MissingTool,
        Self::NamesakeTimeline,
        Self::NoDns,
        Self::NoPostgres,
        Self::NoPrimary,
        Self::NoRoom,
        Self::OtherPrimary,
        Self::PeersSilent,
        Self::PeersUnclear,
        Self::PlaceholderSecret,
        Self::RewindDelayed,
        Self::RewindFailed,
        Self::RivalPrimary,
        Self::StaleTopology,
        Self::StoppedForGood,
        Self::UnfinishedRecovery,
        Self::UnreadableData,
        Self::VolumeInUse,
        Self::VolumeNotWritable,
        Self::WrongVersion,
    ];

    /// The word that the script writes.
    pub const fn word(self) -> &'static str {
        match self {
            Self::BadCertificate => "bad-certificate",
            Self::BadSecret => "bad-secret",
            Self::BadSettings => "bad-settings",
            Self::BadTopology => "bad-topology",
            Self::BootstrapFailed => "bootstrap-failed",
            Self::CloneFailed => "clone-failed",
            Self::CloneRefused => "clone-refused",
            Self::CloneWanted => "clone-wanted",
            Self::EmptyPrimary => "empty-primary",
            Self::ForeignData => "foreign-data",
            Self::ForeignPrimary => "foreign-primary",
            Self::FormerPrimary => "former-primary",
            Self::HalfRewound => "half-rewound",
            Self::LookingForData => "looking-for-data",
            Self::MissingLibrary => "missing-library",
            Self::MissingTool => "missing-tool",
            Self::NamesakeTimeline => "namesake-timeline",
            Self::NoDns => "no-dns",
            Self::NoPostgres => "no-postgres",
            Self::NoPrimary => "no-primary",
            Self::NoRoom => "no-room",
            Self::OtherPrimary => "other-primary",
            Self::PeersSilent => "peers-silent",
            Self::PeersUnclear => "peers-unclear",
            Self::PlaceholderSecret => "placeholder-secret",
            Self::RewindDelayed => "rewind-delayed",
            Self::RewindFailed => "rewind-failed",
            Self::RivalPrimary => "rival-primary",
            Self::StaleTopology => "stale-topology",
            Self::StoppedForGood => "stopped-for-good",
            Self::UnfinishedRecovery => "unfinished-recovery",
            Self::UnreadableData => "unreadable-data",
            Self::VolumeInUse => "volume-in-use",
            Self::VolumeNotWritable => "volume-not-writable",
            Self::WrongVersion => "wrong-version",
        }
    }

    /// The reason that this is the word of.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// Whether it stays until a person has decided or mended something, when nobody has asked for a
    /// fresh copy: there is no use in waiting for it to pass. The others pass as soon as another pod
    /// answers, the topology is told, or the script's own next try works; and a container that has
    /// refused is started again by the kubelet.
    pub const fn stays(self) -> bool {
        match self {
            Self::BadCertificate
            | Self::BadSettings
            | Self::ForeignData
            | Self::ForeignPrimary
            | Self::MissingLibrary
            | Self::NamesakeTimeline
            | Self::NoRoom
            | Self::RivalPrimary
            | Self::UnfinishedRecovery
            | Self::UnreadableData => true,
            Self::BadSecret
            | Self::BadTopology
            | Self::BootstrapFailed
            | Self::CloneFailed
            | Self::CloneRefused
            | Self::CloneWanted
            | Self::EmptyPrimary
            | Self::FormerPrimary
            | Self::HalfRewound
            | Self::LookingForData
            | Self::MissingTool
            | Self::NoDns
            | Self::NoPostgres
            | Self::NoPrimary
            | Self::OtherPrimary
            | Self::PeersSilent
            | Self::PeersUnclear
            | Self::PlaceholderSecret
            | Self::RewindDelayed
            | Self::RewindFailed
            | Self::StaleTopology
            | Self::StoppedForGood
            | Self::VolumeInUse
            | Self::VolumeNotWritable
            | Self::WrongVersion => false,
        }
    }

    /// Whether only a fresh copy helps, and loses nothing that others might lack. A former or rival
    /// primary's data is not such: what it has may be what the others lack. Neither is what somebody
    /// has set up for a recovery of his own, nor what needs other settings, or more room.
    pub const fn needs_copy(self) -> bool {
        match self {
            Self::ForeignData
            | Self::NamesakeTimeline
            | Self::RewindFailed
            | Self::UnreadableData
            | Self::WrongVersion => true,
            Self::BadCertificate
            | Self::BadSecret
            | Self::BadSettings
            | Self::BadTopology
            | Self::BootstrapFailed
            | Self::CloneFailed
            | Self::CloneRefused
            | Self::CloneWanted
            | Self::EmptyPrimary
            | Self::ForeignPrimary
            | Self::FormerPrimary
            | Self::HalfRewound
            | Self::LookingForData
            | Self::MissingLibrary
            | Self::MissingTool
            | Self::NoDns
            | Self::NoPostgres
            | Self::NoPrimary
            | Self::NoRoom
            | Self::OtherPrimary
            | Self::PeersSilent
            | Self::PeersUnclear
            | Self::PlaceholderSecret
            | Self::RewindDelayed
            | Self::RivalPrimary
            | Self::StaleTopology
            | Self::StoppedForGood
            | Self::UnfinishedRecovery
            | Self::VolumeInUse
            | Self::VolumeNotWritable => false,
        }
    }

    /// Whether a fresh copy that was asked for is refused until a person has decided. For want of room
    /// it may have been refused before it was asked for, and what is here then goes first: that is
    /// none.
    pub const fn refuses_copy(self) -> bool {
        match self {
            Self::CloneRefused => true,
            Self::BadCertificate
            | Self::BadSecret
            | Self::BadSettings
            | Self::BadTopology
            | Self::BootstrapFailed
            | Self::CloneFailed
            | Self::CloneWanted
            | Self::EmptyPrimary
            | Self::ForeignData
            | Self::ForeignPrimary
            | Self::FormerPrimary
            | Self::HalfRewound
            | Self::LookingForData
            | Self::MissingLibrary
            | Self::MissingTool
            | Self::NamesakeTimeline
            | Self::NoDns
            | Self::NoPostgres
            | Self::NoPrimary
            | Self::NoRoom
            | Self::OtherPrimary
            | Self::PeersSilent
            | Self::PeersUnclear
            | Self::PlaceholderSecret
            | Self::RewindDelayed
            | Self::RewindFailed
            | Self::RivalPrimary
            | Self::StaleTopology
            | Self::StoppedForGood
            | Self::UnfinishedRecovery
            | Self::UnreadableData
            | Self::VolumeInUse
            | Self::VolumeNotWritable
            | Self::WrongVersion => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_again() {
        for reason in StartReason::ALL {
            assert_eq!(StartReason::of(reason.word()), Some(reason));
        }
        assert_eq!(StartReason::of("of-a-newer-script"), None);
    }
}
