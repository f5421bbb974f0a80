//! What a server says of its settings, and what the deployment has in its ConfigMap.

use serde::Deserialize;

/// The settings of one server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerConfig {
    /// Every setting (`pg_settings`), by name.
    pub settings: Vec<Setting>,
    /// What its files say now (`pg_file_settings`), in their order; none when we may not know.
    pub files: Option<Vec<FileEntry>>,
    /// What is set for databases and roles (`pg_db_role_setting`).
    pub roles: Vec<RoleSetting>,
}

impl ServerConfig {
    /// The setting of this name, as a file may write it: capital letters are the same as small ones.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        let mut settings = self.settings.iter();
        settings.find(|it| it.name.eq_ignore_ascii_case(name))
    }
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// Name.
    pub name: String,
    /// What the server goes by, in `unit`.
    pub value: String,
    /// `unit`: `8kB`, `ms`; none for what has none.
    pub unit: Option<String>,
    /// `vartype`: `bool`, `integer`, `real`, `string`, `enum`.
    pub kind: String,
    /// `context`: what it takes to change it; `postmaster` is a restart.
    pub context: String,
    /// `source`: `default`, `configuration file`, `command line`, ...
    pub source: String,
    /// The file that it is from, when it is from one and we may know.
    pub file: Option<String>,
    /// Number of the line in the file, from 1.
    pub line: Option<u32>,
    /// `boot_val`.
    pub default: Option<String>,
    /// Another value waits for a restart.
    pub pending_restart: bool,
    /// What it is.
    pub description: String,
}

/// A line of a configuration file of a server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileEntry {
    /// Path of the file on the server.
    pub file: Option<String>,
    /// Number of the line in the file, from 1.
    pub line: Option<u32>,
    /// The setting; none of a line that can't be read.
    pub name: Option<String>,
    /// Its value, as it is written.
    pub value: Option<String>,
    /// Whether it is the one that counts, and can be applied.
    pub applied: bool,
    /// Why it can't.
    pub error: Option<String>,
}

/// What is set for a database, a role, or a role in a database: it overrules the server's files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleSetting {
    /// The role; none for all.
    pub role: Option<String>,
    /// The database; none for all.
    pub database: Option<String>,
    /// Name of the setting.
    pub name: String,
    /// Its value, as it was written.
    pub value: String,
}

/// A file of settings as the deployment has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployedConfig {
    /// Name of the ConfigMap.
    pub config_map: String,
    /// Its key, which is the name of the file in the pod.
    pub key: String,
    /// The file.
    pub text: String,
}
