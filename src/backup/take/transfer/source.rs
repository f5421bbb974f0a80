//! The process at the source, read until its stream ends.

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until, timeout};

use crate::backup::StopSignal;
use crate::backup::tools::ENDING;

/// Size of the pieces that travel between the threads.
const CHUNK: usize = 128 * 1024;

/// How the stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As streams end.
    OfStream,
    /// With the connection.
    Lost,
    /// Somebody wanted it to stop.
    Interrupted,
    /// The content can't be right.
    NotWhole,
    /// The store takes no more.
    NotStored,
}

/// What came next.
pub(super) enum Step {
    Data(Bytes),
    End(End),
}

/// The process at the source.
pub(super) struct Source {
    stdin: Box<dyn AsyncWrite + Send + Unpin>,
    stdout: Box<dyn AsyncRead + Send + Unpin>,
    exit: BoxFuture<'static, Option<i32>>,
    /// What `exit` gave, once it did.
    code: Option<Option<i32>>,
    stop: Option<StopSignal>,
    buffer: BytesMut,
}

impl Source {
    /// A process that has just been started; `stop` becomes true when somebody wants it to stop.
    pub(super) fn new(
        stdin: Box<dyn AsyncWrite + Send + Unpin>,
        stdout: Box<dyn AsyncRead + Send + Unpin>,
        exit: BoxFuture<'static, Option<i32>>,
        stop: StopSignal,
    ) -> Self {
        Self {
            stdin,
            stdout,
            exit,
            code: None,
            stop: Some(stop),
            buffer: BytesMut::new(),
        }
    }

    /// A line for its stdin. A process that reads no more shows in its exit status.
    pub(super) async fn say(&mut self, line: &str) {
        let _ = self.stdin.write_all(format!("{line}\n").as_bytes()).await;
        let _ = self.stdin.flush().await;
    }

    /// Waits until somebody wants it to stop.
    pub(super) async fn stopped(&mut self) {
        if let Some(stop) = &mut self.stop
            && stop.wait_for(|stop| *stop).await.is_ok()
        {
            return;
        }
        // Nobody is left who could want it.
        std::future::pending().await
    }

    /// The next piece of its output, or how that ended.
    pub(super) async fn next(&mut self) -> Step {
        loop {
            let stopped = async {
                match &mut self.stop {
                    Some(stop) => stop.wait_for(|stop| *stop).await.is_ok(),
                    None => std::future::pending().await,
                }
            };
            self.buffer.reserve(CHUNK);
            let limit = Instant::now() + ENDING;
            tokio::select! {
                biased;
                stop = stopped => {
                    if stop {
                        return Step::End(End::Interrupted);
                    }
                    self.stop = None;
                }
                code = &mut self.exit, if self.code.is_none() => {
                    self.code = Some(code);
                    // After a transport error the output may never end.
                    if code.is_none() {
                        return Step::End(End::Lost);
                    }
                }
                read = self.stdout.read_buf(&mut self.buffer) => {
                    return match read {
                        Ok(0) => Step::End(End::OfStream),
                        Ok(_) => Step::Data(self.buffer.split().freeze()),
                        Err(_) => Step::End(End::Lost),
                    };
                }
                // It ended, yet something of it keeps its output open.
                () = sleep_until(limit), if self.code.is_some() => return Step::End(End::Lost),
            }
        }
    }

    /// Waits for its exit code, after telling it to stop when it is not done.
    pub(super) async fn finish(mut self, end: End) -> Option<i32> {
        if self.code.is_none() {
            if end != End::OfStream {
                self.say("stop").await;
            }
            let mut sink = tokio::io::sink();
            let waiting = async {
                tokio::select! {
                    code = &mut self.exit => code,
                    // Both at once: an output that nobody reads holds up the exit status.
                    code = async {
                        let _ = tokio::io::copy(&mut self.stdout, &mut sink).await;
                        std::future::pending().await
                    } => code,
                }
            };
            self.code = timeout(ENDING, waiting).await.ok();
        }
        self.code.flatten()
    }
}
