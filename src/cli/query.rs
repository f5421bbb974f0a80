//! `pgctl query`.

use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::database::DatabaseArgs;
use super::fleet::FleetArgs;
use super::global::duration;
use super::operation::SmallChangeArgs;

/// Ask the primary, or every server at once, a question in SQL; or change something (--write)
///
/// One statement that asks (SELECT, WITH, VALUES, TABLE, SHOW, EXPLAIN), in a read-only transaction that is
/// rolled back: it can't write a table, whatever it says. What PostgreSQL does not count as writing, the
/// functions that it calls can do, as the superuser may: end sessions, write files of the server, switch
/// WAL. Names without a schema are looked for in "$user" and public; times are in UTC.
///
/// With --write it is any statement, on the primary only, after somebody has agreed to it; the history
/// keeps its first words, not its text. It runs in a transaction of its own, or in none where PostgreSQL
/// asks for that (VACUUM, CREATE INDEX CONCURRENTLY). What would end with its session (SET, LISTEN, PREPARE)
/// is refused.
///
/// With -A or --contexts every cluster is asked, its primary or (--all) each of its servers; what can't be
/// asked is named, and costs no more than its own rows. --write is for one cluster.
///
/// Ctrl-C cancels it on the server. Of each server 32 MiB are taken at most (of those of many clusters
/// 1 MiB), and it is said when there is more.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl query 'select now()'
  pgctl query --all 'select count(*) from pg_stat_activity'
  pgctl query --replica -d shop 'select count(*) from orders' -o json
  pgctl query --all --csv - < report.sql > report.csv
  pgctl query -A 'show server_version'             the primary of every cluster
  pgctl query -A --contexts all --all --csv 'select pg_is_in_recovery()'
  pgctl query --write -d shop 'delete from sessions where seen < now() - interval $$1 day$$'

Exit codes: 0 every server that was asked has answered; 1 PostgreSQL says no (with its SQLSTATE and the
place); 2 there is no such pod, or it is no statement; 3 it changes something and --write is not there, is given
for many clusters, or nobody agreed;
7 one that was asked (with --contexts: a context) does not answer; 8 (--write) whether it was done is not known")]
pub struct QueryArgs {
    /// The statement; `-` reads it from standard input
    #[arg(value_name = "SQL")]
    pub sql: String,
    /// Whether it asks one cluster, or many.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Ask every server
    #[arg(short, long, conflicts_with_all = ["pod", "replica"], env = "PGCTL_ALL", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub all: bool,
    /// Ask the server of this pod; may be given several times [default: the primary]
    #[arg(
        long,
        conflicts_with_all = ["replica", "all_namespaces", "contexts"],
        env = "PGCTL_POD",
        hide_env = true,
        value_name = "POD"
    )]
    pub pod: Vec<String>,
    /// Ask every standby
    #[arg(long, env = "PGCTL_REPLICA", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub replica: bool,
    /// Which database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Print CSV, as psql --csv does (RFC 4180, but lines end in LF): NULL is empty, the empty string is ""
    #[arg(long, env = "PGCTL_CSV", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub csv: bool,
    /// The most rows that are taken of a server; 0 for no limit but that of bytes
    #[arg(
        long,
        env = "PGCTL_MAX_ROWS",
        hide_env = true,
        value_name = "N",
        default_value = "10000"
    )]
    pub max_rows: usize,
    /// The longest that the statement may take on a server
    #[arg(long, env = "PGCTL_STATEMENT_TIMEOUT", hide_env = true, value_name = "TIME", default_value = "1m", value_parser = duration)]
    pub statement_timeout: Duration,
    /// It may change something: on the primary only, and somebody has to agree
    #[arg(long, conflicts_with_all = ["all", "replica", "pod", "csv"], action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub write: bool,
    /// How to run it with --write.
    #[command(flatten)]
    pub change: SmallChangeArgs,
}
