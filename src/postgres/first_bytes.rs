//! Remembers the first bytes that a server sent: enough to tell that it is not PostgreSQL, which a
//! protocol decoder that waits for "the rest of the message" can't.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes are kept: a message's type and length.
const KEPT: usize = 5;

/// The first bytes, shared with whoever judges them.
#[derive(Clone, Default)]
pub(super) struct FirstBytes(Arc<Mutex<Vec<u8>>>);

impl FirstBytes {
    fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..room.min(bytes.len())]);
    }

    /// What is wrong with them as the start of PostgreSQL's answer; none when they are fine or too
    /// few to tell. libpq judges alike (`fe-connect.c`, `CONNECTION_AWAITING_RESPONSE`): the first
    /// message is an authentication request, an error or a version negotiation, and short.
    pub(super) fn foreign(&self) -> Option<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (&first, length) = kept.split_first()?;
        let short = <[u8; 4]>::try_from(length).map_or(true, |length| {
            (4..30_000).contains(&u32::from_be_bytes(length))
        });
        if matches!(first, b'R' | b'E' | b'v') && short {
            return None;
        }
        Some(format!(
            "its answer begins with \"{}\"",
            kept.escape_ascii()
        ))
    }
}

/// A stream whose first bytes are remembered.
pub(super) struct Remembering<S> {
    pub(super) inner: S,
    pub(super) first: FirstBytes,
    pub(super) done: bool,
}

impl<S: AsyncRead + Unpin> AsyncRead for Remembering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if !self.done
            && let Some(new) = buffer.filled().get(before..)
            && !new.is_empty()
        {
            self.first.add(new);
            self.done = before + new.len() >= KEPT;
        }
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Remembering<S> {
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
    use super::*;

    fn judged(bytes: &[u8]) -> Option<String> {
        let first = FirstBytes::default();
        for byte in bytes {
            first.add(&[*byte]);
        }
        first.foreign()
    }

    #[test]
    fn postgresql_is_known_by_its_first_message() {
        assert_eq!(judged(b"R\0\0\0\x17SCRAM"), None);
        assert_eq!(judged(b"E\0\0\0\x6ASFATAL"), None);
        assert_eq!(judged(b""), None, "nothing came: that is another trouble");
    }

    #[test]
    fn others_are_known_by_theirs() {
        assert_eq!(
            judged(b"HTTP/1.1 400").as_deref(),
            Some("its answer begins with \"HTTP/\"")
        );
        assert!(judged(b"SSH-2.0").is_some());
        assert!(judged(b"-ERR").is_some());
        assert!(judged(b"ERR x").is_some(), "the length makes no sense");
        assert!(judged(b"\x4a\0\0\0\x0a8.0").is_some(), "MySQL");
    }
}
