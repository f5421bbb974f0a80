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
pub fn statements_for_roles(text: &str, wanted: &[String], known: &[String]) -> Vec<RoleStatement> {
    chosen(text, known, |about| match about {
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
pub fn changes_to_roles(text: &str, known: &[String], spared: &[String]) -> Vec<RoleStatement> {
    chosen(text, known, |about| match about {
        About::Attributes(role) => contains(known, role) && !contains(spared, role),
        About::Detail(role) => contains(known, role),
        About::Membership(group, member) => contains(known, group) && contains(known, member),
        About::Session => true,
        About::Create(_) | About::Other => false,
    })
}

fn chosen(text: &str, known: &[String], wanted: impl Fn(&About<'_>) -> bool) -> Vec<RoleStatement> {
    statements(text)
        .iter()
        .filter(|statement| wanted(&about(statement)))
        .map(|statement| RoleStatement {
            line: statement.line,
            text: without_unknown_grantor(statement, known),
        })
        .collect()
}

/// `GRANTED BY` names the source's superuser, who may be called otherwise here.
fn without_unknown_grantor(statement: &Statement, known: &[String]) -> String {
    let words = &statement.words;
    let grantor =
        (0..words.len()).find(|at| statement.is(*at, "GRANTED") && statement.is(at + 1, "BY"));
    match grantor {
        Some(at)
            if !statement
                .name(at + 2)
                .is_some_and(|name| contains(known, name)) =>
        {
            statement.text[..words[at].at.start].trim_end().to_owned()
        }
        _ => statement.text.clone(),
    }
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
        let run = statements_for_roles(FILE, &wanted, &known);
        let lines: Vec<usize> = run.iter().map(|it| it.line).collect();
        assert_eq!(lines, [1, 4, 5, 6, 7, 12]);
        assert_eq!(run[5].text, "GRANT pg_read_all_data TO \"o'Brien;x\"");
    }

    #[test]
    fn the_passwords_of_the_secret_stay() {
        let known = names(&["admin", "replicator", "pg_monitor", "o'Brien;x"]);
        let spared = names(&["admin", "replicator"]);
        let run = changes_to_roles(FILE, &known, &spared);
        assert!(run.iter().all(|it| !it.text.contains("SCRAM")));
        assert!(run.iter().any(|it| it.text.contains("md5abc")));
        assert!(
            run.iter()
                .any(|it| it.text == "GRANT pg_monitor TO replicator GRANTED BY admin")
        );
        assert!(!run.iter().any(|it| it.text.contains("TABLESPACE")));
    }
}
