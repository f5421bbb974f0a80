//! `kind: Config` and `kind: ConfigDiff`.

use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::answers::ServerAnswer;
use super::status::ClusterDocument;
use crate::cluster::{
    ClusterId, ConfigDifference, PodAnswer, RoleSetting, ServerConfig, Setting, SettingSelection,
    setting_rows, shown_value, with_unit,
};
use crate::output::config::Deployed;

/// The settings of the servers (`pgctl config -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Config", deny_unknown_fields)]
pub struct ConfigDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Config`.
    #[schemars(extend("const" = "Config"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// The servers, the primary first.
    servers: Vec<ServerAnswer<ServerSettings>>,
}

/// The settings of one server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ServerSettings {
    /// Those that were asked for, by name.
    settings: Vec<SettingDocument>,
    /// What is set for databases and roles: it overrules the server's files.
    roles: Vec<RoleSettingDocument>,
}

/// A setting.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct SettingDocument {
    /// Name.
    name: String,
    /// What the server goes by, with its unit (`128MB`). What may hold a secret is not shown.
    value: String,
    /// The same as a number of `unit`, as `pg_settings` has it.
    setting: String,
    /// `unit` of `pg_settings`.
    unit: Option<String>,
    /// `source`: `default`, `configuration file`, `command line`, ...
    source: String,
    /// The file that it is from.
    file: Option<String>,
    /// Number of the line in the file, from 1.
    line: Option<u32>,
    /// What it would be if nobody had set it, with its unit.
    default: Option<String>,
    /// `context`: what it takes to change it; `postmaster` is a restart.
    context: String,
    /// Another value waits for a restart.
    pending_restart: bool,
}

/// What is set for a database, a role, or a role in a database.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct RoleSettingDocument {
    /// The role; null for all.
    role: Option<String>,
    /// The database; null for all.
    database: Option<String>,
    /// Name of the setting.
    name: String,
    /// Its value.
    value: String,
}

impl ConfigDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(
        cluster: &ClusterId,
        answers: &[PodAnswer<ServerConfig>],
        selection: &SettingSelection,
    ) -> Self {
        // What is unknown was said before.
        let rows = setting_rows(answers, selection).unwrap_or_default();
        let wanted = |name: &str| {
            rows.iter()
                .any(|row| row.setting.name.eq_ignore_ascii_case(name))
        };
        Self {
            api_version: API_VERSION,
            kind: "Config",
            cluster: cluster.into(),
            servers: ServerAnswer::list(answers, |config| ServerSettings {
                settings: config
                    .settings
                    .iter()
                    .filter(|it| wanted(&it.name))
                    .map(Into::into)
                    .collect(),
                roles: config
                    .roles
                    .iter()
                    .filter(|it| selection.takes_own(it))
                    .map(Into::into)
                    .collect(),
            }),
        }
    }
}

impl From<&Setting> for SettingDocument {
    fn from(it: &Setting) -> Self {
        let with_unit = |value: &str| {
            let value = with_unit(value, it.unit.as_deref());
            shown_value(&it.name, &value)
        };
        Self {
            name: it.name.clone(),
            value: with_unit(&it.value),
            setting: shown_value(&it.name, &it.value),
            unit: it.unit.clone(),
            source: it.source.clone(),
            file: it.file.clone(),
            line: it.line,
            default: it.default.as_deref().map(with_unit),
            context: it.context.clone(),
            pending_restart: it.pending_restart,
        }
    }
}

impl From<&RoleSetting> for RoleSettingDocument {
    fn from(it: &RoleSetting) -> Self {
        Self {
            role: it.role.clone(),
            database: it.database.clone(),
            name: it.name.clone(),
            value: shown_value(&it.name, &it.value),
        }
    }
}

/// What differs in the settings (`pgctl config diff -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "ConfigDiff", deny_unknown_fields)]
pub struct ConfigDiffDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `ConfigDiff`.
    #[schemars(extend("const" = "ConfigDiff"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// Names of the ConfigMaps that the servers were compared with.
    config_maps: Vec<String>,
    /// Why others could not be read.
    unseen: Vec<String>,
    /// The servers that were compared, and why others were not.
    servers: Vec<ServerAnswer<ComparedServer>>,
    /// What differs, by name.
    differences: Vec<DifferenceDocument>,
}

/// A server that was compared.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ComparedServer {
    /// Whether it was seen what its files say; only a superuser may.
    files_seen: bool,
}

/// A difference.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct DifferenceDocument {
    /// The setting; empty for a line that can't be read.
    name: String,
    /// `wrong`, `pending-restart`, `not-reloaded`, `overridden`, `not-in-pod`, `only-here` or `between`.
    what: &'static str,
    /// Name of the server's pod; null when it is about servers among each other.
    pod: Option<String>,
    /// What ought to be: the deployment's value, or that of the first server.
    expected: Option<String>,
    /// What the server goes by.
    actual: Option<String>,
    /// Where that is from, and why, for people.
    why: String,
}

impl ConfigDiffDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(
        cluster: &ClusterId,
        answers: &[PodAnswer<ServerConfig>],
        deployed: &Deployed,
        differences: &[ConfigDifference],
    ) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "ConfigDiff",
            cluster: cluster.into(),
            config_maps: deployed.config_maps.clone(),
            unseen: deployed.unseen.clone(),
            servers: ServerAnswer::list(answers, |config| ComparedServer {
                files_seen: config.files.is_some(),
            }),
            differences: differences
                .iter()
                .map(|it| DifferenceDocument {
                    name: it.name.clone(),
                    what: it.kind.word(),
                    pod: it.pod.clone(),
                    expected: it.expected.clone(),
                    actual: it.actual.clone(),
                    why: it.why.clone(),
                })
                .collect(),
        }
    }
}
