//! `pgctl queries` and `pgctl locks`: what every server does, and who waits for whom.

use super::answers::{heading, silent_lines};
use super::plain::plain;
use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::cluster::{
    Activity, ActivityLine, Backend, PodAnswer, PreparedTransaction, StatementCounts, Statements,
    Which, Who, answered, quote_literal, words,
};

/// The part of a line that a query gets where nothing may be wrapped.
const QUERY_SHARE: usize = 3;

/// A transaction that is open for so long, in seconds, and does nothing is worth a colour.
const LONG: f64 = 60.0;

/// A line and a table for each server, then those that do not answer.
pub fn queries_screen(answers: &[PodAnswer<Activity>], which: Which, screen: &Screen) -> String {
    let mut parts = Vec::new();
    for (answer, activity) in answered(answers) {
        let lines = activity.tree(which);
        parts.push(heading(answer, &summary(activity, &lines, which), screen));
        if !lines.is_empty() {
            parts.push(table(&lines, screen));
        }
    }
    parts.extend(silent_lines(answers, screen));
    parts.join("\n\n") + "\n"
}

/// What counts of a server, in a line.
fn summary(activity: &Activity, lines: &[ActivityLine<'_>], which: Which) -> String {
    let blocked = match activity.blocked() {
        0 => "nobody waits for a lock".to_owned(),
        1 => "1 waits for a lock".to_owned(),
        count => format!("{count} wait for locks"),
    };
    if which == Which::Blocking {
        return blocked;
    }
    let clients = activity.backends.iter().filter(|it| it.is_client());
    let running = clients.clone().filter(|it| it.is_active()).count();
    let idle = clients.clone().filter(|it| it.is_idle_in_transaction());
    let mut text = match running {
        0 => "no query runs".to_owned(),
        1 => "1 query runs".to_owned(),
        count => format!("{count} queries run"),
    };
    match idle.count() {
        0 => {}
        count => text += &format!(", {count} idle in transaction"),
    }
    if !lines.is_empty() {
        text += &format!(", {blocked}");
    }
    let oldest = clients.filter_map(|it| it.transaction_seconds);
    if let Some(oldest) = oldest.max_by(f64::total_cmp) {
        text += &format!(", oldest transaction {}", words::seconds(oldest));
    }
    text
}

fn table(lines: &[ActivityLine<'_>], screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("PID"),
        Column::kept("FOR").right(),
        Column::ranked("IN TX", 2).right(),
        Column::kept("STATE"),
        Column::ranked("WAITS FOR", 3),
        Column::ranked("WHO", 1),
        Column::ranked("APPLICATION", 4),
        Column::ranked("CLIENT", 5),
        Column::kept("QUERY"),
    ]);
    for line in lines {
        let tree = match line.depth {
            0 => String::new(),
            depth => format!("{}└ ", "  ".repeat(depth - 1)),
        };
        table.row(match line.who {
            Who::Backend(backend) => row(&tree, backend, line.waiting, screen),
            Who::Prepared(prepared) => prepared_row(&tree, prepared, line.waiting),
        });
    }
    table.draw(screen)
}

fn row(tree: &str, backend: &Backend, waiting: usize, screen: &Screen) -> [(String, Tone); 9] {
    let time = |seconds: Option<f64>| seconds.map(words::seconds).unwrap_or_default();
    let who = match (&backend.user, &backend.database) {
        (Some(user), Some(database)) => format!("{user}@{database}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => String::new(),
    };
    [
        normal(format!("{tree}{}", backend.pid)),
        normal(time(backend.busy_seconds())),
        normal(time(backend.transaction_seconds)),
        state(backend, waiting),
        normal(waits(backend)),
        normal(who),
        normal(&backend.application),
        normal(backend.client.clone().unwrap_or_default()),
        normal(shown_query(backend, screen)),
    ]
}

fn state(backend: &Backend, waiting: usize) -> (String, Tone) {
    let state = match backend.state.as_deref() {
        Some("idle in transaction") => "idle in tx",
        Some("idle in transaction (aborted)") => "failed tx",
        Some(state) => state,
        None => "",
    };
    let kind = match backend.kind.as_str() {
        "client backend" => "",
        "autovacuum worker" if backend.prevents_wraparound() => "vacuum against wraparound",
        "autovacuum worker" => "autovacuum",
        kind => kind,
    };
    let text = match (kind, state) {
        (_, _) if backend.is_blocked() && kind.is_empty() => "blocked".to_owned(),
        ("", state) => state.to_owned(),
        (kind, _) => kind.to_owned(),
    };
    let tone = if backend.is_blocked() {
        Tone::Warning
    } else if waiting > 0 || backend.prevents_wraparound() {
        Tone::Bad
    } else if backend.is_idle_in_transaction() && backend.state_seconds > Some(LONG) {
        Tone::Warning
    } else {
        Tone::Normal
    };
    let text = match waiting {
        0 => text,
        count => format!("{text}, holds up {count}"),
    };
    (text, tone)
}

fn waits(backend: &Backend) -> String {
    let mut text = match (&backend.lock, &backend.wait_type, &backend.wait_event) {
        (Some(lock), _, _) => lock.clone(),
        // An idle session waits for its client, always.
        (None, Some(kind), _) if kind == "Client" || kind == "Activity" => String::new(),
        (None, Some(kind), Some(event)) => format!("{kind}/{event}"),
        _ => String::new(),
    };
    let also = backend.blocked_by.len() + backend.blocked_by_prepared.len();
    if also > 1 {
        text += &format!(", and {} more", also - 1);
    }
    text
}

/// The query in one line, as much of it as fits beside the rest.
fn shown_query(backend: &Backend, screen: &Screen) -> String {
    let query = backend
        .query
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let query = plain(&query);
    match screen.width.filter(|_| !screen.wide) {
        Some(width) => cut(&query, usize::from(width) / QUERY_SHARE),
        None => query,
    }
}

/// As many characters, with a mark where some are left away.
pub(super) fn cut(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let kept: String = text.chars().take(characters.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}

fn prepared_row(tree: &str, prepared: &PreparedTransaction, waiting: usize) -> [(String, Tone); 9] {
    let state = match waiting {
        0 => ("prepared".to_owned(), Tone::Warning),
        count => (format!("prepared, holds up {count}"), Tone::Bad),
    };
    let gid = quote_literal(&prepared.gid);
    [
        normal(format!("{tree}-")),
        normal(words::seconds(prepared.seconds)),
        normal(words::seconds(prepared.seconds)),
        state,
        normal(""),
        normal(format!("{}@{}", prepared.owner, prepared.database)),
        normal(""),
        normal(""),
        normal(format!(
            "prepared transaction {}: COMMIT PREPARED or ROLLBACK PREPARED ends it",
            gid.trim_start()
        )),
    ]
}

/// What the time of every server went to.
pub fn statements_screen(answers: &[PodAnswer<Statements>], screen: &Screen) -> String {
    let mut parts = Vec::new();
    for (answer, statements) in answered(answers) {
        let said = match statements {
            Statements::Counted(counts) => {
                let since = counts
                    .since
                    .map(|at| format!(" since {}", at.strftime("%Y-%m-%d %H:%M:%SZ")));
                format!(
                    "{} in statements{}",
                    words::seconds(counts.all_seconds),
                    since.unwrap_or_default()
                )
            }
            Statements::NoExtension => {
                "it counts its statements, and no database has the view; in the primary's database postgres: \
                 CREATE EXTENSION pg_stat_statements"
                    .to_owned()
            }
            Statements::NotLoaded => {
                "it does not count its statements; set shared_preload_libraries = 'pg_stat_statements' in \
                 postgresql.conf, restart, and CREATE EXTENSION pg_stat_statements on the primary"
                    .to_owned()
            }
        };
        parts.push(heading(answer, &said, screen));
        if let Statements::Counted(counts) = statements
            && !counts.statements.is_empty()
        {
            parts.push(statements_table(counts, screen));
        }
    }
    parts.extend(silent_lines(answers, screen));
    parts.join("\n\n") + "\n"
}

fn statements_table(counts: &StatementCounts, screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("TIME").right(),
        Column::kept("SHARE").right(),
        Column::kept("CALLS").right(),
        Column::kept("MEAN").right(),
        Column::ranked("ROWS", 3).right(),
        Column::ranked("CACHED", 2).right(),
        Column::ranked("READING", 4).right(),
        Column::ranked("WAL", 5).right(),
        Column::ranked("WHO", 1),
        Column::wide("ID"),
        Column::kept("STATEMENT"),
    ]);
    for it in &counts.statements {
        let percent = |share: f64| format!("{:.0}%", share * 100.0);
        let share = match counts.all_seconds > 0.0 {
            true => percent(it.total_seconds / counts.all_seconds),
            false => String::new(),
        };
        let who = [&it.user, &it.database].map(|it| it.clone().unwrap_or_else(|| "?".to_owned()));
        let query = it.query.split_whitespace().collect::<Vec<_>>().join(" ");
        let query = match screen.width.filter(|_| !screen.wide) {
            Some(width) => cut(&plain(&query), usize::from(width) / QUERY_SHARE),
            None => query,
        };
        table.row([
            normal(words::seconds(it.total_seconds)),
            normal(share),
            normal(it.calls.to_string()),
            normal(words::seconds(it.mean_seconds)),
            normal(it.rows.to_string()),
            normal(it.hit_ratio().map(percent).unwrap_or_default()),
            normal(words::seconds(it.read_seconds)),
            normal(words::bytes(it.wal_bytes)),
            normal(who.join("@")),
            normal(it.id.clone().unwrap_or_default()),
            normal(query),
        ]);
    }
    table.draw(screen)
}
