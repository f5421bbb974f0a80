//! `kubectl pgctl`: kubectl runs a program that is called `kubectl-pgctl` in PATH.

use std::ffi::OsStr;
use std::path::Path;

use clap::Command;

use crate::output::as_plugin;

/// Whether kubectl calls it, or somebody who could: by the name that it is called by.
pub(super) fn called_as_plugin(program: Option<&OsStr>) -> bool {
    let name = program.and_then(|it| Path::new(it).file_stem());
    name.is_some_and(|it| it == "kubectl-pgctl")
}

/// The same commands, with examples that are typed after `kubectl`.
pub(super) fn of_plugin(command: Command) -> Command {
    let examples = command
        .get_after_help()
        .map(|it| as_plugin(&it.to_string()));
    let command = match examples {
        Some(examples) => command.after_help(examples),
        None => command,
    };
    command.mut_subcommands(of_plugin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_plugin_by_its_name() {
        let plugin = |name: &str| called_as_plugin(Some(OsStr::new(name)));
        assert!(plugin("/usr/local/bin/kubectl-pgctl") && plugin("kubectl-pgctl.exe"));
        assert!(!plugin("/usr/bin/pgctl") && !plugin("/kubectl-pgctl/pgctl"));
        assert!(!called_as_plugin(None));
    }

    #[test]
    fn every_example_is_typed_after_kubectl() {
        let command = of_plugin(super::super::command().bin_name("kubectl pgctl"));
        let mut seen = 0;
        for sub in command.get_subcommands() {
            let text = sub
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            for line in text.lines().filter(|it| it.starts_with("  ")) {
                assert!(!line.starts_with("  pgctl "), "{line}");
                seen += usize::from(line.starts_with("  kubectl pgctl "));
            }
        }
        assert!(seen > 50, "only {seen} examples were found");
    }
}
