//! A command in a container, on a terminal or with plain streams, for a person.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{AttachParams, TerminalSize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::exec::exit_code;
use super::{Call, Kube, KubeError, Verb};
use crate::cluster::names;

/// 128 and SIGPIPE.
const CLOSED_PIPE: i32 = 141;

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSize {
    /// Characters in a row.
    pub columns: u16,
    /// Rows.
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

impl Kube {
    /// Runs a command in the database container until it ends, connected to these streams. Gives its exit
    /// code, and with -1 the reason why it could not be run.
    ///
    /// # Errors
    /// When the API refuses, or the connection is lost: the command may go on.
    pub async fn run_connected(
        &self,
        namespace: &str,
        pod: &str,
        argv: &[String],
        streams: Streams<'_>,
    ) -> Result<(i32, String), KubeError> {
        let tty = streams.sizes.is_some();
        let api: Api<Pod> = Api::namespaced(self.client(), namespace);
        let params = AttachParams {
            container: Some(names::CONTAINER.to_owned()),
            stdin: true,
            stdout: true,
            stderr: !tty,
            tty,
            ..AttachParams::default()
        };
        let call = Call::new(Verb::Create, "", "pods/exec")
            .named(pod)
            .within(namespace);
        // Not repeated: the command may have run.
        let mut process = self
            .write(&call, || api.exec(pod, argv.to_vec(), &params))
            .await?;
        let lost = |reason: &str| KubeError::StreamLost {
            doing: call.to_string(),
            reason: reason.to_owned(),
        };
        let status = process.take_status().ok_or_else(|| lost("no status"))?;
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
            std::future::pending::<()>().await;
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
            std::future::pending::<()>().await;
        };
        let outputs = async {
            futures::try_join!(copy(stdout, streams.output), copy(stderr, streams.errors)).is_ok()
        };
        let ended = {
            let mut outputs = std::pin::pin!(outputs);
            let mut status = std::pin::pin!(status);
            let work = async {
                // After a transport error the outputs may never end, but the status does.
                tokio::select! {
                    read = &mut outputs => match read {
                        true => Some(status.await),
                        false => None,
                    },
                    status = &mut status => {
                        if status.is_some() {
                            outputs.await;
                        }
                        Some(status)
                    }
                }
            };
            tokio::select! {
                status = work => status,
                () = feed => None,
                () = resize => None,
            }
        };
        let Some(ended) = ended else {
            // As a shell says it of a program that wrote to nobody.
            return Ok((CLOSED_PIPE, String::new()));
        };
        let Some(status) = ended else {
            let reason = match process.join().await {
                Err(error) => error.to_string(),
                Ok(()) => "it was closed without the exit status".to_owned(),
            };
            return Err(lost(&reason));
        };
        Ok((exit_code(&status), status.message.unwrap_or_default()))
    }
}

/// Copies to the end. An error is that nobody reads any more.
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
