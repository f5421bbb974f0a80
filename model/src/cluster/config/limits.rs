//! Settings that a standby must not have lower than its primary.

/// A standby whose value is lower than that in the WAL does not replay it (`CheckRequiredParameterValues` in
/// PostgreSQL's xlogrecovery.c).
pub const STANDBY_LIMITS: [&str; 5] = [
    "max_connections",
    "max_worker_processes",
    "max_wal_senders",
    "max_prepared_transactions",
    "max_locks_per_transaction",
];
