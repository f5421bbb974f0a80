//! What `pgctl doctor` asks of a server.

use serde::Deserialize;

use super::json::json;
use super::scram::fits;
use super::{Session, SqlError, doctor_sql as sql};
use crate::doctor::{
    CollationFacts, DatabaseContents, DatabaseUsage, HbaLine, PasswordFacts, ServerAnswer,
    ServerContents,
};

const DOING: &str = "examining the server";

/// How the roles' passwords are stored, each. It can't be printed.
#[derive(PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredPasswords {
    roles: Vec<Stored>,
    left_out: u64,
}

/// How a role's password is stored.
#[derive(PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    name: String,
    md5: bool,
    like_name: bool,
    verifier: Option<String>,
}

impl Session {
    /// What the server says as a whole. What only a superuser may know, and what this version does not
    /// know, is left away.
    ///
    /// # Errors
    /// When the server does not answer, or what it says makes no sense.
    pub async fn examine_server(&self) -> Result<ServerAnswer, SqlError> {
        let (answer, hba, collations) = futures::join!(
            self.text(DOING, sql::SERVER),
            self.text(DOING, sql::HBA),
            self.text(DOING, sql::COLLATIONS),
        );
        let mut answer: ServerAnswer = json(DOING, answer?)?;
        match hba {
            Ok(lines) => answer.hba = Some(json::<Vec<HbaLine>>(DOING, lines)?),
            Err(error) if error.sqlstate() == Some("42501") => {}
            Err(error) => return Err(error),
        }
        match collations {
            Ok(rows) => answer.collations = json::<Vec<CollationFacts>>(DOING, rows)?,
            // PostgreSQL 14 records no version of a database's collation: there is no such function.
            Err(error) if error.sqlstate() == Some("42883") => {}
            Err(error) => return Err(error),
        }
        Ok(answer)
    }

    /// What is the same on every server.
    ///
    /// # Errors
    /// As [`Self::examine_server`].
    pub async fn examine_server_contents(&self) -> Result<ServerContents, SqlError> {
        json(DOING, self.text(DOING, sql::SERVER_CONTENTS).await?)
    }

    /// How the database that this session is in is used on this server.
    ///
    /// # Errors
    /// As [`Self::examine_server`].
    pub async fn examine_usage(&self) -> Result<DatabaseUsage, SqlError> {
        json(DOING, self.text(DOING, sql::USAGE).await?)
    }

    /// What the database that this session is in is.
    ///
    /// # Errors
    /// As [`Self::examine_server`].
    pub async fn examine_contents(&self) -> Result<DatabaseContents, SqlError> {
        json(DOING, self.text(DOING, sql::CONTENTS).await?)
    }

    /// How the passwords of the roles are stored.
    ///
    /// # Errors
    /// As [`Self::examine_server`], and when the user is no superuser.
    pub async fn stored_passwords(&self) -> Result<StoredPasswords, SqlError> {
        json(DOING, self.text(DOING, sql::PASSWORDS).await?)
    }
}

impl StoredPasswords {
    /// Which roles have their name as password, and which are stored as MD5. Nothing else of a password is
    /// kept. (It takes milliseconds for each role: a password is made to be slow.)
    pub fn judged(&self) -> PasswordFacts {
        let mut facts = PasswordFacts {
            left_out: self.left_out,
            ..PasswordFacts::default()
        };
        for role in &self.roles {
            let verifier = role.verifier.as_deref();
            let fits = verifier.is_some_and(|it| fits(it, &role.name));
            if role.like_name || fits {
                facts.like_name.push(role.name.clone());
            }
            if role.md5 {
                facts.md5.push(role.name.clone());
            }
        }
        facts
    }
}
