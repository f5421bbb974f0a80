//! `pgctl query`: the rows of one server, or of several side by side.

use console::measure_text_width;

use super::answers::role_word;
use super::plain::plain;
use super::screen::{Screen, Tone};
use crate::cluster::{PodAnswer, QueryAnswer, QueryColumnKind, answered};

/// Two spaces between columns, as everywhere.
const GAP: &str = "  ";

/// So many characters of a value are shown on a terminal.
const LONGEST: usize = 2000;

/// What a server has answered, and what is said of it before each row.
pub(super) struct Part<'a> {
    /// How it is named where it has no rows.
    pub(super) name: String,
    /// As many as there are titles.
    pub(super) before: Vec<String>,
    pub(super) answer: &'a QueryAnswer,
}

/// All answers as one table, with the pod before each row when they stand side by side; as a list of values
/// when a row is wider than the screen.
pub fn query_screen(
    answers: &[PodAnswer<QueryAnswer>],
    side_by_side: bool,
    screen: &Screen,
) -> String {
    tables(titles(side_by_side), parts(answers, side_by_side), screen)
}

/// What stands above what is said of each server.
fn titles(side_by_side: bool) -> &'static [&'static str] {
    match side_by_side {
        true => &["POD", "ROLE"],
        false => &[],
    }
}

fn parts(answers: &[PodAnswer<QueryAnswer>], side_by_side: bool) -> Vec<Part<'_>> {
    let before = |who: &PodAnswer<QueryAnswer>| match side_by_side {
        true => vec![who.pod.clone(), role_word(who.role).to_owned()],
        false => Vec::new(),
    };
    let parts = answered(answers).map(|(who, answer)| Part {
        name: match side_by_side {
            true => who.pod.clone(),
            false => String::new(),
        },
        before: before(who),
        answer,
    });
    parts.collect()
}

/// A table of those in a row that have the same columns: servers of several versions may have others.
pub(super) fn tables(titles: &[&str], parts: Vec<Part<'_>>, screen: &Screen) -> String {
    let mut alike: Vec<Vec<Part<'_>>> = Vec::new();
    for part in parts {
        match alike.last_mut() {
            Some(same) if same[0].answer.columns == part.answer.columns => same.push(part),
            _ => alike.push(vec![part]),
        }
    }
    let tables = alike.iter().map(|it| table(titles, it, screen));
    tables.collect::<Vec<_>>().join("\n")
}

/// What a statement that was run gave back, and that it is done.
pub fn written_screen(change: &str, answer: &QueryAnswer, screen: &Screen) -> String {
    let mut text = String::new();
    if !answer.columns.is_empty() {
        let part = Part {
            name: String::new(),
            before: Vec::new(),
            answer,
        };
        text += &(table(&[], &[part], screen) + "\n");
    }
    let count = match answer.count {
        Some(1) => ", 1 row".to_owned(),
        Some(count) if count > 0 => format!(", {count} rows"),
        Some(_) | None => String::new(),
    };
    text + &screen.wrap(&format!("{}: done{count}", plain(change)), 2) + "\n"
}

/// A cell, and whether it is NULL.
struct Cell {
    text: String,
    null: bool,
}

impl Cell {
    fn new(value: Option<&str>) -> Self {
        match value {
            None => Self {
                text: "NULL".to_owned(),
                null: true,
            },
            // So that nobody takes it for the other.
            Some("NULL") => Self::text("\"NULL\""),
            Some(text) => Self::text(text),
        }
    }

    fn text(text: &str) -> Self {
        Self {
            text: plain(text),
            null: false,
        }
    }

    /// So much of it as somebody reads.
    fn shortened(self, screen: &Screen) -> Self {
        let count = self.text.chars().count();
        if screen.width.is_none() || screen.wide || count <= LONGEST {
            return self;
        }
        let shown: String = self.text.chars().take(LONGEST).collect();
        let text = format!("{shown}... ({count} characters; all: -o wide)");
        Self { text, ..self }
    }
}

fn table(before: &[&str], parts: &[Part<'_>], screen: &Screen) -> String {
    let Some(first) = parts.first() else {
        return String::new();
    };
    let columns = &first.answer.columns;
    let mut titles: Vec<String> = before.iter().map(|it| (*it).to_owned()).collect();
    titles.extend(columns.iter().map(|it| plain(&it.name)));
    let mut right = vec![false; before.len()];
    let figures = |kind| matches!(kind, QueryColumnKind::Integer | QueryColumnKind::Number);
    right.extend(columns.iter().map(|it| figures(it.kind)));
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut notes = String::new();
    for part in parts {
        if part.answer.rows.is_empty() {
            notes += &match part.name.as_str() {
                "" => "no rows\n".to_owned(),
                name => format!("no rows of {}\n", plain(name)),
            };
        }
        for row in &part.answer.rows {
            let values = row.iter().map(|it| Cell::new(it.as_deref()));
            let values = values.map(|it| it.shortened(screen));
            let before = part.before.iter().map(|it| Cell::text(it));
            rows.push(before.chain(values).collect());
        }
    }
    if rows.is_empty() {
        return notes;
    }
    drawn(&titles, &right, &rows, screen) + &notes
}

fn drawn(titles: &[String], right: &[bool], rows: &[Vec<Cell>], screen: &Screen) -> String {
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        let widths = cells.map(|it| measure_text_width(&it.text));
        widths
            .chain([measure_text_width(&titles[at])])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    let whole = widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
    if !screen.wide && screen.width.is_some_and(|it| usize::from(it) < whole) {
        return list(titles, rows, screen);
    }
    let line = |cells: &[Cell]| {
        let mut line = String::new();
        for (at, cell) in cells.iter().enumerate() {
            let pad = " ".repeat(widths[at] - measure_text_width(&cell.text));
            let tone = if cell.null { Tone::Faint } else { Tone::Normal };
            let shown = screen.paint(tone, &cell.text);
            line += &match right[at] {
                true => format!("{pad}{shown}{GAP}"),
                false => format!("{shown}{pad}{GAP}"),
            };
        }
        line.trim_end().to_owned() + "\n"
    };
    let head: Vec<Cell> = titles.iter().map(|it| Cell::text(it)).collect();
    let mut text = line(&head);
    for row in rows {
        text += &line(row);
    }
    text
}

/// A value a line, as psql's `\x` has it.
fn list(titles: &[String], rows: &[Vec<Cell>], screen: &Screen) -> String {
    let width = titles
        .iter()
        .map(|it| measure_text_width(it))
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let head = format!("-[ row {} ]-", number + 1);
        text += &(screen.paint(Tone::Faint, &head) + "\n");
        for (title, cell) in titles.iter().zip(row) {
            let pad = " ".repeat(width - measure_text_width(title));
            let tone = if cell.null { Tone::Faint } else { Tone::Normal };
            text += &format!("{title}{pad}{GAP}{}\n", screen.paint(tone, &cell.text));
        }
    }
    text
}

/// All answers as CSV (RFC 4180, but lines end in LF as psql's do), with the pod first when they stand side by side. NULL is empty, and the
/// empty string is `""`, as PostgreSQL's COPY has it. What can drive a terminal is left out on one only: a
/// file gets what there is.
pub fn query_csv(
    answers: &[PodAnswer<QueryAnswer>],
    side_by_side: bool,
    screen: &Screen,
) -> String {
    csv(titles(side_by_side), &parts(answers, side_by_side), screen)
}

pub(super) fn csv(titles: &[&str], parts: &[Part<'_>], screen: &Screen) -> String {
    let safe = |text: &str| match screen.is_terminal() {
        true => plain(text),
        false => text.to_owned(),
    };
    let field = |value: Option<&str>| match value.map(safe) {
        None => String::new(),
        Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Some(text) => text,
    };
    let line = |before: &[String], values: Vec<Option<&str>>| {
        let before = before.iter().map(|it| Some(it.as_str()));
        let fields: Vec<String> = before.chain(values).map(field).collect();
        fields.join(",") + "\n"
    };
    let titles: Vec<String> = titles.iter().map(|it| it.to_lowercase()).collect();
    let mut text = String::new();
    let mut columns = None;
    for part in parts {
        let answer = part.answer;
        if columns.replace(&answer.columns) != Some(&answer.columns) {
            let names = answer.columns.iter().map(|it| Some(it.name.as_str()));
            text += &line(&titles, names.collect());
        }
        for row in &answer.rows {
            text += &line(&part.before, row.iter().map(Option::as_deref).collect());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{NoAnswer, QueryColumn, Role};

    fn answers() -> Vec<PodAnswer<QueryAnswer>> {
        let column = |name: &str, type_name: &str, kind| QueryColumn {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            kind,
        };
        let row = |cells: [Option<&str>; 3]| cells.map(|it| it.map(str::to_owned)).to_vec();
        let answer = |rows| QueryAnswer {
            columns: vec![
                column("name", "text", QueryColumnKind::Text),
                column("size", "int8", QueryColumnKind::Integer),
                column("note", "text", QueryColumnKind::Text),
            ],
            rows,
            ..QueryAnswer::default()
        };
        let of = |pod: &str, role, answer| PodAnswer {
            pod: pod.to_owned(),
            role,
            answer,
        };
        vec![
            of(
                "s-postgres-primary-0",
                Role::Primary,
                Ok(answer(vec![
                    row([Some("orders"), Some("4711"), None]),
                    row([Some("a \"b\", c\nd\u{1b}[2J"), Some("1"), Some("NULL")]),
                ])),
            ),
            of(
                "s-postgres-replica-0",
                Role::Standby,
                Ok(answer(vec![row([Some(""), None, Some("x")])])),
            ),
            of(
                "s-postgres-replica-1",
                Role::Standby,
                Ok(answer(Vec::new())),
            ),
            of(
                "s-postgres-replica-2",
                Role::Unknown,
                Err(NoAnswer::Silent("no answer within 10 s".to_owned())),
            ),
        ]
    }

    #[test]
    fn several_servers_side_by_side() {
        let all = answers();
        let screen = |width| Screen {
            width: Some(width),
            ..Screen::default()
        };
        let shown = [40, 80, 160].map(|width| {
            let screen = screen(width);
            format!("--- {width} columns\n{}", query_screen(&all, true, &screen))
        });
        let one = query_screen(&all[..1], false, &Screen::default());
        let mut written = answers().remove(0).answer.expect("an answer");
        written.count = Some(2);
        let written = written_screen("DELETE in database d on p-0", &written, &screen(80));
        let csv = query_csv(&all, true, &screen(80));
        let shown = format!(
            "{}\n--- one\n{one}\n--- written\n{written}\n--- csv\n{csv}",
            shown.join("\n")
        );
        assert!(!shown.contains('\u{1b}'));
        insta::assert_snapshot!("query", shown);
        // What a file gets is what there is.
        assert!(query_csv(&all, true, &Screen::default()).contains("d\u{1b}[2J"));
    }

    #[test]
    fn an_endless_value_is_cut_on_a_terminal_only() {
        let mut all = answers();
        if let Ok(answer) = &mut all[0].answer {
            answer.rows[0][0] = Some("x".repeat(5000));
        }
        let on_terminal = Screen {
            width: Some(80),
            ..Screen::default()
        };
        let shown = query_screen(&all[..1], false, &on_terminal);
        assert!(shown.contains("(5000 characters; all: -o wide)"), "{shown}");
        let file = query_screen(&all[..1], false, &Screen::default());
        assert!(file.contains(&"x".repeat(5000)));
    }
}
