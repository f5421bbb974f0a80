//! `pgctl backup` and what belongs to it.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Subcommand, ValueEnum};

use super::EventsArgs;
use super::fleet::FleetArgs;
use super::global::positive_duration;
use crate::cluster::LagLimit;

/// Take a backup, look after those there are
///
/// Without a subcommand a backup is taken: roles, tablespaces and every database (as pg_dumpall),
/// with --physical the data directory (pg_basebackup), with --database one database (pg_dump).
/// PostgreSQL's own tools run in the pod and compress there; all that leaves it is compared here,
/// bytes, SHA-256, the exit status of every stage, and the content to its end. Only then is it a
/// backup: what was cut short, or stopped with Ctrl-C, is removed and never listed.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  pgctl backup                                     everything, from a standby
  pgctl backup --physical --store s3://backups/pg  the data directory, into a bucket
  pgctl backup --database shop --label before-migration
  pgctl backup list
  pgctl backup --physical --store s3://backups/pg --copy-to /mnt/elsewhere/pg
  pgctl backup copy --all --store s3://backups/pg --to /mnt/elsewhere/pg
  pgctl backup verify --all
  pgctl backup verify --restore-test               the newest, into a throw-away server
  pgctl backup verify --restore-test --to-latest   with all of the archived WAL
  pgctl backup prune --keep-daily 7 --keep-weekly 4 --dry-run

A bucket takes AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL and so on from
the environment (docs/runbooks/backup.md).

Exit codes: 0 done; 1 no backup was made; 3 refused before anything was begun; 5 it was made, and
--copy-to has none; 7 the API or the database is out of reach; 130 interrupted"
)]
pub struct BackupArgs {
    /// What to do with the backups that there are.
    #[command(subcommand)]
    pub command: Option<BackupCommand>,
    /// What to take.
    #[command(flatten)]
    pub take: TakeArgs,
}

/// What to do with the backups that there are.
#[derive(Debug, Clone, Subcommand)]
pub enum BackupCommand {
    /// List the backups of a store
    List(ListArgs),
    /// Read backups again from end to end, and say what is wrong with them
    Verify(VerifyArgs),
    /// Copy backups into a second store
    Copy(CopyArgs),
    /// Delete old backups
    Prune(PruneArgs),
}

/// Where the backups are.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// A directory, or s3://BUCKET/PREFIX [default: ~/.local/state/pgctl/backups]
    #[arg(long, env = "PGCTL_STORE", hide_env = true, value_name = "STORE")]
    pub store: Option<String>,
}

/// Where the tools run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Via {
    /// The server's own tools, in the pod
    Exec,
    /// This machine's tools, through a forwarded port
    PortForward,
}

/// `pgctl backup`.
#[derive(Debug, Clone, Args)]
pub struct TakeArgs {
    /// The data directory with the WAL to start it (pg_basebackup)
    #[arg(long, env = "PGCTL_PHYSICAL", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), conflicts_with = "database")]
    pub physical: bool,
    /// Only this database (pg_dump, custom format)
    #[arg(long, env = "PGCTL_DATABASE", hide_env = true, value_name = "NAME")]
    pub database: Option<String>,
    /// primary, replica, or a pod [default: a standby where that is safe]
    #[arg(long, env = "PGCTL_FROM", hide_env = true, value_name = "POD")]
    pub from: Option<String>,
    /// Where to put it.
    #[command(flatten)]
    pub store: StoreArgs,
    /// A second place that it is copied to once it is finished: a directory, or s3://BUCKET/PREFIX
    #[arg(long, env = "PGCTL_COPY_TO", hide_env = true, value_name = "STORE")]
    pub copy_to: Option<String>,
    /// zstd, gzip or none, with a level if wanted: zstd:9 [default: zstd, else gzip]
    #[arg(
        long,
        env = "PGCTL_COMPRESS",
        hide_env = true,
        value_name = "METHOD[:LEVEL]"
    )]
    pub compress: Option<String>,
    /// Databases that are dumped at the same time
    #[arg(long, env = "PGCTL_JOBS", hide_env = true, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub jobs: u8,
    /// The most that is taken from the wire in a second, such as 20MB, for each job
    #[arg(long, env = "PGCTL_RATE", hide_env = true, value_name = "SIZE", value_parser = rate)]
    pub rate: Option<u64>,
    /// What to call it
    #[arg(long, env = "PGCTL_LABEL", hide_env = true, value_name = "TEXT")]
    pub label: Option<String>,
    /// Encrypt it for this age recipient (age1...); may be given several times
    #[arg(
        long,
        env = "PGCTL_ENCRYPT",
        hide_env = true,
        value_name = "RECIPIENT",
        value_delimiter = ','
    )]
    pub encrypt: Vec<String>,
    /// Where PostgreSQL's tools run
    #[arg(
        long,
        env = "PGCTL_VIA",
        hide_env = true,
        value_name = "WAY",
        default_value = "exec"
    )]
    pub via: Via,
    /// What is told while it runs.
    #[command(flatten)]
    pub telling: EventsArgs,
}

/// `pgctl backup list`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
With -A or --contexts each cluster that is there has a line, with its newest backup that is whole; those that
have none come last.

Exit codes: 0; 4 with -A or --contexts: a cluster has no whole backup, or a context is out of reach; 1 the store
does not answer; 7 the API is out of reach")]
pub struct ListArgs {
    /// Where they are.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Whether it shows all backups, or clusters with the newest.
    #[command(flatten)]
    pub fleet: FleetArgs,
}

/// `pgctl backup verify`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
--restore-test restores it into a PostgreSQL server that is started on this machine for it, in a folder
in TMPDIR, reached through a socket in that folder only, and removed afterwards. A base backup needs a
server of the same major version and architecture, and is checked with pg_amcheck where that is
installed; a dump needs the same version or a newer one; of both every row is read.

--compare reads the copy in a second store, too: its manifest has to be the same, and every file as that
says. When that store does not answer, what was found of the first is told all the same.

Exit codes: 0 whole; 4 something is wrong with one of them, it could not be restored, or its copy lacks or
differs; 3 no such backup, no server for the test, no key; 1 a store does not answer; 130 interrupted")]
pub struct VerifyArgs {
    /// Backups, in full or by a part of the name that only one has [default: the newest]
    #[arg(value_name = "BACKUP")]
    pub backups: Vec<String>,
    /// Every backup of the store
    #[arg(long, env = "PGCTL_ALL", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), conflicts_with = "backups")]
    pub all: bool,
    /// Where they are.
    #[command(flatten)]
    pub store: StoreArgs,
    /// A second store that is to have the same: a directory, or s3://BUCKET/PREFIX
    #[arg(long, env = "PGCTL_COMPARE", hide_env = true, value_name = "STORE")]
    pub compare: Option<String>,
    /// Restore it into a throw-away server on this machine, too, and look at every table
    #[arg(long, env = "PGCTL_RESTORE_TEST", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub restore_test: bool,
    /// Of a base backup, with all of the archived WAL after it: the archive's proof [default backup: the
    /// newest base backup]
    #[arg(long, env = "PGCTL_TO_LATEST", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), requires = "restore_test", conflicts_with = "all")]
    pub to_latest: bool,
    /// File with the age key, to look into encrypted ones
    #[arg(long, env = "PGCTL_IDENTITY", hide_env = true, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// What is told while it runs.
    #[command(flatten)]
    pub telling: EventsArgs,
}

/// `pgctl backup copy`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
A backup is copied as it lies there, encrypted or not, and every byte is compared with its manifest on the
way. It counts in the second store once all of it is there. What is there and equal is skipped; what is
there under the same name and is not equal is never written over. Archived WAL (pgctl wal) is not copied.
A directory has to be there already: one whose disk is not mounted is not made. Name a folder on that disk:
the mount point itself is there without its disk, too.

A bucket to copy to takes PGCTL_COPY_AWS_ACCESS_KEY_ID, ..._SECRET_ACCESS_KEY, ..._SESSION_TOKEN,
..._REGION and ..._ENDPOINT_URL where it needs others than the store that is copied from
(docs/runbooks/backup.md).

Exit codes: 0 the second store has all of them; 5 some were copied and others not: the same command goes
on; 3 none was copied: no such backup, it is damaged, something else has its name, or somebody writes it
or was killed at it less than an hour ago; 2 both stores are one place; 1 a store does not answer, and
none was copied; 130 interrupted")]
pub struct CopyArgs {
    /// Backups, in full or by a part of the name that only one has [default: the newest]
    #[arg(value_name = "BACKUP")]
    pub backups: Vec<String>,
    /// Every backup of the store
    #[arg(long, env = "PGCTL_ALL", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), conflicts_with = "backups")]
    pub all: bool,
    /// The newest, as when none is named
    #[arg(long, conflicts_with_all = ["backups", "all"])]
    pub latest: bool,
    /// Where they are.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Where they are copied to: a directory, or s3://BUCKET/PREFIX
    #[arg(long, env = "PGCTL_COPY_TO", hide_env = true, value_name = "STORE")]
    pub to: String,
    /// Show what would be copied, and copy nothing
    #[arg(long, env = "PGCTL_DRY_RUN", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
    /// What is told while it runs.
    #[command(flatten)]
    pub telling: EventsArgs,
}

/// `pgctl backup prune`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Of each cluster and kind the newest verified backup stays, whatever is asked for. What a killed
pgctl left unfinished goes when it is older than two days. Of archived WAL (pgctl wal) that stays which
leads from the oldest base backup that stays to any later moment; without a base backup all of it.

Exit codes: 0 done; 2 nothing to keep was named; 3 not confirmed; 1 something could not be deleted")]
pub struct PruneArgs {
    /// Keep the newest so many
    #[arg(
        long,
        env = "PGCTL_KEEP_LAST",
        hide_env = true,
        value_name = "N",
        default_value = "0"
    )]
    pub keep_last: usize,
    /// Keep the newest of each of the last so many days that have one
    #[arg(
        long,
        env = "PGCTL_KEEP_DAILY",
        hide_env = true,
        value_name = "N",
        default_value = "0"
    )]
    pub keep_daily: usize,
    /// Keep the newest of each of the last so many weeks that have one
    #[arg(
        long,
        env = "PGCTL_KEEP_WEEKLY",
        hide_env = true,
        value_name = "N",
        default_value = "0"
    )]
    pub keep_weekly: usize,
    /// Keep what it takes to restore any moment of so long, such as 14d
    #[arg(long, env = "PGCTL_KEEP_WINDOW", hide_env = true, value_name = "TIME", value_parser = positive_duration)]
    pub keep_window: Option<Duration>,
    /// Where they are.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Show what would be deleted, and delete nothing
    #[arg(long, env = "PGCTL_DRY_RUN", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub dry_run: bool,
    /// Delete without asking
    #[arg(short, long, env = "PGCTL_YES", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub yes: bool,
}

/// A size such as `20MB`, in bytes a second, as `--max-lag` reads sizes.
fn rate(text: &str) -> Result<u64, String> {
    let limit: LagLimit = text
        .parse()
        .map_err(|_| "give a size with its unit, such as 20MB".to_owned())?;
    limit
        .bytes
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "give a size with its unit, such as 20MB".to_owned())
}
