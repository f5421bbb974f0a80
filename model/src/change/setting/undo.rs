//! The commands that put settings back.

use super::ground::SettingGround;
use super::row::{PlannedSetting, SettingStep};
use crate::cluster::{deployed_setting, shown_value, words};

/// The commands, and what can't be put back so.
pub(super) fn undo(
    rows: &[PlannedSetting],
    ground: &SettingGround<'_>,
) -> (Vec<String>, Vec<String>) {
    let mut lost: Vec<String> = Vec::new();
    // Pods that are put back alike share a command.
    let mut groups: Vec<(Vec<&PlannedSetting>, Vec<&str>)> = Vec::new();
    for pod in ground.chosen {
        let of_pod = rows
            .iter()
            .filter(|it| it.pod == *pod && it.step == SettingStep::Set);
        let changed: Vec<&PlannedSetting> = of_pod
            .filter(|it| match why_not(it, ground) {
                None => true,
                Some(why) => {
                    lost.push(why);
                    false
                }
            })
            .collect();
        if changed.is_empty() {
            continue;
        }
        let alike = groups.iter_mut().find(|(group, _)| {
            let of = |it: &[&PlannedSetting]| -> Vec<_> {
                it.iter()
                    .map(|it| (it.name.clone(), it.before.clone()))
                    .collect()
            };
            of(group) == of(&changed)
        });
        match alike {
            Some((_, pods)) => pods.push(pod),
            None => groups.push((changed, vec![pod])),
        }
    }
    lost.sort();
    lost.dedup();
    let commands = groups.iter().flat_map(|(changed, pods)| {
        let whole = pods.len() == ground.answers.len();
        let on: String = match whole {
            true => String::new(),
            false => pods.iter().map(|pod| format!(" --pod {pod}")).collect(),
        };
        let set = changed.iter().filter_map(|it| {
            let before = it.before.as_deref()?;
            Some(format!("{}={}", it.name, words::shell_word(before)))
        });
        let unset = changed.iter().filter(|it| it.before.is_none());
        let unset = unset.map(|it| words::shell_word(&it.name));
        let command = |verb: &str, words: Vec<String>| {
            let line = format!("pgctl config {verb} {}{on}", words.join(" "));
            (!words.is_empty()).then_some(line)
        };
        [
            command("set", set.collect()),
            command("unset", unset.collect()),
        ]
    });
    (commands.flatten().collect(), lost)
}

fn why_not(row: &PlannedSetting, ground: &SettingGround<'_>) -> Option<String> {
    let before = row.before.as_deref()?;
    if deployed_setting(ground.deployed, &row.name).is_some() {
        return Some(format!(
            "{}: it is not put back with pgctl, because the deployment's file has it, too",
            row.name
        ));
    }
    (shown_value(&row.name, before) != before).then(|| {
        format!(
            "{}: what it was before may hold a secret and is not kept: keep it yourself to put it back",
            row.name
        )
    })
}
