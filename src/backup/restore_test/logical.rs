//! Dumps: restored into a new, empty server.

use super::RestoreTestError;
use super::last_lines::last_lines;
use super::reading::{TestedBackup, fed};
use super::server::Server;
use crate::backup::format::{Archive, Content, Kind};

/// The superuser of the throw-away server: no role of a backup has this name.
pub(super) const SUPERUSER: &str = "pgctl_restore_test";

/// Databases that every new server has.
const THERE_ALREADY: [&str; 2] = ["template1", "postgres"];

/// The most roles that a dump of one database may lack.
const MOST_ROLES: usize = 1000;

/// Makes an empty server.
pub(super) async fn start(server: &Server) -> Result<Option<String>, RestoreTestError> {
    let mut initdb = server.command("initdb");
    initdb
        .arg("--pgdata")
        .arg(server.data())
        .args(["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"])
        .args(["--username", SUPERUSER]);
    let made = server.run(&mut initdb).await?;
    if !made.status.success() {
        return Ok(Some(format!("initdb: {}", last_lines(&made.stderr))));
    }
    server
        .start("wal_level = minimal\nallow_in_place_tablespaces = on\nmax_wal_size = '1GB'\n")
        .await
}

/// Restores one file of the backup; the answer is why that did not work.
pub(super) async fn restore(
    server: &Server,
    source: &TestedBackup,
    archive: &Archive,
) -> Result<Option<String>, RestoreTestError> {
    match &archive.content {
        Content::Globals => globals(server, source, archive).await,
        Content::Database {
            database,
            archived_as,
            ..
        } if source.manifest.backup == Kind::Logical => {
            let database = archived_as.as_ref().unwrap_or(database);
            if THERE_ALREADY.contains(&database.as_str()) {
                database_from(server, source, archive, database, &[]).await
            } else {
                database_from(server, source, archive, "postgres", &["--create"]).await
            }
        }
        Content::Database {
            database,
            archived_as,
            ..
        } => {
            alone(
                server,
                source,
                archive,
                archived_as.as_ref().unwrap_or(database),
            )
            .await
        }
        Content::BaseBackup => Ok(None),
    }
}

async fn globals(
    server: &Server,
    source: &TestedBackup,
    archive: &Archive,
) -> Result<Option<String>, RestoreTestError> {
    let mut psql = server.client("psql", SUPERUSER);
    psql.args([
        "--no-psqlrc",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        "--dbname=postgres",
        "--file=-",
    ]);
    fed(psql, source, archive, Some(for_a_trial)).await
}

/// A line of the globals as the throw-away server takes it.
fn for_a_trial(line: &[u8]) -> Vec<u8> {
    without_grantor(&in_place(line))
}

/// Who granted a membership is left away. PostgreSQL 16 and newer take nobody for it but who could
/// grant it, and the superuser of the source, who is in every such line, is not the one of this
/// server.
fn without_grantor(line: &[u8]) -> Vec<u8> {
    const GRANTED: &[u8] = b" GRANTED BY ";
    if !line.starts_with(b"GRANT ") {
        return line.to_vec();
    }
    // The names of roles are quoted where they are not plain words.
    let mut quoted = false;
    let grantor = (0..line.len()).find(|&at| {
        quoted ^= line[at] == b'"';
        !quoted && line[at..].starts_with(GRANTED)
    });
    grantor.map_or_else(|| line.to_vec(), |at| [&line[..at], b";\n"].concat())
}

/// A tablespace of the throw-away server is in its own folder, wherever the real one lies.
fn in_place(line: &[u8]) -> Vec<u8> {
    const LOCATION: &[u8] = b" LOCATION '";
    let place = line.windows(LOCATION.len()).rposition(|it| it == LOCATION);
    match place {
        Some(at) if line.starts_with(b"CREATE TABLESPACE ") => {
            [&line[..at], b" LOCATION '';\n"].concat()
        }
        _ => line.to_vec(),
    }
}

async fn database_from(
    server: &Server,
    source: &TestedBackup,
    archive: &Archive,
    into: &str,
    arguments: &[&str],
) -> Result<Option<String>, RestoreTestError> {
    let mut tool = server.client("pg_restore", SUPERUSER);
    tool.arg("--exit-on-error")
        .args(arguments)
        .args(["--dbname", into]);
    fed(tool, source, archive, None).await
}

/// A dump of one database without the roles that it names: they are made as it asks for them.
async fn alone(
    server: &Server,
    source: &TestedBackup,
    archive: &Archive,
    database: &str,
) -> Result<Option<String>, RestoreTestError> {
    let session = server.session(SUPERUSER, "template1").await?;
    let there_already = THERE_ALREADY.contains(&database);
    // Either way, what failed leaves nothing that the next try would stumble over.
    let (into, arguments) = if there_already {
        (database, ["--single-transaction"])
    } else {
        ("postgres", ["--create"])
    };
    let mut known = String::new();
    for _ in 0..MOST_ROLES {
        let problem = database_from(server, source, archive, into, &arguments).await?;
        let Some(problem) = problem else {
            return Ok(None);
        };
        match missing_role(&problem) {
            Some(role) if role != known => {
                session.make_role(role).await?;
                known = role.to_owned();
                if !there_already {
                    session.drop_database(database).await?;
                }
            }
            _ => return Ok(Some(problem)),
        }
    }
    Ok(Some(
        "it names too many roles that are not in it".to_owned(),
    ))
}

/// The role in `role "x" does not exist`.
///
/// Words, because there is nothing else: `pg_restore` prints neither the SQLSTATE nor the fields of an
/// error (`warn_or_exit_horribly` in src/bin/pg_dump/pg_backup_archiver.c), and libpq's verbosity can't be
/// set from outside. They are always these: the message is the server's, in the language that
/// [`tool_options`](crate::postgres::tool_options) ask it for, whatever the locale of this machine is, and
/// what stands before `ERROR` is not looked at. Misread, a role of that name is made on a server that is
/// thrown away, or the test says that the backup can't be restored.
fn missing_role(problem: &str) -> Option<&str> {
    let (_, rest) = problem.split_once("ERROR:  role \"")?;
    rest.split_once("\" does not exist").map(|(role, _)| role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tablespaces_are_made_in_place() {
        let line = b"CREATE TABLESPACE \"a LOCATION 'b\" OWNER x LOCATION '/mnt/it''s';\n";
        assert_eq!(
            in_place(line),
            b"CREATE TABLESPACE \"a LOCATION 'b\" OWNER x LOCATION '';\n"
        );
        let other = b"CREATE ROLE x; -- LOCATION 'y'\n";
        assert_eq!(in_place(other), other);
    }

    #[test]
    fn who_granted_a_membership_is_left_away() {
        for (line, wanted) in [
            (
                "GRANT pg_monitor TO replicator WITH INHERIT TRUE GRANTED BY postgres;\n",
                "GRANT pg_monitor TO replicator WITH INHERIT TRUE;\n",
            ),
            (
                "GRANT \"a\"\" GRANTED BY b\" TO c GRANTED BY \"d; GRANTED BY e\";\n",
                "GRANT \"a\"\" GRANTED BY b\" TO c;\n",
            ),
            ("GRANT a TO b;\n", "GRANT a TO b;\n"),
            (
                "ALTER ROLE \"x GRANTED BY y\";\n",
                "ALTER ROLE \"x GRANTED BY y\";\n",
            ),
        ] {
            assert_eq!(without_grantor(line.as_bytes()), wanted.as_bytes());
        }
    }

    #[test]
    fn the_missing_role_is_read_from_the_message() {
        let said = "01-a.dump.zst: pg_restore: error: could not execute query: ERROR:  role \"o'Br\"ien\" does not exist; Command was: ALTER";
        assert_eq!(missing_role(said), Some("o'Br\"ien"));
        assert_eq!(missing_role("ERROR:  relation \"x\" does not exist"), None);
        // Whose words they are is said to every server.
        assert!(crate::postgres::tool_options(150_000).contains("-c lc_messages=C"));
    }
}
