//! Which documents each command may print: by the files of their schemas.

use super::context::Context;
use crate::cli::{
    BackupCommand, Command, ConfigCommand, HpaCommand, SyncCommand, UsersCommand, WalCommand,
};
use crate::cluster::nearest;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{Format, known_field};

const CHANGE: &[&str] = &["change.json"];
const OPERATION: &[&str] = &["plan.json", "refusal.json", "report.json"];
/// It may be a switchover, a change of templates, or both.
const ROLLOUT: &[&str] = &[
    "rollout.json",
    "plan.json",
    "refusal.json",
    "report.json",
    "change.json",
];

/// Refuses a field (`-o value=FIELD`) that no document of this command has, before anything is begun.
pub(super) fn check_field(context: &Context, command: &Command) -> Result<(), Failure> {
    let Format::Value(field) = context.format else {
        return Ok(());
    };
    let documents = documents(command);
    if documents.is_empty() {
        let what = "this command has no document, and so no field of one";
        return Err(Failure::new(ExitCode::Usage, what).next("pgctl status -o value=verdict"));
    }
    known_field(field, documents).map_err(|unknown| {
        let what = format!("-o value: {}", unknown.reason);
        let mut failure = Failure::new(ExitCode::Usage, what);
        if !unknown.there.is_empty() {
            failure = failure.because(format!("there are: {}", unknown.there.join(", ")));
        }
        let asked = field.to_string();
        let last = asked[unknown.place.len()..].trim_start_matches('.');
        let last = last.split(['.', '[']).next().unwrap_or_default();
        match nearest(last, unknown.there.iter().map(String::as_str)) {
            Some(near) if unknown.place.is_empty() => failure.next(format!("-o value={near}")),
            Some(near) => failure.next(format!("-o value={}.{near}", unknown.place)),
            None => failure.next("-o json shows the whole document"),
        }
    })
}

/// The files of their schemas.
pub(super) fn documents(command: &Command) -> &'static [&'static str] {
    match command {
        Command::Status(args) if args.fleet.several() => &["cluster-list.json"],
        Command::Status(_) => &["cluster-status.json"],
        Command::Lag(_) => &["lag-report.json"],
        Command::Slots(args) if args.command.is_some() => CHANGE,
        Command::Slots(_) => &["slots.json"],
        Command::Logs(args) if args.slow => &["slow-statements.json"],
        Command::Logs(_) => &["log-entry.json"],
        Command::Doctor(args) if args.fleet.several() => &["examination-list.json"],
        Command::Doctor(_) => &["examination.json"],
        Command::Queries(args) if args.command.is_some() => CHANGE,
        Command::Queries(args) if args.top.is_some() => &["statements.json"],
        Command::Queries(_) | Command::Locks(_) => &["queries.json"],
        Command::Connections(_) => &["connections.json"],
        Command::Config(args) => match &args.command {
            None | Some(ConfigCommand::Show(_)) => &["config.json"],
            Some(ConfigCommand::Diff(_)) => &["config-diff.json"],
            Some(ConfigCommand::Init(_) | ConfigCommand::Where(_)) => &["config-file.json"],
            Some(ConfigCommand::Set(_) | ConfigCommand::Unset(_) | ConfigCommand::Reload(_)) => {
                CHANGE
            }
        },
        Command::Tune(_) => &["tuning.json"],
        Command::Disk(_) => &["disk.json"],
        Command::Databases(_) => &["databases.json"],
        Command::Users(args) => match &args.command {
            None => &["users.json"],
            Some(UsersCommand::Create(_) | UsersCommand::Drop(_)) => CHANGE,
        },
        Command::Pooler(args) if args.command.is_none() => &["poolers.json"],
        Command::Passwords(_) | Command::Pooler(_) => CHANGE,
        Command::Query(args) if args.write => CHANGE,
        Command::Query(args) if args.fleet.several() => &["query-result-list.json"],
        Command::Query(_) => &["query-result.json"],
        Command::PortForward(_) => &["port-forward.json"],
        Command::Failover(_)
        | Command::Rejoin(_)
        | Command::Reinit(_)
        | Command::Scale(_)
        | Command::Restore(_) => OPERATION,
        Command::Rollout(_) | Command::Upgrade(_) | Command::Drain(_) => ROLLOUT,
        Command::Hpa(args) => match &args.command {
            None | Some(HpaCommand::Show) => &["autoscaler.json"],
            Some(HpaCommand::Set(_) | HpaCommand::Pause(_) | HpaCommand::Resume(_)) => OPERATION,
        },
        Command::Sync(args) => match &args.command {
            None | Some(SyncCommand::Show) => &["synchronous-replication.json"],
            Some(SyncCommand::Set(_)) => OPERATION,
        },
        Command::History => &["history.json"],
        Command::Backup(args) => match &args.command {
            None => &["backup.json"],
            Some(BackupCommand::List(list)) if list.fleet.several() => {
                &["cluster-backup-list.json"]
            }
            Some(BackupCommand::List(_)) => &["backup-list.json"],
            Some(BackupCommand::Verify(_)) => &["backup-verification.json"],
            Some(BackupCommand::Copy(_)) => &["backup-copies.json"],
            Some(BackupCommand::Prune(_)) => &["backup-pruning.json"],
        },
        Command::Wal(args) => match &args.command {
            WalCommand::Archive(_) => &["wal-event.json"],
            WalCommand::List(_) => &["wal-archive-list.json"],
            WalCommand::Verify(_) => &["wal-verification.json"],
        },
        Command::Explain(_) => &["explanations.json"],
        Command::Version(_) => &["version.json"],
        Command::Metrics(_)
        | Command::Report(_)
        | Command::Psql(_)
        | Command::Shell(_)
        | Command::Top(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    /// Somebody who types a command gets fields of the documents that `docs/output.md` says it prints.
    #[test]
    fn every_command_of_the_table_has_its_documents() {
        let page = include_str!("../../docs/output.md");
        let mut rows = 0;
        for row in page.lines().filter(|it| it.starts_with("| `pgctl ")) {
            let file = row.rsplit("](schema/").next().expect("a link");
            let file = file.split(')').next().expect("its end");
            let line = row.split('`').nth(1).expect("a command");
            let line = line.split_once(", ").map_or(line, |(first, _)| first);
            let line = line.replace("SQL", "x");
            let Ok(cli) = Cli::try_parse_from(line.split(' ')) else {
                // What lacks an argument is named there without.
                continue;
            };
            let documents = documents(&cli.command);
            assert!(documents.contains(&file), "{line}: {documents:?}");
            rows += 1;
        }
        assert!(rows > 20, "only {rows} rows could be read");
    }

    #[test]
    fn every_document_of_a_command_has_a_schema() {
        let all = crate::output::schemas();
        let some = [CHANGE, OPERATION, ROLLOUT].concat();
        for file in some {
            assert!(all.contains_key(file), "{file}");
        }
    }
}
