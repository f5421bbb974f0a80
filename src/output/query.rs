//! `pgctl query`: the rows of one server, or of several side by side.

use console::measure_text_width;

use super::answers::role_word;
use super::plain::plain;
use super::screen::{Screen, Tone};
use crate::cluster::{PodAnswer, QueryAnswer, QueryColumnKind, Role, answered};

/// Two spaces between columns, as everywhere.
const GAP: &str = "  ";

/// So many characters of a value are shown on a terminal.
const LONGEST: usize = 2000;

/// All answers as one table, with the pod before each row when they stand side by side; as a list of values
/// when a row is wider than the screen.
pub fn query_screen(
    answers: &[PodAnswer<QueryAnswer>],
    side_by_side: bool,
    screen: &Screen,
) -> String {
    let mut parts: Vec<Vec<(&PodAnswer<QueryAnswer>, &QueryAnswer)>> = Vec::new();
    for (who, answer) in answered(answers) {
        // Servers of several versions may have other columns.
        match parts.last_mut() {
            Some(same) if same.iter().all(|(_, it)| it.columns == answer.columns) => {
                same.push((who, answer));
            }
            _ => parts.push(vec![(who, answer)]),
        }
    }
    let tables = parts.iter().map(|it| table(it, side_by_side, screen));
    tables.collect::<Vec<_>>().join("\n")
}

/// What a statement that was run gave back, and that it is done.
pub fn written_screen(change: &str, answer: &QueryAnswer, screen: &Screen) -> String {
    let mut text = String::new();
    if !answer.columns.is_empty() {
        let who = PodAnswer {
            pod: String::new(),
            role: Role::Primary,
            answer: Ok(answer.clone()),
        };
        text += &(table(&[(&who, answer)], false, screen) + "\n");
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

fn table(
    answers: &[(&PodAnswer<QueryAnswer>, &QueryAnswer)],
    side_by_side: bool,
    screen: &Screen,
) -> String {
    let Some((_, first)) = answers.first() else {
        return String::new();
    };
    let mut titles = Vec::new();
    let mut right = Vec::new();
    if side_by_side {
        titles.extend(["POD", "ROLE"].map(str::to_owned));
        right.extend([false, false]);
    }
    titles.extend(first.columns.iter().map(|it| plain(&it.name)));
    let figures = |kind| matches!(kind, QueryColumnKind::Integer | QueryColumnKind::Number);
    right.extend(first.columns.iter().map(|it| figures(it.kind)));
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut notes = Vec::new();
    for (who, answer) in answers {
        if answer.rows.is_empty() {
            notes.push(match side_by_side {
                true => format!("no rows of {}", plain(&who.pod)),
                false => "no rows".to_owned(),
            });
        }
        for row in &answer.rows {
            let mut cells = Vec::new();
            if side_by_side {
                cells.extend([who.pod.as_str(), role_word(who.role)].map(Cell::text));
            }
            cells.extend(
                row.iter()
                    .map(|it| Cell::new(it.as_deref()).shortened(screen)),
            );
            rows.push(cells);
        }
    }
    let notes: String = notes.iter().map(|it| format!("{it}\n")).collect();
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

/// All answers as CSV (RFC 4180), with the pod first when they stand side by side. NULL is empty, and the
/// empty string is `""`, as PostgreSQL's COPY has it. What can drive a terminal is left out on one only: a
/// file gets what there is.
pub fn query_csv(
    answers: &[PodAnswer<QueryAnswer>],
    side_by_side: bool,
    screen: &Screen,
) -> String {
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
    let line = |before: [&str; 2], values: Vec<Option<&str>>| {
        let before = before.into_iter().filter(|_| side_by_side).map(Some);
        let fields: Vec<String> = before.chain(values).map(field).collect();
        fields.join(",") + "\n"
    };
    let mut text = String::new();
    let mut columns = None;
    for (who, answer) in answered(answers) {
        if columns.replace(&answer.columns) != Some(&answer.columns) {
            let names = answer.columns.iter().map(|it| Some(it.name.as_str()));
            text += &line(["pod", "role"], names.collect());
        }
        for row in &answer.rows {
            let values = row.iter().map(Option::as_deref);
            text += &line([&who.pod, role_word(who.role)], values.collect());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{NoAnswer, QueryColumn};

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
