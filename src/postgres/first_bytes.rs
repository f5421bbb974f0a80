//! Remembers the first bytes that a server sent: enough to tell that it is not PostgreSQL, which a
//! protocol decoder that waits for "the rest of the message" can't.

use std::sync::{Arc, Mutex, PoisonError};

/// How many bytes are kept: a message's type and length.
const KEPT: usize = 5;

/// The first bytes, shared with whoever judges them.
#[derive(Clone, Default)]
pub(super) struct FirstBytes(Arc<Mutex<Vec<u8>>>);

impl FirstBytes {
    /// Adds what came; true once there are as many as are kept.
    pub(super) fn add(&self, bytes: &[u8]) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..room.min(bytes.len())]);
        kept.len() == KEPT
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
