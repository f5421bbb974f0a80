//! What is in an entry.

use serde_json::{Map, Value};

use super::csv::{self, field};
use super::entry::start_script;
use super::head::{head, looks_like};
use super::level::{Part, Word};
use super::{LogEntry, LogFormat, json, prefix};

/// What an entry says, part by part, as far as it says so. All text is the server's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFields {
    /// The time that the server gave it, as it wrote it; none when it is part of a prefix of another
    /// making.
    pub time: Option<String>,
    /// The severity as the server wrote it, in its language.
    pub severity: Option<String>,
    /// SQLSTATE, five characters.
    pub sqlstate: Option<String>,
    /// Id of the process.
    pub pid: Option<u32>,
    /// The role of the session.
    pub user: Option<String>,
    /// The database of the session.
    pub database: Option<String>,
    /// `application_name`.
    pub application: Option<String>,
    /// The message; of other programs the whole text.
    pub message: String,
    /// DETAIL.
    pub detail: Option<String>,
    /// HINT.
    pub hint: Option<String>,
    /// CONTEXT.
    pub context: Option<String>,
    /// STATEMENT: what the session had sent.
    pub statement: Option<String>,
    /// QUERY: a statement within it.
    pub query: Option<String>,
}

impl LogEntry {
    /// Takes the entry apart.
    pub fn fields(&self) -> LogFields {
        match self.format {
            LogFormat::Stderr => of_stderr(&self.text),
            LogFormat::Csv => of_csv(&self.text),
            LogFormat::Json => json::members(&self.text).map_or_else(|| whole(&self.text), of_json),
            LogFormat::StartScript => LogFields {
                time: self.text.get(..19).map(str::to_owned),
                message: start_script(&self.text).unwrap_or(&self.text).to_owned(),
                ..LogFields::default()
            },
            LogFormat::Other => whole(&self.text),
        }
    }
}

/// Nothing is known but the text.
fn whole(text: &str) -> LogFields {
    LogFields {
        message: text.to_owned(),
        ..LogFields::default()
    }
}

fn of_stderr(text: &str) -> LogFields {
    let mut fields = LogFields::default();
    let mut part = None;
    for (number, line) in text.split('\n').enumerate() {
        let begins = if line.starts_with('\t') {
            None
        } else {
            head(line)
        };
        match begins {
            Some(head) if number == 0 => {
                let before = &line[..head.word_at];
                let told = prefix::read(before);
                fields.time = time_of(before).map(str::to_owned);
                fields.severity = Some(line[head.word_at..head.word_end].to_owned());
                fields.pid = told.pid;
                fields.user = told.user.map(str::to_owned);
                fields.database = told.database.map(str::to_owned);
                line[head.message_at..].clone_into(&mut fields.message);
            }
            Some(head) => {
                part = match head.word {
                    Some(Word::Part(part)) => Some(part),
                    Some(Word::Level(_)) | None => None,
                };
                if let Some(part) = part {
                    append(&mut fields, Some(part), &line[head.message_at..]);
                } else {
                    append(&mut fields, None, line);
                }
            }
            None => append(&mut fields, part, line.strip_prefix('\t').unwrap_or(line)),
        }
    }
    fields
}

/// `2026-11-28 13:00:00.123 UTC` at the beginning of a prefix.
fn time_of(prefix: &str) -> Option<&str> {
    let end = prefix.match_indices(' ').nth(2)?.0;
    looks_like(prefix.as_bytes(), "0000-00-00").then(|| &prefix[..end])
}

fn append(fields: &mut LogFields, part: Option<Part>, line: &str) {
    let home = match part {
        None => {
            fields.message.push('\n');
            fields.message.push_str(line);
            return;
        }
        Some(Part::Detail) => &mut fields.detail,
        Some(Part::Hint) => &mut fields.hint,
        Some(Part::Context) => &mut fields.context,
        Some(Part::Statement) => &mut fields.statement,
        Some(Part::Query) => &mut fields.query,
        // Of use to those who build PostgreSQL; the text has it.
        Some(Part::Location | Part::Backtrace) => return,
    };
    match home {
        Some(text) => {
            text.push('\n');
            text.push_str(line);
        }
        None => *home = Some(line.to_owned()),
    }
}

fn of_csv(text: &str) -> LogFields {
    let mut record = csv::fields(text);
    let mut take = |at: usize| {
        let value = record.get_mut(at).map(std::mem::take);
        value.filter(|it| !it.is_empty())
    };
    LogFields {
        time: take(field::TIME),
        severity: take(field::SEVERITY),
        sqlstate: take(field::SQLSTATE).filter(|it| it != "00000"),
        pid: take(field::PID).and_then(|it| it.parse().ok()),
        user: take(field::USER),
        database: take(field::DATABASE),
        application: take(field::APPLICATION),
        message: take(field::MESSAGE).unwrap_or_default(),
        detail: take(field::DETAIL),
        hint: take(field::HINT),
        context: take(field::CONTEXT),
        statement: take(field::STATEMENT),
        query: take(field::QUERY),
    }
}

fn of_json(mut members: Map<String, Value>) -> LogFields {
    let pid = members.get("pid").and_then(Value::as_u64);
    let mut take = |name: &str| match members.remove(name) {
        Some(Value::String(text)) => Some(text),
        Some(_) | None => None,
    };
    LogFields {
        time: take("timestamp"),
        severity: take("error_severity"),
        sqlstate: take("state_code").filter(|it| it != "00000"),
        pid: pid.and_then(|it| it.try_into().ok()),
        user: take("user"),
        database: take("dbname"),
        application: take("application_name"),
        message: take("message").unwrap_or_default(),
        detail: take("detail"),
        hint: take("hint"),
        context: take("context"),
        statement: take("statement"),
        query: take("internal_query"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> LogFields {
        LogEntry::new(text.to_owned(), 0).fields()
    }

    #[test]
    fn the_same_entry_in_each_format() {
        let stderr = of(
            "2026-11-28 13:00:00.123 UTC [42] bob@shop psql ERROR:  boom\n\
             \tand more\n\
             2026-11-28 13:00:00.123 UTC [42] bob@shop psql DETAIL:  so\n\
             2026-11-28 13:00:00.123 UTC [42] bob@shop psql STATEMENT:  select 1,\n\
             \t  2",
        );
        let csv = of(
            "2026-11-28 13:00:00.123 UTC,\"bob\",\"shop\",42,\"[local]\",6929.1,3,\"SELECT\",\
             2026-11-28 12:00:00 UTC,1/2,0,ERROR,42P01,\"boom\nand more\",\"so\",,,,,\"select 1,\n  2\",15,,\
             \"psql\",\"client backend\",,0",
        );
        let json = of(
            r#"{"timestamp":"2026-11-28 13:00:00.123 UTC","user":"bob","dbname":"shop","pid":42,"error_severity":"ERROR","state_code":"42P01","message":"boom\nand more","detail":"so","statement":"select 1,\n  2","application_name":"psql"}"#,
        );
        assert_eq!(csv, json);
        assert_eq!(
            LogFields {
                sqlstate: csv.sqlstate.clone(),
                application: csv.application.clone(),
                ..stderr
            },
            csv
        );
        assert_eq!(csv.sqlstate.as_deref(), Some("42P01"));
    }
}
