//! Somebody's own statement that may change something: what it is in words that can be kept, and what
//! speaks against it.

use super::{ChangeCheck, ChangeProposal};
use crate::cluster::UnfinishedOperation;
use crate::log::shape_of;
use crate::plan::CheckVerdict;

/// What a statement that only asks begins with.
const ASK: [&str; 6] = ["select", "with", "values", "table", "show", "explain"];

/// After these the next word says what it is about.
const ABOUT: [&str; 11] = [
    "alter", "analyze", "comment", "commit", "create", "drop", "grant", "refresh", "reindex",
    "rollback", "truncate",
];

/// What can stand there. Any other word may be a name.
const THINGS: [&str; 25] = [
    "aggregate",
    "column",
    "database",
    "default",
    "domain",
    "extension",
    "function",
    "group",
    "index",
    "materialized",
    "on",
    "or",
    "policy",
    "prepared",
    "procedure",
    "publication",
    "role",
    "schema",
    "sequence",
    "subscription",
    "system",
    "table",
    "type",
    "user",
    "view",
];

/// What a statement can begin with. Any other word may be somebody's data.
const COMMANDS: [&str; 51] = [
    "abort",
    "alter",
    "analyze",
    "begin",
    "call",
    "checkpoint",
    "close",
    "cluster",
    "comment",
    "commit",
    "copy",
    "create",
    "deallocate",
    "declare",
    "delete",
    "discard",
    "do",
    "drop",
    "end",
    "execute",
    "explain",
    "fetch",
    "grant",
    "import",
    "insert",
    "listen",
    "load",
    "lock",
    "merge",
    "move",
    "notify",
    "prepare",
    "reassign",
    "refresh",
    "reindex",
    "release",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "security",
    "select",
    "set",
    "show",
    "start",
    "table",
    "truncate",
    "unlisten",
    "update",
    "vacuum",
    "values",
];

/// The most of a statement that is repeated to people.
const SHOWN: usize = 300;

/// A statement, as far as it can be told without a parser of every version's grammar. The server has the
/// last word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementOutline {
    /// Without comments, and without its literals, which may be secrets.
    shape: String,
}

impl StatementOutline {
    /// Of its text.
    pub fn of(sql: &str) -> Self {
        Self {
            shape: shape_of(sql),
        }
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        let parted = |it: char| !it.is_ascii_alphabetic() && it != '_';
        self.shape.split(parted).filter(|it| !it.is_empty()).take(2)
    }

    /// Whether there is nothing in it: white space and comments.
    pub fn is_empty(&self) -> bool {
        self.shape.trim_end_matches([';', ' ']).is_empty()
    }

    /// Whether it begins as one does that only asks.
    pub fn only_asks(&self) -> bool {
        let first = self.shape.trim_start_matches(['(', ' ']);
        ASK.iter().any(|word| {
            let rest = first.strip_prefix(word);
            rest.is_some_and(|it| !it.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    }

    /// Whether it begins or ends a transaction, which it has none of its own to do with.
    pub fn handles_transactions(&self) -> bool {
        let mut words = self.words();
        let first = words.next().unwrap_or_default();
        match first {
            "commit" | "rollback" => words.next() != Some("prepared"),
            "abort" | "begin" | "end" | "release" | "savepoint" | "start" => true,
            _ => false,
        }
    }

    /// What it is, in words that give nothing of its text away: `DELETE`, `CREATE INDEX`.
    pub fn title(&self) -> String {
        let mut words = self.words();
        let known = |it: &&str| *it == "with" || COMMANDS.contains(it);
        let first = words.next().filter(known);
        let Some(first) = first else {
            return "a statement".to_owned();
        };
        let about = words
            .next()
            .filter(|word| ABOUT.contains(&first) && THINGS.contains(word));
        let title = match about {
            Some(about) if !["on", "or"].contains(&about) => format!("{first} {about}"),
            Some(_) | None => first.to_owned(),
        };
        title.to_uppercase()
    }

    fn shown(&self) -> String {
        let shown = crate::cluster::words::shortened(&self.shape, SHOWN);
        let more = match shown.len() < self.shape.len() {
            true => " ...",
            false => "",
        };
        format!("{shown}{more}")
    }
}

/// A statement that may change something, before it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementFacts {
    /// Name of the primary's pod.
    pub pod: String,
    /// Name of the database.
    pub database: String,
    /// Its whole text.
    pub sql: String,
    /// The cluster's name, which has to be typed.
    pub cluster: String,
    /// What the server said when it was asked to parse it; none when it took it.
    pub not_taken: Option<String>,
}

/// What it would do, and what speaks against it.
pub fn propose_statement(
    facts: &StatementFacts,
    unfinished: Option<&UnfinishedOperation>,
) -> ChangeProposal {
    let outline = StatementOutline::of(&facts.sql);
    let (pod, database) = (&facts.pod, &facts.database);
    ChangeProposal {
        title: format!("{} in database {database} on {pod}", outline.title()),
        identity: format!("{} in database {database} on {pod}", facts.sql),
        wanted: facts.cluster.clone(),
        facts: vec![format!("without its literals: {}", outline.shown())],
        checks: vec![
            statement(&outline, facts),
            ChangeCheck::no_operation(unfinished, CheckVerdict::Warn),
        ],
        undo: Vec::new(),
    }
}

fn statement(outline: &StatementOutline, facts: &StatementFacts) -> ChangeCheck {
    const CHECK: &str = "statement";
    if outline.handles_transactions() {
        return ChangeCheck::refuse(
            CHECK,
            format!("{} is about a transaction: it has its own", outline.title()),
        )
        .next("several statements in a transaction: pgctl psql");
    }
    match &facts.not_taken {
        Some(reason) => ChangeCheck::refuse(CHECK, reason.clone())
            .next("several statements: pgctl psql -d DATABASE"),
        None => ChangeCheck::pass(CHECK, "the server can parse it, and it is one"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::CheckVerdict;

    #[test]
    fn what_is_kept_gives_nothing_of_the_text_away() {
        for (sql, title) in [
            ("delete from t where secret = 'x'", "DELETE"),
            ("/* a */ -- b\n  CREATE unique index i on t (x)", "CREATE"),
            ("create index concurrently i on t (x)", "CREATE INDEX"),
            ("alter role app password 'hunter2'", "ALTER ROLE"),
            ("alter system set x = 'y'", "ALTER SYSTEM"),
            ("truncate hunter2", "TRUNCATE"),
            ("grant hunter2 to app", "GRANT"),
            ("rollback prepared 'g'", "ROLLBACK PREPARED"),
            ("hunter2hunter2", "a statement"),
            ("", "a statement"),
        ] {
            assert_eq!(StatementOutline::of(sql).title(), title, "{sql}");
        }
    }

    #[test]
    fn what_only_asks_is_known_by_its_first_word() {
        let asks = |sql: &str| StatementOutline::of(sql).only_asks();
        for sql in [
            "select 1",
            "(select 1) union select 2",
            "-- c\nTABLE t",
            "values (1)",
            "select*from t",
            "show all",
            "explain select 1",
        ] {
            assert!(asks(sql), "{sql}");
        }
        for sql in [
            "do $$begin end$$",
            "copy t to program 'x'",
            "call p()",
            "selects",
            "",
            "commit",
            "/* select */ drop table t",
        ] {
            assert!(!asks(sql), "{sql}");
        }
    }

    #[test]
    fn it_has_a_transaction_of_its_own() {
        let refused = |sql: &str| {
            let facts = StatementFacts {
                pod: "p-0".to_owned(),
                database: "d".to_owned(),
                sql: sql.to_owned(),
                cluster: "c".to_owned(),
                not_taken: None,
            };
            propose_statement(&facts, None).checks[0].verdict == CheckVerdict::Refuse
        };
        for sql in ["commit", "end", "rollback to a", "savepoint a", "begin"] {
            assert!(refused(sql), "{sql}");
        }
        for sql in ["rollback prepared 'x'", "delete from t", "vacuum"] {
            assert!(!refused(sql), "{sql}");
        }
    }
}
