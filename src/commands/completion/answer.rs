//! What a shell is told.

use super::candidate::Candidate;
use super::kind::Kind;
use super::request::{Asker, Request};
use crate::output::plain;

/// The answer: a candidate a line, with what it is after a tab, for shells that show it. A line `:files` or
/// `:folders` asks the shell for those that it knows.
pub(super) fn answer(
    request: &Request,
    kept: &str,
    candidates: &[Candidate],
    more: Option<Kind>,
) -> String {
    let mut text = String::new();
    for candidate in candidates {
        let word = format!("{kept}{}", candidate.text);
        match request.asker {
            Asker::Bash => text.push_str(word.get(request.left_alone..).unwrap_or(&word)),
            Asker::Elvish | Asker::Fish | Asker::Kubectl | Asker::PowerShell | Asker::Zsh => {
                text.push_str(&word);
                if !candidate.about.is_empty() {
                    text.push('\t');
                    text.push_str(&plain(&candidate.about));
                }
            }
        }
        text.push('\n');
    }
    let (files, directive) = match more {
        Some(Kind::Files) => (":files\n", DEFAULT),
        Some(Kind::Folders) => (":folders\n", FOLDERS),
        _ if !candidates.is_empty() && candidates.iter().all(|it| it.text.ends_with('=')) => {
            ("", NO_FILES | NO_SPACE)
        }
        _ => ("", NO_FILES),
    };
    match request.asker {
        Asker::Kubectl => text.push_str(&format!(":{directive}\n")),
        Asker::Bash | Asker::Elvish | Asker::Fish | Asker::PowerShell | Asker::Zsh => {
            text.push_str(files);
        }
    }
    text
}

/// `ShellCompDirective` of cobra, by which kubectl goes.
const DEFAULT: u8 = 0;
const NO_SPACE: u8 = 2;
const NO_FILES: u8 = 4;
const FOLDERS: u8 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(asker: Asker, more: Option<Kind>) -> String {
        let request = Request {
            asker,
            words: Vec::new(),
            word: "--output=j".to_owned(),
            left_alone: "--output=".len(),
        };
        let candidates = [
            Candidate::new("json", "as\n\u{1b}[1mdata"),
            Candidate::new("yaml", ""),
        ];
        answer(&request, "--output=", &candidates, more)
    }

    #[test]
    fn each_shell_gets_lines_that_it_understands() {
        assert_eq!(told(Asker::Bash, None), "json\nyaml\n");
        assert_eq!(
            told(Asker::Zsh, None),
            "--output=json\tas data\n--output=yaml\n"
        );
        assert_eq!(
            told(Asker::Kubectl, None),
            "--output=json\tas data\n--output=yaml\n:4\n"
        );
        assert_eq!(
            told(Asker::Fish, Some(Kind::Files)),
            "--output=json\tas data\n--output=yaml\n:files\n"
        );
        assert!(told(Asker::Kubectl, Some(Kind::Folders)).ends_with("\n:16\n"));
    }
}
