//! What the configuration files of a server say, which need not be what it runs with.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::json::json;
use super::{Session, SqlError, sql};
use crate::cluster::{FileFacts, FileMistake, PendingSetting, RecoverySetting};

const DOING: &str = "asking for the configuration files";

/// A row of `pg_file_settings`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct FileRow {
    file: Option<String>,
    line: Option<u32>,
    name: Option<String>,
    value: Option<String>,
    error: Option<String>,
}

/// What `pg_settings` adds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Registry {
    /// Those that wait for a restart.
    pending: Vec<Pending>,
    /// Names of those that the command line sets.
    command_line: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Pending {
    name: String,
    now: String,
    default: Option<String>,
}

/// A row of `pg_hba_file_rules` that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct RuleRow {
    file: Option<String>,
    line: Option<u32>,
    error: String,
}

/// The files, and what the server's own settings are where our session has others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) facts: FileFacts,
    pub(super) default_transaction_read_only: bool,
    pub(super) synchronous_commit: String,
}

impl Session {
    /// What the files say; none when only a superuser may know.
    ///
    /// # Errors
    /// When the server does not answer, or what it says makes no sense.
    pub(super) async fn files(&self) -> Result<Option<Files>, SqlError> {
        // In this order: reading the files marks what waits for a restart.
        let (rows, registry, rules) = futures::join!(
            self.document::<Vec<FileRow>>(sql::FILE_SETTINGS),
            self.document::<Registry>(sql::PENDING_SETTINGS),
            self.document::<Vec<RuleRow>>(sql::WRONG_RULES),
        );
        let rows = match rows {
            Err(error) if error.sqlstate() == Some("42501") => return Ok(None),
            other => other?,
        };
        let mut files = read(&rows, &registry?);
        match rules {
            Ok(rules) => files
                .facts
                .mistakes
                .extend(rules.into_iter().map(|rule| FileMistake {
                    file: base_name(rule.file.as_deref().unwrap_or("pg_hba.conf")),
                    line: rule.line,
                    name: None,
                    error: rule.error,
                })),
            // The whole file can't be read.
            Err(SqlError::Refused { message, .. }) => files.facts.mistakes.push(FileMistake {
                file: "pg_hba.conf".to_owned(),
                line: None,
                name: None,
                error: message,
            }),
            Err(error) => return Err(error),
        }
        Ok(Some(files))
    }

    async fn document<T: DeserializeOwned>(&self, query: &str) -> Result<T, SqlError> {
        json(DOING, self.text(DOING, query).await?)
    }
}

/// The file that `ALTER SYSTEM` writes.
const AUTO_CONF: &str = "postgresql.auto.conf";

/// Works out what the rows mean.
fn read(rows: &[FileRow], registry: &Registry) -> Files {
    // What the command line overrules can't be applied either, now or at the next start.
    let waits = |name: &str| {
        registry.pending.iter().any(|it| it.name == name) || registry.command_line.contains(name)
    };
    // A setting that only a restart changes is "could not be applied", be it right or wrong; only
    // of a right one the server says that it waits (`ProcessConfigFileInternal` in guc.c).
    let wrong = |row: &&FileRow| row.error.is_some() && !row.name.as_deref().is_some_and(waits);
    // One that was taken out of the files is a row without a file; so is a main file that can't
    // be read, but then there is no other.
    let any_file = rows.iter().any(|row| row.file.is_some());
    let mistakes = rows
        .iter()
        .filter(wrong)
        .filter(|row| row.file.is_some() || !any_file && registry.pending.is_empty())
        .map(|row| FileMistake {
            file: base_name(row.file.as_deref().unwrap_or("postgresql.conf")),
            line: row.line.filter(|line| *line > 0),
            name: row.name.clone(),
            error: row.error.clone().unwrap_or_default(),
        })
        .collect();
    // The last one counts.
    let last = |name: &str| {
        rows.iter()
            .filter(|row| !wrong(row))
            .rev()
            .find(|row| row.name.as_deref() == Some(name))
    };
    let pending = registry
        .pending
        .iter()
        .map(|it| PendingSetting {
            name: it.name.clone(),
            now: it.now.clone(),
            next: match last(&it.name) {
                Some(row) => row.value.clone(),
                None => it.default.clone(),
            },
        })
        // One that was set and taken back stays marked until a restart, and changes nothing.
        .filter(|it| it.next.as_ref() != Some(&it.now))
        .collect();
    let mut recovery: Vec<RecoverySetting> = Vec::new();
    for name in RECOVERY_SETTINGS {
        let Some(row) = last(name) else { continue };
        let value = row.value.clone().unwrap_or_default();
        if harmless(name, &value) {
            continue;
        }
        recovery.push(RecoverySetting {
            name: name.to_owned(),
            value,
            file: base_name(row.file.as_deref().unwrap_or_default()),
            overruled: registry.command_line.contains(name),
        });
    }
    let value = |name: &str| last(name).and_then(|row| row.value.as_deref());
    Files {
        facts: FileFacts {
            mistakes,
            pending,
            recovery,
            standby_delay: last("max_standby_streaming_delay")
                .filter(|row| row.file.as_deref().map(base_name).as_deref() == Some(AUTO_CONF))
                .and_then(|row| row.value.clone()),
        },
        default_transaction_read_only: value("default_transaction_read_only")
            .and_then(truth)
            .unwrap_or(false),
        synchronous_commit: match value("synchronous_commit") {
            None => "on".to_owned(),
            Some(word) => match truth(word) {
                Some(true) => "on".to_owned(),
                Some(false) => "off".to_owned(),
                None => word.to_ascii_lowercase(),
            },
        },
    }
}

/// What ends recovery, holds it up, or keeps a standby from following its primary to a new timeline.
/// `recovery_target_action` alone does nothing.
const RECOVERY_SETTINGS: [&str; 10] = [
    "recovery_target",
    "recovery_target_name",
    "recovery_target_time",
    "recovery_target_xid",
    "recovery_target_lsn",
    "recovery_target_timeline",
    "promote_trigger_file",
    "recovery_end_command",
    "recovery_min_apply_delay",
    "hot_standby",
];

fn harmless(name: &str, value: &str) -> bool {
    match name {
        "recovery_target_timeline" => value == "latest",
        "recovery_min_apply_delay" => {
            let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
            !digits.is_empty() && digits.bytes().all(|digit| digit == b'0') && !value.contains('.')
        }
        "hot_standby" => truth(value) == Some(true),
        _ => value.is_empty(),
    }
}

/// A boolean as PostgreSQL reads one (`parse_bool` in src/backend/utils/adt/bool.c).
fn truth(text: &str) -> Option<bool> {
    let text = text.trim().to_ascii_lowercase();
    let begins = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    if begins("true", 1) || begins("yes", 1) || text == "on" || text == "1" {
        Some(true)
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || text == "0" {
        Some(false)
    } else {
        None
    }
}

fn base_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(file: &str, line: u32, name: &str, value: &str, error: &str) -> FileRow {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        FileRow {
            file: text(file),
            line: Some(line),
            name: text(name),
            value: text(value),
            error: text(error),
        }
    }

    fn registry(pending: &[(&str, &str)], command_line: &[&str]) -> Registry {
        Registry {
            pending: pending
                .iter()
                .map(|(name, now)| Pending {
                    name: (*name).to_owned(),
                    now: (*now).to_owned(),
                    default: Some("100".to_owned()),
                })
                .collect(),
            command_line: command_line.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    const AUTO: &str = "/data/pgdata/postgresql.auto.conf";
    const NOT_APPLIED: &str = "setting could not be applied";

    #[test]
    fn what_waits_for_a_restart_is_no_mistake() {
        let rows = [
            row("/etc/postgresql.conf", 65, "max_connections", "100", ""),
            row(
                "/etc/postgresql.conf",
                81,
                "shared_buffers",
                "0x",
                NOT_APPLIED,
            ),
            row(AUTO, 3, "max_connections", "50", NOT_APPLIED),
        ];
        let files = read(&rows, &registry(&[("max_connections", "100")], &[])).facts;
        let mistakes: Vec<String> = files.mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(
            mistakes,
            ["postgresql.conf line 81: shared_buffers: setting could not be applied"]
        );
        let pending: Vec<String> = files.pending.iter().map(ToString::to_string).collect();
        assert_eq!(pending, ["max_connections 50 instead of 100"]);
    }

    #[test]
    fn a_setting_that_was_taken_out_goes_back_to_its_default() {
        let gone = "parameter \"max_connections\" cannot be changed without restarting the server";
        let rows = [row("", 0, "", "", gone)];
        let files = read(&rows, &registry(&[("max_connections", "200")], &[])).facts;
        assert_eq!(files.mistakes, []);
        assert_eq!(files.pending[0].next.as_deref(), Some("100"));
    }

    /// The server says of such a line that it "could not be applied".
    #[test]
    fn what_the_command_line_overrules_is_no_mistake() {
        let rows = [row(AUTO, 3, "recovery_target", "immediate", NOT_APPLIED)];
        let files = read(&rows, &registry(&[], &["recovery_target"]));
        assert_eq!(files.facts.mistakes, []);
        let [left] = files.facts.recovery.as_slice() else {
            panic!("{:?}", files.facts.recovery);
        };
        assert!(left.overruled, "{left:?}");
    }

    #[test]
    fn a_change_that_was_taken_back_waits_for_nothing() {
        let rows = [row(AUTO, 3, "max_connections", "200", NOT_APPLIED)];
        let files = read(&rows, &registry(&[("max_connections", "200")], &[])).facts;
        assert_eq!(files, FileFacts::default());
    }

    #[test]
    fn a_file_that_can_not_be_read_at_all_is_a_mistake() {
        let rows = [row(
            "",
            0,
            "",
            "",
            "could not open file \"/etc/postgresql.conf\"",
        )];
        let files = read(&rows, &registry(&[], &[])).facts;
        assert_eq!(files.mistakes[0].file, "postgresql.conf");
        assert_eq!(files.mistakes[0].line, None);
    }

    #[test]
    fn only_what_would_change_recovery_is_told() {
        let rows = [
            row(AUTO, 1, "recovery_target", "", ""),
            row(AUTO, 2, "recovery_target_timeline", "latest", ""),
            row(AUTO, 3, "recovery_min_apply_delay", "0", ""),
            row(AUTO, 4, "hot_standby", "yes", ""),
            row(AUTO, 5, "recovery_target_action", "promote", ""),
        ];
        assert_eq!(read(&rows, &Registry::default()).facts.recovery, []);
        let rows = [
            row(AUTO, 1, "recovery_target", "immediate", NOT_APPLIED),
            row(AUTO, 2, "recovery_target_timeline", "current", ""),
            row(AUTO, 3, "recovery_min_apply_delay", "30min", ""),
            row(AUTO, 4, "hot_standby", "of", ""),
        ];
        let registry = registry(&[("recovery_target", "")], &["hot_standby"]);
        let told: Vec<(String, bool, bool)> = read(&rows, &registry)
            .facts
            .recovery
            .iter()
            .map(|it| (it.to_string(), it.overruled, it.promotes()))
            .collect();
        let file = "(postgresql.auto.conf)";
        assert_eq!(
            told,
            [
                (format!("recovery_target = immediate {file}"), false, true),
                (
                    format!("recovery_target_timeline = current {file}"),
                    false,
                    false
                ),
                (
                    format!("recovery_min_apply_delay = 30min {file}"),
                    false,
                    false
                ),
                (format!("hot_standby = of {file}"), true, false),
            ]
        );
    }

    #[test]
    fn words_for_true_and_false() {
        for word in ["on", "TRUE", "t", "yes", "1"] {
            assert_eq!(truth(word), Some(true), "{word}");
        }
        for word in ["off", "of", "False", "n", "0"] {
            assert_eq!(truth(word), Some(false), "{word}");
        }
        for word in ["o", "local", "", "remote_apply"] {
            assert_eq!(truth(word), None, "{word}");
        }
    }
}
