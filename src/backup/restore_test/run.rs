//! From a backup to what the throw-away server says about it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::account::Account;
use super::programs::Programs;
use super::reading::TestedBackup;
use super::server::Server;
use super::wal::TestedWal;
use super::{RestoreTestError, logical, physical};
use crate::backup::StopSignal;
use crate::backup::format::{Content, Identities, Kind, Manifest, RestoreTest};
use crate::backup::store::Store;
use crate::backup::tools::major;
use crate::events::RunEvent;
use crate::postgres::SqlError;

/// Restores a backup into a throw-away server on this machine: a folder in `TMPDIR`, reached
/// through a socket in it only. A base backup is started and checked with `pg_amcheck` where that is
/// installed; of a dump every row is counted. With `wal` a base backup is recovered to the end of what is
/// archived. However it ends, nothing of the server is left.
///
/// # Errors
/// [`RestoreTestError`] when the test could not be made. What it found is in the result.
pub async fn run_restore_test(
    store: &Arc<dyn Store>,
    manifest: &Manifest,
    identities: &Identities,
    wal: Option<TestedWal>,
    mut stop: StopSignal,
    tell: &(dyn Fn(RunEvent) + Sync),
) -> Result<RestoreTest, RestoreTestError> {
    let physical = manifest.backup == Kind::Physical;
    if !manifest.encrypted_for.is_empty() && identities.is_empty() {
        return Err(RestoreTestError::NoKey(manifest.encrypted_for.clone()));
    }
    let here = rustix::system::uname()
        .machine()
        .to_string_lossy()
        .into_owned();
    if physical && manifest.source.architecture != here {
        return Err(RestoreTestError::Architecture {
            backup: manifest.source.architecture.clone(),
            here,
        });
    }
    // Client tools newer than the server may have written what only their own version reads.
    let tool = major(&manifest.source.tool).filter(|_| !physical);
    let version = manifest.server_version.max(tool.unwrap_or(0) * 10_000);
    let programs = Programs::find(version, physical).await?;
    let account = Account::find()?;
    let parent = std::env::temp_dir();
    let replayed = wal.as_ref().map_or(0, |it| it.raw_bytes);
    enough_room(&parent, needed(manifest).saturating_add(replayed))?;
    account.can_use(&parent).await?;
    tell(RunEvent::RestoreTestBegan {
        backup: manifest.id.clone(),
        server: programs.version.clone(),
    });
    let server = Server::prepare(programs, account, &parent).await?;
    let source = TestedBackup {
        store: Arc::clone(store),
        manifest: Arc::new(manifest.clone()),
        identities: identities.clone(),
        stop: Arc::new(AtomicBool::new(false)),
    };
    let tested = tokio::select! {
        tested = test(&server, &source, wal, tell) => tested,
        Ok(_) = stop.wait_for(|stop| *stop) => Err(RestoreTestError::Interrupted),
    };
    source.stop.store(true, Ordering::Relaxed);
    if let Err(error) = server.remove().await {
        tell(RunEvent::warning(error.to_string()));
    }
    tested
}

async fn test(
    server: &Server,
    source: &TestedBackup,
    mut wal: Option<TestedWal>,
    tell: &(dyn Fn(RunEvent) + Sync),
) -> Result<RestoreTest, RestoreTestError> {
    let manifest = &source.manifest;
    let physical = manifest.backup == Kind::Physical;
    let mut result = RestoreTest {
        at: Timestamp::now(),
        server: server.version().to_owned(),
        amcheck: false,
        databases: 0,
        tables: 0,
        rows: 0,
        wal_segments: wal.as_ref().map(|it| it.segments),
        problems: Vec::new(),
    };
    if !physical {
        result.problems.extend(logical::start(server).await?);
    }
    for archive in &manifest.archives {
        if !result.problems.is_empty() {
            return Ok(result);
        }
        let problem = match &archive.content {
            Content::BaseBackup => physical::restore(server, source, archive, wal.take()).await?,
            Content::Globals | Content::Database { .. } => {
                logical::restore(server, source, archive).await?
            }
        };
        match problem {
            None => tell(RunEvent::FileRestored {
                file: archive.file.clone(),
            }),
            problem => result.problems.extend(problem),
        }
    }
    if !result.problems.is_empty() {
        return Ok(result);
    }
    tell(RunEvent::LookingAtTables);
    let user = if physical {
        physical::superuser(manifest)
    } else {
        logical::SUPERUSER
    };
    match look(server, user, manifest, &mut result).await {
        // A server that refuses to answer about what was restored is what the test is for.
        Err(RestoreTestError::Sql(error)) => result.problems.push(error.to_string()),
        looked => looked?,
    }
    if physical && result.problems.is_empty() && physical::can_amcheck(server, user).await? {
        result.amcheck = true;
        result.problems = physical::amcheck(server, user).await?;
    }
    Ok(result)
}

/// Whether it is the cluster that it should be, and every row of it.
async fn look(
    server: &Server,
    user: &str,
    manifest: &Manifest,
    result: &mut RestoreTest,
) -> Result<(), RestoreTestError> {
    let inventory = server.session(user, "template1").await?.inventory().await?;
    if manifest.backup == Kind::Physical
        && inventory.system_identifier != manifest.system_identifier
    {
        result.problems.push(format!(
            "it is the cluster {} and not {}",
            inventory.system_identifier, manifest.system_identifier
        ));
    }
    for wanted in &manifest.archives {
        if let Content::Database {
            database,
            archived_as,
            ..
        } = &wanted.content
            && let database = archived_as.as_ref().unwrap_or(database)
            && !inventory.databases.iter().any(|row| row.name == *database)
        {
            result
                .problems
                .push(format!("database {database:?} is not there"));
        }
    }
    for database in &inventory.databases {
        let session = server.session(user, &database.name).await?;
        // One that forbids changes would forbid pg_amcheck to bring its extension along.
        let quieted = session.disable_event_triggers().await;
        quieted.map_err(|error| in_database(error, &database.name))?;
        let counted = session.count_rows().await;
        let counted = counted.map_err(|error| in_database(error, &database.name))?;
        result.databases += 1;
        result.tables += counted.tables;
        result.rows += counted.rows;
    }
    Ok(())
}

fn in_database(error: SqlError, database: &str) -> RestoreTestError {
    RestoreTestError::Sql(SqlError::Unexpected {
        doing: format!("reading database {database:?}"),
        reason: error.to_string(),
    })
}

/// What the restored server takes at most: as much as the databases took, or their dump.
fn needed(manifest: &Manifest) -> u64 {
    let sizes = manifest
        .archives
        .iter()
        .map(|archive| match &archive.content {
            Content::Database { definition, .. } => definition.size_bytes.max(archive.raw_bytes),
            Content::Globals | Content::BaseBackup => archive.raw_bytes,
        });
    sizes.sum()
}

fn enough_room(folder: &Path, needed: u64) -> Result<(), RestoreTestError> {
    let space = rustix::fs::statvfs(folder).map_err(|error| {
        RestoreTestError::machine(format!("looking at {}", folder.display()))(error.into())
    })?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    if free < needed {
        return Err(RestoreTestError::NoRoom {
            folder: folder.to_owned(),
            free,
            needed,
        });
    }
    Ok(())
}
