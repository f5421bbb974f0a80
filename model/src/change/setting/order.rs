//! The order in which settings change that a standby must not have lower than its primary: raised on the standbys
//! first, lowered on the primary first. What is not yet to be done waits, and the same command does it later.

use super::ground::{SettingGround, without_alter_system};
use crate::cluster::{Role, STANDBY_LIMITS, ServerConfig, in_unit};

/// Why this server is not to have the value yet; none when it may.
pub(super) fn waits(
    ground: &SettingGround<'_>,
    pod: &str,
    name: &str,
    value: Option<&str>,
) -> Option<String> {
    // A single server has nobody to be in step with.
    if !STANDBY_LIMITS.contains(&name) || ground.answers.len() < 2 {
        return None;
    }
    let (answer, config) = ground.servers().find(|(it, _)| it.pod == pod)?;
    let target = target(config, name, value)?;
    match answer.role {
        Role::Primary => primary_waits(ground, pod, name, target),
        Role::Standby | Role::Unknown => standby_waits(ground, config, name, target),
    }
}

fn running(config: &ServerConfig, name: &str) -> Option<i64> {
    config.setting(name)?.value.parse().ok()
}

/// What its files will say.
fn target(config: &ServerConfig, name: &str, value: Option<&str>) -> Option<i64> {
    let setting = config.setting(name)?;
    let value = match value {
        Some(value) => value,
        None => without_alter_system(config, setting)?,
    };
    in_unit(value, &setting.kind, setting.unit.as_deref())
        .trim()
        .parse()
        .ok()
}

/// A primary that is restarted with more than a standby runs with stops that standby's replay.
fn primary_waits(ground: &SettingGround<'_>, pod: &str, name: &str, target: i64) -> Option<String> {
    let (_, config) = ground.servers().find(|(it, _)| it.pod == pod)?;
    if running(config, name).is_some_and(|it| target <= it) {
        return None;
    }
    let others = ground.answers.iter().filter(|it| it.pod != pod);
    let behind: Vec<String> = others
        .filter_map(|it| match &it.answer {
            Err(_) => Some(format!("{} does not say", it.pod)),
            Ok(config) => match running(config, name) {
                Some(number) if number >= target => None,
                Some(number) => Some(format!("{} runs with {number}", it.pod)),
                None => Some(format!("{} does not say", it.pod)),
            },
        })
        .collect();
    if behind.is_empty() {
        return None;
    }
    Some(format!(
        "it is raised here once every standby runs with {target}: {}",
        behind.join(", ")
    ))
}

/// A standby that is restarted with less than its primary runs with does not replay.
fn standby_waits(
    ground: &SettingGround<'_>,
    config: &ServerConfig,
    name: &str,
    target: i64,
) -> Option<String> {
    let primary = ground.primary();
    let of_primary = primary.and_then(|(pod, config)| Some((pod, running(config, name)?)));
    match of_primary {
        Some((_, number)) if number <= target => None,
        Some((pod, number)) => Some(format!(
            "it is lowered here once the primary runs with {target}: {pod} runs with {number}"
        )),
        // What is raised is never too low.
        None if running(config, name).is_some_and(|it| target >= it) => None,
        None => {
            Some("it is lowered here once the primary runs with it, and none answers".to_owned())
        }
    }
}
