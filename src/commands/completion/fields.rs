//! The fields of `-o value=FIELD`.

use clap::Parser as _;

use super::super::documents::documents;
use crate::cli::Cli;
use crate::output::known_field;

/// What no field is called.
const NONE: &str = "?";

/// The fields that begin so, of the documents that this command line prints. It has to be whole but for `-o`.
pub(super) fn fields(words: &[String], typed: &str) -> Vec<String> {
    let words = match words {
        [words @ .., last] if last == "-o" || last == "--output" => words,
        words => words,
    };
    let line = ["pgctl"]
        .into_iter()
        .chain(words.iter().map(String::as_str));
    let Ok(cli) = Cli::try_parse_from(line) else {
        return Vec::new();
    };
    let place = &typed[..typed.rfind('.').map_or(0, |at| at + 1)];
    let Ok(field) = format!("{place}{NONE}").parse() else {
        return Vec::new();
    };
    match known_field(&field, documents(&cli.command)) {
        Err(unknown) if unknown.place == place.trim_end_matches('.') => unknown
            .there
            .into_iter()
            .map(|it| format!("{place}{it}"))
            .collect(),
        // The way to it is wrong, or its schema leaves it open.
        Err(_) | Ok(()) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str, typed: &str) -> Vec<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        fields(&words, typed)
    }

    #[test]
    fn a_field_is_found_step_by_step() {
        let has = |found: Vec<String>, field: &str| found.iter().any(|it| it == field);
        assert!(has(of("status -o", ""), "verdict"));
        assert!(has(of("status -n a --output", "verd"), "verdict"));
        assert!(has(of("status", "summary.pri"), "summary.primary"));
        assert!(has(
            of("status -A", "items[].summary."),
            "items[].summary.primary"
        ));
        assert!(has(of("status", "findings[0]."), "findings[0].code"));
        assert!(of("status", "nonsense.").is_empty());
        assert!(of("status", "findings.").is_empty());
        assert!(of("psql", "").is_empty());
        assert!(of("restore", "").is_empty(), "it lacks a backup");
    }
}
