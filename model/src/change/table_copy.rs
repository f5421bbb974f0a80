//! A table of a throw-away server, copied into the cluster under another name.

use serde::{Deserialize, Serialize};

use super::{ChangeCheck, ChangeProposal};
use crate::cluster::suggestion::database_option;
use crate::cluster::words::{self, shell_word};
use crate::cluster::{UnfinishedOperation, quote_identifier};

/// A table by its name and its schema's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableName {
    /// The schema.
    pub schema: String,
    /// The table.
    pub table: String,
}

impl TableName {
    /// From `TABLE` or `SCHEMA.TABLE`, as it is stored, without quotes; `schema` when none is named.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, schema: &str) -> Result<Self, &'static str> {
        let (schema, table) = text.split_once('.').unwrap_or((schema, text));
        let fits = |it: &str| (1..=63).contains(&it.len()) && !it.chars().any(char::is_control);
        match fits(schema) && fits(table) {
            true => Ok(Self {
                schema: schema.to_owned(),
                table: table.to_owned(),
            }),
            false => Err("a name has 1 to 63 bytes, and no control characters"),
        }
    }

    /// As SQL has it.
    pub fn quoted(&self) -> String {
        format!(
            "{}.{}",
            quote_identifier(&self.schema),
            quote_identifier(&self.table)
        )
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// Its type, as SQL has it, with its schema where it is not PostgreSQL's own.
    pub of_type: String,
    /// Whether it takes no NULL.
    pub not_null: bool,
}

/// A table, as the server that has it says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableFacts {
    /// `relkind`: `r` a table, `p` a partitioned one, `m` a materialized view, `v` a view, `f` a foreign one.
    pub kind: String,
    /// In their order. The hidden and the dropped are not there.
    pub columns: Vec<TableColumn>,
    /// `pg_total_relation_size()` of it and of its partitions, indexes left out.
    pub bytes: u64,
}

/// Where it is to go, as the primary says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableTarget {
    /// Whether there is such a schema.
    pub schema: bool,
    /// Whether something has that name already.
    pub taken: bool,
    /// Types of the columns that are not there.
    pub missing_types: Vec<String>,
}

/// What is to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableCopyRequest {
    /// The throw-away server, by its name.
    pub server: String,
    /// The database, the same on both.
    pub database: String,
    /// The table there.
    pub table: TableName,
    /// The table that is made in the cluster.
    pub into: TableName,
    /// The pod of the primary.
    pub primary: String,
    /// The cluster's name.
    pub cluster: String,
}

impl TableCopyRequest {
    /// The statement that makes the table.
    pub fn create_table(&self, facts: &TableFacts) -> String {
        let columns: Vec<String> = facts
            .columns
            .iter()
            .map(|it| {
                let not_null = if it.not_null { " not null" } else { "" };
                format!("{} {}{not_null}", quote_identifier(&it.name), it.of_type)
            })
            .collect();
        format!(
            "create table {} ({})",
            self.into.quoted(),
            columns.join(", ")
        )
    }

    /// The statement that gives the rows, in the order of the columns.
    pub fn copy_out(&self, facts: &TableFacts) -> String {
        let names: Vec<String> = facts
            .columns
            .iter()
            .map(|it| quote_identifier(&it.name))
            .collect();
        format!(
            "copy (select {} from {}) to stdout",
            names.join(", "),
            self.table.quoted()
        )
    }

    /// The statement that takes them.
    pub fn copy_in(&self) -> String {
        format!("copy {} from stdin", self.into.quoted())
    }
}

/// What would be done, and what speaks against it. `free_bytes`: of the primary's volume, as far as it says.
pub fn propose_table_copy(
    request: &TableCopyRequest,
    facts: &TableFacts,
    target: &TableTarget,
    free_bytes: Option<u64>,
    unfinished: Option<&UnfinishedOperation>,
) -> ChangeProposal {
    let drop = format!("drop table {}", request.into.quoted());
    let undo = format!(
        "pgctl query --write {} {}",
        database_option(&request.database),
        shell_word(&drop)
    );
    ChangeProposal {
        title: format!(
            "copy of {} from the throw-away server {} as {} on {}",
            request.table, request.server, request.into, request.primary
        ),
        identity: format!("{} {} {}", request.primary, request.database, request.into),
        wanted: request.cluster.clone(),
        facts: vec![
            format!(
                "{} with {} are copied: the rows and the columns with their types and NOT NULL; no indexes, keys, defaults, triggers or rights",
                words::bytes(facts.bytes),
                words::counted(facts.columns.len() as u64, "column"),
            ),
            format!(
                "{} belongs to the superuser, and no application sees it before it is granted",
                request.into
            ),
        ],
        checks: vec![
            kind(request, facts),
            name(request, target),
            types(target),
            space(request, facts, free_bytes),
            operation(unfinished),
        ],
        undo: vec![undo],
    }
}

fn kind(request: &TableCopyRequest, facts: &TableFacts) -> ChangeCheck {
    const CHECK: &str = "table";
    match facts.kind.as_str() {
        "r" | "p" | "m" if facts.columns.is_empty() => {
            ChangeCheck::refuse(CHECK, format!("{} has no columns", request.table))
        }
        "r" | "p" | "m" => ChangeCheck::pass(CHECK, format!("{} is there", request.table)),
        _ => ChangeCheck::refuse(
            CHECK,
            format!(
                "{} is a view or a foreign table: it has no rows of its own",
                request.table
            ),
        ),
    }
}

fn name(request: &TableCopyRequest, target: &TableTarget) -> ChangeCheck {
    const CHECK: &str = "name";
    let into = &request.into;
    if !target.schema {
        return ChangeCheck::refuse(
            CHECK,
            format!("there is no schema {} in {}", into.schema, request.database),
        )
        .next("another: --as SCHEMA.NAME");
    }
    match target.taken {
        true => ChangeCheck::refuse(CHECK, format!("{into} is there already"))
            .next("another name: --as NAME"),
        false => ChangeCheck::pass(CHECK, format!("nothing is called {into}")),
    }
}

fn types(target: &TableTarget) -> ChangeCheck {
    const CHECK: &str = "types";
    match target.missing_types.as_slice() {
        [] => ChangeCheck::pass(CHECK, "the cluster has the types of all columns"),
        missing => ChangeCheck::refuse(
            CHECK,
            format!("the cluster has no type {}", missing.join(", ")),
        )
        .next("make them as they were, or copy by hand: pgctl port-forward and pg_dump"),
    }
}

/// The rows, and as much again in WAL.
fn space(request: &TableCopyRequest, facts: &TableFacts, free: Option<u64>) -> ChangeCheck {
    const CHECK: &str = "space";
    let needed = facts.bytes.saturating_mul(2);
    let primary = &request.primary;
    let needed_words = format!(
        "about {} are needed, with as much WAL as rows",
        words::bytes(needed)
    );
    match free {
        Some(free) if free < needed => ChangeCheck::refuse(
            CHECK,
            format!(
                "{needed_words}, and {primary} has {} free",
                words::bytes(free)
            ),
        )
        .next("pgctl disk"),
        Some(free) => ChangeCheck::pass(
            CHECK,
            format!(
                "{needed_words}, and {primary} has {} free",
                words::bytes(free)
            ),
        ),
        None => ChangeCheck::warn(
            CHECK,
            format!("{needed_words}; {primary} does not say what is free"),
        ),
    }
}

fn operation(unfinished: Option<&UnfinishedOperation>) -> ChangeCheck {
    const CHECK: &str = "unfinished";
    match unfinished {
        None => ChangeCheck::pass(CHECK, "no operation is unfinished"),
        Some(found) => ChangeCheck::refuse(CHECK, format!("the {} has not ended", found.title))
            .next("pgctl history"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::CheckVerdict;

    fn request() -> TableCopyRequest {
        TableCopyRequest {
            server: "look".into(),
            database: "shop".into(),
            table: TableName::parse("odd\"schema.order lines", "public").expect("a name"),
            into: TableName::parse("before", "odd\"schema").expect("a name"),
            primary: "db-0".into(),
            cluster: "db".into(),
        }
    }

    fn facts() -> TableFacts {
        let column = |name: &str, of_type: &str, not_null| TableColumn {
            name: name.into(),
            of_type: of_type.into(),
            not_null,
        };
        TableFacts {
            kind: "r".into(),
            columns: vec![
                column("n", "integer", true),
                column("a\"b", "app.mood[]", false),
            ],
            bytes: 1000,
        }
    }

    fn free() -> TableTarget {
        TableTarget {
            schema: true,
            taken: false,
            missing_types: Vec::new(),
        }
    }

    #[test]
    fn every_name_is_quoted() {
        let request = request();
        assert_eq!(
            request.create_table(&facts()),
            r#"create table "odd""schema"."before" ("n" integer not null, "a""b" app.mood[])"#
        );
        assert_eq!(
            request.copy_out(&facts()),
            r#"copy (select "n", "a""b" from "odd""schema"."order lines") to stdout"#
        );
        assert_eq!(
            request.copy_in(),
            r#"copy "odd""schema"."before" from stdin"#
        );
    }

    #[test]
    fn the_way_back_is_safe_to_paste() {
        let request = TableCopyRequest {
            database: "-x\u{1b}".into(),
            ..request()
        };
        let undo = propose_table_copy(&request, &facts(), &free(), None, None).undo;
        assert_eq!(
            undo,
            [r#"pgctl query --write --database=$'-x\033' 'drop table "odd""schema"."before"'"#]
        );
    }

    #[test]
    fn what_is_there_is_never_replaced() {
        let refused = |facts: &TableFacts, target: &TableTarget, free| {
            let proposal = propose_table_copy(&request(), facts, target, free, None);
            let refused = proposal.checks.iter();
            let refused = refused.filter(|it| it.verdict == CheckVerdict::Refuse);
            refused.map(|it| it.check).collect::<Vec<_>>()
        };
        assert!(refused(&facts(), &free(), Some(2000)).is_empty());
        assert!(refused(&facts(), &free(), None).is_empty());
        assert_eq!(refused(&facts(), &free(), Some(1999)), ["space"]);
        let taken = TableTarget {
            taken: true,
            ..free()
        };
        assert_eq!(refused(&facts(), &taken, None), ["name"]);
        let no_schema = TableTarget {
            schema: false,
            ..free()
        };
        assert_eq!(refused(&facts(), &no_schema, None), ["name"]);
        let no_type = TableTarget {
            missing_types: vec!["app.mood".into()],
            ..free()
        };
        assert_eq!(refused(&facts(), &no_type, None), ["types"]);
        let view = TableFacts {
            kind: "v".into(),
            ..facts()
        };
        assert_eq!(refused(&view, &free(), None), ["table"]);
    }
}
