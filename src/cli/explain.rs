//! `pgctl explain`.

use clap::Args;

/// Say what a code means: of a finding, of a check, of an exit
///
/// Looks at no cluster. The words are those that screens and documents have; without one, all of them are
/// listed.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pgctl explain standby-behind        a finding of pgctl status, or of pgctl doctor
  pgctl explain 'signs of life'       a check before an operation, as its table names it
  pgctl explain 5                     an exit code
  pgctl explain                       all that there are

Exit codes: 0; 2 no such code")]
pub struct ExplainArgs {
    /// The code, the name of a check, or the number of an exit code
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}
