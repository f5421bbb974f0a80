//! Two readings of a server's counters make a rate.

use jiff::Timestamp;
use serde::Deserialize;

use crate::cluster::Lsn;

/// What a server had counted when it was asked. The counters are those of all its databases.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerCounters {
    /// Whether it is a standby.
    pub in_recovery: bool,
    /// Where its WAL ends: written on a primary, replayed on a standby. None before the first replay.
    pub wal: Option<Lsn>,
    /// Transactions committed since its statistics began.
    pub commits: u64,
    /// Transactions rolled back since then.
    pub rollbacks: u64,
    /// Blocks found in its shared buffers.
    pub blocks_hit: u64,
    /// Blocks that were not.
    pub blocks_read: u64,
    /// Bytes written to temporary files.
    pub temporary_bytes: u64,
    /// Checkpoints (restartpoints on a standby), for whatever reason.
    pub checkpoints: u64,
    /// Clients in the middle of a statement.
    pub active: u32,
    /// Clients that do nothing outside of a transaction.
    pub idle: u32,
    /// Clients that do nothing inside of one: they hold back vacuum, and what they have locked.
    pub idle_in_transaction: u32,
    /// Of the active ones those that wait for a lock.
    pub waiting: u32,
    /// Its `max_connections`.
    pub max_connections: u32,
}

impl ServerCounters {
    /// All clients.
    pub fn clients(&self) -> u32 {
        self.active + self.idle + self.idle_in_transaction
    }
}

/// What a client runs at the moment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunningStatement {
    /// Process id of its server process.
    pub pid: i32,
    /// When that began: tells it from another of its number.
    pub backend_start: Timestamp,
    /// When its statement began: tells it from the next of its session.
    pub query_start: Option<Timestamp>,
    /// As whom it is logged in.
    pub user: Option<String>,
    /// Name of the database; none when it was dropped.
    pub database: Option<String>,
    /// `state` of `pg_stat_activity`.
    pub state: String,
    /// What it waits for (`Lock: transactionid`); none when it works.
    pub waits_for: Option<String>,
    /// Seconds since the statement began or, between two statements, since the last one did.
    pub statement_seconds: f64,
    /// Seconds since its transaction began; none outside of one.
    pub transaction_seconds: Option<f64>,
    /// The server processes that it waits for.
    pub blocked_by: Vec<i32>,
    /// The statement, cut to 1,000 characters.
    pub statement: String,
}

/// What a server says of itself in one answer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopSample {
    /// Its counters.
    pub counters: ServerCounters,
    /// Its clients that are in a statement or a transaction, the oldest first, 100 at most.
    pub statements: Vec<RunningStatement>,
}

/// How fast a server works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerRates {
    /// Transactions a second, rolled back ones included.
    pub transactions: f64,
    /// Of them those that were rolled back.
    pub rollbacks: f64,
    /// Of the blocks that it needed the part that was in its shared buffers, 0 to 1; none when it
    /// needed none.
    pub cache_hits: Option<f64>,
    /// Bytes of WAL a second, written or replayed; none when its place is not known.
    pub wal_bytes: Option<f64>,
    /// Bytes a second written to temporary files.
    pub temporary_bytes: f64,
    /// Checkpoints in between.
    pub checkpoints: u64,
}

/// The rates between two readings that are `elapsed` seconds apart. None when that is no time, or when
/// a counter has gone back: the server was restarted, promoted or its statistics were reset.
pub fn server_rates(
    before: &ServerCounters,
    after: &ServerCounters,
    elapsed: f64,
) -> Option<ServerRates> {
    // What has become of it is another server's count.
    if elapsed <= 0.0 || before.in_recovery != after.in_recovery {
        return None;
    }
    let commits = after.commits.checked_sub(before.commits)?;
    let rollbacks = after.rollbacks.checked_sub(before.rollbacks)?;
    let hit = after.blocks_hit.checked_sub(before.blocks_hit)?;
    let read = after.blocks_read.checked_sub(before.blocks_read)?;
    let temporary = after.temporary_bytes.checked_sub(before.temporary_bytes)?;
    let checkpoints = after.checkpoints.checked_sub(before.checkpoints)?;
    let wal = match (before.wal, after.wal) {
        (Some(before), Some(after)) => Some(after.bytes().checked_sub(before.bytes())?),
        _ => None,
    };
    Some(ServerRates {
        transactions: (commits + rollbacks) as f64 / elapsed,
        rollbacks: rollbacks as f64 / elapsed,
        cache_hits: (hit + read > 0).then(|| hit as f64 / (hit + read) as f64),
        wal_bytes: wal.map(|bytes| bytes as f64 / elapsed),
        temporary_bytes: temporary as f64 / elapsed,
        checkpoints,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters() -> ServerCounters {
        ServerCounters {
            in_recovery: false,
            wal: Some(Lsn::new(1000)),
            commits: 100,
            rollbacks: 10,
            blocks_hit: 900,
            blocks_read: 100,
            temporary_bytes: 0,
            checkpoints: 3,
            active: 2,
            idle: 5,
            idle_in_transaction: 1,
            waiting: 1,
            max_connections: 100,
        }
    }

    #[test]
    fn a_rate_is_what_was_added_by_the_time_it_took() {
        let before = counters();
        let after = ServerCounters {
            wal: Some(Lsn::new(5000)),
            commits: 140,
            rollbacks: 20,
            blocks_hit: 990,
            blocks_read: 110,
            temporary_bytes: 64,
            checkpoints: 4,
            ..before.clone()
        };
        let rates = server_rates(&before, &after, 2.0).expect("two readings");
        assert_eq!(rates.transactions, 25.0);
        assert_eq!(rates.rollbacks, 5.0);
        assert_eq!(rates.cache_hits, Some(0.9));
        assert_eq!(rates.wal_bytes, Some(2000.0));
        assert_eq!(rates.temporary_bytes, 32.0);
        assert_eq!(rates.checkpoints, 1);
    }

    #[test]
    fn a_server_that_does_nothing_has_no_part_of_hits() {
        let rates = server_rates(&counters(), &counters(), 1.0).expect("two readings");
        assert_eq!(rates.transactions, 0.0);
        assert_eq!(rates.cache_hits, None);
    }

    #[test]
    fn counters_that_began_anew_make_no_rate() {
        let before = counters();
        let reset = ServerCounters {
            commits: 3,
            ..before.clone()
        };
        assert_eq!(server_rates(&before, &reset, 1.0), None);
        let rewound = ServerCounters {
            wal: Some(Lsn::new(10)),
            ..before.clone()
        };
        assert_eq!(server_rates(&before, &rewound, 1.0), None);
        let promoted = ServerCounters {
            in_recovery: true,
            ..before.clone()
        };
        assert_eq!(server_rates(&promoted, &before, 1.0), None);
        assert_eq!(server_rates(&before, &before, 0.0), None);
    }
}
