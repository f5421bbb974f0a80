//! A base backup: unpacked, started, and every table and index looked at.

use std::io;
use std::path::Path;

use super::RestoreTestError;
use super::account::Account;
use super::last_lines::last_lines;
use super::reading::{TestedBackup, fed};
use super::server::Server;
use super::wal::{TestedWal, fetched, not_replayed};
use crate::backup::format::{Archive, Manifest};

/// Settings that a server must not have lower than the one whose WAL it replays, by the names that
/// `pg_controldata` gives them.
const AT_LEAST: [(&str, &str); 4] = [
    ("max_connections setting:", "max_connections"),
    ("max_worker_processes setting:", "max_worker_processes"),
    ("max_prepared_xacts setting:", "max_prepared_transactions"),
    ("max_locks_per_xact setting:", "max_locks_per_transaction"),
];

/// Who can log in to a backup whose manifest does not say.
const USUAL_SUPERUSER: &str = "postgres";

/// The superuser of the restored cluster.
pub(super) fn superuser(manifest: &Manifest) -> &str {
    match manifest.source.user.as_str() {
        "" => USUAL_SUPERUSER,
        user => user,
    }
}

/// Restores it and starts it; the answer is why that did not work.
pub(super) async fn restore(
    server: &Server,
    source: &TestedBackup,
    archive: &Archive,
    wal: Option<TestedWal>,
) -> Result<Option<String>, RestoreTestError> {
    let mut tar = server.run_as_it("tar");
    tar.args(["-x", "-p", "-f", "-"])
        .current_dir(server.make_data().await?);
    if let Some(problem) = fed(tar, source, archive, None).await? {
        return Ok(Some(problem));
    }
    let (data, own) = (server.data(), server.account());
    let doing = || format!("preparing {}", server.data().display());
    match tokio::task::spawn_blocking(move || prepare(&data, own)).await {
        Ok(result) => result.map_err(RestoreTestError::machine(doing()))?,
        Err(error) => return Err(RestoreTestError::machine(doing())(error.into())),
    }
    let control = server
        .run(server.command("pg_controldata").arg(server.data()))
        .await?;
    let mut settings = at_least(&String::from_utf8_lossy(&control.stdout));
    // It ends recovery where its WAL ends, as a cluster of its own.
    settings.push_str("hot_standby = off\nmax_replication_slots = 1000\n");
    let last = wal.as_ref().map(|it| it.last.clone());
    settings += &match wal {
        Some(wal) => fetched(server, wal).await?,
        None => "restore_command = 'false'\n".to_owned(),
    };
    // While it replays its WAL it takes no connections: pg_ctl calls that started.
    if let Some(problem) = server.start(&settings).await? {
        return Ok(Some(problem));
    }
    let problem = server.wait_until_open(superuser(&source.manifest)).await?;
    match last {
        Some(last) if problem.is_none() => not_replayed(server, &last).await,
        _ => Ok(problem),
    }
}

/// Makes a data directory one that recovers by itself.
fn prepare(data: &Path, own: Account) -> io::Result<()> {
    match std::fs::remove_file(data.join("standby.signal")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let signal = data.join("recovery.signal");
    std::fs::write(&signal, "")?;
    own.owns(&signal)
}

fn at_least(control: &str) -> String {
    AT_LEAST
        .iter()
        .filter_map(|(name, setting)| {
            let value: u32 = control
                .lines()
                .find_map(|line| line.strip_prefix(name))?
                .trim()
                .parse()
                .ok()?;
            Some(format!("{setting} = {value}\n"))
        })
        .collect()
}

/// Whether this machine has both the tool and the extension that it works with: they come in packages of their own.
pub(super) async fn can_amcheck(server: &Server, user: &str) -> Result<bool, RestoreTestError> {
    if !server.has("pg_amcheck") {
        return Ok(false);
    }
    let session = server.session(user, "template1").await?;
    Ok(session.has_extension("amcheck").await?)
}

/// Looks at every table and index of every database; the answer is what is wrong.
pub(super) async fn amcheck(server: &Server, user: &str) -> Result<Vec<String>, RestoreTestError> {
    let mut tool = server.client("pg_amcheck", user);
    tool.args([
        "--all",
        "--install-missing",
        "--heapallindexed",
        "--maintenance-db=template1",
    ]);
    let output = server.run(&mut tool).await?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    // 2: corruption, on stdout; anything else on stderr.
    let said = [output.stdout, output.stderr].concat();
    Ok(vec![format!("pg_amcheck: {}", last_lines(&said))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_of_the_backup() {
        let control = "pg_control version number:            1300\nmax_connections setting:              250\nmax_prepared_xacts setting:           7\ntrack_commit_timestamp setting:       off\n";
        assert_eq!(
            at_least(control),
            "max_connections = 250\nmax_prepared_transactions = 7\n"
        );
    }
}
