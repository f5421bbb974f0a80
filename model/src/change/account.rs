//! Whether an application's role may be made, or dropped, and what that means.

use serde::Deserialize;

use super::{ChangeCheck, ChangeProposal};
use crate::cluster::suggestion::database_option;
use crate::cluster::words::shell_word;
use crate::cluster::{UnfinishedOperation, list_elements, quote_identifier};
use crate::plan::CheckVerdict;

/// How many sessions a role for monitoring may have on a server when it is made, unless told otherwise.
const MONITORING_SESSIONS: u32 = 5;

/// What a role may that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountAccess {
    /// It owns a schema of its name.
    ReadWrite,
    /// It may read every table of its database.
    ReadOnly,
    /// It may look at what the servers do and count (`pg_monitor`), and at no table.
    Monitoring,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRequest {
    /// Name of the role.
    pub role: String,
    /// The database that it is for.
    pub database: String,
    /// What it may.
    pub access: AccountAccess,
    /// How many sessions it may have on a server; none where nobody has said.
    pub limit: Option<u32>,
    /// Name of the Secret that its password is written into.
    pub secret: String,
}

impl AccountRequest {
    /// What it is for, in words.
    pub const fn access(&self) -> &'static str {
        match self.access {
            AccountAccess::ReadWrite => "read-write",
            AccountAccess::ReadOnly => "read-only",
            AccountAccess::Monitoring => "monitoring",
        }
    }

    /// Whether it makes anything of its own.
    pub fn writes(&self) -> bool {
        self.access == AccountAccess::ReadWrite
    }

    /// How many sessions it may have on a server when the role is made now; none for any number.
    pub fn limit_when_made(&self) -> Option<u32> {
        let monitoring = self.access == AccountAccess::Monitoring;
        self.limit.or(monitoring.then_some(MONITORING_SESSIONS))
    }
}

/// Why a name is none for a role or database that is made; none when it is one. What others write by hand must
/// be easy to write: in URIs, in SQL without quotes, in the name of a Secret.
pub fn bad_account_name(name: &str) -> Option<&'static str> {
    let fine = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_' || it == '-';
    let first = name.chars().next();
    match name {
        "" => Some("it is empty"),
        _ if name.len() > 63 => Some("it is longer than 63 characters"),
        _ if !name.chars().all(fine) || !first.is_some_and(|it| it.is_ascii_lowercase()) => Some(
            "small letters, digits, _ and - are fine, and a letter first: it has to be typed in many places",
        ),
        "public" | "none" | "template0" | "template1" => Some("PostgreSQL keeps it for itself"),
        _ if name.starts_with("pg_") => Some("PostgreSQL keeps pg_ for itself"),
        _ => None,
    }
}

/// Name of the Secret of an application's role.
pub fn account_secret(cluster: &str, role: &str) -> String {
    format!("{cluster}-user-{}", role.to_lowercase().replace('_', "-"))
}

/// What there is, before a role is made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountFacts {
    /// The role of that name.
    pub role: Option<RoleFound>,
    /// What that role may or is in beside what a role for monitoring needs, in words.
    pub role_has: Vec<String>,
    /// The database of that name.
    pub database: Option<DatabaseFound>,
    /// What `ALTER ROLE` and `ALTER DATABASE` have set of `search_path` and `default_transaction_read_only` for sessions
    /// of the one in the other: `search_path=public`. Of several lines the first counts.
    pub settings: Vec<String>,
}

/// A role of the name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleFound {
    /// Whether it can log in.
    pub login: bool,
    /// Whether it is a superuser, may stream, or may make roles.
    pub privileged: bool,
}

/// A database of the name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseFound {
    /// Whether it takes connections, and is no template.
    pub open: bool,
    /// Whether every role may connect.
    pub public_connect: bool,
}

/// The Secret of the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretFound {
    /// There is none.
    None,
    /// pgctl has made it for a role.
    Ours {
        /// The role.
        role: String,
        /// Name of its database.
        database: String,
        /// `read-only` or `read-write`.
        access: String,
    },
    /// Somebody else's.
    Foreign,
    /// It may not be read, or nobody says.
    Unknown(String),
}

/// Makes an application's role: what would be done, and what speaks against it. `missing` are the permissions
/// that are.
pub fn propose_account(
    pod: &str,
    request: &AccountRequest,
    facts: &AccountFacts,
    secret: &SecretFound,
    missing: &[String],
    unfinished: Option<&UnfinishedOperation>,
) -> ChangeProposal {
    let (role, database) = (&request.role, &request.database);
    let ours = is_of(secret, request);
    let there = |it: bool| if it { "there" } else { "made" };
    ChangeProposal {
        title: format!("user {role} ({}) of database {database}", request.access()),
        identity: format!(
            "user {role} ({}) of database {database} on {pod}, role {}, database {}, Secret {}",
            request.access(),
            there(facts.role.is_some()),
            there(facts.database.is_some()),
            there(ours),
        ),
        wanted: "yes".to_owned(),
        facts: what_it_may(request, facts),
        checks: [
            role_check(request, facts, ours),
            database_check(request, facts),
        ]
        .into_iter()
        .chain(settings_check(request, facts))
        .chain([
            secret_check(request, secret),
            ChangeCheck::permission(missing, "users"),
            ChangeCheck::no_operation(unfinished, CheckVerdict::Refuse),
        ])
        .collect(),
        undo: Vec::new(),
    }
}

fn what_it_may(request: &AccountRequest, facts: &AccountFacts) -> Vec<String> {
    let (role, database) = (&request.role, &request.database);
    let is_there = facts.role.is_some();
    let limit = match is_there {
        true => request.limit,
        false => request.limit_when_made(),
    };
    let limit = match limit {
        Some(limit) => format!("{limit} sessions on each server"),
        None if is_there && request.access == AccountAccess::Monitoring => {
            "as many sessions as it has".to_owned()
        }
        None => "any number of sessions".to_owned(),
    };
    let may = match request.access {
        AccountAccess::ReadOnly => format!(
            "it may read all tables of {database}, those of later, too; {limit}; it may make nothing"
        ),
        AccountAccess::ReadWrite => format!(
            "it owns the schema {role} in {database}, where its tables go; no other rights; {limit}"
        ),
        AccountAccess::Monitoring => format!(
            "it may look at what the servers do and count (pg_monitor), and gets no right on any table; {limit}; it may make nothing"
        ),
    };
    let mut lines = vec![
        may,
        format!(
            "its password is made now and is in the Secret {} only",
            request.secret
        ),
    ];
    if facts.database.is_none() && request.writes() {
        lines.push(format!(
            "the database {database} is made; no other role may connect to it"
        ));
    }
    lines
}

/// Whether a Secret is of this very request.
fn is_of(secret: &SecretFound, request: &AccountRequest) -> bool {
    match secret {
        SecretFound::Ours {
            role,
            database,
            access,
        } => *role == request.role && *database == request.database && access == request.access(),
        SecretFound::None | SecretFound::Foreign | SecretFound::Unknown(_) => false,
    }
}

fn role_check(request: &AccountRequest, facts: &AccountFacts, ours: bool) -> ChangeCheck {
    const CHECK: &str = "role";
    let role = &request.role;
    let other = "another name, or drop it first: pgctl users";
    match &facts.role {
        None => ChangeCheck::pass(CHECK, "it is made"),
        Some(found) if found.privileged => ChangeCheck::refuse(
            CHECK,
            format!("{role} is there, and is a superuser, may stream or make roles: it is no application's"),
        )
        .next(other),
        Some(_) if request.access == AccountAccess::Monitoring && !facts.role_has.is_empty() => {
            ChangeCheck::refuse(
                CHECK,
                format!(
                    "{role} is there, and {}: it is none that only looks",
                    facts.role_has.join(", ")
                ),
            )
            .next(other)
        }
        Some(_) if ours => ChangeCheck::pass(
            CHECK,
            "it is there, and its Secret: it gets what it lacks of these rights",
        ),
        Some(_) => ChangeCheck::refuse(
            CHECK,
            format!("{role} is there, and the Secret with its password is not: somebody may be using it"),
        )
        .next(other),
    }
}

fn database_check(request: &AccountRequest, facts: &AccountFacts) -> ChangeCheck {
    const CHECK: &str = "database";
    let database = &request.database;
    match &facts.database {
        None if !request.writes() => {
            ChangeCheck::refuse(CHECK, format!("there is no database {database} to read"))
                .next("pgctl databases")
        }
        None => ChangeCheck::pass(CHECK, "it is made"),
        Some(found) if !found.open => ChangeCheck::refuse(
            CHECK,
            format!("{database} is a template, or takes no connections"),
        )
        .next("pgctl databases"),
        // Who only looks is one of them.
        Some(found) if found.public_connect && request.access != AccountAccess::Monitoring => {
            ChangeCheck::warn(
                CHECK,
                format!(
                    "every role may connect to {database}; that stays as it is, others may need it"
                ),
            )
            .next(format!(
                "when nobody does: pgctl query --write {}",
                shell_word(&format!(
                    "revoke connect, temporary on database {} from public",
                    quote_identifier(database)
                ))
            ))
        }
        Some(_) => ChangeCheck::pass(CHECK, "it is there"),
    }
}

/// What its sessions would begin with, when it could not make its tables with that, or not where they go; none when
/// nothing is in the way.
fn settings_check(request: &AccountRequest, facts: &AccountFacts) -> Option<ChangeCheck> {
    // Who only reads makes none.
    if !request.writes() {
        return None;
    }
    let of = |name: &str| {
        let mut settings = facts.settings.iter().filter_map(|it| it.split_once('='));
        settings.find(|it| it.0 == name).map(|it| it.1)
    };
    let (reason, setting) = match (of("default_transaction_read_only"), of("search_path")) {
        (Some(value), _) if is_on(value) => (
            format!("its sessions can't write: default_transaction_read_only is {value}"),
            "default_transaction_read_only = off",
        ),
        (_, Some(path)) if !leads_to_own_schema(path, &request.role) => (
            format!("its tables do not go into its schema: search_path is {path}"),
            "search_path = \"$user\", public",
        ),
        _ => return None,
    };
    let sql = format!(
        "alter role {} in database {} set {setting}",
        quote_identifier(&request.role),
        quote_identifier(&request.database)
    );
    let check = ChangeCheck::warn("settings", format!("in {}: {reason}", request.database));
    Some(check.next(format!(
        "for this role only, once it is made: pgctl query --write {}",
        shell_word(&sql)
    )))
}

/// Whether PostgreSQL reads it as a yes: any beginning of a word will do.
fn is_on(value: &str) -> bool {
    let value = value.to_lowercase();
    let is_no = |word: &str| word.starts_with(&value);
    !["off", "false", "no", "0"].into_iter().any(is_no)
}

/// Whether what a role makes without naming a schema goes into the one of its name.
fn leads_to_own_schema(search_path: &str, role: &str) -> bool {
    let schemas = list_elements("search_path", search_path).unwrap_or_default();
    schemas
        .first()
        .is_some_and(|it| it == "$user" || it == role)
}

fn secret_check(request: &AccountRequest, secret: &SecretFound) -> ChangeCheck {
    const CHECK: &str = "secret";
    let name = &request.secret;
    let other = "another name for it: --app-secret NAME";
    match secret {
        SecretFound::None => ChangeCheck::pass(CHECK, format!("{name} is made")),
        SecretFound::Ours { .. } if is_of(secret, request) => {
            ChangeCheck::pass(CHECK, format!("{name} is there; its password stays"))
        }
        SecretFound::Ours {
            role,
            database,
            access,
        } => ChangeCheck::refuse(
            CHECK,
            format!("{name} is of user {role} ({access}) of database {database}"),
        )
        .next(other),
        SecretFound::Foreign => ChangeCheck::refuse(
            CHECK,
            format!("{name} is there, and pgctl has not made it: it is never overwritten"),
        )
        .next(other),
        SecretFound::Unknown(reason) => ChangeCheck::refuse(
            CHECK,
            format!("nobody says whether {name} is there: {reason}"),
        ),
    }
}

/// What there is of a role that is to be dropped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountLeft {
    /// The role; none when it is gone.
    pub role: Option<RoleFound>,
    /// The databases in which it owns more than schemas.
    pub owns_in: Vec<String>,
    /// The databases that it owns.
    pub owns_databases: Vec<String>,
    /// The databases in which it has rights, or schemas.
    pub known_in: Vec<String>,
}

/// What is asked of a drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountDropRequest {
    /// Name of the role.
    pub role: String,
    /// Name of its Secret.
    pub secret: String,
    /// Whether its sessions may be ended.
    pub disconnect: bool,
}

/// Drops an application's role: what would be done, and what speaks against it. `sessions` are its sessions by
/// pod; `silent` are the pods that do not say.
pub fn propose_account_drop(
    request: &AccountDropRequest,
    left: &AccountLeft,
    sessions: &[(String, u32)],
    silent: &[String],
    secret: &SecretFound,
    missing: &[String],
    unfinished: Option<&UnfinishedOperation>,
) -> ChangeProposal {
    let role = &request.role;
    ChangeProposal {
        title: format!("drop of user {role}"),
        identity: format!("drop of user {role}, Secret {}", request.secret),
        wanted: role.clone(),
        facts: vec![
            "the role, its rights and its empty schemas go; its databases and all data stay"
                .to_owned(),
        ],
        checks: vec![
            dropped_role(request, left),
            objects(request, left),
            connected(request, sessions, silent),
            dropped_secret(request, secret),
            ChangeCheck::permission(missing, "users"),
            ChangeCheck::no_operation(unfinished, CheckVerdict::Refuse),
        ],
        undo: Vec::new(),
    }
}

fn dropped_role(request: &AccountDropRequest, left: &AccountLeft) -> ChangeCheck {
    const CHECK: &str = "role";
    match &left.role {
        None => ChangeCheck::pass(CHECK, format!("{} is gone already", request.role)),
        Some(found) if found.privileged => ChangeCheck::refuse(
            CHECK,
            format!(
                "{} is a superuser, may stream or make roles: it is no application's",
                request.role
            ),
        )
        .next("pgctl users"),
        Some(_) => ChangeCheck::pass(CHECK, "it is an ordinary role"),
    }
}

fn objects(request: &AccountDropRequest, left: &AccountLeft) -> ChangeCheck {
    const CHECK: &str = "objects";
    let role = quote_identifier(&request.role);
    if let Some(database) = left.owns_databases.first() {
        let sql = format!(
            "alter database {} owner to current_user",
            quote_identifier(database)
        );
        return ChangeCheck::refuse(
            CHECK,
            format!("it owns the database {}", left.owns_databases.join(", ")),
        )
        .next(format!(
            "give it to somebody else: pgctl query --write {}",
            shell_word(&sql)
        ));
    }
    let Some(database) = left.owns_in.first() else {
        return ChangeCheck::pass(CHECK, "it owns nothing but schemas, or nothing");
    };
    let sql = format!("reassign owned by {role} to current_user");
    ChangeCheck::refuse(
        CHECK,
        format!(
            "it owns tables or the like in {}: dropping it would drop them",
            left.owns_in.join(", ")
        ),
    )
    .next(format!(
        "give them to somebody else: pgctl query --write {} {}",
        database_option(database),
        shell_word(&sql)
    ))
}

fn connected(
    request: &AccountDropRequest,
    sessions: &[(String, u32)],
    silent: &[String],
) -> ChangeCheck {
    const CHECK: &str = "sessions";
    let counts: Vec<String> = sessions
        .iter()
        .filter(|it| it.1 > 0)
        .map(|(pod, count)| format!("{count} on {pod}"))
        .collect();
    if counts.is_empty() {
        return match silent {
            [] => ChangeCheck::pass(CHECK, "it is not connected"),
            silent => ChangeCheck::warn(
                CHECK,
                format!(
                    "it is not connected, as far as is known: no answer of {}",
                    silent.join(", ")
                ),
            ),
        };
    }
    let reason = format!("it is connected: {}", counts.join(", "));
    match request.disconnect {
        true => ChangeCheck::warn(CHECK, format!("{reason}; its sessions are ended")),
        false => ChangeCheck::refuse(CHECK, reason)
            .next("who it is: pgctl connections; --disconnect ends its sessions"),
    }
}

fn dropped_secret(request: &AccountDropRequest, secret: &SecretFound) -> ChangeCheck {
    const CHECK: &str = "secret";
    let name = &request.secret;
    match secret {
        SecretFound::Ours { role, .. } if *role == request.role => {
            ChangeCheck::pass(CHECK, format!("{name} is deleted"))
        }
        SecretFound::Ours { role, .. } => {
            ChangeCheck::warn(CHECK, format!("{name} is of user {role}, and stays"))
        }
        SecretFound::None => ChangeCheck::warn(CHECK, format!("there is no Secret {name}"))
            .next("when it has another name: --app-secret NAME"),
        SecretFound::Foreign => {
            ChangeCheck::warn(CHECK, format!("{name} was not made by pgctl, and stays"))
        }
        SecretFound::Unknown(reason) => ChangeCheck::refuse(
            CHECK,
            format!("nobody says whether {name} is there: {reason}"),
        ),
    }
}

#[cfg(test)]
mod tests;
