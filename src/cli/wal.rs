//! `pgctl wal`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::backup::StoreArgs;
use crate::cluster::LagLimit;

/// Archive the WAL, so that any second can be restored; list or verify what is archived
#[derive(Debug, Clone, Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  pgctl wal archive --store s3://backups/pg    archives until it is stopped
  pgctl wal list --store s3://backups/pg       what is archived, and to which moments that leads
  pgctl wal verify --store s3://backups/pg     reads all of it again

A bucket takes AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL and so on from
the environment (docs/runbooks/backup.md). docs/runbooks/wal-archive.md shows how to run it in the cluster."
)]
pub struct WalArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: WalCommand,
}

/// What can be done with the WAL.
#[derive(Debug, Clone, Subcommand)]
pub enum WalCommand {
    /// Archive the WAL of the cluster as it is written, until stopped
    Archive(WalArchiveArgs),
    /// List what is archived: timelines, ranges, gaps, and the moments that can be restored
    List(WalListArgs),
    /// Read archived WAL again from end to end, and say what is wrong with it
    Verify(WalVerifyArgs),
}

/// Archive the WAL of the cluster as it is written, until stopped
///
/// PostgreSQL's own pg_receivewal streams from the primary through the slot pgctl_wal_archive into a
/// spool; from there whole segments, histories of timelines and, every few seconds, the unfinished
/// segment go to the store, compressed and, with --encrypt, encrypted. After a failover it goes on with
/// the new primary. A store that is away is waited for while the spool has room; then the slot holds
/// the WAL on the primary, up to max_slot_wal_keep_size. What is missing is recorded, never hidden.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl wal archive --store s3://backups/pg
  pgctl wal archive --store /mnt/backups --encrypt age1... --spool /var/spool/pgctl
  pgctl wal archive --store s3://backups/pg -o json | jq 'select(.event == \"gap\")'

Exit codes: 0 stopped with Ctrl-C or SIGTERM, and what was received is stored; 1 the spool or the store
can't be used, or what was received is not all stored (it waits in the spool); 3 pg_receivewal is
missing or older than the server; 7 the API is out of reach")]
pub struct WalArchiveArgs {
    /// Where to put it.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Folder for what is not stored yet; it must outlive this process
    /// [default: ~/.local/state/pgctl/wal-spool]
    #[arg(long, env = "PGCTL_SPOOL", hide_env = true, value_name = "DIR")]
    pub spool: Option<PathBuf>,
    /// The most that may wait in it; beyond that nothing is received
    #[arg(long, env = "PGCTL_SPOOL_LIMIT", hide_env = true, value_name = "SIZE", default_value = "2GB", value_parser = size)]
    pub spool_limit: u64,
    /// Encrypt for this age recipient (age1...); may be given several times
    #[arg(
        long,
        env = "PGCTL_ENCRYPT",
        hide_env = true,
        value_name = "RECIPIENT",
        value_delimiter = ','
    )]
    pub encrypt: Vec<String>,
    /// The way to the primary [default: service in a pod, else port-forward]
    #[arg(long, env = "PGCTL_VIA", hide_env = true, value_name = "WAY")]
    pub via: Option<WalVia>,
}

/// The way to the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WalVia {
    /// The address of the write Service, from within the cluster
    Service,
    /// A port forwarded through the Kubernetes API
    PortForward,
}

/// `pgctl wal list`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Asks the store only. Of each archive: the moments that can be restored without a break, and then the
ranges of each timeline. With -n or --cluster only the archives of those are shown.

Exit codes: 0; 4 there is a gap, or something in an archive can't be read; 1 the store does not answer")]
pub struct WalListArgs {
    /// Where it is.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `pgctl wal verify`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Of every segment: the checksum of its content, the header of every page, and every record with its
checksum and its place behind the one before it, through to the end. With -n or --cluster only the
archives of those are read. Encrypted segments need --identity.

Exit codes: 0 whole; 4 something is wrong, or missing; 3 there is no archive, no key; 1 the store does
not answer; 130 interrupted")]
pub struct WalVerifyArgs {
    /// Where it is.
    #[command(flatten)]
    pub store: StoreArgs,
    /// File with the age key, to look into encrypted segments
    #[arg(long, env = "PGCTL_IDENTITY", hide_env = true, value_name = "FILE")]
    pub identity: Option<PathBuf>,
}

/// A size such as `2GB`, in bytes, as `--max-lag` reads sizes.
fn size(text: &str) -> Result<u64, String> {
    let limit = text.parse::<LagLimit>().ok().and_then(|it| it.bytes);
    limit
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "give a size with its unit, such as 2GB".to_owned())
}
