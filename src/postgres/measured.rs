//! Bounds what a server may send: a single field can have a gigabyte, and the driver reads all of a
//! message before it gives any of it on.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes may still come, shared with whoever sets it. Nothing is left once more have come.
#[derive(Debug, Clone)]
pub(super) struct BytesLeft(Arc<AtomicU64>);

impl BytesLeft {
    /// Any number.
    pub(super) fn unbounded() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }

    /// From now on so many.
    pub(super) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    /// Whether more have come.
    pub(super) fn is_exceeded(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// Takes these; false when there are not so many left.
    fn take(&self, bytes: u64) -> bool {
        let left = self.0.load(Ordering::Relaxed);
        let after = match left {
            u64::MAX => u64::MAX,
            left => left.saturating_sub(bytes),
        };
        self.0.store(after, Ordering::Relaxed);
        after > 0
    }
}

/// A stream of which only so many bytes are read.
pub(super) struct Measured<S> {
    pub(super) inner: S,
    pub(super) left: BytesLeft,
}

impl<S: AsyncRead + Unpin> AsyncRead for Measured<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.inner).poll_read(cx, buffer);
        let new = buffer.filled().len() - before;
        if new > 0 && !self.left.take(u64::try_from(new).unwrap_or(u64::MAX)) {
            return Poll::Ready(Err(io::Error::other("more came than is taken")));
        }
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Measured<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn more_than_was_allowed_is_an_error_and_is_told() {
        let left = BytesLeft::unbounded();
        let data = vec![7_u8; 100];
        let mut stream = Measured {
            inner: io::Cursor::new(data),
            left: left.clone(),
        };
        let mut part = [0; 40];
        assert!(stream.read_exact(&mut part).await.is_ok());
        left.set(41);
        assert!(stream.read_exact(&mut part).await.is_ok());
        assert!(!left.is_exceeded());
        assert!(stream.read_exact(&mut part[..20]).await.is_err());
        assert!(left.is_exceeded());
    }
}
