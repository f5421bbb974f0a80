//! What PostgreSQL says of itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FileFacts, Lsn, PresentedCertificate, ReplicationLogin, ReplicationRole, Timeline};

/// The database in a pod: what it says, or why it says nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "database")]
pub enum Database {
    /// It answered.
    Reached(Box<DatabaseFacts>),
    /// It was asked and did not answer (properly).
    Unreachable {
        /// Why not, in a sentence for people.
        reason: String,
        /// PostgreSQL itself said no (no connection left, a rule of pg_hba.conf): it runs, and whoever is
        /// let in may be writing to it.
        #[serde(default)]
        alive: bool,
    },
    /// It is there, and takes the password for a wrong one.
    LockedOut {
        /// Why not, in a sentence for people.
        reason: String,
        /// The Secret that the password is from.
        secret: String,
        /// Its key.
        key: String,
    },
    /// It was not asked: the API lets whoever looks not do that. It may well be alive.
    NotAllowed {
        /// What is not allowed, in a sentence for people.
        reason: String,
    },
    /// It was not asked: its container does not run.
    NotRunning,
}

impl Database {
    /// The facts, when it answered.
    pub fn facts(&self) -> Option<&DatabaseFacts> {
        match self {
            Self::Reached(facts) => Some(facts),
            Self::Unreachable { .. }
            | Self::LockedOut { .. }
            | Self::NotAllowed { .. }
            | Self::NotRunning => None,
        }
    }

    /// Why it lets nobody in although it runs, and may be taking others' writes.
    pub fn alive_but_closed(&self) -> Option<&str> {
        match self {
            Self::Unreachable {
                reason,
                alive: true,
            }
            | Self::LockedOut { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// Why it says nothing; none when it answered, or does not run.
    pub fn unanswered(&self) -> Option<&str> {
        match self {
            Self::Unreachable { reason, .. }
            | Self::LockedOut { reason, .. }
            | Self::NotAllowed { reason } => Some(reason),
            Self::Reached(_) | Self::NotRunning => None,
        }
    }
}

/// What one server says of itself, all in one round trip's worth of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseFacts {
    /// `server_version_num`, such as 150018.
    pub version: u32,
    /// `system_identifier` of `pg_control_system()`, as a decimal.
    pub system_identifier: String,
    /// The timeline it is on: of a writable server the one it writes; of one in recovery the
    /// newest it has received or replayed.
    pub timeline: Timeline,
    /// `pg_is_in_recovery()` and all that goes with it; none on a server that accepts writes.
    pub recovery: Option<RecoveryFacts>,
    /// Where it is: `pg_current_wal_insert_lsn()` on a primary (0/0 in recovery).
    pub insert_lsn: Lsn,
    /// `pg_current_wal_flush_lsn()` on a primary (0/0 in recovery): what is safely on disk.
    pub flush_lsn: Lsn,
    /// `pg_stat_replication`: who streams from here.
    pub senders: Vec<SenderFacts>,
    /// `pg_replication_slots`.
    pub slots: Vec<SlotFacts>,
    /// Settings that decisions need.
    pub settings: Settings,
    /// What is on the volume.
    pub usage: DataUsage,
    /// Base backups being taken from here (`pg_stat_progress_basebackup`).
    pub base_backups: Vec<BaseBackup>,
    /// `pg_stat_archiver`, when archiving is on.
    pub archiver: Option<Archiver>,
    /// Number of prepared transactions (`pg_prepared_xacts`).
    pub prepared_transactions: u32,
    /// Age of the oldest transaction of a client (`pg_stat_activity.xact_start`), in seconds; none when there is
    /// none, or when we may not see those of others.
    #[serde(default)]
    pub oldest_transaction_seconds: Option<f64>,
    /// `pg_postmaster_start_time()`.
    pub started: Timestamp,
    /// The server's own clock when it answered (`clock_timestamp()`).
    pub clock: Timestamp,
    /// What its configuration files say; none when only a superuser may know.
    #[serde(default)]
    pub files: Option<FileFacts>,
    /// The standbys' role; none when there is none of the name that the start script has for it.
    #[serde(default)]
    pub replication_role: Option<ReplicationRole>,
    /// Whether standbys can still log in here.
    #[serde(default)]
    pub replication_login: ReplicationLogin,
    /// The certificate that it has presented; none where the session with it was not encrypted.
    #[serde(default)]
    pub certificate: Option<PresentedCertificate>,
}

impl DatabaseFacts {
    /// Whether a pod streams from it, by the name that its stream has.
    pub fn streams_to(&self, pod: &str) -> bool {
        let mut senders = self.senders.iter();
        senders.any(|it| it.application_name == pod && it.is_streaming())
    }

    /// Walsenders that are taken: `pg_stat_replication` has those of base backups, too.
    pub fn walsenders_taken(&self) -> usize {
        self.senders.len()
    }

    /// Whether it can be written to: out of recovery. A server whose new transactions are read-only
    /// by a setting is, too: each may still begin as `READ WRITE`.
    pub fn writable(&self) -> bool {
        self.recovery.is_none()
    }

    /// Whether it takes the writes of clients that ask for nothing special.
    pub fn takes_writes(&self) -> bool {
        self.writable() && !self.settings.default_transaction_read_only
    }
}

/// A server in recovery (a standby).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryFacts {
    /// `pg_last_wal_receive_lsn()`; none when it has streamed nothing since it started.
    pub receive_lsn: Option<Lsn>,
    /// `pg_last_wal_replay_lsn()`.
    pub replay_lsn: Option<Lsn>,
    /// `pg_last_xact_replay_timestamp()`: commit time on the primary of the last replayed one.
    pub last_commit_replayed: Option<Timestamp>,
    /// `pg_get_wal_replay_pause_state()` is not `not paused`.
    pub replay_paused: bool,
    /// `recovery_min_apply_delay`, in seconds: commits are replayed that long after they were made.
    #[serde(default)]
    pub apply_delay_seconds: f64,
    /// What the startup process waits for: `wait_event_type/wait_event` of `pg_stat_activity`; none
    /// while it works.
    #[serde(default)]
    pub replay_waits_for: Option<String>,
    /// `pg_stat_wal_receiver`; none when no receiver runs.
    pub receiver: Option<ReceiverFacts>,
    /// Host that `primary_conninfo` names (never the whole string: it may hold secrets).
    pub upstream_host: Option<String>,
}

/// What keeps a standby from replaying what it has received.
#[derive(Debug, Clone, PartialEq)]
pub enum HeldUp {
    /// Somebody has paused it.
    Paused,
    /// `recovery_min_apply_delay`, in seconds.
    Delayed(f64),
    /// Queries or locks on the standby itself; the event is that of `pg_stat_activity`.
    Conflict(String),
}

impl HeldUp {
    /// From the three facts of [`RecoveryFacts`]. A startup process that waits for WAL
    /// (`RecoveryWalStream`, `RecoveryRetrieveRetryInterval`) is held up by nothing here.
    pub fn of(paused: bool, delay_seconds: f64, waits_for: Option<&str>) -> Option<Self> {
        if paused {
            return Some(Self::Paused);
        }
        if delay_seconds > 0.0 {
            return Some(Self::Delayed(delay_seconds));
        }
        // `standby.c`: conflicts wait under IPC/RecoveryConflict*, Lock/* and BufferPin/*.
        let event = waits_for?;
        let (kind, name) = event.split_once('/')?;
        (name.starts_with("RecoveryConflict") || matches!(kind, "Lock" | "BufferPin"))
            .then(|| Self::Conflict(name.to_owned()))
    }
}

impl std::fmt::Display for HeldUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Paused => f.write_str("replay is paused"),
            Self::Delayed(seconds) => {
                write!(
                    f,
                    "it replays commits {seconds} s late (recovery_min_apply_delay)"
                )
            }
            Self::Conflict(event) => {
                write!(f, "its replay waits for queries or locks on it ({event})")
            }
        }
    }
}

impl RecoveryFacts {
    /// What keeps it from replaying what it has received.
    pub fn held_up(&self) -> Option<HeldUp> {
        HeldUp::of(
            self.replay_paused,
            self.apply_delay_seconds,
            self.replay_waits_for.as_deref(),
        )
    }
}

/// `pg_stat_wal_receiver`: the standby's view of the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiverFacts {
    /// `status`: `streaming`, `waiting`, `starting`, ...
    pub status: String,
    /// `sender_host`.
    pub sender_host: Option<String>,
    /// `slot_name`.
    pub slot: Option<String>,
    /// `received_tli`.
    pub timeline: Timeline,
    /// `written_lsn`.
    pub written_lsn: Option<Lsn>,
    /// `flushed_lsn`.
    pub flushed_lsn: Option<Lsn>,
    /// `latest_end_lsn`: the sender's position as last reported to this receiver.
    pub latest_end_lsn: Option<Lsn>,
    /// `last_msg_receipt_time`.
    pub last_message: Option<Timestamp>,
    /// How long ago that was when this was asked, by the standby's own clock, in seconds.
    #[serde(default)]
    pub last_message_age: Option<f64>,
    /// `wal_receiver_timeout`, in seconds; 0 when the receiver waits for ever.
    #[serde(default)]
    pub timeout_seconds: Option<f64>,
}

impl ReceiverFacts {
    /// Whether it receives what is written, and does not only wait for it.
    pub fn is_streaming(&self) -> bool {
        self.status == "streaming"
    }

    /// Whether the sender was there lately. A receiver that has heard nothing for half of
    /// `wal_receiver_timeout` asks the sender to answer (`WalReceiverMain()` in
    /// src/backend/replication/walreceiver.c), so of one that lives there is a message by then. A
    /// clock that was set back counts as lately: nobody knows.
    pub fn hears_its_sender(&self) -> bool {
        const USUAL: f64 = 60.0;
        const ON_THE_WAY: f64 = 5.0;
        let timeout = self.timeout_seconds.filter(|it| *it > 0.0);
        let limit = timeout.unwrap_or(USUAL) / 2.0 + ON_THE_WAY;
        self.last_message_age.is_some_and(|age| age <= limit)
    }
}

/// `pg_stat_replication`: the sender's view of one stream. LSNs are none before the first report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SenderFacts {
    /// `application_name`: the pod's name on clusters deployed with this repository.
    pub application_name: String,
    /// `client_addr`.
    pub client_address: Option<String>,
    /// `state`: `startup`, `catchup`, `streaming`, `backup`, `stopping`.
    pub state: String,
    /// `sync_state`.
    pub sync_state: SyncState,
    /// `sent_lsn`.
    pub sent_lsn: Option<Lsn>,
    /// `write_lsn`.
    pub write_lsn: Option<Lsn>,
    /// `flush_lsn`.
    pub flush_lsn: Option<Lsn>,
    /// `replay_lsn`.
    pub replay_lsn: Option<Lsn>,
    /// `write_lag`, in seconds; none when idle and caught up.
    pub write_lag: Option<f64>,
    /// `flush_lag`, in seconds.
    pub flush_lag: Option<f64>,
    /// `replay_lag`, in seconds.
    pub replay_lag: Option<f64>,
    /// `reply_time`.
    pub reply_time: Option<Timestamp>,
    /// `slot_name` of the slot whose `active_pid` is this walsender.
    pub slot: Option<String>,
}

impl SenderFacts {
    /// Whether it has caught up with what was there, and sends what is written now.
    pub fn is_streaming(&self) -> bool {
        self.state == "streaming"
    }
}

/// `pg_stat_replication.sync_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncState {
    /// `async`.
    Async,
    /// `potential`.
    Potential,
    /// `sync`.
    Sync,
    /// `quorum`.
    Quorum,
}

/// `pg_replication_slots`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotFacts {
    /// `slot_name`.
    pub name: String,
    /// Physical, or logical with its plugin and database.
    pub kind: SlotKind,
    /// `active`.
    pub active: bool,
    /// `temporary`.
    pub temporary: bool,
    /// `restart_lsn`.
    pub restart_lsn: Option<Lsn>,
    /// `wal_status`: `reserved`, `extended`, `unreserved`, `lost`.
    pub wal_status: Option<String>,
    /// Why nobody can use it any more: `invalidation_reason` (PostgreSQL 17 and newer), or `conflicting`
    /// (16); none while it is usable, and before 16.
    pub invalidation: Option<String>,
    /// `safe_wal_size`: bytes that may still be written before it is in danger; none without a
    /// `max_slot_wal_keep_size`.
    pub safe_wal_bytes: Option<i64>,
    /// Bytes of WAL between its `restart_lsn` and the server's position.
    pub retained_bytes: u64,
}

impl SlotFacts {
    /// Nobody can use it any more: WAL or rows that it needs were removed, or it was idle for too long.
    pub fn is_lost(&self) -> bool {
        self.wal_status.as_deref() == Some("lost") || self.invalidation.is_some()
    }

    /// Standbys are to keep a copy of it (PostgreSQL 17 and newer).
    pub fn is_kept_for_failover(&self) -> bool {
        matches!(self.kind, SlotKind::Logical { failover: true, .. })
    }

    /// Why nobody can use it any more, when the reason is another than that WAL which it needs was removed.
    pub fn invalid_for_another_reason(&self) -> Option<&str> {
        let reason = self.invalidation.as_deref();
        reason.filter(|it| *it != "wal_removed")
    }
}

/// What kind of replication slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum SlotKind {
    /// Physical streaming.
    Physical,
    /// Logical decoding.
    Logical {
        /// `database`.
        database: String,
        /// `plugin`.
        plugin: String,
        /// `failover` (PostgreSQL 17 and newer; false before): standbys are to keep a copy.
        failover: bool,
        /// `synced` (PostgreSQL 17 and newer; false before): it is such a copy, on a standby.
        synced: bool,
    },
}

/// Settings that a decision depends on (`pg_settings`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// `max_connections`.
    pub max_connections: u32,
    /// `max_worker_processes`.
    pub max_worker_processes: u32,
    /// `max_wal_senders`.
    pub max_wal_senders: u32,
    /// `max_replication_slots`.
    pub max_replication_slots: u32,
    /// `max_prepared_transactions`.
    pub max_prepared_transactions: u32,
    /// `max_locks_per_transaction`.
    pub max_locks_per_transaction: u32,
    /// `max_slot_wal_keep_size`, in bytes; none when unlimited (-1).
    pub max_slot_wal_keep_bytes: Option<u64>,
    /// `max_standby_streaming_delay`, in milliseconds; -1 waits for ever. None when it was not asked for.
    #[serde(default)]
    pub standby_delay_ms: Option<i64>,
    /// `synchronous_standby_names`.
    pub synchronous_standby_names: String,
    /// `synchronized_standby_slots` (PostgreSQL 17 and newer; empty before): physical slots that those who read
    /// through a logical slot with `failover` are not to get ahead of.
    #[serde(default)]
    pub synchronized_standby_slots: String,
    /// `synchronous_commit` of the server, not of a role or a database.
    pub synchronous_commit: String,
    /// `default_transaction_read_only` of the server, not of a role or a database.
    pub default_transaction_read_only: bool,
    /// `wal_log_hints` or data checksums: `pg_rewind` can work.
    pub rewindable: bool,
    /// `hot_standby`.
    pub hot_standby: bool,
    /// `archive_mode` is not `off`.
    pub archiving: bool,
    /// `allow_alter_system` (PostgreSQL 17 and newer; on before).
    #[serde(default = "allowed")]
    pub allow_alter_system: bool,
    /// `logging_collector`: the server writes its log into files of its own, not into the container's.
    #[serde(default)]
    pub logging_collector: bool,
}

/// Servers that do not know the setting take `ALTER SYSTEM`.
const fn allowed() -> bool {
    true
}

impl Settings {
    /// Those that a hot standby must not have lower than its primary (PostgreSQL documentation,
    /// section 27.4.3 "Administrator's Overview").
    pub fn standby_limits(&self) -> [(&'static str, u32); 5] {
        [
            ("max_connections", self.max_connections),
            ("max_worker_processes", self.max_worker_processes),
            ("max_wal_senders", self.max_wal_senders),
            ("max_prepared_transactions", self.max_prepared_transactions),
            ("max_locks_per_transaction", self.max_locks_per_transaction),
        ]
    }
}

/// What is on the data volume, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataUsage {
    /// Size of the filesystem; none when unknown.
    pub size_bytes: Option<u64>,
    /// Used on the filesystem; none when unknown.
    pub used_bytes: Option<u64>,
    /// What is left for the database: less than the difference where some is kept for root.
    #[serde(default)]
    pub available_bytes: Option<u64>,
    /// Files in `pg_wal` (`pg_ls_waldir()`).
    pub wal_bytes: u64,
}

impl DataUsage {
    /// What the database may still write, in bytes; none when unknown.
    pub fn left_bytes(&self) -> Option<u64> {
        self.available_bytes
            .or_else(|| Some(self.size_bytes?.saturating_sub(self.used_bytes?)))
    }

    /// How full it is, in %; none when unknown. As `df` says it: of what the database may use, so
    /// that 100 is when nothing can be written any more.
    #[expect(clippy::cast_precision_loss, reason = "a percentage")]
    pub fn full_percent(&self) -> Option<f64> {
        let used = self.used_bytes?;
        let usable = used.saturating_add(self.left_bytes()?);
        (usable > 0).then(|| used as f64 * 100.0 / usable as f64)
    }
}

/// A base backup in progress (`pg_stat_progress_basebackup`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BaseBackup {
    /// `phase`.
    pub phase: String,
    /// `backup_streamed`, in bytes.
    pub streamed_bytes: u64,
    /// `backup_total`, in bytes, when it is known.
    pub total_bytes: Option<u64>,
    /// `application_name` of who takes it.
    pub application_name: String,
}

/// `pg_stat_archiver` and the files that still wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Archiver {
    /// Segments that wait (`pg_ls_archive_statusdir()`, files ending in `.ready`).
    pub ready_segments: u64,
    /// Whether the last attempt failed (`last_failed_time > last_archived_time`).
    pub failing: bool,
    /// For how many seconds nothing was archived while a segment was waiting.
    #[serde(default)]
    pub stalled_seconds: u64,
}

impl Archiver {
    /// Longer than that no segment of 16 MiB should take.
    const STALLED_SECONDS: u64 = 60;

    /// Whether it does not fail, and gets nowhere: its command hangs.
    pub fn hangs(&self) -> bool {
        !self.failing && self.ready_segments > 0 && self.stalled_seconds >= Self::STALLED_SECONDS
    }
}
