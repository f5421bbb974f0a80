//! An encrypted stream for a program that does not encrypt by itself.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use postgres_protocol::authentication::sasl::SCRAM_SHA_256_PLUS;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::SqlError;
use super::channel::Channel;
use super::encryption::{Encryption, begin};

/// A message before the login is not longer, or it is none of those that are looked for.
const LONGEST: usize = 4096;
/// Of `AuthenticationSASL` (PostgreSQL documentation, section 55.7 "Message Formats").
const SASL: [u8; 4] = 10_u32.to_be_bytes();

/// A stream over which nothing was sent yet, encrypted as that is wanted: what is written to the one that is given back is a
/// session of PostgreSQL from its first packet on.
///
/// # Errors
/// When the server does not prove who it is, does not encrypt, or does not answer in time.
pub async fn encrypted<S>(
    stream: S,
    encryption: &Encryption,
    limit: Duration,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<S>, SqlError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    const DOING: &str = "connecting";
    let channel = match tokio::time::timeout(limit, begin(stream, encryption)).await {
        Ok(begun) => begun.map_err(|error| error.said(DOING))?,
        Err(_) => {
            return Err(SqlError::TimedOut {
                doing: DOING.to_owned(),
                after: limit,
            });
        }
    };
    let answer = match &channel {
        Channel::Plain(_) => Answer::Through,
        Channel::Encrypted(_) => Answer::Coming(Vec::new()),
    };
    Ok(WithoutBinding { channel, answer })
}

/// A stream whose other end knows nothing of its encryption. To a client that does not encrypt libpq's rule is that nobody may offer a
/// login that is bound to encryption (`pg_SASL_init` in fe-auth.c): it would take it for an attack. So that offer is taken out; the
/// login that is left is the one of a client that can't do more.
struct WithoutBinding<S> {
    channel: Channel<S>,
    answer: Answer,
}

/// Where the server's first answer is.
enum Answer {
    /// Not all of it has come.
    Coming(Vec<u8>),
    /// It is passed on, from here on.
    Here(Vec<u8>, usize),
    /// It was passed on.
    Through,
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WithoutBinding<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match &mut this.answer {
                Answer::Through => return Pin::new(&mut this.channel).poll_read(cx, buffer),
                Answer::Here(bytes, given) => {
                    let left = bytes.get(*given..).unwrap_or_default();
                    if left.is_empty() {
                        this.answer = Answer::Through;
                        continue;
                    }
                    let now = left.len().min(buffer.remaining());
                    buffer.put_slice(&left[..now]);
                    *given += now;
                    return Poll::Ready(Ok(()));
                }
                Answer::Coming(bytes) => {
                    let mut part = [0; 512];
                    let mut part = ReadBuf::new(&mut part);
                    ready!(Pin::new(&mut this.channel).poll_read(cx, &mut part))?;
                    bytes.extend_from_slice(part.filled());
                    // What ends before it is whole is passed on as it is.
                    let ended = part.filled().is_empty();
                    let whole = unbound(bytes).or_else(|| ended.then(|| bytes.clone()));
                    if let Some(whole) = whole {
                        this.answer = Answer::Here(whole, 0);
                    }
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WithoutBinding<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().channel).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().channel).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().channel).poll_shutdown(cx)
    }
}

/// What a server has said at first, without the offer of a login that is bound to its encryption; none while that may still
/// be on its way.
fn unbound(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut at = 0;
    loop {
        let header = bytes.get(at..)?.first_chunk::<5>()?;
        let [kind, length @ ..] = *header;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if !(4..=LONGEST).contains(&length) || !matches!(kind, b'v' | b'R') {
            return Some(bytes.to_vec());
        }
        let end = at + 1 + length;
        let body = bytes.get(at + 5..end)?;
        // It may first say which version it speaks.
        if kind == b'v' {
            at = end;
            continue;
        }
        let Some(offers) = body.strip_prefix(&SASL) else {
            return Some(bytes.to_vec());
        };
        let kept = offers
            .split(|byte| *byte == 0)
            .filter(|it| !it.is_empty() && *it != SCRAM_SHA_256_PLUS.as_bytes());
        let mut body = SASL.to_vec();
        for offer in kept {
            body.extend_from_slice(offer);
            body.push(0);
        }
        body.push(0);
        let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
        let before = bytes.get(..at).unwrap_or_default();
        let after = bytes.get(end..).unwrap_or_default();
        return Some([before, b"R", &length.to_be_bytes(), &body, after].concat());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("short");
        [&[kind][..], &length.to_be_bytes(), body].concat()
    }

    #[test]
    fn only_the_offer_that_is_bound_to_encryption_is_taken_out() {
        let both = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
        let one = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
        let version = message(b'v', b"\0\x03\0\0\0\0\0\0");
        assert_eq!(unbound(&both), Some(one.clone()));
        assert_eq!(unbound(&one), Some(one.clone()));
        let with = |first: &[u8], rest: &[u8]| [first, rest].concat();
        assert_eq!(
            unbound(&with(&version, &both)),
            Some(with(&version, &one)),
            "also behind another message"
        );
        assert_eq!(unbound(&with(&both, b"Z")), Some(with(&one, b"Z")));
        // As long as it has not all come, nobody knows.
        for part in 0..both.len() {
            assert_eq!(unbound(&both[..part]), None, "{part} bytes");
        }
        for other in [
            message(b'R', &0_u32.to_be_bytes()),
            message(b'E', b"SFATAL\0\0"),
            b"HTTP/1.1 400".to_vec(),
        ] {
            assert_eq!(unbound(&other), Some(other.clone()));
        }
    }
}
