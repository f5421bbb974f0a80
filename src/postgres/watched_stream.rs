//! A stream that tells what has come from the server.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::first_bytes::FirstBytes;
use super::measured::BytesLeft;

/// A stream of which only so many bytes are read, and whose first ones are remembered.
pub(super) struct WatchedStream<S> {
    inner: S,
    left: BytesLeft,
    /// None once all that are kept have come.
    first: Option<FirstBytes>,
}

impl<S> WatchedStream<S> {
    pub(super) fn new(inner: S, left: BytesLeft, first: FirstBytes) -> Self {
        let first = Some(first);
        Self { inner, left, first }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.inner).poll_read(cx, buffer);
        let new = buffer.filled().get(before..).unwrap_or_default();
        if new.is_empty() {
            return poll;
        }
        if self.first.as_ref().is_some_and(|first| first.add(new)) {
            self.first = None;
        }
        if !self.left.take(u64::try_from(new.len()).unwrap_or(u64::MAX)) {
            return Poll::Ready(Err(io::Error::other("more came than is taken")));
        }
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WatchedStream<S> {
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
        let first = FirstBytes::default();
        let mut stream = WatchedStream::new(io::Cursor::new(data), left.clone(), first.clone());
        let mut part = [0; 40];
        assert!(stream.read_exact(&mut part).await.is_ok());
        left.set(41);
        assert!(stream.read_exact(&mut part).await.is_ok());
        assert!(!left.is_exceeded());
        assert!(stream.read_exact(&mut part[..20]).await.is_err());
        assert!(left.is_exceeded());
        assert!(first.foreign().is_some(), "and what came first is known");
    }
}
