//! Where a recovery is to end.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::suggestion::option;
use crate::cluster::{Lsn, words};

/// Where a recovery is to end (PostgreSQL documentation, section 20.5.6 "Recovery Target").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    tag = "target"
)]
pub enum RecoveryTarget {
    /// With the last of the WAL that is archived.
    Latest,
    /// At a moment: the last commit until then is in, by the clock of the primary of then.
    Time {
        /// To the microsecond.
        time: Timestamp,
        /// Commits of this very microsecond are left out.
        exclusive: bool,
    },
    /// At a position in the WAL.
    Lsn {
        /// The record that begins there or is the first after it, is in.
        position: Lsn,
        /// It is left out.
        exclusive: bool,
    },
    /// At a restore point that `pg_create_restore_point()` has made.
    Name {
        /// Its name.
        name: String,
    },
    /// With the end of a transaction.
    Xid {
        /// Its number, as `pg_current_xact_id()` shows it, without the epoch.
        transaction: u32,
        /// It is left out.
        exclusive: bool,
    },
}

impl RecoveryTarget {
    /// The option that asks for it.
    pub fn option(&self) -> String {
        let exclusive = |it: &bool| if *it { " --exclusive" } else { "" };
        match self {
            Self::Latest => "--latest".to_owned(),
            Self::Time {
                time,
                exclusive: it,
            } => {
                let time = words::moment(*time).replace(' ', "T");
                format!("--to-time {time}{}", exclusive(it))
            }
            Self::Lsn {
                position,
                exclusive: it,
            } => format!("--to-lsn {position}{}", exclusive(it)),
            Self::Name { name } => option("--to-name", name),
            Self::Xid {
                transaction,
                exclusive: it,
            } => format!("--to-xid {transaction}{}", exclusive(it)),
        }
    }

    /// The settings that ask PostgreSQL for it: names and values.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let inclusive = |exclusive: &bool| {
            let word = if *exclusive { "off" } else { "on" };
            ("recovery_target_inclusive", word.to_owned())
        };
        match self {
            Self::Latest => Vec::new(),
            Self::Time { time, exclusive } => vec![
                ("recovery_target_time", postgres_time(*time)),
                inclusive(exclusive),
            ],
            Self::Lsn {
                position,
                exclusive,
            } => vec![
                ("recovery_target_lsn", position.to_string()),
                inclusive(exclusive),
            ],
            Self::Name { name } => vec![("recovery_target_name", name.clone())],
            Self::Xid {
                transaction,
                exclusive,
            } => vec![
                ("recovery_target_xid", transaction.to_string()),
                inclusive(exclusive),
            ],
        }
    }
}

impl fmt::Display for RecoveryTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = |exclusive: &bool| if *exclusive { "before" } else { "up to" };
        match self {
            Self::Latest => f.write_str("to the end of the archived WAL"),
            Self::Time { time, exclusive } => {
                write!(f, "{} {}", until(exclusive), words::moment(*time))
            }
            Self::Lsn {
                position,
                exclusive,
            } => write!(f, "{} {position}", until(exclusive)),
            Self::Name { name } => write!(f, "up to the restore point {name}"),
            Self::Xid {
                transaction,
                exclusive,
            } => write!(f, "{} transaction {transaction}", until(exclusive)),
        }
    }
}

/// As `recovery_target_time` takes it, whatever the server's own zone.
fn postgres_time(time: Timestamp) -> String {
    let micros = time.subsec_nanosecond() / 1000;
    format!("{}.{micros:06}+00", time.strftime("%Y-%m-%d %H:%M:%S"))
}
