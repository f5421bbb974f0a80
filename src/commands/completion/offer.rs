//! What is offered at a place of the command line, as far as nobody has to be asked.

use clap::Arg;

use super::candidate::Candidate;
use super::fields::fields;
use super::kind::{Kind, kind, words};
use super::place::{Expected, Place, takes_many};
use crate::doctor::CheckCode;
use crate::explanation::explanations;

/// The settings of PostgreSQL 15 to 18 that a file may have (`postgres --describe-config`), and those of the
/// modules that the documentation names.
const SETTINGS: &str = include_str!("settings.txt");

/// What is known without asking.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) candidates: Vec<Candidate>,
    /// Where more comes from: the cluster, the kubeconfig, the store, the shell.
    pub(super) more: Option<Kind>,
}

/// What can come at a place, whatever has been typed of it. `before`: the words up to it.
pub(super) fn offer(place: &Place<'_>, before: &[String]) -> Offer {
    match place.expected {
        Expected::Nothing => Offer::default(),
        Expected::Option => options(place),
        Expected::Value(argument) => values(place, argument, before),
        Expected::Word { commands, argument } => {
            let mut offer = match argument {
                Some(argument) => values(place, argument, before),
                None => Offer::default(),
            };
            if commands {
                let all = place.command.get_subcommands();
                let all = all.filter(|it| !it.is_hide_set());
                let all = all.map(|it| Candidate::new(it.get_name(), about(it.get_about())));
                offer.candidates.splice(0..0, all);
            }
            if offer == Offer::default() && place.typed.is_empty() {
                return options(place);
            }
            offer
        }
    }
}

/// The options that can still be given: in full, and by their letter only when that is what is being typed.
fn options(place: &Place<'_>) -> Offer {
    let letters = place.typed.starts_with('-') && !place.typed.starts_with("--");
    let mut candidates = Vec::new();
    for option in place.command.get_arguments() {
        let given = place.given.has(option.get_id().as_str()) && !takes_many(option);
        if option.is_hide_set() || given {
            continue;
        }
        let about = about(option.get_help());
        let long = option.get_long().map(|it| format!("--{it}"));
        let short = option
            .get_short()
            .filter(|_| letters)
            .map(|it| format!("-{it}"));
        let names = long.into_iter().chain(short);
        candidates.extend(names.map(|it| Candidate::new(it, about.clone())));
    }
    Offer {
        candidates,
        more: None,
    }
}

fn values(place: &Place<'_>, argument: &Arg, before: &[String]) -> Offer {
    let kind = kind(&place.path, argument);
    let words = words(&place.path, argument)
        .into_iter()
        .map(|it| Candidate::new(it, ""));
    let mut candidates: Vec<Candidate> = words.collect();
    let name = |it: &str| Candidate::new(it, "");
    match kind {
        Kind::Settings => candidates.extend(SETTINGS.lines().map(name)),
        Kind::Assignments if !place.typed.contains('=') => {
            candidates.extend(
                SETTINGS
                    .lines()
                    .map(|it| Candidate::new(format!("{it}="), "")),
            );
        }
        Kind::Checks => candidates.extend(CheckCode::all().map(|it| name(&it.to_string()))),
        Kind::Codes => candidates.extend(
            explanations()
                .into_iter()
                .map(|it| Candidate::new(it.code.clone(), it.kind.title())),
        ),
        Kind::Formats => match place.typed.strip_prefix("value=") {
            Some(field) => {
                let fields = fields(before, field).into_iter();
                candidates.extend(fields.map(|it| Candidate::new(format!("value={it}"), "")));
            }
            None => candidates.extend(stated(argument)),
        },
        Kind::Stated => candidates.extend(stated(argument)),
        Kind::Assignments
        | Kind::Backups
        | Kind::Clusters
        | Kind::Contexts
        | Kind::Files
        | Kind::Folders
        | Kind::Namespaces
        | Kind::Pods => {}
    }
    let asks = matches!(
        kind,
        Kind::Backups
            | Kind::Clusters
            | Kind::Contexts
            | Kind::Files
            | Kind::Folders
            | Kind::Namespaces
            | Kind::Pods
    );
    Offer {
        candidates,
        more: asks.then_some(kind),
    }
}

/// The values that the command line itself lists. Of `value=FIELD` only `value=` can be typed.
fn stated(argument: &Arg) -> Vec<Candidate> {
    let values = argument.get_possible_values();
    let values = values.iter().filter(|it| !it.is_hide_set());
    let typed = |name: &str| match name.split_once('=') {
        Some((begin, _)) => format!("{begin}="),
        None => name.to_owned(),
    };
    values
        .map(|it| Candidate::new(typed(it.get_name()), about(it.get_help())))
        .collect()
}

/// The first line of a help text.
fn about(text: Option<&clap::builder::StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::line;
    use super::*;

    fn at(line: &str) -> (Vec<String>, Option<Kind>) {
        let mut root = crate::cli::command();
        root.build();
        let mut words = line::words(line);
        let word = words.pop().expect("a word");
        let place = Place::find(&root, &words, &word);
        let offer = offer(&place, &words);
        let candidates = offer.candidates.into_iter().map(|it| it.text);
        let fit = candidates.filter(|it| it.starts_with(&place.typed));
        (fit.collect(), offer.more)
    }

    #[test]
    fn what_the_command_line_knows_is_offered() {
        let (commands, _) = at("");
        assert!(
            commands.contains(&"status".to_owned())
                && !commands.iter().any(|it| it.starts_with('-'))
        );
        assert_eq!(at("stat").0, ["status"]);
        assert_eq!(at("backup ").0, ["list", "verify", "copy", "prune"]);
        assert_eq!(at("status --interv").0, ["--interval"]);
        assert!(at("status ").0.contains(&"--all-namespaces".to_owned()));
        assert!(at("status -").0.contains(&"-A".to_owned()));
        assert!(
            !at("status -A -").0.contains(&"-A".to_owned()),
            "it is given already"
        );
        assert!(
            at("query --pod x --p").0.contains(&"--pod".to_owned()),
            "again and again"
        );
        assert_eq!(at("-o ").0, ["table", "wide", "json", "yaml", "value="]);
        assert_eq!(at("status -o value=verd").0, ["value=verdict"]);
        assert_eq!(at("logs --level war").0, ["warning"]);
        assert_eq!(at("backup --via ").0, ["exec", "port-forward"]);
        assert_eq!(at("config show work_m").0, ["work_mem"]);
        assert_eq!(at("config set work_m").0, ["work_mem="]);
        assert!(at("config set work_mem=").0.is_empty());
        assert_eq!(at("explain standby-beh").0, ["standby-behind"]);
        assert!(
            at("doctor --check trust-log")
                .0
                .contains(&"trust-login".to_owned())
        );
        assert_eq!(at("psql -n "), (Vec::new(), Some(Kind::Namespaces)));
        assert_eq!(at("psql "), (Vec::new(), Some(Kind::Pods)));
        assert_eq!(at("logs primary re").0, ["replicas"]);
        assert_eq!(at("restore "), (Vec::new(), Some(Kind::Backups)));
        assert_eq!(at("--kubeconfig "), (Vec::new(), Some(Kind::Files)));
    }

    #[test]
    fn every_setting_is_a_name() {
        let mut settings: Vec<&str> = SETTINGS.lines().collect();
        assert!(settings.len() > 300);
        assert!(settings.iter().all(|it| {
            it.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.".contains(&b))
        }));
        let all = settings.clone();
        settings.sort_unstable();
        settings.dedup();
        assert_eq!(settings, all);
    }
}
