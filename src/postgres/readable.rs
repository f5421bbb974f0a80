//! Text that is not UTF-8. In a database with the encoding `SQL_ASCII` a name may be any bytes, which
//! the server then refuses to send as UTF-8 (SQLSTATE 22021); names of databases and roles are seen
//! from every database as the bytes that they were made as. Whoever asks gets them escaped.

use std::fmt::Write as _;
use std::time::Duration;

use tokio_postgres::SimpleQueryMessage;

use super::{Session, SqlError};

impl Session {
    /// The answer to a question whose answer can't be sent as UTF-8: its bytes in hexadecimal, with
    /// what is not UTF-8 in them escaped.
    pub(super) async fn escaped_text(
        &self,
        doing: &str,
        question: &str,
        limit: Duration,
    ) -> Result<Option<String>, SqlError> {
        // In one transaction: when it fails, the setting goes, too. With this encoding the server
        // converts nothing.
        let sql = format!(
            "set local client_encoding = 'SQL_ASCII'; \
             select pg_catalog.encode(pg_catalog.textsend(({question})::pg_catalog.text), 'hex')"
        );
        let messages = self
            .messages(doing, &format!("begin; {sql}; commit"), limit)
            .await;
        if messages.is_err() {
            // The connection is of no more use if even that fails.
            self.messages(doing, "rollback", limit).await.ok();
        }
        let hex = messages?.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.try_get(0).ok().flatten()?.to_owned()),
            _ => None,
        });
        let Some(hex) = hex else { return Ok(None) };
        let bytes = bytes_of(&hex).ok_or_else(|| SqlError::Unexpected {
            doing: doing.to_owned(),
            reason: "the answer is no hexadecimal number".to_owned(),
        })?;
        Ok(Some(escaped(&bytes)))
    }
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.map(byte).collect()
}

/// Bytes that are not UTF-8 as `\xe9`; in a JSON document, whose strings they stand in, with the
/// backslash that JSON needs.
fn escaped(bytes: &[u8]) -> String {
    let backslash = match bytes.iter().find(|it| !it.is_ascii_whitespace()) {
        Some(b'{' | b'[' | b'"') => "\\\\",
        _ => "\\",
    };
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String can't fail.
            let _ = write!(text, "{backslash}x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::unreadable::only_asks;

    #[test]
    fn what_is_not_utf8_is_escaped_and_a_document_stays_one() {
        assert_eq!(escaped(b"caf\xe9 \xc3\xa9"), "caf\\xe9 \u{e9}");
        let document = escaped(b" [\"caf\xe9\", \"\xc3\xa9\"]");
        let names: Vec<String> = serde_json::from_str(&document).expect("a document");
        assert_eq!(names, ["caf\\xe9", "\u{e9}"]);
        assert_eq!(bytes_of("6361e9"), Some(b"ca\xe9".to_vec()));
        assert_eq!(bytes_of("6"), Some(vec![6]));
        assert_eq!(bytes_of("zz"), None);
    }

    #[test]
    fn only_what_changes_nothing_is_asked_twice() {
        assert!(only_asks("\nwith me as (select 1) select 1"));
        assert!(!only_asks("alter system set x = 1"));
    }
}
