//! Why nobody could be logged in.

use std::path::PathBuf;
use std::time::Duration;

/// Why there is nothing to log in with. Nothing that a plugin wrote to stdout is ever in here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The plugin could not be started.
    #[error("its credential plugin {command} can't be run: {reason}")]
    NotRun {
        /// `user.exec.command`.
        command: String,
        /// What the system says.
        reason: String,
        /// `user.exec.installHint`.
        hint: Option<String>,
    },
    /// The plugin wants to ask somebody, and nobody is there.
    #[error(
        "its credential plugin {command} has to ask (interactiveMode: Always), and stdin is not a terminal"
    )]
    NobodyToAsk {
        /// `user.exec.command`.
        command: String,
    },
    /// The plugin failed.
    #[error("its credential plugin {command} {ended}{}", said(stderr))]
    Failed {
        /// `user.exec.command`.
        command: String,
        /// `failed with exit status 3`.
        ended: String,
        /// What it said on stderr (its end).
        stderr: String,
        /// `user.exec.installHint`.
        hint: Option<String>,
    },
    /// The plugin took too long.
    #[error(
        "its credential plugin {command} gave no answer within {} s{}", limit.as_secs_f64(), said(stderr)
    )]
    TimedOut {
        /// `user.exec.command`.
        command: String,
        /// How long it was waited for.
        limit: Duration,
        /// What it said on stderr (its end).
        stderr: String,
    },
    /// The plugin's answer can't be used.
    #[error("its credential plugin {command} {problem}{}", said(stderr))]
    Answer {
        /// `user.exec.command`.
        command: String,
        /// `gave no answer that is an ExecCredential`.
        problem: String,
        /// What it said on stderr (its end).
        stderr: String,
    },
    /// A token in the kubeconfig can't be used.
    #[error("its token {problem}")]
    Token {
        /// `has a line break in it, …`.
        problem: String,
    },
    /// The file with the token can't be used.
    #[error("its tokenFile {} {problem}", file.display())]
    TokenFile {
        /// Path of the file, as the kubeconfig names it.
        file: PathBuf,
        /// `can't be read: …`.
        problem: String,
    },
    /// An `auth-provider` that is built into nothing any more.
    #[error("its auth-provider {name:?} was taken out of kubectl, and pgctl has none")]
    Provider {
        /// `user.auth-provider.name`.
        name: String,
    },
}

fn said(stderr: &str) -> String {
    match stderr {
        "" => String::new(),
        text => format!("; it says: {text}"),
    }
}

impl LoginError {
    /// Whether the kubeconfig is what is wrong: with another login it would be wrong again.
    pub fn is_of_the_file(&self) -> bool {
        match self {
            Self::Token { .. } | Self::TokenFile { .. } | Self::Provider { .. } => true,
            Self::NotRun { .. }
            | Self::NobodyToAsk { .. }
            | Self::Failed { .. }
            | Self::TimedOut { .. }
            | Self::Answer { .. } => false,
        }
    }

    /// What to do or type next.
    pub fn advice(&self) -> String {
        let hinted = |advice: &str, hint: &Option<String>| match hint {
            Some(hint) => format!("{advice}; the kubeconfig says how to install it: {hint}"),
            None => advice.to_owned(),
        };
        match self {
            Self::NotRun { hint, .. } => hinted("install it, or put its folder into PATH", hint),
            Self::NobodyToAsk { .. } => {
                "give the command at a terminal, or use a kubeconfig whose login asks nobody"
                    .to_owned()
            }
            Self::Failed { hint, .. } => hinted(
                "log in again as this plugin wants it, and see that it works: kubectl auth whoami",
                hint,
            ),
            Self::TimedOut { .. } => {
                "log in first (kubectl auth whoami), or give it longer: --timeout 2m".to_owned()
            }
            Self::Answer { .. } => {
                "ask who maintains the plugin; kubectl auth whoami runs it, too".to_owned()
            }
            Self::Token { .. } | Self::TokenFile { .. } => {
                "put a valid token there, or give another kubeconfig with --kubeconfig FILE"
                    .to_owned()
            }
            Self::Provider { .. } => {
                "use a kubeconfig with a credential plugin (user.exec), as kubectl needs it, too"
                    .to_owned()
            }
        }
    }
}
