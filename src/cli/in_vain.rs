//! Options that were typed and mean nothing beside another: somebody believes in them.

use clap::ArgMatches;
use clap::parser::ValueSource;

/// What a restore deletes, and the options of `pgctl restore` that mean something beside it.
const DELETIONS: [(&str, &[&str]); 2] = [
    (
        "discard_into",
        &["discard_into", "to", "dry_run", "yes", "events"],
    ),
    (
        "discard_old",
        &["discard_old", "to", "dry_run", "yes", "events"],
    ),
];

/// What was typed in vain, in words; none when each option has a meaning. Variables and the file with defaults are for
/// many commands, and for some of them in vain.
pub(super) fn in_vain(command: &clap::Command, matches: &ArgMatches) -> Option<String> {
    let restore = command.find_subcommand("restore")?;
    let matches = matches.subcommand_matches("restore")?;
    let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    // Going on with an operation takes what that takes.
    if typed("resume") || typed("abort") {
        return None;
    }
    let (deletion, meant) = DELETIONS.into_iter().find(|it| typed(it.0))?;
    let of_restore = || restore.get_arguments();
    let is_it = |it: &&clap::Arg| it.get_id().as_str() == deletion;
    let deletion = of_restore().find(is_it)?.get_long()?;
    let idle = |it: &&clap::Arg| {
        let id = it.get_id().as_str();
        !meant.contains(&id) && !matches!(id, "help" | "version") && typed(id)
    };
    let idle = of_restore().filter(idle);
    let idle: Vec<String> = idle
        .filter_map(|it| Some(format!("--{}", it.get_long()?)))
        .collect();
    if idle.is_empty() {
        return None;
    }
    let idle = idle.join(" and ");
    Some(format!(
        "{idle} means nothing beside --{deletion}, which only deletes\n  next: the same without {idle}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Option<String> {
        let command = crate::cli::command();
        let matches = command.clone().try_get_matches_from(line.split(' '));
        in_vain(&command, &matches.expect(line))
    }

    #[test]
    fn what_means_nothing_to_a_deletion_is_said_and_not_passed_over() {
        for (options, named) in [
            ("--allow-drift", "--allow-drift"),
            ("--timeline 2", "--timeline"),
            ("--exclusive", "--exclusive"),
            ("--store /backups", "--store"),
            ("--identity key.txt", "--identity"),
            ("--pause --store /backups", "--store and --pause"),
        ] {
            for deletion in ["--discard-into look", "--discard-old"] {
                let line = ["pgctl restore", deletion, options, "-n x --yes"].join(" ");
                let text = said(&line).expect(&line);
                assert!(
                    text.contains(&format!("the same without {named}")),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn what_has_a_meaning_is_taken() {
        for line in [
            "pgctl restore --discard-into look",
            "pgctl -n x restore --discard-into look --to c --dry-run --timeout 3s",
            "pgctl restore --discard-old --yes --events",
            "pgctl restore --discard-old --resume --store /backups",
            "pgctl restore --latest --timeline 2 --into look --store /backups",
            "pgctl status --max-lag 3s",
        ] {
            assert_eq!(said(line), None, "{line}");
        }
    }
}
