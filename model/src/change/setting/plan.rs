//! What would be done on each server.

use super::checks::checks;
use super::ground::{SettingGround, SettingRequest, says};
use super::order::waits;
use super::row::{PlannedSetting, SettingStep};
use super::undo::undo;
use crate::change::ChangeProposal;
use crate::cluster::{
    PodAnswer, ServerConfig, UnknownSetting, nearest, same_value, setting_place, shown_value,
    with_unit,
};

/// A change of settings, and what it is on each server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingPlan {
    /// What is shown, and agreed to.
    pub proposal: ChangeProposal,
    /// A row for each server and setting.
    pub rows: Vec<PlannedSetting>,
}

impl SettingPlan {
    /// Whether nothing is to be done now: all have it, or wait.
    pub fn is_idle(&self) -> bool {
        let mut rows = self.rows.iter();
        rows.all(|it| !matches!(it.step, SettingStep::Set | SettingStep::Reload))
    }
}

/// What setting these would do, and what speaks against it. Names come to be those that the servers have.
///
/// # Errors
/// When no server that answered knows a name.
pub fn plan_settings(
    requests: &[SettingRequest],
    ground: &SettingGround<'_>,
) -> Result<SettingPlan, UnknownSetting> {
    let known = requests.iter().map(|it| canonical(it, ground));
    let requests: Vec<SettingRequest> = known.collect::<Result<_, _>>()?;
    let rows: Vec<PlannedSetting> = requests
        .iter()
        .flat_map(|request| {
            let chosen = ground.answers.iter();
            let chosen = chosen.filter(|it| ground.chosen.contains(&it.pod));
            chosen.map(move |answer| planned(request, answer, ground))
        })
        .collect();
    let (undo, lost) = undo(&rows, ground);
    let mut facts = facts(&requests, &rows, ground);
    facts.extend(lost);
    let proposal = ChangeProposal {
        title: format!("{} on {}", what(&requests), on(ground)),
        identity: identity(&rows),
        wanted: "yes".to_owned(),
        facts,
        checks: checks(&requests, &rows, ground),
        undo,
    };
    Ok(SettingPlan { proposal, rows })
}

fn canonical(
    request: &SettingRequest,
    ground: &SettingGround<'_>,
) -> Result<SettingRequest, UnknownSetting> {
    let settings = || ground.servers().flat_map(|(_, config)| &config.settings);
    let given = request.name.trim();
    let found = settings().find(|it| it.name.eq_ignore_ascii_case(given));
    let name = match found {
        Some(setting) => setting.name.clone(),
        // Of an extension that is gone a line may be left.
        None if request.value.is_none()
            && ground.servers().any(|(_, it)| it.altered(given).is_some()) =>
        {
            given.to_lowercase()
        }
        None => {
            let names = settings().map(|it| it.name.as_str());
            return Err(UnknownSetting {
                given: given.to_owned(),
                nearest: nearest(&given.to_lowercase(), names).map(str::to_owned),
            });
        }
    };
    let value = request.value.clone();
    Ok(SettingRequest { name, value })
}

fn planned(
    request: &SettingRequest,
    answer: &PodAnswer<ServerConfig>,
    ground: &SettingGround<'_>,
) -> PlannedSetting {
    let (name, value) = (&request.name, request.value.as_deref());
    let (before, loaded, step) = match &answer.answer {
        Err(why) => (None, String::new(), SettingStep::Silent(why.to_string())),
        Ok(config) => {
            let before = config.altered(name).and_then(|it| it.value.clone());
            let step = if is_so(config, name, value) {
                SettingStep::AlreadySo
            } else {
                match waits(ground, &answer.pod, name, value) {
                    Some(why) => SettingStep::Waits(why),
                    None => SettingStep::Set,
                }
            };
            (before, config.loaded.clone(), step)
        }
    };
    PlannedSetting {
        pod: answer.pod.clone(),
        name: name.clone(),
        value: request.value.clone(),
        before,
        step,
        loaded,
    }
}

/// Whether `postgresql.auto.conf` says so, and the server has read it.
fn is_so(config: &ServerConfig, name: &str, value: Option<&str>) -> bool {
    let altered = config.altered(name);
    let Some(setting) = config.setting(name) else {
        return value.is_none() && altered.is_none();
    };
    match (altered, value) {
        (Some(entry), Some(value)) => {
            says(entry, setting, value)
                && (setting.pending_restart || same_value(setting, &setting.value, value))
        }
        (None, None) => !setting_place(setting).starts_with("postgresql.auto.conf"),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// In words, without what may hold a secret.
fn what(requests: &[SettingRequest]) -> String {
    let assigned = requests.iter().map(|it| match &it.value {
        Some(value) => format!("{} = {}", it.name, shown_value(&it.name, value)),
        None => it.name.clone(),
    });
    let list = assigned.collect::<Vec<_>>().join(", ");
    match requests.iter().any(|it| it.value.is_none()) {
        true => format!("reset of {list}"),
        false => list,
    }
}

/// The servers, in words.
pub(super) fn on(ground: &SettingGround<'_>) -> String {
    match ground.chosen {
        [pod] => pod.clone(),
        pods if pods.len() == ground.answers.len() => format!("all {} servers", pods.len()),
        pods => format!("{} servers", pods.len()),
    }
}

fn identity(rows: &[PlannedSetting]) -> String {
    let lines = rows.iter().map(|it| {
        format!(
            "{} on {}: {:?} in place of {:?} ({:?})",
            it.name, it.pod, it.value, it.before, it.step
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What each setting is now, and will be; servers that are alike share a line.
fn facts(
    requests: &[SettingRequest],
    rows: &[PlannedSetting],
    ground: &SettingGround<'_>,
) -> Vec<String> {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for request in requests {
        for row in rows.iter().filter(|it| it.name == request.name) {
            let line = fact(row, ground);
            match lines.iter_mut().find(|(same, _)| *same == line) {
                Some((_, pods)) => pods.push(&row.pod),
                None => lines.push((line, vec![&row.pod])),
            }
        }
    }
    let all = ground.answers.len();
    let line = |(line, pods): (String, Vec<&str>)| match pods.len() {
        count if count == all && count > 1 => format!("all: {line}"),
        _ => format!("{}: {line}", pods.join(", ")),
    };
    lines.into_iter().map(line).collect()
}

fn fact(row: &PlannedSetting, ground: &SettingGround<'_>) -> String {
    let name = &row.name;
    let config = ground.servers().find(|(it, _)| it.pod == row.pod);
    let setting = config.and_then(|(_, config)| config.setting(name));
    let now = setting.map_or_else(
        || "not known".to_owned(),
        |it| {
            let value = with_unit(&it.value, it.unit.as_deref());
            format!("{} ({})", shown_value(name, &value), setting_place(it))
        },
    );
    match (&row.step, &row.value) {
        (SettingStep::Set | SettingStep::Reload, Some(value)) => {
            format!("{name} is {now} and becomes {}", shown_value(name, value))
        }
        (SettingStep::Set | SettingStep::Reload, None) => {
            format!("{name} is {now}, and the line of ALTER SYSTEM goes")
        }
        (SettingStep::AlreadySo, Some(value)) => {
            format!("{name} = {} is there already", shown_value(name, value))
        }
        (SettingStep::AlreadySo, None) => format!("{name} is not set by ALTER SYSTEM: {now}"),
        (SettingStep::Waits(why), _) => format!("{name} is {now} and stays so: {why}"),
        (SettingStep::Silent(why), _) => format!("{name} stays as it is: {why}"),
    }
}
