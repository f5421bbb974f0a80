//! What a server's files say: what runs now need not be what starts next.

use serde::{Deserialize, Serialize};

use super::{DatabaseFacts, Settings};

/// What the configuration files of a server hold for its next start (`pg_file_settings`,
/// `pg_hba_file_rules`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileFacts {
    /// Mistakes: the server would not start again, and takes in no change of its settings.
    pub mistakes: Vec<FileMistake>,
    /// Settings that take effect at the next start.
    pub pending: Vec<PendingSetting>,
    /// Settings that would end recovery, hold it up, or keep a standby from its primary's timeline:
    /// every copy of the data has them, too.
    pub recovery: Vec<RecoverySetting>,
}

/// A line that the server can't read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileMistake {
    /// The file's name, without its directory.
    pub file: String,
    /// The line; none when it is about the whole file.
    pub line: Option<u32>,
    /// The setting; none when not even that could be read.
    pub name: Option<String>,
    /// What PostgreSQL says of it.
    pub error: String,
}

impl std::fmt::Display for FileMistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        match &self.name {
            Some(name) => write!(f, ": {name}: {}", self.error),
            None => write!(f, ": {}", self.error),
        }
    }
}

/// A setting that waits for a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingSetting {
    /// Its name.
    pub name: String,
    /// What it is now.
    pub now: String,
    /// What it will be; none when it is not to be shown.
    pub next: Option<String>,
}

impl std::fmt::Display for PendingSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.next {
            Some(next) => write!(
                f,
                "{} {} instead of {}",
                self.name,
                quoted(next),
                quoted(&self.now)
            ),
            None => f.write_str(&self.name),
        }
    }
}

fn quoted(value: &str) -> String {
    match value {
        "" => "''".to_owned(),
        value => value.to_owned(),
    }
}

/// A setting that changes what a server in recovery is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoverySetting {
    /// Its name.
    pub name: String,
    /// Its value in the file.
    pub value: String,
    /// The file, without its directory.
    pub file: String,
    /// Whether the server was started with another value on its command line, which wins.
    pub overruled: bool,
}

impl RecoverySetting {
    /// Whether it would end recovery, so that a standby becomes a primary by itself.
    pub fn promotes(&self) -> bool {
        matches!(
            self.name.as_str(),
            "recovery_target"
                | "recovery_target_name"
                | "recovery_target_time"
                | "recovery_target_xid"
                | "recovery_target_lsn"
                | "promote_trigger_file"
        )
    }
}

impl std::fmt::Display for RecoverySetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} = {} ({})", self.name, quoted(&self.value), self.file)
    }
}

impl DatabaseFacts {
    /// Mistakes in its files: it takes in no change, and would not start again.
    pub fn mistakes(&self) -> &[FileMistake] {
        self.files.as_ref().map_or(&[], |files| &files.mistakes)
    }

    /// Settings that its next start brings.
    pub fn pending(&self) -> &[PendingSetting] {
        self.files.as_ref().map_or(&[], |files| &files.pending)
    }

    /// Settings in its files that change what a server in recovery is, and that nothing overrules.
    pub fn recovery_settings(&self) -> impl Iterator<Item = &RecoverySetting> {
        let files = self.files.as_ref();
        files
            .map_or(&[][..], |files| &files.recovery)
            .iter()
            .filter(|setting| !setting.overruled)
    }

    /// Settings that it will have lower than `primary` once it is restarted, and has not now: it could
    /// not start as its standby.
    pub fn lower_when_restarted(&self, primary: &Settings) -> Vec<String> {
        let pending = self.pending();
        primary
            .standby_limits()
            .into_iter()
            .filter_map(|(name, of_primary)| {
                let change = pending.iter().find(|it| it.name == name)?;
                let next: u32 = change.next.as_deref()?.trim().parse().ok()?;
                (next < of_primary).then(|| format!("{name} {next} < {of_primary}"))
            })
            .collect()
    }
}
