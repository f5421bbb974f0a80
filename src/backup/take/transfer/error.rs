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
        /// Which.
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
