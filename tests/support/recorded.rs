//! What a source sent, to be sent again: whole, cut short or changed on its way.

use std::io::Cursor;
use std::sync::Arc;

use futures::FutureExt as _;
use pgctl::backup::format::{Compression, Expected};
use pgctl::backup::take::{ArchiveJob, Reception, TransferProgress};
use pgctl::backup::tools::RemoteProcess;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

use super::server::PASSWORD;

const WORD: &str = "pgctl-recorded";

/// Both outputs of a process that ended well.
pub(crate) struct Recording {
    pub(crate) stdout: Vec<u8>,
    stderr: Vec<u8>,
    expected: Expected,
    compression: Compression,
}

impl Recording {
    /// Runs an order on this machine.
    pub(crate) async fn of(
        order: &ArchiveJob,
        compression: Compression,
        connection: &[String],
    ) -> Self {
        let argv = order.argv(WORD, compression, connection);
        let mut process = RemoteProcess::here(&argv).expect("sh is there");
        let password = format!("{PASSWORD}\n");
        process
            .stdin
            .write_all(password.as_bytes())
            .await
            .expect("it reads its password");
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let (out, err, code) = futures::join!(
            process.stdout.read_to_end(&mut stdout),
            process.stderr.read_to_end(&mut stderr),
            process.exit,
        );
        out.expect("stdout");
        err.expect("stderr");
        assert_eq!(code, Some(0), "{}", String::from_utf8_lossy(&stderr));
        Self {
            stdout,
            stderr,
            expected: order.expected.clone(),
            compression,
        }
    }

    /// The same process again, with another stdout. It ends with exit code 0 and its whole report,
    /// as `kubectl exec` was seen to do after it had lost part of the output
    /// (kubernetes/kubernetes#124571).
    pub(crate) fn sending(&self, stdout: Vec<u8>) -> RemoteProcess {
        RemoteProcess {
            stdin: Box::new(tokio::io::sink()),
            stdout: Box::new(Cursor::new(stdout)),
            stderr: Box::new(Cursor::new(self.stderr.clone())),
            exit: std::future::ready(Some(0)).boxed(),
            guard: Box::new(()),
        }
    }

    /// How to receive it.
    pub(crate) fn reception(&self) -> (Reception, watch::Sender<bool>) {
        let (stop, stopped) = watch::channel(false);
        let reception = Reception {
            word: WORD.to_owned(),
            password: PASSWORD.to_owned(),
            method: self.compression.method,
            expected: self.expected.clone(),
            recipients: Vec::new(),
            rate: None,
            progress: Arc::new(TransferProgress::default()),
            stop: stopped,
        };
        (reception, stop)
    }
}
