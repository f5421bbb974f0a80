//! What a server's files say: what runs now need not be what starts next.

use serde::{Deserialize, Serialize};

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
    /// `max_standby_streaming_delay` as `postgresql.auto.conf` has it (`ALTER SYSTEM`); none when it is not
    /// there.
    #[serde(default)]
    pub standby_delay: Option<String>,
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
    /// Name of the setting, as in `pg_settings`.
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
    /// Name of the setting, as in `pg_settings`.
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
