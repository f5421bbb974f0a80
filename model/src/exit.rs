//! The exit codes: a published interface, in this one file.
//!
//! `docs/exit-codes.md` says the same (a test holds the two together), and JSON errors carry the
//! number as `exitCode`.

use std::process::Termination;

/// How a command ended. Scripts rely on these numbers: never change one, only add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitCode {
    /// Done, or healthy.
    Done = 0,
    /// Unexpected failure.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// A check said no; nothing was changed.
    Refused = 3,
    /// The command found what it looks for: trouble.
    Unhealthy = 4,
    /// Stopped after something changed.
    Incomplete = 5,
    /// Failed midway and put everything back.
    RolledBack = 6,
    /// The Kubernetes API, or every database, can't be reached.
    Unreachable = 7,
    /// Timed out waiting.
    TimedOut = 8,
    /// Interrupted (128 + SIGINT, as shells say it).
    Interrupted = 130,
}

impl ExitCode {
    /// Every exit code, in order.
    pub const ALL: [Self; 10] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Refused,
        Self::Unhealthy,
        Self::Incomplete,
        Self::RolledBack,
        Self::Unreachable,
        Self::TimedOut,
        Self::Interrupted,
    ];

    /// The number that the shell sees.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl Termination for ExitCode {
    fn report(self) -> std::process::ExitCode {
        std::process::ExitCode::from(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../docs/exit-codes.md");

    /// What it means, in the words of the page.
    fn meaning(code: ExitCode) -> &'static str {
        match code {
            ExitCode::Done => "done, or healthy",
            ExitCode::Failed => {
                "unexpected failure; nothing is known to have changed beyond what is printed"
            }
            ExitCode::Usage => "usage",
            ExitCode::Refused => "refused: a check said no; nothing was changed",
            ExitCode::Unhealthy => {
                "unhealthy: `status`, `lag --max-lag`, `backup verify` found what they look for"
            }
            ExitCode::Incomplete => {
                "incomplete: stopped after something changed; the text names the command that resumes it"
            }
            ExitCode::RolledBack => "rolled back: failed midway and everything was put back",
            ExitCode::Unreachable => "unreachable: the Kubernetes API, or every database",
            ExitCode::TimedOut => "timed out waiting",
            ExitCode::Interrupted => "interrupted",
        }
    }

    #[test]
    fn the_page_lists_every_code_with_its_meaning_and_no_other() {
        let rows: Vec<&str> = PAGE
            .lines()
            .filter(|line| {
                let cell = line.strip_prefix('|').map(str::trim_start);
                cell.is_some_and(|it| it.starts_with(|c: char| c.is_ascii_digit()))
            })
            .collect();
        let expected: Vec<String> = ExitCode::ALL
            .iter()
            .map(|code| format!("| {} | {} |", code.number(), meaning(*code)))
            .collect();
        assert_eq!(rows, expected);
    }
}
