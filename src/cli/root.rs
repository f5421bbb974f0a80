//! The command line as a whole.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::builder::{FalseyValueParser, TypedValueParser as _};
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, FromArgMatches as _, Parser, Subcommand};

use super::config_file::{ConfigFile, with_defaults};
use super::in_vain::in_vain;
use super::plugin::{called_as_plugin, of_plugin};
use super::{
    BackupArgs, ConfigArgs, ConfigCommand, ConnectionsArgs, DatabasesArgs, DiskArgs, DoctorArgs,
    DrainArgs, ExplainArgs, FailoverArgs, GlobalArgs, HpaArgs, LagArgs, LocksArgs, LogsArgs,
    MetricsArgs, PasswordsArgs, PoolerArgs, PortForwardArgs, PsqlArgs, QueriesArgs, QueryArgs,
    ReinitArgs, RejoinArgs, ReportArgs, RestoreArgs, RolloutArgs, ScaleArgs, ShellArgs, SlotsArgs,
    StatusArgs, SyncArgs, TopArgs, TuneArgs, UpgradeArgs, UsersArgs, VersionArgs, WalArgs,
};

/// Day-2 operations for a PostgreSQL primary/replica cluster on Kubernetes
///
/// Nothing is installed in the cluster: pgctl looks through the Kubernetes API and asks each
/// database through a port-forward.
#[derive(Debug, Parser)]
#[command(
    name = "pgctl",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    after_help = "\
Examples:
  pgctl status                        how is the cluster in the current namespace?
  pgctl status -A                     and all others?
  pgctl -n staging lag --max-lag 10s  is any standby more than 10 s behind?

Exit codes: 0 done or healthy, 1 failure, 2 usage, 3 refused, 4 unhealthy, 5 incomplete,
6 rolled back, 7 unreachable, 8 timed out, 130 interrupted (docs/exit-codes.md)"
)]
pub struct Cli {
    /// What goes for every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// It was called as a plugin of kubectl.
    #[arg(skip)]
    pub plugin: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show how a cluster is, what is wrong and what to type about it
    Status(StatusArgs),
    /// Show how far each standby is behind, or check it
    Lag(LagArgs),
    /// Show what each replication slot holds back, and how long that can go on; or drop one
    Slots(SlotsArgs),
    /// Show what the servers write into their logs, all in one
    Logs(LogsArgs),
    /// Examine a cluster: health, protection, vacuum, indexes, security, settings, rights
    Doctor(DoctorArgs),
    /// Tell what is known of a cluster in OpenMetrics, once or for Prometheus
    Metrics(MetricsArgs),
    /// Collect what a ticket needs into one archive, without secrets
    Report(ReportArgs),
    /// Show what every server does now, and who waits for whom; or end a query
    Queries(QueriesArgs),
    /// Show who waits for a lock, and for whom
    Locks(LocksArgs),
    /// Show who is connected, against the limit, and what keeps dead rows from going
    Connections(ConnectionsArgs),
    /// Show the settings that each server goes by and where they come from, or how they differ; or change them
    Config(ConfigArgs),
    /// Propose settings for the memory, the processors and the volume that the pods have
    Tune(TuneArgs),
    /// Show what takes the space on each volume, how fast that grows, and when it is full
    Disk(DiskArgs),
    /// List the databases: owner, size, sessions, encoding, collation
    Databases(DatabasesArgs),
    /// List the roles: what they may, how their password is stored, where they may connect
    Users(UsersArgs),
    /// Change the passwords of the superuser and of the standbys, without anybody being locked out
    Passwords(PasswordsArgs),
    /// Show who waits in the poolers that lead clients to the cluster, or set them up
    Pooler(PoolerArgs),
    /// Ask the primary, or every server at once, a question in SQL
    Query(QueryArgs),
    /// Open psql on the primary, on a standby, or on a pod
    Psql(PsqlArgs),
    /// Open a shell in a pod, or run a command there
    Shell(ShellArgs),
    /// Open a local port that leads to the primary, to the standbys, or to a pod
    PortForward(PortForwardArgs),
    /// Show what every server does at the moment, live
    Top(TopArgs),
    /// Make another pod the primary
    Failover(FailoverArgs),
    /// Bring a former primary back as a standby
    Rejoin(RejoinArgs),
    /// Give a broken standby a new volume, copied from the primary
    Reinit(ReinitArgs),
    /// Change the number of replica pods, and see it through
    Scale(ScaleArgs),
    /// Bring every pod to what its StatefulSet says, the standbys first
    Rollout(RolloutArgs),
    /// Bring every server to another minor version, the standbys first
    Upgrade(UpgradeArgs),
    /// Move the cluster's pods away from a node, the primary first
    Drain(DrainArgs),
    /// Show the autoscaler, and why it does not scale; or change it
    Hpa(HpaArgs),
    /// Show for how many standbys commits wait; or change it
    Sync(SyncArgs),
    /// Show the operations that have run: when, who, what, and what it cost
    History,
    /// Take a backup; list, verify, copy or prune those there are
    Backup(Box<BackupArgs>),
    /// Restore a backup into the cluster
    Restore(Box<RestoreArgs>),
    /// Archive the WAL, so that any second can be restored; list or verify what is archived
    Wal(WalArgs),
    /// Say what a code means: of a finding, of a check, of an exit
    Explain(ExplainArgs),
    /// Show the versions of pgctl, of Kubernetes, and of PostgreSQL in every pod
    Version(VersionArgs),
}

impl Cli {
    /// Reads the command line, the environment, and the file with defaults. Ends the process for `--help` (0) and for
    /// what can't be understood (2). `current_context` is the one of the kubeconfig, or of another file that is one.
    pub fn read(current_context: &dyn Fn(Option<&Path>) -> Option<String>) -> Self {
        let command = without_unset(Self::command(), &|name| std::env::var_os(name));
        let plugin = called_as_plugin(std::env::args_os().next().as_deref());
        let mut command = match plugin {
            true => of_plugin(command.bin_name("kubectl pgctl")),
            false => command,
        };
        let cli = Self::parsed(command.clone());
        if cli.command.is_about_the_file() {
            return Self { plugin, ..cli };
        }
        let cli = match ConfigFile::read(&|name| std::env::var_os(name), &command) {
            Ok(None) => cli,
            Ok(Some(file)) => {
                let global = &cli.global;
                let (_, defaults) = file.in_force(
                    global.context.as_deref(),
                    global.kubeconfig.as_deref(),
                    current_context,
                );
                Self::parsed(with_defaults(command, &defaults))
            }
            Err(error) => command
                .error(
                    ErrorKind::ValueValidation,
                    format!("{error}\n  next: mend it (pgctl config where), or go without: PGCTL_CONFIG= pgctl ..."),
                )
                .exit(),
        };
        Self { plugin, ..cli }
    }

    fn parsed(command: clap::Command) -> Self {
        let mut known = command.clone();
        let matches = command.get_matches();
        if let Some(why) = in_vain(&known, &matches) {
            known.error(ErrorKind::ArgumentConflict, why).exit();
        }
        let read = Self::from_arg_matches(&matches);
        read.unwrap_or_else(|error| error.exit())
    }
}

impl Command {
    /// Whether it is there to find or mend the file with defaults, which may be broken.
    fn is_about_the_file(&self) -> bool {
        let Self::Config(args) = self else {
            return false;
        };
        matches!(
            args.command,
            Some(ConfigCommand::Init(_) | ConfigCommand::Where(_))
        )
    }
}

/// Forgets the variables that are empty, and those that set a flag to no: clap counts a flag as given
/// when its variable is there, so that `PGCTL_RESUME=0` would stand for `--resume` wherever something
/// requires it or conflicts with it.
fn without_unset(
    command: clap::Command,
    variable: &impl Fn(&OsStr) -> Option<OsString>,
) -> clap::Command {
    let command = command.mut_args(|argument| {
        let value = argument.get_env().and_then(variable);
        let flag = matches!(argument.get_action(), ArgAction::SetTrue);
        let no = |value: &OsString| {
            value.is_empty()
                || flag
                    && FalseyValueParser::new()
                        .parse_ref(&clap::Command::new("pgctl"), None, value)
                        .is_ok_and(|yes| !yes)
        };
        if value.as_ref().is_some_and(no) {
            argument.env(None::<&str>)
        } else {
            argument
        }
    });
    command.mut_subcommands(|command| without_unset(command, variable))
}

/// The command line as clap has it: for completions, man pages and the reference.
pub fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    /// What overrules a check that keeps data, or throws data away, is said anew each time: a variable
    /// that was set once would say it for every command that comes after.
    const ONLY_BY_HAND: [&str; 24] = [
        "accept-loss",
        "accept-split-brain-risk",
        "allow-archive-gap",
        "allow-backup-loss",
        "allow-slot-loss",
        "blind",
        "clean",
        "clone",
        "delete-volumes",
        "discard-into",
        "discard-old",
        "disconnect",
        "exclusive",
        "into",
        "latest",
        "no-safety-backup",
        "process",
        "table",
        "timeline",
        "to-lsn",
        "to-name",
        "to-time",
        "to-xid",
        "write",
    ];

    #[test]
    fn every_option_has_a_variable_of_our_own() {
        let mut by_hand = std::collections::BTreeSet::new();
        fn check(command: &clap::Command, by_hand: &mut std::collections::BTreeSet<String>) {
            for argument in command.get_arguments() {
                let id = argument.get_id().as_str();
                if argument.is_positional() || matches!(id, "help" | "version") {
                    continue;
                }
                let long = argument.get_long().expect("an option has a long name");
                if ONLY_BY_HAND.contains(&long) {
                    by_hand.insert(long.to_owned());
                    assert_eq!(argument.get_env(), None, "--{long} is only given by hand");
                    continue;
                }
                let name = match (command.get_name(), long) {
                    // A place of copies. PGCTL_TO is a pod, a moment or a version.
                    ("copy", "to") => "copy-to",
                    _ => long,
                };
                let expected = format!("PGCTL_{}", name.replace('-', "_").to_uppercase());
                assert_eq!(
                    argument.get_env().and_then(|name| name.to_str()),
                    Some(expected.as_str())
                );
            }
            for command in command.get_subcommands() {
                check(command, by_hand);
            }
        }
        check(&command(), &mut by_hand);
        assert!(by_hand.iter().eq(ONLY_BY_HAND), "{by_hand:?}");
    }

    #[test]
    fn a_variable_that_says_no_is_as_good_as_none() {
        let set = |name: &OsStr| match name.to_str() {
            Some("PGCTL_RESUME") => Some("off".into()),
            Some("PGCTL_NAMESPACE") => Some("".into()),
            Some("PGCTL_PIN") => Some("1".into()),
            // A number is no flag.
            Some("PGCTL_WAIT_TIMEOUT") => Some("0".into()),
            _ => None,
        };
        let command = without_unset(Cli::command(), &set);
        let env = |command: &clap::Command, long: &str| {
            let mut arguments = command.get_arguments();
            let found = arguments.find(|it| it.get_long() == Some(long));
            found.expect(long).get_env().is_some()
        };
        assert!(!env(&command, "namespace"));
        assert!(env(&command, "context"));
        let scale = command.find_subcommand("scale").expect("it is there");
        assert!(!env(scale, "resume"));
        assert!(env(scale, "pin") && env(scale, "wait-timeout"));
    }

    #[test]
    fn nonsense_is_a_usage_error() {
        for line in [
            "pgctl nonsense",
            "pgctl status --max-lag ten",
            "pgctl status --timeout 10",
            "pgctl status --timeout -1s",
            "pgctl status -o xml",
            "pgctl lag --sample soon",
            "pgctl status -w --interval 0s",
        ] {
            let error = Cli::try_parse_from(line.split(' ')).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn global_options_go_before_and_after_the_command() {
        for line in [
            "pgctl -n a status",
            "pgctl status -n a",
            "pgctl status --namespace=a",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).expect(line);
            assert_eq!(cli.global.namespace.as_deref(), Some("a"), "{line}");
        }
    }
}
