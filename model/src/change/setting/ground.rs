//! What is asked for, and what is known of the servers before.

use std::collections::BTreeMap;

use crate::cluster::{
    DeployedConfig, FileEntry, PodAnswer, Role, ServerConfig, Setting, UnfinishedOperation,
    answered, list_elements, same_value,
};

/// A setting that is to have another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingRequest {
    /// Its name, as it was typed.
    pub name: String,
    /// The value; none to take out what `ALTER SYSTEM` has set.
    pub value: Option<String>,
}

/// What is known before settings are changed.
#[derive(Debug, Clone, Copy)]
pub struct SettingGround<'a> {
    /// Every server of the cluster, or why it does not say.
    pub answers: &'a [PodAnswer<ServerConfig>],
    /// Full names of the pods that it is for.
    pub chosen: &'a [String],
    /// The deployment's files.
    pub deployed: &'a [DeployedConfig],
    /// Why others could not be read.
    pub unseen: &'a [String],
    /// Memory limit of each pod's database container, in bytes; none without one.
    pub memory_limits: &'a BTreeMap<String, Option<u64>>,
    /// What a server said of values that it was asked about, by the name of the setting.
    pub not_taken: &'a BTreeMap<String, String>,
    /// The operation that was begun and has not ended.
    pub unfinished: Option<&'a UnfinishedOperation>,
}

impl<'a> SettingGround<'a> {
    /// The servers that answered, with what they said.
    pub(super) fn servers(
        &self,
    ) -> impl Iterator<Item = (&'a PodAnswer<ServerConfig>, &'a ServerConfig)> {
        answered(self.answers)
    }

    /// Those of them that it is for.
    pub(super) fn chosen_servers(&self) -> impl Iterator<Item = (&'a str, &'a ServerConfig)> {
        let chosen = self.chosen;
        let servers = self.servers();
        let of_choice = servers.filter(|(it, _)| chosen.contains(&it.pod));
        of_choice.map(|(it, config)| (it.pod.as_str(), config))
    }

    /// The one server that says it is the primary.
    pub(super) fn primary(&self) -> Option<(&'a str, &'a ServerConfig)> {
        let mut primaries = self.servers().filter(|(it, _)| it.role == Role::Primary);
        let (answer, config) = primaries.next()?;
        primaries
            .next()
            .is_none()
            .then_some((answer.pod.as_str(), config))
    }
}

/// Whether a line of a file says what is asked for.
pub(super) fn says(entry: &FileEntry, setting: &Setting, wanted: &str) -> bool {
    let Some(value) = entry.value.as_deref() else {
        return false;
    };
    let name = setting.name.as_str();
    match (list_elements(name, value), list_elements(name, wanted)) {
        (Some(one), Some(other)) => one == other,
        _ => same_value(setting, value, wanted),
    }
}

/// What a server has without what `ALTER SYSTEM` has set.
pub(super) fn without_alter_system<'a>(
    config: &'a ServerConfig,
    setting: &'a Setting,
) -> Option<&'a str> {
    let other = config.in_other_files(&setting.name);
    other
        .and_then(|it| it.value.as_deref())
        .or(setting.default.as_deref())
}
