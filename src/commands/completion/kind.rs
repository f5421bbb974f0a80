//! What a value is a name of.

use clap::{Arg, ValueHint};

/// Where the candidates for a value come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `NAME=`, the name being that of a setting.
    Assignments,
    Backups,
    /// Checks of `pgctl doctor`.
    Checks,
    Clusters,
    /// All that `pgctl explain` knows.
    Codes,
    Contexts,
    /// The shell knows what files there are.
    Files,
    Folders,
    /// Of the documents that the command prints (`-o value=FIELD`).
    Formats,
    Namespaces,
    Pods,
    Settings,
    /// What the command line itself lists, or nothing.
    Stated,
}

/// What the value of an argument is, of the command with this path.
pub(super) fn kind(path: &[&str], argument: &Arg) -> Kind {
    let id = argument.get_id().as_str();
    let name = value_name(argument);
    match (path, id, name) {
        (_, "namespace", _) => Kind::Namespaces,
        (_, "context" | "contexts", _) => Kind::Contexts,
        (_, "cluster", _) | (_, _, "CLUSTER") => Kind::Clusters,
        (_, "output", _) => Kind::Formats,
        (["doctor"], _, "CODE") => Kind::Checks,
        (_, _, "CODE") => Kind::Codes,
        (_, _, "BACKUP") => Kind::Backups,
        (_, _, "STORE" | "DIR") => Kind::Folders,
        (_, _, "FILE" | "ARGUMENT" | "COMMAND") => Kind::Files,
        (["config", ..], "names", _) => Kind::Settings,
        (["config", ..], _, "NAME=VALUE") => Kind::Assignments,
        _ if name.split('|').any(|it| it == "POD") => Kind::Pods,
        _ if argument.get_value_hint() == ValueHint::AnyPath => Kind::Files,
        _ => Kind::Stated,
    }
}

/// Words that are taken as well, which the help names in its own words.
const WORDS: [(&[&str], &str, &[&str]); 5] = [
    (&["backup"], "from", &["primary", "replica"]),
    (&["backup"], "compress", &["zstd", "gzip", "none"]),
    (&["logs"], "tail", &["all"]),
    (
        &["passwords", "rotate"],
        "which",
        &["superuser", "replication"],
    ),
    (&["shell"], "pod", &["primary"]),
];

/// Words that an argument takes besides names: those of the table above, and what is in small letters in
/// `write|read|POD`.
pub(super) fn words<'a>(path: &[&str], argument: &'a Arg) -> Vec<&'a str> {
    let id = argument.get_id().as_str();
    let listed = WORDS.iter().filter(|(of, it, _)| *of == path && *it == id);
    let listed = listed.flat_map(|(_, _, words)| words.iter().copied());
    let small = |it: &&str| it.bytes().all(|b| b.is_ascii_lowercase());
    let named = value_name(argument).split('|').filter(small);
    let all = (id == "contexts").then_some("all");
    all.into_iter()
        .chain(named)
        .chain(listed)
        .filter(|it| !it.is_empty())
        .collect()
}

fn value_name(argument: &Arg) -> &str {
    let names = argument.get_value_names().unwrap_or_default();
    names.first().map(|it| it.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::place::takes_value;
    use super::*;
    use clap::Command;
    use std::collections::BTreeMap;

    /// Every argument with its kind, under the command and the argument.
    fn all(command: &Command, path: &[&str], found: &mut BTreeMap<String, (Kind, Vec<String>)>) {
        for argument in command.get_arguments().filter(|it| takes_value(it)) {
            let words = words(path, argument)
                .into_iter()
                .map(str::to_owned)
                .collect();
            let name = format!("{} {}", path.join(" "), argument.get_id());
            found.insert(name, (kind(path, argument), words));
        }
        for sub in command.get_subcommands() {
            all(sub, &[path, &[sub.get_name()]].concat(), found);
        }
    }

    #[test]
    fn what_the_help_calls_by_its_name_has_names() {
        let mut found = BTreeMap::new();
        all(&crate::cli::command(), &[], &mut found);
        let kind = |name: &str| found[name].0;
        for (name, expected) in [
            (" namespace", Kind::Namespaces),
            (" context", Kind::Contexts),
            ("status contexts", Kind::Contexts),
            (" kubeconfig", Kind::Files),
            (" output", Kind::Formats),
            (" cluster", Kind::Clusters),
            (" secret", Kind::Stated),
            ("restore to", Kind::Clusters),
            ("restore backup", Kind::Backups),
            ("restore store", Kind::Folders),
            ("restore identity", Kind::Files),
            ("backup verify backups", Kind::Backups),
            ("backup copy backups", Kind::Backups),
            ("backup copy to", Kind::Folders),
            ("backup copy_to", Kind::Folders),
            ("failover to", Kind::Pods),
            ("logs targets", Kind::Pods),
            ("port-forward target", Kind::Pods),
            ("rejoin pod", Kind::Pods),
            ("config reload pods", Kind::Pods),
            ("config show names", Kind::Settings),
            ("config set assignments", Kind::Assignments),
            ("config names", Kind::Settings),
            ("doctor checks", Kind::Checks),
            ("explain code", Kind::Codes),
            ("psql arguments", Kind::Files),
            ("users create database", Kind::Stated),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
        assert_eq!(found["port-forward target"].1, ["write", "read"]);
        assert_eq!(found["sync set standbys"].1, ["off"]);
        assert_eq!(found["status contexts"].1, ["all"]);
        for (path, id, words) in WORDS {
            let words: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
            let name = format!("{} {id}", path.join(" "));
            assert_eq!(found.get(&name).map(|it| &it.1), Some(&words), "{name}");
        }
    }
}
