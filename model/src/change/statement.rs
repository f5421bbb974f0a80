//! Somebody's own statement that may change something: what it is in words that can be kept, and what
//! speaks against it.

use super::{ChangeCheck, ChangeProposal};
use crate::cluster::suggestion::database_option;
use crate::cluster::{UnfinishedOperation, nearest};
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

/// What these do ends with the session, which has one statement.
const OF_THE_SESSION: [&str; 14] = [
    "close",
    "deallocate",
    "declare",
    "discard",
    "execute",
    "fetch",
    "listen",
    "load",
    "lock",
    "move",
    "prepare",
    "reset",
    "set",
    "unlisten",
];

/// What `SET` and `RESET` can be about that is no setting.
const NO_SETTING: [&str; 7] = [
    "all",
    "characteristics",
    "constraints",
    "local",
    "role",
    "session",
    "transaction",
];

/// No word of the language is so long.
const LONGEST_WORD: usize = 30;

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

    /// What it begins with, behind opening parentheses; empty when that is no word.
    fn first_word(&self) -> &str {
        let begin = self.shape.trim_start_matches(['(', ' ']);
        let end = begin.find(|c: char| !c.is_alphanumeric() && c != '_');
        &begin[..end.unwrap_or(begin.len())]
    }

    /// Whether there is nothing in it: white space and comments.
    pub fn is_empty(&self) -> bool {
        self.shape.trim_end_matches([';', ' ']).is_empty()
    }

    /// Whether it begins as one does that only asks.
    pub fn only_asks(&self) -> bool {
        ASK.contains(&self.first_word())
    }

    /// Whether it begins as no statement does that is known here: mistyped, or of a newer server.
    pub fn is_unknown(&self) -> bool {
        let first = self.first_word();
        first != "with" && !COMMANDS.contains(&first)
    }

    /// What its first word was meant to be most likely; none when nothing is near.
    pub fn nearest_command(&self) -> Option<&'static str> {
        let first = self.first_word();
        if first.chars().count() > LONGEST_WORD {
            return None;
        }
        nearest(first, COMMANDS.into_iter().chain(["with"]))
    }

    /// Whether something comes after a semicolon.
    fn is_several(&self) -> bool {
        let statement = self.shape.trim_end_matches([';', ' ']);
        // Every other part is a name in quotes.
        statement.split('"').step_by(2).any(|it| it.contains(';'))
    }

    /// What to type when a server has said no to it in a database. `sqlstate` is its reason, where that is known.
    pub fn remedy(&self, sqlstate: Option<&str>, database: &str) -> String {
        let database = database_option(database);
        match sqlstate {
            Some("3D000") => "pgctl databases".to_owned(),
            Some("25006") => format!(
                "on the primary, after you have agreed to it: pgctl query --write {database} SQL"
            ),
            // No such table, or schema.
            Some("42P01" | "3F000") => {
                "it may be in another schema, or in another database (-d NAME): pgctl databases"
                    .to_owned()
            }
            Some("57014") => {
                format!("give it longer: pgctl query {database} --statement-timeout 10m SQL")
            }
            Some("42601") if self.is_several() => {
                format!("several statements: pgctl psql {database}")
            }
            Some(_) | None => format!("try it in a session: pgctl psql {database}"),
        }
    }

    /// Whether it begins or ends a transaction, which it has none of its own to do with.
    pub fn handles_transactions(&self) -> bool {
        let mut words = self.words();
        let first = words.next().unwrap_or_default();
        match first {
            "commit" | "rollback" => words.next() != Some("prepared"),
            "prepare" => words.next() == Some("transaction"),
            "abort" | "begin" | "end" | "release" | "savepoint" | "start" => true,
            _ => false,
        }
    }

    /// Where what it would do has a place that lasts, as a command; none when what it does lasts by itself.
    fn lasting(&self, database: &str) -> Option<String> {
        let mut words = self.words();
        let first = words.next().filter(|it| OF_THE_SESSION.contains(it))?;
        let about = words.next().unwrap_or_default();
        Some(match first {
            "set" if !NO_SETTING.contains(&about) => {
                "for all sessions from now on: pgctl config set NAME=VALUE".to_owned()
            }
            "reset" if !NO_SETTING.contains(&about) => {
                "for all sessions from now on: pgctl config unset NAME".to_owned()
            }
            _ => format!(
                "in a session that stays: pgctl psql {}",
                database_option(database)
            ),
        })
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
    /// The SQLSTATE of that, where it is known.
    pub sqlstate: Option<String>,
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
        .next(format!(
            "several statements in a transaction: pgctl psql {}",
            database_option(&facts.database)
        ));
    }
    if let Some(lasting) = outline.lasting(&facts.database) {
        return ChangeCheck::refuse(
            CHECK,
            format!(
                "what {} does ends with its session, and that has this one statement",
                outline.title()
            ),
        )
        .next(lasting);
    }
    match &facts.not_taken {
        Some(reason) => {
            let mistyped = outline.nearest_command().filter(|_| outline.is_unknown());
            ChangeCheck::refuse(CHECK, reason.clone()).next(match mistyped {
                Some(word) => format!("the nearest word that a statement begins with: {word}"),
                None => outline.remedy(facts.sqlstate.as_deref(), &facts.database),
            })
        }
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
            "select1",
        ] {
            assert!(!asks(sql), "{sql}");
        }
    }

    #[test]
    fn a_mistyped_statement_leads_to_the_nearest_word() {
        for (sql, word) in [
            ("selct * from t", Some("select")),
            ("(slect 1)", Some("select")),
            ("wiht a as (select 1) table a", Some("with")),
            ("updte t set x = 1", Some("update")),
            ("x", None),
            ("hunter2hunter2", None),
            ("; select 1", None),
        ] {
            let outline = StatementOutline::of(sql);
            assert!(outline.is_unknown(), "{sql}");
            assert_eq!(outline.nearest_command(), word, "{sql}");
        }
        for word in COMMANDS.into_iter().chain(ASK) {
            assert!(!StatementOutline::of(word).is_unknown(), "{word}");
        }
        let long = StatementOutline::of(&"x".repeat(1 << 20));
        assert_eq!(long.nearest_command(), None);
    }

    fn check(sql: &str, not_taken: Option<(&str, &str)>) -> ChangeCheck {
        let facts = StatementFacts {
            pod: "p-0".to_owned(),
            database: "d".to_owned(),
            sql: sql.to_owned(),
            cluster: "c".to_owned(),
            not_taken: not_taken.map(|it| it.1.to_owned()),
            sqlstate: not_taken.map(|it| it.0.to_owned()),
        };
        propose_statement(&facts, None).checks.remove(0)
    }

    #[test]
    fn each_reason_has_a_remedy_of_its_own() {
        for (sql, sqlstate, next) in [
            ("delete from t; select 1", "42601", "pgctl psql -d d"),
            (
                "delete frm t",
                "42601",
                "try it in a session: pgctl psql -d d",
            ),
            ("delete frm \"a;b\"", "42601", "try it in a session: "),
            ("insert into nosuch values (1)", "42P01", "pgctl databases"),
            ("insrt into t values (1)", "42601", "begins with: insert"),
            (
                "delete from t where nosuch",
                "42703",
                "try it in a session: ",
            ),
        ] {
            let refused = check(sql, Some((sqlstate, "no")));
            assert_eq!(refused.verdict, CheckVerdict::Refuse);
            let told = refused.next.unwrap_or_default();
            assert!(told.contains(next), "{sql}: {told}");
            let several = sql.contains("; ");
            assert_eq!(told.contains("several statements"), several, "{sql}");
        }
        let asked = |sqlstate| StatementOutline::of("select 1").remedy(Some(sqlstate), "-x");
        assert!(asked("25006").ends_with(": pgctl query --write --database=-x SQL"));
        assert_eq!(asked("3D000"), "pgctl databases");
        assert!(asked("57014").contains("--statement-timeout"));
        assert!(asked("22012").ends_with(": pgctl psql --database=-x"));
    }

    #[test]
    fn what_ends_with_the_session_is_not_said_to_be_done() {
        for (sql, next) in [
            ("set work_mem = '1MB'", "pgctl config set NAME=VALUE"),
            ("SET pg_stat_statements.max to 1", "pgctl config set "),
            ("reset work_mem", "pgctl config unset NAME"),
            ("set local work_mem = '1MB'", "pgctl psql -d d"),
            ("set role app", "pgctl psql -d d"),
            ("discard all", "pgctl psql -d d"),
            ("prepare p as select 1", "pgctl psql -d d"),
            ("declare c cursor with hold for select 1", "pgctl psql -d d"),
            ("listen x", "pgctl psql -d d"),
            ("load 'auto_explain'", "pgctl psql -d d"),
            ("lock table t", "pgctl psql -d d"),
        ] {
            let refused = check(sql, None);
            assert_eq!(refused.verdict, CheckVerdict::Refuse, "{sql}");
            let told = refused.next.unwrap_or_default();
            assert!(told.contains(next), "{sql}: {told}");
        }
        for sql in [
            "create function f() returns int set work_mem = '1MB' language sql as 'select 1'",
            "alter role app set work_mem = '1MB'",
            "alter system set work_mem = '1MB'",
            "update t set x = 1",
            "notify x",
        ] {
            assert_eq!(check(sql, None).verdict, CheckVerdict::Pass, "{sql}");
        }
    }

    #[test]
    fn it_has_a_transaction_of_its_own() {
        let refused = |sql: &str| check(sql, None).verdict == CheckVerdict::Refuse;
        for sql in [
            "commit",
            "end",
            "rollback to a",
            "savepoint a",
            "begin",
            "prepare transaction 'x'",
        ] {
            assert!(refused(sql), "{sql}");
            let told = check(sql, None).reason;
            assert!(told.contains("transaction"), "{sql}: {told}");
        }
        for sql in ["rollback prepared 'x'", "delete from t", "vacuum"] {
            assert!(!refused(sql), "{sql}");
        }
    }
}
