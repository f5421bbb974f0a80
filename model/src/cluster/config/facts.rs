//! What a server says of its settings, and what the deployment has in its ConfigMap.

use serde::Deserialize;

/// The settings of one server.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerConfig {
    /// Every setting (`pg_settings`), by name.
    pub settings: Vec<Setting>,
    /// What its files say now (`pg_file_settings`), in their order; none when we may not know.
    pub files: Option<Vec<FileEntry>>,
    /// What is set for databases and roles (`pg_db_role_setting`).
    pub roles: Vec<RoleSetting>,
    /// When it last read its files (`pg_conf_load_time`), in the server's own words: another one is a later one.
    #[serde(default)]
    pub loaded: String,
    /// How many replication slots it has.
    #[serde(default)]
    pub slots: u32,
}

impl ServerConfig {
    /// The setting of this name, as a file may write it: capital letters are the same as small ones.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        let mut settings = self.settings.iter();
        settings.find(|it| it.name.eq_ignore_ascii_case(name))
    }

    /// What `ALTER SYSTEM` has set: the line of `postgresql.auto.conf`, the last one of that name.
    pub fn altered(&self, name: &str) -> Option<&FileEntry> {
        self.entries(name)
            .filter(|it| it.is_of_alter_system())
            .last()
    }

    /// What its other files say, the last one of that name.
    pub fn in_other_files(&self, name: &str) -> Option<&FileEntry> {
        let mut entries: Vec<_> = self.entries(name).collect();
        entries.retain(|it| !it.is_of_alter_system());
        entries.pop()
    }

    fn entries(&self, name: &str) -> impl Iterator<Item = &FileEntry> {
        let entries = self.files.iter().flatten();
        entries.filter(move |it| {
            let of_entry = it.name.as_deref();
            of_entry.is_some_and(|it| it.eq_ignore_ascii_case(name))
        })
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
    /// `min_val`, in `unit`.
    #[serde(default)]
    pub min: Option<String>,
    /// `max_val`, in `unit`.
    #[serde(default)]
    pub max: Option<String>,
    /// `enumvals`: the words that it takes; empty for what is no enumeration.
    #[serde(default)]
    pub words: Vec<String>,
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

impl FileEntry {
    /// Name of the file that `ALTER SYSTEM` writes.
    const AUTO: &str = "postgresql.auto.conf";

    /// Whether it is from the file that `ALTER SYSTEM` writes.
    pub fn is_of_alter_system(&self) -> bool {
        self.file_name() == Self::AUTO
    }

    /// Name of its file, without the folder.
    pub fn file_name(&self) -> &str {
        let path = self.file.as_deref().unwrap_or("a file");
        path.rsplit_once('/').map_or(path, |(_, name)| name)
    }

    /// File and line.
    pub fn place(&self) -> String {
        let line = self.line.map(|line| format!(":{line}"));
        format!("{}{}", self.file_name(), line.unwrap_or_default())
    }
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
