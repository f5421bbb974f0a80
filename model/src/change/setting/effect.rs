//! What came of it on each server.

use schemars::JsonSchema;
use serde::Serialize;

use super::ground::says;
use super::row::{PlannedSetting, SettingStep};
use crate::cluster::{PodAnswer, ServerConfig, shown_value, with_unit};

/// What came of a setting on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettingEffect {
    /// Name of the pod.
    pub pod: String,
    /// The setting; null where the files were read again and no setting has changed.
    pub setting: Option<String>,
    /// What the server goes by now, with its unit; null when it does not say. What may hold a secret is not shown.
    pub value: Option<String>,
    /// What came of it.
    pub result: SettingResult,
    /// Why, where it is not there yet.
    pub reason: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SettingResult {
    /// The server goes by it.
    Taken,
    /// It was so before.
    Already,
    /// The file has it, and the server's next start brings it.
    Restart,
    /// It was not to be changed yet: the same command does it later.
    Waits,
    /// It was not changed.
    NotDone,
    /// It was asked for, and nobody knows.
    Unproven,
}

impl SettingEffect {
    /// Whether the same command has something left to do here.
    pub const fn is_left(&self) -> bool {
        match self.result {
            SettingResult::Waits | SettingResult::NotDone | SettingResult::Unproven => true,
            SettingResult::Taken | SettingResult::Already | SettingResult::Restart => false,
        }
    }
}

/// What the servers say afterwards. `failed` is what a server said no with, by pod and setting.
pub fn setting_effects(
    rows: &[PlannedSetting],
    after: &[PodAnswer<ServerConfig>],
    failed: &[(String, String, String)],
) -> Vec<SettingEffect> {
    let effect = |row: &PlannedSetting| {
        let answer = after.iter().find(|it| it.pod == row.pod);
        let config = answer.and_then(|it| it.answer.as_ref().ok());
        let setting = config.and_then(|it| it.setting(&row.name));
        let value = setting.map(|it| {
            let value = with_unit(&it.value, it.unit.as_deref());
            shown_value(&it.name, &value)
        });
        let said = failed
            .iter()
            .find(|(pod, name, _)| *pod == row.pod && *name == row.name);
        let (result, reason) = match (&row.step, config) {
            (SettingStep::Waits(why), _) => (SettingResult::Waits, Some(why.clone())),
            (SettingStep::Silent(why), _) => (SettingResult::NotDone, Some(why.clone())),
            (SettingStep::AlreadySo, config) => {
                let pending = config
                    .and_then(|it| it.setting(&row.name))
                    .is_some_and(|it| it.pending_restart);
                match pending {
                    true => (SettingResult::Restart, None),
                    false => (SettingResult::Already, None),
                }
            }
            (SettingStep::Set | SettingStep::Reload, None) => {
                let why = answer.and_then(|it| it.answer.as_ref().err());
                let why = why.map_or_else(|| "it is gone".to_owned(), ToString::to_string);
                (SettingResult::Unproven, Some(why))
            }
            (SettingStep::Set | SettingStep::Reload, Some(config)) => of_server(row, config),
        };
        SettingEffect {
            pod: row.pod.clone(),
            setting: (!row.name.is_empty()).then(|| row.name.clone()),
            value,
            result,
            reason: match said {
                Some((_, _, why)) if result == SettingResult::NotDone => Some(why.clone()),
                _ => reason,
            },
        }
    };
    rows.iter().map(effect).collect()
}

fn of_server(row: &PlannedSetting, config: &ServerConfig) -> (SettingResult, Option<String>) {
    let not_done = |why: String| (SettingResult::NotDone, Some(why));
    let name = row.name.as_str();
    let setting = config.setting(name);
    let altered = config.altered(name);
    if row.step == SettingStep::Set {
        match (altered, &row.value) {
            (None, Some(_)) => return not_done("postgresql.auto.conf does not have it".to_owned()),
            (Some(_), None) => return not_done("postgresql.auto.conf still has it".to_owned()),
            (Some(entry), Some(value)) => {
                if setting.is_some_and(|it| !says(entry, it, value)) {
                    return not_done("postgresql.auto.conf has another value".to_owned());
                }
            }
            (None, None) => {}
        }
    }
    if config.loaded == row.loaded {
        let why = "it has not read its files again yet".to_owned();
        return (SettingResult::Unproven, Some(why));
    }
    let restart = setting.is_some_and(|it| it.pending_restart);
    let counts = altered.or_else(|| config.in_other_files(name));
    let wrong = counts.filter(|_| !restart).and_then(|it| it.error.clone());
    match wrong {
        Some(why) if setting.is_some_and(|it| it.context == "postmaster") => {
            (SettingResult::Restart, Some(why))
        }
        Some(why) => not_done(why),
        None if restart => (SettingResult::Restart, None),
        None => (SettingResult::Taken, None),
    }
}
