//! What a shell is told.

use super::candidate::Candidate;
use super::kind::Kind;
use super::request::{Request, Shell};
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
        match request.shell {
            Shell::Bash => text.push_str(word.get(request.left_alone..).unwrap_or(&word)),
            Shell::Elvish | Shell::Fish | Shell::Kubectl | Shell::PowerShell | Shell::Zsh => {
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
    match request.shell {
        Shell::Kubectl => text.push_str(&format!(":{directive}\n")),
        Shell::Bash | Shell::Elvish | Shell::Fish | Shell::PowerShell | Shell::Zsh => {
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

    fn told(shell: Shell, more: Option<Kind>) -> String {
        let request = Request {
            shell,
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
        assert_eq!(told(Shell::Bash, None), "json\nyaml\n");
        assert_eq!(
            told(Shell::Zsh, None),
            "--output=json\tas data\n--output=yaml\n"
        );
        assert_eq!(
            told(Shell::Kubectl, None),
            "--output=json\tas data\n--output=yaml\n:4\n"
        );
        assert_eq!(
            told(Shell::Fish, Some(Kind::Files)),
            "--output=json\tas data\n--output=yaml\n:files\n"
        );
        assert!(told(Shell::Kubectl, Some(Kind::Folders)).ends_with("\n:16\n"));
    }
}
