//! `pgctl databases` and `pgctl users`.

use super::answers::{heading, silent_lines};
use super::plain::plain;
use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::cluster::{
    ClusterWide, DatabaseEntry, PasswordKind, PodAnswer, Role, RoleEntry, answered, cluster_wide,
    differing_collations, words,
};

/// So many names of databases are shown of a role.
const MOST_NAMES: usize = 5;

/// A line for each database, then what is wrong with them, then the servers that do not answer.
pub fn databases_screen(answers: &[PodAnswer<Vec<DatabaseEntry>>], screen: &Screen) -> String {
    screen_of(answers, "database", screen, |list| {
        let mut table = Table::new(&[
            Column::kept("NAME"),
            Column::ranked("OWNER", 1),
            Column::kept("SIZE").right(),
            Column::kept("SESSIONS").right(),
            Column::ranked("ENCODING", 4),
            Column::ranked("COLLATION", 3),
            Column::ranked("PUBLIC", 2),
            Column::kept("STATE"),
        ]);
        let mut notes = Vec::new();
        for (it, connections) in list {
            let differ = differing_collations(answers, &it.name);
            for (pod, actual) in &differ {
                let recorded = it.recorded_version.as_deref().unwrap_or("?");
                notes.push(format!(
                    "{}: indexes on text were made with collation version {recorded}, {pod} has {actual}: REINDEX DATABASE, \
                     then ALTER DATABASE ... REFRESH COLLATION VERSION",
                    it.name
                ));
            }
            table.row([
                normal(&it.name),
                normal(&it.owner),
                normal(it.bytes.map(words::bytes).unwrap_or_default()),
                sessions(*connections, it.limit),
                normal(&it.encoding),
                normal(&it.collation),
                normal(match it.public_connect {
                    true => "connects",
                    false => "",
                }),
                state(it, !differ.is_empty()),
            ]);
        }
        (table.draw(screen), notes)
    })
}

fn sessions(count: u32, limit: i32) -> (String, Tone) {
    match u32::try_from(limit) {
        Err(_) => normal(count.to_string()),
        // The limit is of each server: one can be full when the sum is not.
        Ok(limit) if count >= limit => (format!("{count}/{limit}"), Tone::Warning),
        Ok(limit) => normal(format!("{count}/{limit}")),
    }
}

fn state(it: &DatabaseEntry, collation_differs: bool) -> (String, Tone) {
    if it.is_invalid() {
        return ("invalid: drop it again".to_owned(), Tone::Bad);
    }
    if collation_differs {
        return ("collation differs".to_owned(), Tone::Warning);
    }
    match (it.allows_connections, it.template) {
        (false, _) => ("lets nobody in".to_owned(), Tone::Faint),
        (true, true) => ("template".to_owned(), Tone::Faint),
        (true, false) => ("open".to_owned(), Tone::Normal),
    }
}

/// A line for each role, then the servers that do not answer.
pub fn users_screen(answers: &[PodAnswer<Vec<RoleEntry>>], screen: &Screen) -> String {
    screen_of(answers, "role", screen, |list| {
        let mut table = Table::new(&[
            Column::kept("NAME"),
            Column::kept("MAY"),
            Column::kept("SESSIONS").right(),
            Column::kept("PASSWORD"),
            Column::ranked("VALID UNTIL", 3),
            Column::ranked("MEMBER OF", 2),
            Column::ranked("DATABASES", 1),
        ]);
        for (it, connections) in list {
            let may = it.attributes();
            let may_tone = match it.superuser {
                true => Tone::Strong,
                false => Tone::Normal,
            };
            table.row([
                normal(&it.name),
                (may.join(", "), may_tone),
                sessions(*connections, it.limit),
                password(it),
                match it.valid_until {
                    None => normal(""),
                    Some(until) => {
                        let tone = if it.expired { Tone::Bad } else { Tone::Normal };
                        (until.strftime("%Y-%m-%d %H:%M:%SZ").to_string(), tone)
                    }
                },
                normal(it.member_of.join(", ")),
                normal(databases(it)),
            ]);
        }
        (table.draw(screen), Vec::new())
    })
}

fn password(it: &RoleEntry) -> (String, Tone) {
    match it.password {
        PasswordKind::Md5 => ("md5".to_owned(), Tone::Warning),
        PasswordKind::None if it.login => ("none".to_owned(), Tone::Faint),
        PasswordKind::None => normal(""),
        PasswordKind::Scram | PasswordKind::Unknown if it.expired => {
            (format!("{}, expired", it.password.word()), Tone::Bad)
        }
        PasswordKind::Scram | PasswordKind::Unknown => normal(it.password.word()),
    }
}

fn databases(it: &RoleEntry) -> String {
    match it.databases.as_slice() {
        _ if !it.login => String::new(),
        _ if it.every_database => "all".to_owned(),
        names if names.len() > MOST_NAMES => {
            let more = names.len() - MOST_NAMES;
            format!("{} and {more} more", names[..MOST_NAMES].join(", "))
        }
        names => names.join(", "),
    }
}

/// The table of a list that all servers have alike.
fn screen_of<T: ClusterWide>(
    answers: &[PodAnswer<Vec<T>>],
    what: &str,
    screen: &Screen,
    draw: impl FnOnce(&[(&T, u32)]) -> (String, Vec<String>),
) -> String {
    let mut parts = Vec::new();
    if let Some((who, list)) = cluster_wide(answers) {
        let count = match list.len() {
            1 => format!("1 {what}"),
            count => format!("{count} {what}s"),
        };
        let servers = match answered(answers).count() {
            1 => "its own sessions".to_owned(),
            count => format!("sessions of {count} servers"),
        };
        let primaries = answered(answers).filter(|(it, _)| it.role == Role::Primary);
        let primaries: Vec<&str> = primaries.map(|(it, _)| it.pod.as_str()).collect();
        parts.push(match who.role {
            Role::Primary if primaries.len() > 1 => {
                let several = words::several_primaries(&primaries);
                let said = format!("{count}, {servers}; {several}");
                screen.paint(Tone::Bad, &heading(who, &said, screen))
            }
            Role::Primary => heading(who, &format!("{count}, {servers}"), screen),
            Role::Standby | Role::Unknown => {
                let said = format!("{count}, {servers}; no primary answers");
                screen.paint(Tone::Warning, &heading(who, &said, screen))
            }
        });
        let (table, notes) = draw(&list);
        parts.push(table);
        let note = |it: &String| screen.paint(Tone::Warning, &screen.wrap(&plain(it), 2));
        parts.extend(notes.iter().map(note));
    }
    parts.extend(silent_lines(answers, screen));
    parts.join("\n\n") + "\n"
}
