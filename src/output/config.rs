//! `pgctl config`.

use super::answers::silent_lines;
use super::plain::plain;
use super::queries::cut;
use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::cluster::{
    ConfigDifference, DifferenceKind, PodAnswer, ServerConfig, SettingRow, SettingSelection,
    answered, setting_place, setting_rows, shown_value, with_unit,
};

/// Where a screen ends a value that is longer.
const VALUE: usize = 40;

/// What was found of the deployment's files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployed {
    /// Names of the ConfigMaps that have settings.
    pub config_maps: Vec<String>,
    /// Why others could not be read.
    pub unseen: Vec<String>,
}

/// The settings, then what databases and roles have of their own.
pub fn config_screen(
    answers: &[PodAnswer<ServerConfig>],
    selection: &SettingSelection,
    screen: &Screen,
) -> String {
    // What is unknown was said before.
    let rows = setting_rows(answers, selection).unwrap_or_default();
    let mut parts = Vec::new();
    if !rows.is_empty() {
        parts.push(table(&rows, screen));
    }
    if let [SettingRow { setting, .. }] = rows.as_slice() {
        parts.push(screen.wrap(&plain(&setting.description), 0));
    }
    let waits: Vec<&str> = rows
        .iter()
        .filter(|it| it.setting.pending_restart)
        .map(|it| it.setting.name.as_str())
        .collect();
    if !waits.is_empty() {
        let line = format!("another value waits for a restart: {}", waits.join(", "));
        parts.push(screen.paint(Tone::Warning, &screen.wrap(&plain(&line), 2)));
    }
    let own = role_lines(answers, &rows, screen);
    if !own.is_empty() {
        parts.push(own.join("\n"));
    }
    parts.extend(silent_lines(answers, screen));
    parts.join("\n\n") + "\n"
}

fn table(rows: &[SettingRow<'_>], screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("NAME"),
        Column::kept("VALUE"),
        Column::ranked("DEFAULT", 3),
        Column::kept("FROM"),
        Column::ranked("ON", 1),
        Column::wide("TAKES"),
    ]);
    for row in rows {
        let it = row.setting;
        let unit = it.unit.as_deref();
        let short = |value: &str| {
            let shown = shown_value(&it.name, &with_unit(value, unit));
            match screen.width.filter(|_| !screen.wide) {
                Some(_) => cut(&plain(&shown), VALUE),
                None => shown,
            }
        };
        let value = short(&it.value);
        let value = match it.pending_restart {
            true => (format!("{value} (restart)"), Tone::Warning),
            false => normal(value),
        };
        let on = match &row.pods {
            None => "all".to_owned(),
            Some(pods) => pods.join(", "),
        };
        table.row([
            normal(&it.name),
            value,
            normal(it.default.as_deref().map(short).unwrap_or_default()),
            normal(setting_place(it)),
            normal(on),
            normal(takes(&it.context)),
        ]);
    }
    table.draw(screen)
}

/// What it takes to change it.
fn takes(context: &str) -> &str {
    match context {
        "postmaster" => "a restart",
        "sighup" => "a reload",
        "internal" => "nothing changes it",
        "backend" | "superuser-backend" => "a new session",
        other => other,
    }
}

/// What is set for a database or a role, each once: it is the same on every server.
fn role_lines(
    answers: &[PodAnswer<ServerConfig>],
    rows: &[SettingRow<'_>],
    screen: &Screen,
) -> Vec<String> {
    let Some((_, config)) = answered(answers).next() else {
        return Vec::new();
    };
    let shown = config.roles.iter().filter(|own| {
        rows.iter()
            .any(|row| row.setting.name.eq_ignore_ascii_case(&own.name))
    });
    let line = |own: &crate::cluster::RoleSetting| {
        let whom = match (&own.role, &own.database) {
            (Some(role), Some(database)) => format!("role {role} in database {database}"),
            (Some(role), None) => format!("role {role}"),
            (None, Some(database)) => format!("database {database}"),
            (None, None) => "everybody".to_owned(),
        };
        let value = shown_value(&own.name, &own.value);
        let line = format!("{whom} has {} = {value}", own.name);
        screen.wrap(&plain(&line), 2)
    };
    shown.map(line).collect()
}

/// What differs, the most urgent kind named first in the line above.
pub fn config_diff_screen(
    answers: &[PodAnswer<ServerConfig>],
    deployed: &Deployed,
    differences: &[ConfigDifference],
    screen: &Screen,
) -> String {
    let mut parts = Vec::new();
    let servers = answered(answers).count();
    let compared = match deployed.config_maps.as_slice() {
        [] => "with no ConfigMap of settings".to_owned(),
        maps => format!("with ConfigMap {}", maps.join(", ")),
    };
    let said = match differences.len() {
        0 => "nothing differs".to_owned(),
        1 => "1 difference".to_owned(),
        count => format!("{count} differences"),
    };
    let line = format!("{said}: {servers} servers compared with each other and {compared}");
    parts.push(screen.wrap(&plain(&line), 2));
    if !differences.is_empty() {
        parts.push(diff_table(differences, screen));
    }
    for why in &deployed.unseen {
        let line = format!("not compared with the deployment: {why}");
        parts.push(screen.paint(Tone::Warning, &screen.wrap(&plain(&line), 2)));
    }
    parts.extend(silent_lines(answers, screen));
    parts.join("\n\n") + "\n"
}

fn diff_table(differences: &[ConfigDifference], screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("NAME"),
        Column::kept("WHAT"),
        Column::kept("EXPECTED"),
        Column::kept("ACTUAL"),
        Column::kept("WHY"),
    ]);
    for it in differences {
        let (word, tone) = match it.kind {
            DifferenceKind::Wrong => ("wrong value", Tone::Bad),
            DifferenceKind::PendingRestart => ("waits for a restart", Tone::Warning),
            DifferenceKind::NotReloaded => ("not reloaded", Tone::Warning),
            DifferenceKind::Overridden => ("overruled", Tone::Warning),
            DifferenceKind::NotInPod => ("not in the pod", Tone::Warning),
            DifferenceKind::OnlyHere => ("only here", Tone::Normal),
            DifferenceKind::Between => ("servers differ", Tone::Warning),
        };
        let value = |value: &Option<String>| {
            let shown = value.as_deref().unwrap_or_default();
            normal(cut(&plain(shown), VALUE))
        };
        table.row([
            normal(&it.name),
            (word.to_owned(), tone),
            value(&it.expected),
            value(&it.actual),
            normal(match &it.pod {
                Some(pod) => format!("{pod}: {}", it.why),
                None => it.why.clone(),
            }),
        ]);
    }
    table.draw(screen)
}
