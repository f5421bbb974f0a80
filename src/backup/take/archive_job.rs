//! What is to be run for a backup: which archives, and the command of each.

use crate::backup::format::{Compression, Content, DatabaseDefinition, Expected, Kind, Method};
use crate::postgres::{DatabaseRow, Inventory};

/// The script that runs a command at the source. Values reach it as arguments, never as text.
const SCRIPT: &str = concat!(
    include_str!("../tools/pipe_begin.sh"),
    include_str!("download.sh"),
    include_str!("../tools/pipe_end.sh"),
);

/// An archive that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveJob {
    /// Name of the file.
    pub file: String,
    /// What it will hold.
    pub content: Content,
    /// What it has to be.
    pub expected: Expected,
    /// The tool and its arguments.
    tool: Vec<String>,
    /// The database to connect to.
    database: Option<String>,
}

/// There is no command that would make what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveJobError {
    /// No such database.
    #[error("there is no database {name:?}; there are: {}", known.join(", "))]
    NoDatabase {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Nobody can connect to it.
    #[error(
        "nobody can connect to the database {0:?} (ALLOW_CONNECTIONS false, or an interrupted DROP DATABASE), so pg_dump can't either: alter database ... allow_connections true, or take a base backup (--physical), which has it"
    )]
    Closed(String),
    /// Tablespaces can't be in one stream.
    #[error("a base backup of a cluster with tablespaces ({}) can't be one stream: take a logical backup", .0.join(", "))]
    Tablespaces(Vec<String>),
}

/// The archives of a backup, in their order.
///
/// # Errors
/// [`ArchiveJobError`] when it can't be made.
pub fn archive_jobs(
    kind: Kind,
    database: Option<&str>,
    inventory: &Inventory,
    compression: Compression,
    encrypted: bool,
    label: &str,
) -> Result<Vec<ArchiveJob>, ArchiveJobError> {
    let ending = |name: String| {
        let age = if encrypted { ".age" } else { "" };
        format!("{name}{}{age}", compression.method.suffix())
    };
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    let dump = |number: usize, row: &DatabaseRow| ArchiveJob {
        file: ending(format!(
            "{number:02}-{}.dump",
            file_name(row.name_in_backup())
        )),
        content: Content::Database {
            database: row.name_in_backup().to_owned(),
            archived_as: row.before.as_ref().map(|_| row.name.clone()),
            definition: Box::new(DatabaseDefinition {
                owner: row.owner.clone(),
                encoding: row.encoding.clone(),
                collate: row.collate.clone(),
                ctype: row.ctype.clone(),
                provider: row.provider.clone(),
                locale: row.locale.clone(),
                icu_rules: row.icu_rules.clone(),
                size_bytes: row.size_bytes,
            }),
        },
        expected: Expected::CustomArchive,
        // Not compressed by the tool: that would be slower, and the stream is compressed anyway.
        tool: words(&[
            "pg_dump",
            "--no-password",
            "--format=custom",
            "--compress=0",
        ]),
        database: Some(row.name.clone()),
    };
    match kind {
        Kind::Logical => {
            let globals = ArchiveJob {
                file: ending("00-globals.sql".to_owned()),
                content: Content::Globals,
                expected: Expected::Globals,
                tool: words(&["pg_dumpall", "--no-password", "--globals-only"]),
                database: None,
            };
            let databases = inventory.databases.iter().enumerate();
            Ok(std::iter::once(globals)
                .chain(databases.map(|(index, row)| dump(index + 1, row)))
                .collect())
        }
        Kind::Database => {
            let name = database.unwrap_or_default();
            let mut rows = inventory.databases.iter();
            let row = rows.find(|row| row.name_in_backup() == name);
            row.map(|row| vec![dump(1, row)]).ok_or_else(|| {
                if inventory.closed.iter().any(|it| it == name) {
                    return ArchiveJobError::Closed(name.to_owned());
                }
                ArchiveJobError::NoDatabase {
                    name: name.to_owned(),
                    known: inventory
                        .databases
                        .iter()
                        .map(|row| row.name_in_backup().to_owned())
                        .collect(),
                }
            })
        }
        Kind::Physical if !inventory.tablespaces.is_empty() => {
            Err(ArchiveJobError::Tablespaces(inventory.tablespaces.clone()))
        }
        Kind::Physical => {
            let mut tool: Vec<String> = words(&[
                "pg_basebackup",
                "--no-password",
                "--pgdata=-",
                "--format=tar",
                "--wal-method=fetch",
                "--checkpoint=fast",
                "--manifest-checksums=CRC32C",
            ]);
            tool.push(format!("--label={label}"));
            Ok(vec![ArchiveJob {
                file: ending("base.tar".to_owned()),
                content: Content::BaseBackup,
                expected: Expected::BaseBackup {
                    system_identifier: inventory.system_identifier.clone(),
                },
                tool,
                database: None,
            }])
        }
    }
}

impl ArchiveJob {
    /// The whole command: the script, and what it runs. `word` marks the report, `connection`
    /// are settings for `env`.
    pub fn argv(&self, word: &str, compression: Compression, connection: &[String]) -> Vec<String> {
        let level = compression
            .level
            .map_or_else(String::new, |level| level.to_string());
        let method = match compression.method {
            Method::None => "none",
            other => other.name(),
        };
        let mut argv: Vec<String> = ["sh", "-c", SCRIPT, "pgctl", word, method, &level, "env"]
            .map(str::to_owned)
            .to_vec();
        argv.extend_from_slice(connection);
        // A variable and not --dbname, which takes a name with = in it for a connection string.
        argv.extend(
            self.database
                .iter()
                .map(|name| format!("PGDATABASE={name}")),
        );
        argv.extend_from_slice(&self.tool);
        argv
    }
}

/// A name for a file that any system takes and a person recognises; the number before it keeps
/// two databases apart.
fn file_name(database: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let name: String = database.chars().map(safe).take(40).collect();
    if name.is_empty() {
        "_".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::backup::take) fn inventory(names: &[&str]) -> Inventory {
        let row = |name: &&str| DatabaseRow {
            name: (*name).to_owned(),
            owner: "o".to_owned(),
            encoding: "UTF8".to_owned(),
            collate: "C".to_owned(),
            ctype: "C".to_owned(),
            provider: None,
            locale: None,
            icu_rules: None,
            size_bytes: 1,
            before: None,
        };
        Inventory {
            databases: names.iter().map(row).collect(),
            closed: Vec::new(),
            tablespaces: Vec::new(),
            system_identifier: "7".to_owned(),
            version: 150_018,
        }
    }

    pub(in crate::backup::take) fn zstd() -> Compression {
        "zstd:9".parse().expect("valid")
    }

    #[test]
    fn a_logical_backup_has_the_globals_and_every_database() -> Result<(), ArchiveJobError> {
        let names = ["template1", "app data", "naïve'\"; rm -rf /"];
        let list = archive_jobs(Kind::Logical, None, &inventory(&names), zstd(), true, "l")?;
        let files: Vec<&str> = list.iter().map(|job| job.file.as_str()).collect();
        assert_eq!(
            files,
            [
                "00-globals.sql.zst.age",
                "01-template1.dump.zst.age",
                "02-app_data.dump.zst.age",
                "03-na_ve____rm_-rf__.dump.zst.age"
            ]
        );
        Ok(())
    }

    #[test]
    fn a_name_is_one_argument_whatever_is_in_it() -> Result<(), ArchiveJobError> {
        let name = "a=b host=evil'; $(reboot)\u{1b}";
        let list = archive_jobs(
            Kind::Database,
            Some(name),
            &inventory(&[name]),
            zstd(),
            false,
            "l",
        )?;
        let argv = list[0].argv("w", zstd(), &["PGHOST=/run".to_owned()]);
        assert_eq!(&argv[..3], ["sh", "-c", SCRIPT]);
        assert!(argv.contains(&format!("PGDATABASE={name}")));
        Ok(())
    }

    #[test]
    fn an_unknown_database_lists_those_that_there_are() {
        let error = archive_jobs(
            Kind::Database,
            Some("x"),
            &inventory(&["a", "b"]),
            zstd(),
            false,
            "l",
        )
        .expect_err("no such database");
        assert_eq!(
            error.to_string(),
            "there is no database \"x\"; there are: a, b"
        );
    }

    #[test]
    fn tablespaces_are_refused() {
        let mut inventory = inventory(&["a"]);
        inventory.tablespaces.push("fast".to_owned());
        assert!(matches!(
            archive_jobs(Kind::Physical, None, &inventory, zstd(), false, "l"),
            Err(ArchiveJobError::Tablespaces(_))
        ));
    }
}
