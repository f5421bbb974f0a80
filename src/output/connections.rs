//! `pgctl connections`.

use super::answers::{heading, silent_lines};
use super::plain::plain;
use super::queries::cut;
use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::cluster::{
    Connections, GroupBy, HolderKind, OldSession, PodAnswer, XminHolder, answered, words,
};

/// What is to be seen of the connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionsView {
    /// By what they are taken together.
    pub by: Vec<GroupBy>,
    /// How many percent may be used.
    pub max_used_percent: u8,
}

impl ConnectionsView {
    /// Whether more are used than may be.
    pub fn is_near_the_limit(&self, connections: &Connections) -> bool {
        connections.used_percent() > f64::from(self.max_used_percent)
    }
}

/// An age, in transactions, from which on what holds VACUUM back is worth a colour.
const OLD: i64 = 1_000_000;

/// A line, a table and what is old for each server, then those that do not answer.
pub fn connections_screen(
    answers: &[PodAnswer<Connections>],
    view: &ConnectionsView,
    screen: &Screen,
) -> String {
    let mut parts = Vec::new();
    for (answer, connections) in answered(answers) {
        let line = heading(answer, &summary(connections), screen);
        parts.push(match view.is_near_the_limit(connections) {
            true => screen.paint(Tone::Bad, &line),
            false => line,
        });
        if !connections.sessions.is_empty() {
            parts.push(table(connections, view, screen));
        }
        let old = old_lines(connections, screen);
        if !old.is_empty() {
            parts.push(old.join("\n"));
        }
    }
    parts.extend(silent_lines(answers, screen));
    parts.join("\n\n") + "\n"
}

fn summary(connections: &Connections) -> String {
    let reserved = match (connections.superuser_reserved, connections.reserved) {
        (0, 0) => String::new(),
        (superuser, 0) => format!(", {superuser} of them for superusers"),
        (superuser, reserved) => {
            format!(", {superuser} of them for superusers and {reserved} reserved")
        }
    };
    format!(
        "{} of {} connections, {:.0}% (max_connections {}{reserved})",
        connections.used(),
        connections.usable(),
        connections.used_percent(),
        connections.max,
    )
}

fn table(connections: &Connections, view: &ConnectionsView, screen: &Screen) -> String {
    let shows = |by: GroupBy| view.by.contains(&by);
    let column = |by: GroupBy, title: &'static str| match shows(by) {
        true => Column::kept(title),
        false => Column::hidden(title),
    };
    let mut table = Table::new(&[
        Column::kept("COUNT").right(),
        Column::kept("ACTIVE").right(),
        Column::kept("IDLE").right(),
        Column::kept("IDLE IN TX").right(),
        column(GroupBy::User, "USER"),
        column(GroupBy::Database, "DATABASE"),
        column(GroupBy::Application, "APPLICATION"),
        column(GroupBy::Client, "CLIENT"),
    ]);
    for group in connections.groups(&view.by) {
        let key = |by: GroupBy| {
            let at = view.by.iter().position(|it| *it == by);
            normal(
                at.and_then(|at| group.key.get(at))
                    .cloned()
                    .unwrap_or_default(),
            )
        };
        let idle = match group.idle_in_transaction {
            0 => normal("0"),
            count => (count.to_string(), Tone::Warning),
        };
        table.row([
            normal(group.total.to_string()),
            normal(group.active.to_string()),
            normal(group.idle.to_string()),
            idle,
            key(GroupBy::User),
            key(GroupBy::Database),
            key(GroupBy::Application),
            key(GroupBy::Client),
        ]);
    }
    table.draw(screen)
}

fn old_lines(connections: &Connections, screen: &Screen) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(old) = &connections.oldest_transaction {
        lines.push(old_line("oldest transaction", old, screen));
    }
    if let Some(old) = &connections.oldest_idle {
        lines.push(old_line("longest idle in transaction", old, screen));
    }
    let holders = connections.oldest_holders();
    if let Some((oldest, others)) = holders.split_first() {
        let more = match others.len() {
            0 => String::new(),
            count => format!(", and {count} that hold less"),
        };
        let line = format!(
            "dead rows of the last {} transactions stay because of {}{more}",
            oldest.age,
            holder(oldest)
        );
        let line = screen.wrap(&plain(&line), 2);
        lines.push(match oldest.age >= OLD {
            true => screen.paint(Tone::Warning, &line),
            false => line,
        });
    }
    lines
}

fn old_line(what: &str, old: &OldSession, screen: &Screen) -> String {
    let who = [&old.user, &old.database].map(|it| it.clone().unwrap_or_else(|| "?".to_owned()));
    let query = old.query.split_whitespace().collect::<Vec<_>>().join(" ");
    let query = match screen.width {
        Some(width) => cut(&plain(&query), usize::from(width) / 2),
        None => query,
    };
    let line = format!(
        "{what}: {} by PID {} ({}): {query}",
        words::seconds(old.seconds),
        old.pid,
        who.join("@"),
    );
    screen.wrap(&plain(&line), 2)
}

fn holder(holder: &XminHolder) -> String {
    let name = &holder.name;
    match holder.kind {
        HolderKind::Session => format!("the session of PID {name}"),
        HolderKind::Standby => format!("a query of the standby {name} (hot_standby_feedback)"),
        HolderKind::Slot => format!("the slot {name}"),
        HolderKind::Prepared => format!("the prepared transaction '{name}'"),
    }
}
