//! `pgctl config where -o json`.

use schemars::JsonSchema;
use serde::Serialize;

use super::api_version::API_VERSION;
use crate::output::config_file::{OwnDefault, OwnDefaults};

/// What an option is when nobody gives it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct DefaultDocument {
    /// Its long name, without dashes.
    option: String,
    /// As it would be typed.
    value: String,
    /// The context of the kubeconfig for which it is said; null when it is for all.
    context: Option<String>,
    /// The environment variable that is set and comes before it.
    overruled_by: Option<String>,
}

impl From<&OwnDefault> for DefaultDocument {
    fn from(it: &OwnDefault) -> Self {
        Self {
            option: it.option.clone(),
            value: it.value.clone(),
            context: it.context.clone(),
            overruled_by: it.overruled_by.clone(),
        }
    }
}

/// The file with defaults of pgctl's own options (`pgctl config where -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "ConfigFile", deny_unknown_fields)]
pub struct ConfigFileDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `ConfigFile`.
    #[schemars(extend("const" = "ConfigFile"))]
    kind: &'static str,
    /// Where it is, or would be.
    path: String,
    /// Whether it is there.
    exists: bool,
    /// The context that is asked, when that makes a difference.
    context: Option<String>,
    /// What holds in it.
    defaults: Vec<DefaultDocument>,
}

impl ConfigFileDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(found: &OwnDefaults) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "ConfigFile",
            path: found.path.clone(),
            exists: found.exists,
            context: found.context.clone(),
            defaults: found.defaults.iter().map(Into::into).collect(),
        }
    }
}
