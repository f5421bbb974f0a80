//! What speaks for and against a change of settings.

use super::ground::{SettingGround, SettingRequest};
use super::memory::memory;
use super::owned::{fixed, owned};
use super::row::{PlannedSetting, SettingStep};
use super::start::{next_start, price};
use crate::change::ChangeCheck;
use crate::cluster::{
    Setting, deployed_setting, not_a_value, quote_identifier, shown_value, with_unit, words,
};

/// What an operation sets itself, and puts back.
const OF_OPERATIONS: [&str; 3] = [
    "max_standby_streaming_delay",
    "default_transaction_read_only",
    "synchronous_commit",
];

/// All of them, in the order in which they are shown.
pub(super) fn checks(
    requests: &[SettingRequest],
    rows: &[PlannedSetting],
    ground: &SettingGround<'_>,
) -> Vec<ChangeCheck> {
    let mut checks = vec![
        owner(requests, ground),
        deployment(requests, ground),
        value(requests, ground),
    ];
    checks.extend(memory(requests, ground));
    checks.push(next_start(requests, ground));
    checks.extend(price(requests));
    checks.push(servers(ground));
    checks.extend(order(rows));
    checks.push(effect(requests, ground));
    checks.extend(roles(requests, ground));
    checks.push(operation(requests, ground));
    checks
}

fn setting_of<'a>(request: &SettingRequest, ground: &SettingGround<'a>) -> Option<&'a Setting> {
    let mut servers = ground.servers();
    servers.find_map(|(_, config)| config.setting(&request.name))
}

/// Whose setting it is.
fn owner(requests: &[SettingRequest], ground: &SettingGround<'_>) -> ChangeCheck {
    const CHECK: &str = "owner";
    for request in requests {
        let name = &request.name;
        if let Some(owned) = owned(name) {
            let check = ChangeCheck::refuse(CHECK, format!("{name}: {}", owned.why));
            return match owned.next {
                Some(next) => check.next(next),
                None => check,
            };
        }
        for (_, config) in ground.servers() {
            if let Some(why) = config.setting(name).and_then(fixed) {
                return ChangeCheck::refuse(CHECK, format!("{name}: {why}"))
                    .next(format!("pgctl config show {name}"));
            }
        }
    }
    for (pod, config) in ground.chosen_servers() {
        let setting = config.setting("allow_alter_system");
        if setting.is_some_and(|it| it.value == "off") {
            let reason = format!(
                "{pod} takes no ALTER SYSTEM (allow_alter_system): its files are to say it all"
            );
            return ChangeCheck::refuse(CHECK, reason).next("pgctl config show allow_alter_system");
        }
    }
    ChangeCheck::pass(CHECK, "it is an operator's to change")
}

/// Whether the deployment has it: what it has is changed there, or the two would say different things for good.
fn deployment(requests: &[SettingRequest], ground: &SettingGround<'_>) -> ChangeCheck {
    const CHECK: &str = "deployment";
    let mut reset = None;
    for request in requests {
        let name = &request.name;
        let Some(found) = deployed_setting(ground.deployed, name) else {
            continue;
        };
        let (map, key, line) = (&found.config_map, &found.key, found.line);
        let there = format!("{name} = {}", shown_value(name, &found.value));
        if request.value.is_some() {
            return ChangeCheck::refuse(
                CHECK,
                format!(
                    "{name} is in the deployment's ConfigMap {map}, key {key}, line {line} ({there}): change it there"
                ),
            )
            .next("apply it, and when it has reached the pods (a minute): pgctl config reload");
        }
        reset.get_or_insert(format!(
            "from then on the deployment's {key} counts, line {line}: {there}"
        ));
    }
    if let Some(why) = ground.unseen.first() {
        let reason = format!("whether the deployment's files have it is not known: {why}");
        return ChangeCheck::warn(CHECK, reason);
    }
    ChangeCheck::pass(
        CHECK,
        reset.unwrap_or_else(|| "the deployment's files do not have it".to_owned()),
    )
}

/// Whether the servers would take it.
fn value(requests: &[SettingRequest], ground: &SettingGround<'_>) -> ChangeCheck {
    const CHECK: &str = "value";
    let mut plain = None;
    for request in requests {
        let Some((setting, value)) = setting_of(request, ground).zip(request.value.as_deref())
        else {
            continue;
        };
        let name = &request.name;
        if let Some(problem) = not_a_value(setting, value) {
            let check = ChangeCheck::refuse(CHECK, format!("{name}: {}", problem.why));
            return match problem.meant {
                Some(meant) => {
                    let meant = words::shell_word(&meant);
                    check.next(format!("pgctl config set {name}={meant}"))
                }
                None => check.next(format!("pgctl config show {name} -o wide")),
            };
        }
        if let Some(why) = ground.not_taken.get(name) {
            return ChangeCheck::refuse(CHECK, format!("{name}: {why}"))
                .next(format!("pgctl config show {name} -o wide"));
        }
        let number = value.trim().parse::<i64>().is_ok_and(|it| it > 0);
        if let Some(unit) = setting.unit.as_deref().filter(|_| number) {
            plain.get_or_insert(format!(
                "{name}: {value} without a unit is {}",
                with_unit(value.trim(), Some(unit))
            ));
        }
    }
    match plain {
        Some(plain) => ChangeCheck::warn(CHECK, plain),
        None => ChangeCheck::pass(CHECK, "PostgreSQL takes it"),
    }
}

/// Whether all of them can be asked.
pub(super) fn servers(ground: &SettingGround<'_>) -> ChangeCheck {
    const CHECK: &str = "servers";
    let silent: Vec<&str> = ground
        .answers
        .iter()
        .filter(|it| it.answer.is_err() && ground.chosen.contains(&it.pod))
        .map(|it| it.pod.as_str())
        .collect();
    if silent.is_empty() {
        return ChangeCheck::pass(CHECK, "all of them answer");
    }
    ChangeCheck::warn(
        CHECK,
        format!(
            "no answer of {}: nothing is changed there; type the same command again when it answers",
            silent.join(", ")
        ),
    )
    .next("pgctl status")
}

fn order(rows: &[PlannedSetting]) -> Option<ChangeCheck> {
    let waiting = rows.iter().find_map(|it| match &it.step {
        SettingStep::Waits(why) => Some(format!("{} on {}: {why}", it.name, it.pod)),
        SettingStep::Set
        | SettingStep::Reload
        | SettingStep::AlreadySo
        | SettingStep::Silent(_) => None,
    })?;
    Some(ChangeCheck::warn(
        "order",
        format!(
            "a standby must not have less than its primary. {waiting}. Then the same command goes on"
        ),
    ))
}

/// What it takes until it counts.
fn effect(requests: &[SettingRequest], ground: &SettingGround<'_>) -> ChangeCheck {
    const CHECK: &str = "effect";
    let of = |contexts: &[&str]| -> Vec<&str> {
        let found = requests.iter().filter(|it| {
            setting_of(it, ground).is_some_and(|it| contexts.contains(&it.context.as_str()))
        });
        found.map(|it| it.name.as_str()).collect()
    };
    let restart = of(&["postmaster"]);
    if !restart.is_empty() {
        let reason = format!("it takes a restart of each server: {}", restart.join(", "));
        return ChangeCheck::warn(CHECK, reason).next("pgctl rollout --restart");
    }
    let sessions = of(&["backend", "superuser-backend"]);
    match sessions.is_empty() {
        true => ChangeCheck::pass(CHECK, "a reload brings it, which is part of this"),
        false => ChangeCheck::pass(
            CHECK,
            format!(
                "sessions that begin after it have it: {}",
                sessions.join(", ")
            ),
        ),
    }
}

/// What databases and roles have of their own overrules it.
fn roles(requests: &[SettingRequest], ground: &SettingGround<'_>) -> Option<ChangeCheck> {
    let (_, config) = ground.servers().next()?;
    let own = config.roles.iter().find(|own| {
        let mut asked = requests.iter();
        asked.any(|it| it.name.eq_ignore_ascii_case(&own.name))
    })?;
    let whom = match (&own.role, &own.database) {
        (Some(role), Some(database)) => format!("role {role} in database {database}"),
        (Some(role), None) => format!("role {role}"),
        (None, Some(database)) => format!("database {database}"),
        (None, None) => "every role".to_owned(),
    };
    let target = match (&own.role, &own.database) {
        (Some(role), _) => format!("alter role {}", quote_identifier(role)),
        (None, Some(database)) => format!("alter database {}", quote_identifier(database)),
        (None, None) => "alter role all".to_owned(),
    };
    let value = shown_value(&own.name, &own.value);
    let check = ChangeCheck::warn(
        "roles",
        format!("{whom} has {} = {value}, which overrules it", own.name),
    );
    let both = own.role.is_some() && own.database.is_some();
    Some(match both {
        true => check,
        false => check.next(format!(
            "pgctl query --write {}",
            words::shell_word(&format!("{target} reset {}", own.name))
        )),
    })
}

fn operation(requests: &[SettingRequest], ground: &SettingGround<'_>) -> ChangeCheck {
    const CHECK: &str = "operation";
    let Some(found) = ground.unfinished else {
        return ChangeCheck::pass(CHECK, "no operation is unfinished");
    };
    let theirs = requests
        .iter()
        .find(|it| OF_OPERATIONS.contains(&it.name.as_str()));
    match theirs {
        Some(request) => ChangeCheck::refuse(
            CHECK,
            format!(
                "the {} has not ended, and may set {} itself",
                found.title, request.name
            ),
        ),
        None => ChangeCheck::warn(
            CHECK,
            format!(
                "the {} has not ended: a server may be another's copy soon",
                found.title
            ),
        ),
    }
    .next(found.resume.clone())
}
