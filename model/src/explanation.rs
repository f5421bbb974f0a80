//! What a code means: the sections of the documentation, found by the words that screens and documents have.

use serde::Serialize;

use crate::doctor::CheckCode;
use crate::exit::ExitCode;
use crate::plan::CheckName;

const CHECKS: &str = include_str!("../../docs/checks.md");
const OPERATION_CHECKS: &str = include_str!("../../docs/operation-checks.md");
const EXIT_CODES: &str = include_str!("../../docs/exit-codes.md");

/// Where a code is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CodeKind {
    /// A finding of `pgctl status` or `pgctl doctor`.
    Finding,
    /// A check before an operation.
    OperationCheck,
    /// How a command ends.
    ExitCode,
}

impl CodeKind {
    /// Its name, and the page that it is from.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Finding => "finding",
            Self::OperationCheck => "check of an operation",
            Self::ExitCode => "exit code",
        }
    }

    /// The page that has all of its kind.
    pub const fn page(self) -> &'static str {
        match self {
            Self::Finding => "docs/checks.md",
            Self::OperationCheck => "docs/operation-checks.md",
            Self::ExitCode => "docs/exit-codes.md",
        }
    }
}

/// What a code means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The word, or the number.
    pub code: String,
    /// Where it is met.
    pub kind: CodeKind,
    /// What the screen says instead of the code, where it does.
    pub title: Option<&'static str>,
    /// Markdown, as the page has it.
    pub text: String,
}

impl Explanation {
    /// Its first sentence.
    pub fn summary(&self) -> String {
        let said = self
            .text
            .split("\n\n")
            .find(|it| !it.starts_with("On the screen:"));
        let line = said.unwrap_or_default().replace('\n', " ");
        let whole = line.trim_end_matches('.');
        let first = line.split_once(". ").map(|(first, _)| first);
        first.unwrap_or(whole).to_owned()
    }

    fn is_called(&self, word: &str) -> bool {
        word == self.code || self.title.is_some_and(|title| word == plain(title))
    }
}

/// Every code, in the order of the pages.
pub fn explanations() -> Vec<Explanation> {
    let section = |page, kind, code: &str, title| Explanation {
        code: code.to_owned(),
        kind,
        title,
        text: section(page, code),
    };
    let findings =
        CheckCode::all().map(|it| section(CHECKS, CodeKind::Finding, &it.to_string(), None));
    let checks = CheckName::ALL.iter().map(|it| {
        let title = (plain(it.title()) != it.code()).then_some(it.title());
        section(OPERATION_CHECKS, CodeKind::OperationCheck, it.code(), title)
    });
    let exits = ExitCode::ALL.iter().map(|it| Explanation {
        code: it.number().to_string(),
        kind: CodeKind::ExitCode,
        title: None,
        text: exit(it.number()),
    });
    findings.chain(checks).chain(exits).collect()
}

/// What is called so: more than one when a finding and a check have the same word. Capitals do not matter,
/// nor whether words are parted by spaces, as on the screen, or by dashes.
pub fn explain(word: &str) -> Vec<Explanation> {
    let word = plain(word);
    let mut all = explanations();
    all.retain(|it| it.is_called(&word));
    all
}

fn plain(word: &str) -> String {
    let words = word.trim().to_lowercase();
    words.replace([' ', '_'], "-")
}

/// The text below `### CODE`.
fn section(page: &str, code: &str) -> String {
    let mut lines = page.lines().skip_while(|line| {
        let heading = line.strip_prefix("### ");
        heading != Some(code)
    });
    lines.next();
    let lines: Vec<&str> = lines.take_while(|line| !line.starts_with('#')).collect();
    lines.join("\n").trim().to_owned()
}

/// The row of the table, and what the page says of the commands that end so.
fn exit(number: u8) -> String {
    let row = format!("| {number} | ");
    let rows = EXIT_CODES
        .lines()
        .filter_map(|line| line.strip_prefix(&row));
    let meaning = rows.map(|it| it.trim_end_matches(" |")).collect::<String>();
    let mut items: Vec<String> = Vec::new();
    for line in EXIT_CODES.lines() {
        if line.starts_with("- ") {
            items.push(line.to_owned());
        } else if let (Some(item), Some(more)) = (items.last_mut(), line.strip_prefix("  ")) {
            item.push('\n');
            item.push_str("  ");
            item.push_str(more.trim_start());
        }
    }
    let number = number.to_string();
    let names = |text: &str| {
        let numbers = text.split(|c: char| !c.is_ascii_digit());
        numbers.into_iter().any(|it| it == number)
    };
    items.retain(|item| names(item));
    let mut parts = vec![meaning];
    if !items.is_empty() {
        parts.push(items.join("\n"));
    }
    parts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_is_explained() {
        for it in explanations() {
            assert!(
                !it.text.is_empty(),
                "{} says nothing of {}",
                it.kind.page(),
                it.code
            );
            assert!(!it.summary().is_empty(), "{it:?}");
            assert!(explain(&it.code).contains(&it), "{it:?}");
        }
    }

    #[test]
    fn the_page_of_the_checks_has_each_once_and_no_other() {
        let headings = OPERATION_CHECKS
            .lines()
            .filter_map(|it| it.strip_prefix("### "));
        let headings: Vec<&str> = headings.collect();
        let told: BTreeSet<&str> = headings.iter().copied().collect();
        let codes: BTreeSet<&str> = CheckName::ALL.iter().map(|it| it.code()).collect();
        assert_eq!(told, codes);
        assert_eq!(headings.len(), codes.len(), "each once");
    }

    #[test]
    fn a_code_is_the_word_that_documents_have() {
        for name in CheckName::ALL {
            let word = serde_json::to_value(name).expect("a word");
            assert_eq!(word, name.code());
        }
    }

    #[test]
    fn what_the_screen_shows_is_understood() {
        for word in ["no other operation", "No-Other-Operation", "lock", " LOCK "] {
            let found = explain(word);
            assert_eq!(found.len(), 1, "{word}");
            assert_eq!(found[0].code, "lock");
        }
        assert_eq!(explain("130")[0].kind, CodeKind::ExitCode);
        assert_eq!(explain("no such thing"), []);
    }

    #[test]
    fn an_exit_code_names_the_commands_that_end_so() {
        let text = &explain("8")[0].text;
        assert!(text.starts_with("timed out waiting"), "{text}");
        assert!(text.contains("`pgctl scale`: 8 when"), "{text}");
        assert!(!text.contains("`pgctl port-forward`"), "{text}");
    }
}
