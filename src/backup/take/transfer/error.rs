//! Why an archive did not arrive, or is not what it should be.

use std::io;

use crate::backup::format::{ContentError, Fingerprint};
use crate::backup::store::{StoreError, explained};
use crate::backup::tools::ToolLocationError;

/// Why an archive did not arrive, or is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// Somebody wanted it to stop.
    #[error("interrupted")]
    Interrupted,
    /// The tools could not be started.
    #[error(transparent)]
    NotStarted(ToolLocationError),
    /// The connection was lost before the process at the source was known to have ended.
    #[error("the connection to the source was lost after {received} bytes{}", quoted(.said))]
    Lost {
        /// Bytes that had arrived.
        received: u64,
        /// The last that the tools said.
        said: Vec<String>,
    },
    /// A stage of the pipe at the source failed.
    #[error("{stage} failed at the source ({}){}", ending(.status), quoted(.said))]
    Source {
        /// The stage of the pipe: PostgreSQL's tool, or what compresses.
        stage: String,
        /// Its exit status; none when it did not report.
        status: Option<i32>,
        /// The last that the tools said.
        said: Vec<String>,
    },
    /// Something else arrived than what was sent.
    #[error("the source sent {} bytes with SHA-256 {} and {} bytes with {} arrived: the stream was cut or changed on its way", sent.bytes, sent.sha256, arrived.bytes, arrived.sha256)]
    Different {
        /// What the source sent.
        sent: Fingerprint,
        /// What arrived.
        arrived: Fingerprint,
    },
    /// What arrived is not whole.
    #[error("what arrived is not a whole backup: {0}")]
    Content(#[from] ContentError),
    /// It could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be written.
    #[error("writing to the store: {}", explained(.0))]
    Write(#[source] io::Error),
    /// A thread of this program died.
    #[error("a thread of pgctl ended unexpectedly")]
    Thread(#[from] tokio::task::JoinError),
}

impl TransferError {
    /// Whether the standby ended the tool's session because of what it had to replay. The tools ask
    /// for messages in English (`lc_messages` in `PGOPTIONS`); in any other language it is not known.
    pub fn is_recovery_conflict(&self) -> bool {
        const SAID: [&str; 2] = [
            "canceling statement due to conflict with recovery",
            "terminating connection due to conflict with recovery",
        ];
        match self {
            Self::Source { said, .. } | Self::Lost { said, .. } => said
                .iter()
                .any(|line| SAID.iter().any(|words| line.contains(words))),
            Self::Interrupted
            | Self::NotStarted(_)
            | Self::Different { .. }
            | Self::Content(_)
            | Self::Store(_)
            | Self::Write(_)
            | Self::Thread(_) => false,
        }
    }
}

fn quoted(lines: &[String]) -> String {
    match lines {
        [] => String::new(),
        lines => format!(": {}", lines.join("; ")),
    }
}

fn ending(status: &Option<i32>) -> String {
    match status {
        Some(code @ 129..=192) => format!("killed by signal {}", code - 128),
        Some(code) => format!("exit status {code}"),
        None => "no exit status was reported".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_with_recovery_is_known_by_what_the_server_says_and_not_guessed() {
        let failed = |line: &str| TransferError::Source {
            stage: "command".to_owned(),
            status: Some(1),
            said: vec![line.to_owned()],
        };
        let english = "pg_dump: error: Error message from server: ERROR:  canceling statement due to conflict with recovery";
        assert!(failed(english).is_recovery_conflict());
        let german = "pg_dump: Fehler: Fehlermeldung vom Server: FEHLER:  storniere Anfrage wegen Konflikt mit der Wiederherstellung";
        assert!(!failed(german).is_recovery_conflict());
    }
}
