//! Passwords of roles: which one a server has, what its pod logs in with, and setting another. None of them is ever
//! sent or asked for: they are compared by their hashes.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::json::json;
use super::scram::fits;
use super::{Session, SqlError, quote_identifier, quote_literal};
use crate::cluster::names;

/// What a server and its pod have of passwords. Verifiers are nothing to print, either.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PasswordTraces {
    /// `rolpassword` by role; none of a role without one.
    stored: BTreeMap<String, Option<String>>,
    /// SHA-256 of each file that was asked for, by its name; none of one that is not there.
    files: BTreeMap<String, Option<String>>,
    /// SHA-256 of each line of the passfile that the start script writes.
    lines: Vec<String>,
}

impl PasswordTraces {
    /// Whether this is the role's password.
    pub fn has(&self, role: &str, password: &SecretString) -> bool {
        let stored = self.stored.get(role).and_then(Option::as_deref);
        let password = password.expose_secret();
        stored.is_some_and(|it| fits(it, password) || it == password)
    }

    /// Whether a file of this name has it.
    pub fn has_file(&self, name: &str, password: &SecretString) -> bool {
        let hash = self.files.get(name).and_then(Option::as_deref);
        hash.is_some_and(|it| it == sha256(password.expose_secret()))
    }

    /// Whether the pod logs in as the role with it.
    pub fn uses(&self, role: &str, password: &SecretString) -> bool {
        let line = sha256(&pass_line(role, password.expose_secret()));
        self.lines.contains(&line)
    }
}

/// A line of a passfile, as `pass_line` of `deploy/base/scripts/passwords.sh` writes it.
fn pass_line(user: &str, password: &str) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace(':', "\\:");
    format!("*:*:*:{}:{}", escaped(user), escaped(password))
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Session {
    /// What this server has of the passwords of these roles, and its pod of these files.
    ///
    /// # Errors
    /// When it does not answer, or it may not be asked.
    pub async fn password_traces(
        &self,
        roles: &[&str],
        folder: Option<&str>,
        files: &[String],
    ) -> Result<PasswordTraces, SqlError> {
        const DOING: &str = "comparing passwords";
        let list = |texts: Vec<String>| match texts.is_empty() {
            true => "'{}'::text[]".to_owned(),
            false => format!("array[{}]", texts.join(", ")),
        };
        let roles = list(roles.iter().map(|it| quote_literal(it)).collect());
        let files = list(match folder {
            None => Vec::new(),
            Some(_) => files.iter().map(|it| quote_literal(it)).collect(),
        });
        let folder = quote_literal(&format!("{}/", folder.unwrap_or_default()));
        let passfile = quote_literal(names::PASSFILE);
        // A file has any bytes: as text they are escaped, and line breaks stay.
        let sql = format!(
            "select json_build_object(
               'stored', (select coalesce(json_object_agg(rolname, rolpassword), '{{}}') from pg_authid
                 where rolname = any({roles})),
               'files', (select coalesce(json_object_agg(name,
                   encode(sha256(pg_read_binary_file({folder} || name, 0, 100000, true)), 'hex')), '{{}}')
                 from unnest({files}) name),
               'lines', (select coalesce(json_agg(encode(sha256(decode(line, 'escape')), 'hex')), '[]')
                 from regexp_split_to_table(
                   coalesce(encode(pg_read_binary_file({passfile}, 0, 100000, true), 'escape'), ''), '\\n') line
                 where line <> ''))::text"
        );
        json(DOING, self.text(DOING, &sql).await?)
    }

    /// Sets a role's password, which goes there as a verifier: a statement may be logged.
    ///
    /// # Errors
    /// When the server says no, or does not answer.
    pub async fn set_password(&self, role: &str, password: &SecretString) -> Result<(), SqlError> {
        let verifier =
            postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes());
        let sql = format!(
            "alter role {} password {}",
            quote_identifier(role),
            quote_literal(&verifier)
        );
        self.run("setting the password", &sql).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_one_of_the_start_script() {
        assert_eq!(
            pass_line("replicator", r"r'e\\p l:"),
            r"*:*:*:replicator:r'e\\\\p l\:"
        );
    }

    #[test]
    fn passwords_are_known_by_their_traces() {
        let password = SecretString::from("hunter2".to_owned());
        let other = SecretString::from("hunter3".to_owned());
        let verifier = postgres_protocol::password::scram_sha_256(b"hunter2");
        let traces = PasswordTraces {
            stored: BTreeMap::from([("r".to_owned(), Some(verifier))]),
            files: BTreeMap::from([("k-next".to_owned(), Some(sha256("hunter2")))]),
            lines: vec![sha256("*:*:*:r:hunter2")],
        };
        assert!(traces.has("r", &password) && !traces.has("r", &other));
        assert!(traces.has_file("k-next", &password) && !traces.has_file("k", &password));
        assert!(traces.uses("r", &password) && !traces.uses("x", &password));
    }
}
