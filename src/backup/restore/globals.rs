//! The roles of a backup: what `pg_dumpall --globals-only` wrote, statement by statement.

use super::sql_text::{Statement, WordKind, statements};

/// A statement about roles, as it is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleStatement {
    /// The line of the file that it begins on.
    pub line: usize,
    /// The statement. It may hold the hash of a password.
    pub text: String,
}

/// What becomes of `GRANTED BY` in memberships. Before PostgreSQL 16 it was a note that nothing
/// depended on; since then the grantor must have the ADMIN OPTION on the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grantors {
    /// It stays where the grantor is known: an old server takes any.
    Known,
    /// It is left away: an old dump goes into a newer server.
    Left,
    /// It stays where a statement before it has given the grantor the ADMIN OPTION: `pg_dumpall`
    /// writes them in that order. Of the others the superuser is the grantor, as it mostly was.
    WithAdminOption,
}

impl Grantors {
    /// Which, from one server's version to another's.
    pub fn between(from: u32, to: u32) -> Self {
        const CHECKED: u32 = 160_000;
        match (from >= CHECKED, to >= CHECKED) {
            (_, false) => Self::Known,
            (false, true) => Self::Left,
            (true, true) => Self::WithAdminOption,
        }
    }
}

/// What a statement is about.
#[derive(Debug, PartialEq, Eq)]
enum About<'a> {
    /// `SET`: how the others are to be read.
    Session,
    /// It makes a role.
    Create(&'a str),
    /// Its attributes, with the password.
    Attributes(&'a str),
    /// A setting, a comment or a label of it, or a privilege on a parameter.
    Detail(&'a str),
    /// It makes the second a member of the first.
    Membership(&'a str, &'a str),
    /// Tablespaces, and what is not known.
    Other,
}

fn about(statement: &Statement) -> About<'_> {
    let name = |at| statement.name(at);
    if statement.begins(&["SET"]) {
        return About::Session;
    }
    if statement.begins(&["CREATE", "ROLE"]) {
        return name(2).map_or(About::Other, About::Create);
    }
    if statement.begins(&["ALTER", "ROLE"]) {
        return match name(2) {
            Some(role) if statement.is(3, "WITH") => About::Attributes(role),
            Some(role) => About::Detail(role),
            None => About::Other,
        };
    }
    if statement.begins(&["COMMENT", "ON", "ROLE"]) {
        return name(3).map_or(About::Other, About::Detail);
    }
    if statement.begins(&["SECURITY", "LABEL"]) && !statement.names_after(&["ROLE"]).is_empty() {
        return About::Detail(statement.names_after(&["ROLE"])[0]);
    }
    if statement.begins(&["GRANT"]) {
        if statement.is(2, "TO") {
            return match (name(1), name(3)) {
                (Some(group), Some(member)) => About::Membership(group, member),
                _ => About::Other,
            };
        }
        let on_parameter = (0..statement.words.len())
            .any(|at| statement.is(at, "ON") && statement.is(at + 1, "PARAMETER"));
        if let (true, Some(role)) = (on_parameter, statement.names_after(&["TO"]).first()) {
            return About::Detail(role);
        }
    }
    About::Other
}

/// The roles that the file makes, in its order.
pub fn roles_in(text: &str) -> Vec<String> {
    statements(text)
        .iter()
        .filter_map(|statement| match about(statement) {
            About::Create(role) => Some(role.to_owned()),
            _ => None,
        })
        .collect()
}

/// The statements that make these roles as they are in the file. `known`: the roles that exist,
/// and those that are made: who was granted something by, or is a member of, nobody known, is left
/// without that.
pub fn statements_for_roles(
    text: &str,
    wanted: &[String],
    known: &[String],
    grantors: Grantors,
) -> Vec<RoleStatement> {
    chosen(text, known, grantors, |about| match about {
        About::Session => true,
        About::Create(role) | About::Attributes(role) | About::Detail(role) => {
            contains(wanted, role)
        }
        About::Membership(group, member) => {
            (contains(wanted, group) || contains(wanted, member))
                && contains(known, group)
                && contains(known, member)
        }
        About::Other => false,
    })
}

/// The statements that make roles that exist what they are in the file. The attributes and the
/// passwords of `spared` stay as they are.
pub fn changes_to_roles(
    text: &str,
    known: &[String],
    spared: &[String],
    grantors: Grantors,
) -> Vec<RoleStatement> {
    chosen(text, known, grantors, |about| match about {
        About::Attributes(role) => contains(known, role) && !contains(spared, role),
        About::Detail(role) => contains(known, role),
        About::Membership(group, member) => contains(known, group) && contains(known, member),
        About::Session => true,
        About::Create(_) | About::Other => false,
    })
}

fn chosen(
    text: &str,
    known: &[String],
    grantors: Grantors,
    wanted: impl Fn(&About<'_>) -> bool,
) -> Vec<RoleStatement> {
    // Who has been given the ADMIN OPTION on which role so far.
    let mut admins: Vec<(String, String)> = Vec::new();
    let mut found = Vec::new();
    for statement in &statements(text) {
        let about = about(statement);
        if !wanted(&about) {
            continue;
        }
        let stays = |grantor: &str| match (grantors, &about) {
            (Grantors::Left, About::Membership(..)) => false,
            (Grantors::WithAdminOption, About::Membership(group, _)) => admins
                .iter()
                .any(|(role, admin)| role == group && admin == grantor),
            _ => contains(known, grantor),
        };
        found.push(RoleStatement {
            line: statement.line,
            text: without_grantor_unless(statement, stays),
        });
        if let About::Membership(group, member) = about
            && gives_admin_option(statement)
        {
            admins.push((group.to_owned(), member.to_owned()));
        }
    }
    found
}

/// `GRANTED BY` often names the source's superuser, who may be called otherwise here.
fn without_grantor_unless(statement: &Statement, stays: impl Fn(&str) -> bool) -> String {
    let words = &statement.words;
    let grantor =
        (0..words.len()).find(|at| statement.is(*at, "GRANTED") && statement.is(at + 1, "BY"));
    match grantor {
        Some(at) if !statement.name(at + 2).is_some_and(stays) => {
            statement.text[..words[at].at.start].trim_end().to_owned()
        }
        _ => statement.text.clone(),
    }
}

fn gives_admin_option(statement: &Statement) -> bool {
    (0..statement.words.len()).any(|at| {
        statement.is(at, "ADMIN")
            && (statement.is(at + 1, "OPTION") || statement.is(at + 1, "TRUE"))
    })
}

fn contains(list: &[String], name: &str) -> bool {
    list.iter().any(|it| it == name)
}

impl WordKind {
    /// Whether it is a text, such as a password.
    pub(super) fn is_text(&self) -> bool {
        *self == Self::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "SET client_encoding = 'UTF8';
CREATE ROLE admin;
ALTER ROLE admin WITH SUPERUSER PASSWORD 'SCRAM-SHA-256$4096:a$b:c';
CREATE ROLE \"o'Brien;x\";
ALTER ROLE \"o'Brien;x\" WITH LOGIN PASSWORD 'md5abc';
ALTER ROLE \"o'Brien;x\" SET work_mem TO '8MB';
COMMENT ON ROLE \"o'Brien;x\" IS 'a
comment; of two lines';
CREATE ROLE replicator;
ALTER ROLE replicator WITH REPLICATION PASSWORD 'x';
GRANT pg_monitor TO replicator GRANTED BY admin;
GRANT pg_read_all_data TO \"o'Brien;x\" GRANTED BY boss;
CREATE TABLESPACE fast OWNER admin LOCATION '/x';
";

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn only_what_belongs_to_the_missing_roles_is_run() {
        assert_eq!(roles_in(FILE), ["admin", "o'Brien;x", "replicator"]);
        let known = names(&[
            "admin",
            "replicator",
            "pg_monitor",
            "pg_read_all_data",
            "o'Brien;x",
        ]);
        let wanted = names(&["o'Brien;x"]);
        let run = statements_for_roles(FILE, &wanted, &known, Grantors::Known);
        let lines: Vec<usize> = run.iter().map(|it| it.line).collect();
        assert_eq!(lines, [1, 4, 5, 6, 7, 12]);
        assert_eq!(run[5].text, "GRANT pg_read_all_data TO \"o'Brien;x\"");
    }

    #[test]
    fn the_passwords_of_the_secret_stay() {
        let known = names(&["admin", "replicator", "pg_monitor", "o'Brien;x"]);
        let spared = names(&["admin", "replicator"]);
        let run = changes_to_roles(FILE, &known, &spared, Grantors::Known);
        assert!(run.iter().all(|it| !it.text.contains("SCRAM")));
        assert!(run.iter().any(|it| it.text.contains("md5abc")));
        assert!(
            run.iter()
                .any(|it| it.text == "GRANT pg_monitor TO replicator GRANTED BY admin")
        );
        assert!(!run.iter().any(|it| it.text.contains("TABLESPACE")));
    }

    #[test]
    fn a_grantor_stays_where_the_server_takes_it() {
        const GRANTS: &str = "GRANT g TO x WITH ADMIN OPTION, INHERIT TRUE GRANTED BY boss;
GRANT g TO m WITH INHERIT TRUE GRANTED BY x;
GRANT g TO n WITH INHERIT TRUE GRANTED BY m;
";
        let known = names(&["g", "x", "m", "n", "boss"]);
        let of = |from, to| {
            let grantors = Grantors::between(from, to);
            changes_to_roles(GRANTS, &known, &[], grantors)
                .iter()
                .map(|it| {
                    it.text
                        .split_once("GRANTED BY ")
                        .map(|(_, name)| name.to_owned())
                })
                .collect::<Vec<_>>()
        };
        let name = |name: &str| Some(name.to_owned());
        assert_eq!(of(140_000, 150_000), [name("boss"), name("x"), name("m")]);
        assert_eq!(of(150_000, 160_000), [None, None, None]);
        assert_eq!(of(160_000, 170_000), [None, name("x"), None]);
    }
}
