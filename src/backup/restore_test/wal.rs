//! Archived WAL that a base backup's test replays after the backup's own: to the end of what there is.

use std::path::PathBuf;

use futures::future::BoxFuture;

use super::RestoreTestError;
use super::last_lines::last_lines;
use super::server::Server;
use crate::backup::store::StoreError;

/// Puts every segment and history into a folder, by the names that PostgreSQL asks for.
pub type WalFetch =
    Box<dyn FnOnce(PathBuf) -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync>;

/// WAL that is replayed after the backup's own.
pub struct TestedWal {
    /// How many segments.
    pub segments: u64,
    /// The last one: whether it was replayed is what the test finds.
    pub last: String,
    /// The timeline that is followed.
    pub timeline: u32,
    /// Bytes of all of it as PostgreSQL reads it.
    pub raw_bytes: u64,
    /// Fetches it.
    pub fetch: WalFetch,
}

/// Fetches it beside the data; the settings that have it replayed.
pub(super) async fn fetched(server: &Server, wal: TestedWal) -> Result<String, RestoreTestError> {
    let folder = server.make_folder("wal").await?;
    (wal.fetch)(folder.clone()).await?;
    let (own, listed) = (server.account(), folder.clone());
    let giving = tokio::task::spawn_blocking(move || {
        std::fs::read_dir(listed)?.try_for_each(|entry| own.owns(&entry?.path()))
    });
    let doing = || format!("preparing {}", folder.display());
    match giving.await {
        Ok(given) => given.map_err(RestoreTestError::machine(doing()))?,
        Err(error) => return Err(RestoreTestError::machine(doing())(error.into())),
    }
    Ok(settings(&folder.to_string_lossy(), wal.timeline))
}

/// A path is within the shell's quotes, which are within those of the configuration file.
fn settings(folder: &str, timeline: u32) -> String {
    let quoted = folder.replace('\'', r"'\''").replace('%', "%%");
    // A backslash begins an escape there.
    let command = format!("cp '{quoted}'/%f \"%p\"").replace('\\', r"\\");
    let command = command.replace('\'', "''");
    format!("restore_command = '{command}'\nrecovery_target_timeline = '{timeline}'\n")
}

/// Why its end was not reached, if it was not: PostgreSQL takes WAL that it can't read for the end.
pub(super) async fn not_replayed(
    server: &Server,
    last: &str,
) -> Result<Option<String>, RestoreTestError> {
    let log = server.log().await;
    let text = String::from_utf8_lossy(&log);
    let replayed = text.contains(&format!("restored log file \"{last}\" from archive"));
    Ok((!replayed).then(|| {
        let ended: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("redo done at") || line.contains("invalid"))
            .collect();
        format!(
            "the archived WAL was not replayed to its last segment, {last}: {}",
            last_lines(ended.join("\n").as_bytes())
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_for_the_shell_within_the_file() {
        let text = settings("/tmp/it's 100%", 3);
        let (command, timeline) = text.split_once('\n').expect("two lines");
        assert_eq!(
            command,
            r#"restore_command = 'cp ''/tmp/it''\\''''s 100%%''/%f "%p"'"#
        );
        assert_eq!(timeline, "recovery_target_timeline = '3'\n");
    }
}
