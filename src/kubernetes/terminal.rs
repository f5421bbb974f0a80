//! A command in a container, on a terminal or with plain streams, for a person.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::TerminalSize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::exec::{attach, ended, exit_code, status_of, why_lost};
use super::{Kube, KubeError};

/// 128 and SIGPIPE.
const CLOSED_PIPE: i32 = 141;

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSize {
    /// Characters in a row.
    pub columns: u16,
    /// Lines of text.
    pub rows: u16,
}

/// What a command is connected to.
pub struct Streams<'a> {
    /// What it reads; ends when the sender is dropped.
    pub input: mpsc::Receiver<Vec<u8>>,
    /// Where its output goes.
    pub output: &'a mut (dyn AsyncWrite + Send + Unpin),
    /// Where its errors go; on a terminal they are part of the output.
    pub errors: &'a mut (dyn AsyncWrite + Send + Unpin),
    /// The sizes of the window, as it changes; none when there is no terminal.
    pub sizes: Option<mpsc::Receiver<WindowSize>>,
}

/// Why it is not known how a command has ended.
#[derive(Debug, thiserror::Error)]
pub enum ConnectedError {
    /// The API refuses, or the connection is lost.
    #[error(transparent)]
    Kube(#[from] KubeError),
    /// What it writes can't be written here.
    #[error("writing what it prints: {0}")]
    Output(#[source] std::io::Error),
}

impl Kube {
    /// Runs a command in the database container until it ends, connected to these streams. Gives its exit
    /// code, and with -1 the reason why it could not be run.
    ///
    /// # Errors
    /// When the API refuses, the connection is lost, or its output can't be written: the command may go on.
    pub async fn run_connected(
        &self,
        namespace: &str,
        pod: &str,
        argv: &[String],
        streams: Streams<'_>,
    ) -> Result<(i32, String), ConnectedError> {
        let tty = streams.sizes.is_some();
        let api: Api<Pod> = Api::namespaced(self.client(), namespace);
        let params = attach(true, tty);
        let call = Self::exec_call(namespace, pod);
        // Not repeated: the command may have run.
        let mut process = self
            .write(&call, || api.exec(pod, argv.to_vec(), &params))
            .await?;
        let doing = call.to_string();
        let status = status_of(&mut process, &doing)?;
        let mut stdin = process.stdin();
        let mut input = streams.input;
        let mut window = process.terminal_size();
        let mut sizes = streams.sizes;
        let (stdout, stderr) = (process.stdout(), process.stderr());
        let feed = async {
            while let Some(bytes) = input.recv().await {
                let Some(stdin) = &mut stdin else { break };
                if stdin.write_all(&bytes).await.is_err() || stdin.flush().await.is_err() {
                    break;
                }
            }
            if let Some(mut stdin) = stdin.take() {
                stdin.shutdown().await.ok();
            }
            std::future::pending().await
        };
        let resize = async {
            if let (Some(window), Some(sizes)) = (&mut window, &mut sizes) {
                use futures::SinkExt as _;
                while let Some(size) = sizes.recv().await {
                    let size = TerminalSize {
                        width: size.columns,
                        height: size.rows,
                    };
                    if window.send(size).await.is_err() {
                        break;
                    }
                }
            }
            std::future::pending().await
        };
        let outputs = async {
            futures::try_join!(copy(stdout, streams.output), copy(stderr, streams.errors)).map(drop)
        };
        let ended = tokio::select! {
            ended = ended(outputs, status) => ended,
            never = feed => never,
            never = resize => never,
        };
        let status = match ended {
            Ok(Some(status)) => status,
            Ok(None) => return Err(why_lost(process, &doing).await.into()),
            // Nobody reads any more: as a shell says it of a program that wrote to nobody.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                return Ok((CLOSED_PIPE, String::new()));
            }
            Err(error) => return Err(ConnectedError::Output(error)),
        };
        Ok((exit_code(&status), status.message.unwrap_or_default()))
    }
}

/// Copies to the end. An error is one of the writing.
async fn copy(
    from: Option<impl AsyncRead + Unpin>,
    to: &mut (dyn AsyncWrite + Send + Unpin),
) -> std::io::Result<()> {
    let Some(mut from) = from else { return Ok(()) };
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        to.write_all(&buffer[..read]).await?;
        to.flush().await?;
    }
    Ok(())
}
