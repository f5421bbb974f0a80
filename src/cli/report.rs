//! `pgctl report`.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::judging::JudgingArgs;

/// Collect what a ticket needs into one archive, without secrets
///
/// Objects, Events, logs, settings, replication state, history, and what the doctor says, as a .tar.gz.
/// Secrets, passwords and the texts of queries are left out: every value of every Secret that can be read
/// is looked for in every file, as it is and in base64. What could not be collected is named in README.txt
/// in the archive, with the reason, and so is how far the search for secrets got. Look through it before it leaves your hands all the same.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl report                               into the current folder
  pgctl report --file /tmp/ticket-4711.tar.gz
  pgctl report --tail 20000 --with-queries   for those who may see what clients ask

Exit codes: 0; 1 the archive can't be written; 7 the API is out of reach")]
pub struct ReportArgs {
    /// Write it here [default: pgctl-report-NAMESPACE-CLUSTER-TIME.tar.gz]; an existing file is kept
    #[arg(long, env = "PGCTL_FILE", hide_env = true, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Lines of each log
    #[arg(long, env = "PGCTL_TAIL", hide_env = true, value_name = "LINES", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub tail: u32,
    /// Keep the texts of queries, and the values that log entries quote
    #[arg(long, env = "PGCTL_WITH_QUERIES", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub with_queries: bool,
    /// What the doctor's part judges by.
    #[command(flatten)]
    pub judging: JudgingArgs,
}
