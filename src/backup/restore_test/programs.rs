//! PostgreSQL's programs on this machine.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::RestoreTestError;
use crate::backup::tools::major;

/// Folders with a folder for each version in them, and what leads on to the programs.
const VERSIONED: [(&str, &str); 5] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr/local/lib/postgresql", "bin"),
    ("/usr/libexec", ""),
    ("/usr", "bin"),
    ("/opt/homebrew/opt", "bin"),
];

/// What a restore test runs. Some of them linked into a folder of the PATH are no installation.
const NEEDED: [&str; 6] = [
    "postgres",
    "pg_ctl",
    "initdb",
    "psql",
    "pg_restore",
    "pg_controldata",
];

/// Where one version is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    folder: PathBuf,
    /// Such as `15.18`.
    pub(super) version: String,
    pub(super) major: u32,
}

impl Programs {
    /// The version that fits: for a base backup the same, for a dump the same or the next newer.
    pub(super) async fn find(server_version: u32, exactly: bool) -> Result<Self, RestoreTestError> {
        let mut all = Vec::new();
        for folder in folders() {
            all.extend(Self::of(&folder).await);
        }
        choose(all, server_version / 10_000, exactly)
    }

    /// What is in a folder, when a server is.
    async fn of(folder: &Path) -> Option<Self> {
        let there = |name: &str| folder.join(name).is_file();
        if !NEEDED.into_iter().all(there) {
            return None;
        }
        let output = Command::new(folder.join("postgres"))
            .arg("--version")
            .output()
            .await
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (_, rest) = text.split_once("(PostgreSQL) ")?;
        Some(Self {
            folder: folder.to_owned(),
            version: rest.split_whitespace().next()?.to_owned(),
            major: major(&text)?,
        })
    }

    /// The path of a program.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whether this program is installed.
    pub(super) fn has(&self, name: &str) -> bool {
        self.path(name).is_file()
    }
}

fn choose(mut all: Vec<Programs>, major: u32, exactly: bool) -> Result<Programs, RestoreTestError> {
    all.sort_by_key(|one| one.major);
    let fits = |one: &&Programs| one.major == major || (!exactly && one.major > major);
    if let Some(chosen) = all.iter().find(fits) {
        return Ok(chosen.clone());
    }
    Err(RestoreTestError::NoServer {
        major,
        exactly,
        found: all.into_iter().map(|one| one.version).collect(),
    })
}

/// Where programs could be: what the person has on the PATH first.
fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push(PathBuf::from("/usr/local/pgsql/bin"));
    for (parent, rest) in VERSIONED {
        let Ok(entries) = std::fs::read_dir(parent) else {
            continue;
        };
        // /usr/lib/postgresql/15, /usr/libexec/postgresql15, /usr/pgsql-15
        folders.extend(entries.flatten().map(|entry| entry.path().join(rest)));
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(versions: &[u32]) -> Vec<Programs> {
        versions
            .iter()
            .map(|major| Programs {
                folder: PathBuf::new(),
                version: format!("{major}.1"),
                major: *major,
            })
            .collect()
    }

    #[test]
    fn a_base_backup_needs_the_same_version() {
        let chosen = choose(installed(&[17, 15, 16]), 16, true);
        assert_eq!(chosen.map(|one| one.major).ok(), Some(16));
        let error = choose(installed(&[15, 17]), 16, true).expect_err("none is the same");
        assert!(
            error
                .to_string()
                .starts_with("there is no PostgreSQL 16 server on this machine to restore it into (there is 15.1, 17.1)"),
            "{error}"
        );
    }

    #[test]
    fn a_dump_takes_the_same_or_the_next_newer() {
        let chosen = choose(installed(&[18, 15, 17]), 16, false);
        assert_eq!(chosen.map(|one| one.major).ok(), Some(17));
        assert!(choose(installed(&[14]), 16, false).is_err());
    }
}
