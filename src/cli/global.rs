//! Options of every command, in kubectl's words.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};
use jiff::{SignedDuration, Span, SpanRelativeTo};

use super::output_format::{OutputFormat, OutputFormatParser};

/// Options of every command. Each can be given as an environment variable, too.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Namespace of the cluster [default: that of the context]
    #[arg(
        short,
        long,
        global = true,
        env = "PGCTL_NAMESPACE",
        hide_env = true,
        value_name = "NAME"
    )]
    pub namespace: Option<String>,
    /// Context of the kubeconfig [default: the current one]
    #[arg(
        long,
        global = true,
        env = "PGCTL_CONTEXT",
        hide_env = true,
        value_name = "NAME"
    )]
    pub context: Option<String>,
    /// Kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod's service account]
    #[arg(
        long,
        global = true,
        env = "PGCTL_KUBECONFIG",
        hide_env = true,
        value_name = "FILE"
    )]
    pub kubeconfig: Option<PathBuf>,
    /// Label selector of the cluster's objects [default: app.kubernetes.io/name=postgres]
    #[arg(
        short = 'l',
        long,
        global = true,
        env = "PGCTL_SELECTOR",
        hide_env = true,
        value_name = "SELECTOR"
    )]
    pub selector: Option<String>,
    /// Which cluster, when there are several (label app.kubernetes.io/instance)
    #[arg(
        long,
        global = true,
        env = "PGCTL_CLUSTER",
        hide_env = true,
        value_name = "NAME"
    )]
    pub cluster: Option<String>,
    /// Secret with the passwords [default: the one that the pods use]
    #[arg(
        long,
        global = true,
        env = "PGCTL_SECRET",
        hide_env = true,
        value_name = "NAME"
    )]
    pub secret: Option<String>,
    /// How to print the result
    #[arg(
        short,
        long,
        global = true,
        env = "PGCTL_OUTPUT",
        hide_env = true,
        value_name = "FORMAT",
        default_value = "table",
        value_parser = OutputFormatParser
    )]
    pub output: OutputFormat,
    /// The longest to wait for one answer, of the API or of a database
    ///
    /// With a longer one than the usual 10s also that is waited for longer which must not cost all of it: the roles of pods in
    /// logs, another server that hangs in psql and port-forward, the store in status.
    #[arg(long, global = true, env = "PGCTL_TIMEOUT", hide_env = true, value_name = "TIME", default_value = "10s", value_parser = positive_duration)]
    pub timeout: Duration,
    /// Tell more, on stderr
    #[arg(short, long, global = true, env = "PGCTL_VERBOSE", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub verbose: bool,
    /// Print the answer only
    #[arg(short, long, global = true, env = "PGCTL_QUIET", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub quiet: bool,
    /// No colours (as NO_COLOR=1)
    #[arg(long, global = true, env = "PGCTL_NO_COLOR", hide_env = true, action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub no_color: bool,
}

/// The longest time that can be given: beyond it clocks overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Reads a time such as `10s`, `1m30s`, `500ms`; not 0.
pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|duration| match duration {
        Duration::ZERO => Err("it must be more than 0".to_owned()),
        duration => Ok(duration),
    })
}

/// Reads a time such as `10s`, `1m30s`, `500ms`, `1d`, or 0.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    // A day is 24 hours: nobody who types it thinks of summer time.
    let with_days = |span: Span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok();
    text.parse::<SignedDuration>()
        .ok()
        .or_else(|| text.parse().ok().and_then(with_days))
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| "give a time with its unit, such as 10s, 1m30s or 500ms".to_owned())
        .and_then(|duration| match duration {
            duration if duration > LONGEST => Err("it can be a year at most".to_owned()),
            duration => Ok(duration),
        })
}
