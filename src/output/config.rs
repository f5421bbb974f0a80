//! `pgctl config`.

use console::measure_text_width;

use super::answers::{silent_line, silent_lines};
use super::plain::plain;
use super::queries::cut;
use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::cluster::{
    ConfigDifference, DifferenceKind, PodAnswer, ServerConfig, SettingRow, SettingSelection,
    answered, setting_place, setting_rows, shown_value, silent, tail_of, with_unit,
};

/// Where a screen ends a value that is longer.
const VALUE: usize = 40;

/// What a value has at least, where names take the rest.
const LEAST_VALUE: usize = 20;

/// What the reasons of differences have at least beside the other columns.
const LEAST_WHY: usize = 40;

/// Spaces between two columns.
const GAP: usize = 2;

/// Behind a value while another one waits.
const RESTART: &str = " (restart)";

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
        parts.push(table(answers, &rows, screen));
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
    let own = role_lines(answers, selection, screen);
    if !own.is_empty() {
        parts.push(own.join("\n"));
    }
    parts.extend(silent_lines(answers, screen));
    parts.join("\n\n") + "\n"
}

fn table(answers: &[PodAnswer<ServerConfig>], rows: &[SettingRow<'_>], screen: &Screen) -> String {
    let pods: Vec<&str> = answers.iter().map(|it| it.pod.as_str()).collect();
    let room = width_of(screen).map(|width| Room::of(rows, &pods, width));
    let differ = rows.iter().any(|it| it.pods.is_some());
    let mut table = Table::new(&[
        Column::kept("NAME"),
        Column::kept("VALUE"),
        Column::ranked("DEFAULT", 3),
        Column::ranked("FROM", 1),
        // It tells rows of one name apart, or says nothing.
        match differ {
            true => Column::kept("ON"),
            false => Column::ranked("ON", 2),
        },
        Column::wide("TAKES"),
    ]);
    for row in rows {
        let it = row.setting;
        let unit = it.unit.as_deref();
        let short = |value: &str, most: Option<usize>| {
            let shown = shown_value(&it.name, &with_unit(value, unit));
            match most {
                Some(most) => cut(&plain(&shown), most.min(VALUE)),
                None => shown,
            }
        };
        let most = room.as_ref().map(|room| room.value);
        let value = match it.pending_restart {
            true => {
                let most = most.map(|most| most.saturating_sub(RESTART.len()));
                let value = short(&it.value, most);
                (format!("{value}{RESTART}"), Tone::Warning)
            }
            false => normal(short(&it.value, most)),
        };
        let default = it.default.as_deref();
        let default = default.map(|it| short(it, most.map(|_| VALUE)));
        let short_names = room.as_ref().is_some_and(|room| room.short_names);
        for on in servers(row, &pods, short_names) {
            table.row([
                normal(&it.name),
                value.clone(),
                normal(default.clone().unwrap_or_default()),
                normal(setting_place(it)),
                normal(on),
                normal(takes(&it.context)),
            ]);
        }
    }
    table.draw(screen)
}

/// The columns that a table has to fit into; none when it may be as wide as it is.
fn width_of(screen: &Screen) -> Option<usize> {
    screen.width.filter(|_| !screen.wide).map(usize::from)
}

/// What a narrow screen has room for. Names of settings stay whole, and so does what tells their rows apart.
struct Room {
    /// How wide a value may be.
    value: usize,
    /// Pods are called by what tells them apart, each in a row of its own.
    short_names: bool,
}

impl Room {
    fn of(rows: &[SettingRow<'_>], pods: &[&str], width: usize) -> Self {
        let names = widest(rows.iter().map(|it| it.setting.name.clone()));
        let places = widest(rows.iter().map(|it| setting_place(it.setting)));
        let differ: Vec<_> = rows.iter().filter(|it| it.pods.is_some()).collect();
        let on = |short_names| widest(differ.iter().flat_map(|it| servers(it, pods, short_names)));
        let left = |on: usize| width.saturating_sub(names + on);
        let short_names = left(on(false)) < LEAST_VALUE;
        let left = left(on(short_names));
        // Without room for it, FROM is left out.
        let value = match left.saturating_sub(places) {
            beside if beside >= LEAST_VALUE => beside,
            _ => left.max(LEAST_VALUE),
        };
        Self { value, short_names }
    }
}

/// How wide a column of these is, with the gap behind it; nothing when there are none.
fn widest(texts: impl Iterator<Item = String>) -> usize {
    let widths = texts.map(|it| measure_text_width(&plain(&it)) + GAP);
    widths.max().unwrap_or(0)
}

/// Which servers have it so: a row of them all, or one for each where their names are short.
fn servers(row: &SettingRow<'_>, pods: &[&str], short_names: bool) -> Vec<String> {
    match &row.pods {
        None => vec!["all".to_owned()],
        Some(on) if short_names => {
            let tails = on.iter().map(|it| tail_of(it, pods).to_owned());
            tails.collect()
        }
        Some(on) => vec![on.join(", ")],
    }
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
    selection: &SettingSelection,
    screen: &Screen,
) -> Vec<String> {
    let Some((_, config)) = answered(answers).next() else {
        return Vec::new();
    };
    let shown = config.roles.iter().filter(|own| selection.takes_own(own));
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

/// What differs; before it, of which servers that is not known.
pub fn config_diff_screen(
    answers: &[PodAnswer<ServerConfig>],
    deployed: &Deployed,
    differences: &[ConfigDifference],
    screen: &Screen,
) -> String {
    let mut parts = Vec::new();
    let nobody = answered(answers).next().is_none();
    let unknown = silent(answers).filter(|(_, why)| !nobody && !why.nothing_runs());
    for (answer, why) in unknown {
        let line = format!("not known whether {} differs: {why}", answer.pod);
        parts.push(screen.paint(Tone::Warning, &screen.wrap(&plain(&line), 2)));
    }
    let line = compared(answers, deployed, differences.len(), !parts.is_empty());
    parts.push(screen.wrap(&plain(&line), 2));
    if !differences.is_empty() {
        parts.push(diff_table(differences, screen));
    }
    for why in &deployed.unseen {
        let line = format!("not compared with the deployment: {why}");
        parts.push(screen.paint(Tone::Warning, &screen.wrap(&plain(&line), 2)));
    }
    if nobody {
        parts.extend(silent_lines(answers, screen));
    } else {
        let stopped = silent(answers).filter(|(_, why)| why.nothing_runs());
        parts.extend(stopped.map(|(answer, why)| silent_line(&answer.pod, why, screen)));
    }
    parts.join("\n\n") + "\n"
}

/// What came of it, and what was compared with what.
fn compared(
    answers: &[PodAnswer<ServerConfig>],
    deployed: &Deployed,
    differences: usize,
    some_unknown: bool,
) -> String {
    let maps = match deployed.config_maps.as_slice() {
        [] => "with no ConfigMap of settings".to_owned(),
        maps => format!("with ConfigMap {}", maps.join(", ")),
    };
    let servers = match answered(answers).count() {
        0 => return "nothing could be compared: no server answers".to_owned(),
        1 => format!("1 server compared {maps}"),
        count => format!("{count} servers compared with each other and {maps}"),
    };
    let said = match differences {
        0 if some_unknown => "nothing differs among those that answer".to_owned(),
        0 => "nothing differs".to_owned(),
        1 => "1 difference".to_owned(),
        count => format!("{count} differences"),
    };
    format!("{said}: {servers}")
}

/// The columns of what differs.
const DIFF: [&str; 5] = ["NAME", "WHAT", "EXPECTED", "ACTUAL", "WHY"];

/// A row for each; on a narrow screen a line, and below it the reason.
fn diff_table(differences: &[ConfigDifference], screen: &Screen) -> String {
    let rows: Vec<_> = differences.iter().map(diff_row).collect();
    if !has_room(&rows, screen) {
        let lines = rows.iter().map(|row| diff_lines(row, screen));
        return lines.collect::<Vec<_>>().join("\n");
    }
    let mut table = Table::new(&DIFF.map(Column::kept));
    for row in rows {
        table.row(row);
    }
    table.draw(screen)
}

fn diff_row(it: &ConfigDifference) -> [(String, Tone); 5] {
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
    let why = match &it.pod {
        Some(pod) => format!("{pod}: {}", it.why),
        None => it.why.clone(),
    };
    [
        normal(plain(&it.name)),
        (word.to_owned(), tone),
        value(&it.expected),
        value(&it.actual),
        normal(plain(&why)),
    ]
}

/// Whether the reasons have room beside the other columns. With less than the widest of these has, that one
/// would be broken.
fn has_room(rows: &[[(String, Tone); 5]], screen: &Screen) -> bool {
    let Some(width) = width_of(screen) else {
        return true;
    };
    let [others @ .., _] = DIFF;
    let widths = others.iter().enumerate().map(|(column, title)| {
        let cells = rows.iter().map(|row| measure_text_width(&row[column].0));
        cells.fold(title.len(), usize::max)
    });
    let widths: Vec<usize> = widths.collect();
    let taken: usize = widths.iter().map(|it| it + GAP).sum();
    let least = widths.into_iter().fold(LEAST_WHY, usize::max);
    width.saturating_sub(taken) >= least
}

/// What the table has of one, in lines: no name is broken.
fn diff_lines(row: &[(String, Tone); 5], screen: &Screen) -> String {
    let [
        (name, _),
        (word, tone),
        (expected, _),
        (actual, _),
        (why, _),
    ] = row;
    let mut line = match name.as_str() {
        "" => word.clone(),
        name => format!("{name}: {word}"),
    };
    for (title, value) in [("expected", expected), ("actual", actual)] {
        if !value.is_empty() {
            line += &format!(", {title} {value}");
        }
    }
    let line = screen.paint(*tone, &screen.wrap(&line, 4));
    format!("{line}\n{}", screen.wrap(&format!("  {why}"), 4))
}
