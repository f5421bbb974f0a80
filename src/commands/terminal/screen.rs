//! Standard output and standard error for bytes that are not ours: what a program in a pod writes for
//! the person who started it.

use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// Where it goes. Each write waits for the terminal, as every program's does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum ToScreen {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl AsyncWrite for ToScreen {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(match *self {
            Self::Out => io::stdout().write(bytes),
            Self::Err => io::stderr().write(bytes),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match *self {
            Self::Out => io::stdout().flush(),
            Self::Err => io::stderr().flush(),
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}
