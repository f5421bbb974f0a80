//! Reading the files again.

use super::checks::servers;
use super::ground::{SettingGround, says};
use super::plan::{SettingPlan, on};
use super::row::{PlannedSetting, SettingStep};
use crate::change::{ChangeCheck, ChangeProposal};
use crate::cluster::{DifferenceKind, ServerConfig, config_differences, shown_value, with_unit};

/// What a reload would bring, and what speaks against it.
pub fn plan_reload(ground: &SettingGround<'_>) -> SettingPlan {
    let mut rows = Vec::new();
    let mut facts = Vec::new();
    for answer in ground
        .answers
        .iter()
        .filter(|it| ground.chosen.contains(&it.pod))
    {
        let row = |name: &str, step, loaded: &str| PlannedSetting {
            pod: answer.pod.clone(),
            name: name.to_owned(),
            value: None,
            before: None,
            step,
            loaded: loaded.to_owned(),
        };
        let config = match &answer.answer {
            Ok(config) => config,
            Err(why) => {
                rows.push(row("", SettingStep::Silent(why.to_string()), ""));
                continue;
            }
        };
        let news = news(config);
        if news.is_empty() {
            rows.push(row("", SettingStep::Reload, &config.loaded));
            facts.push(format!("{}: its files say nothing new", answer.pod));
        }
        for (name, words) in news {
            rows.push(row(&name, SettingStep::Reload, &config.loaded));
            facts.push(format!("{}: {words}", answer.pod));
        }
    }
    let mut checks = vec![files(ground), in_pods(ground), servers(ground)];
    checks.push(match ground.unfinished {
        None => ChangeCheck::pass("operation", "no operation is unfinished"),
        Some(found) => ChangeCheck::warn("operation", format!("the {} has not ended", found.title))
            .next(found.resume.clone()),
    });
    let title = format!("reload of the files of {}", on(ground));
    let proposal = ChangeProposal {
        identity: title.clone(),
        title,
        wanted: "yes".to_owned(),
        facts,
        checks,
        undo: Vec::new(),
    };
    SettingPlan { proposal, rows }
}

/// What the files say and the server does not go by, by name.
fn news(config: &ServerConfig) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for setting in &config.settings {
        let name = setting.name.as_str();
        let entry = config.altered(name).or_else(|| config.in_other_files(name));
        let overruled = setting.source == "command line";
        let from_a_file = setting.source == "configuration file" && config.files.is_some();
        let new = match entry {
            Some(entry) if !overruled && !says(entry, setting, &setting.value) => {
                let new = shown_value(name, entry.value.as_deref().unwrap_or_default());
                format!("{} says {new}", entry.place())
            }
            None if from_a_file => "no file has it any more".to_owned(),
            Some(_) | None => continue,
        };
        let now = shown_value(name, &with_unit(&setting.value, setting.unit.as_deref()));
        found.push((name.to_owned(), format!("{name} is {now}, and {new}")));
    }
    found
}

/// Lines that the server can't use: it says so in its log, and goes on with what it had.
fn files(ground: &SettingGround<'_>) -> ChangeCheck {
    const CHECK: &str = "files";
    let wrong = ground.chosen_servers().find_map(|(pod, config)| {
        let mut entries = config.files.iter().flatten();
        entries.find_map(|entry| {
            let setting = config.setting(entry.name.as_deref().unwrap_or_default());
            let restart = setting.is_some_and(|it| it.context == "postmaster");
            let why = entry.error.as_deref().filter(|_| !restart)?;
            let name = entry.name.as_deref().unwrap_or("a line");
            Some(format!("{pod} can't use {name} ({}): {why}", entry.place()))
        })
    });
    match wrong {
        Some(wrong) => ChangeCheck::warn(CHECK, wrong).next("pgctl config diff"),
        None => ChangeCheck::pass(CHECK, "every line can be used"),
    }
}

/// Whether the pods have the ConfigMap as it is now.
fn in_pods(ground: &SettingGround<'_>) -> ChangeCheck {
    const CHECK: &str = "deployment";
    if let Some(why) = ground.unseen.first() {
        let reason = format!("whether the pods have the deployment's files is not known: {why}");
        return ChangeCheck::warn(CHECK, reason);
    }
    let differences = config_differences(ground.answers, ground.deployed);
    let late = differences.iter().find(|it| {
        let chosen = it
            .pod
            .as_ref()
            .is_some_and(|pod| ground.chosen.contains(pod));
        chosen && it.kind == DifferenceKind::NotInPod
    });
    match late {
        None => ChangeCheck::pass(CHECK, "the pods have the deployment's files"),
        Some(late) => ChangeCheck::warn(
            CHECK,
            format!(
                "{} on {}: {}; the kubelet takes a minute, and another reload is needed then",
                late.name,
                late.pod.as_deref().unwrap_or_default(),
                late.why
            ),
        )
        .next("pgctl config diff"),
    }
}
