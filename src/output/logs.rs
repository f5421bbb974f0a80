//! `pgctl logs`: entries as lines, and the statements that were slow as a table.

use console::{Color, Style};
use jiff::Timestamp;

use super::plain::plain;
use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::cluster::{Instance, Role, Snapshot, words};
use crate::log::{LogEntry, LogFields, LogFormat, LogLevel, SlowStatements};

/// What tells one pod from another.
const COLORS: [Color; 6] = [
    Color::Cyan,
    Color::Magenta,
    Color::Blue,
    Color::Green,
    Color::Yellow,
    Color::White,
];

/// Turns entries into lines, each with its pod before it.
#[derive(Debug)]
pub struct LogPrinter {
    screen: Screen,
    /// What all names begin with.
    common: usize,
    /// The longest of the rest.
    width: usize,
    /// Every pod that was ever seen, in the order of its colour.
    pods: Vec<String>,
}

impl LogPrinter {
    /// For the pods of a cluster.
    pub fn new(snapshot: &Snapshot, screen: Screen) -> Self {
        let mut printer = Self {
            screen,
            common: 0,
            width: 0,
            pods: Vec::new(),
        };
        printer.pods(snapshot);
        printer
    }

    /// There may be new ones.
    pub fn pods(&mut self, snapshot: &Snapshot) {
        for name in snapshot.instances.iter().map(Instance::name) {
            if !self.pods.iter().any(|it| it == name) {
                self.pods.push(name.to_owned());
            }
        }
        self.common = common_beginning(&self.pods);
        let short = self.pods.iter().map(|it| it.len() - self.common);
        self.width = short.max().unwrap_or(0);
    }

    /// Adds an entry to a text.
    pub fn entry(
        &self,
        pod: &str,
        role: Role,
        time: Option<Timestamp>,
        entry: &LogEntry,
        text: &mut String,
    ) {
        let before = self.before(pod, role);
        let rendered;
        let whole = match entry.format {
            LogFormat::Stderr | LogFormat::StartScript | LogFormat::Other => &entry.text,
            LogFormat::Csv | LogFormat::Json => {
                rendered = as_stderr(&entry.fields(), time);
                &rendered
            }
        };
        for (number, line) in whole.split('\n').enumerate() {
            text.push_str(&before);
            let (indent, line) = match line.strip_prefix('\t') {
                Some(rest) => ("        ", rest),
                None => ("", line),
            };
            let line = plain(line);
            text.push_str(indent);
            match tone(entry.level) {
                Tone::Normal => text.push_str(&line),
                tone if number == 0 => text.push_str(&self.screen.paint(tone, &line)),
                _ => text.push_str(&line),
            }
            text.push('\n');
        }
        if entry.dropped > 0 {
            let left_out = format!("... {} more", words::bytes(entry.dropped));
            text.push_str(&before);
            text.push_str(&self.screen.paint(Tone::Faint, &left_out));
            text.push('\n');
        }
    }

    /// What stands before each line: the pod, and what it is.
    fn before(&self, pod: &str, role: Role) -> String {
        let role = match role {
            Role::Primary => "primary",
            Role::Standby => "standby",
            Role::Unknown => "?",
        };
        let short = plain(pod.get(self.common..).unwrap_or(pod));
        let text = format!("{short:<width$} {role:<7} | ", width = self.width);
        if !self.screen.color {
            return text;
        }
        let number = self.pods.iter().position(|it| it == pod).unwrap_or(0);
        let style = Style::new().fg(COLORS[number % COLORS.len()]);
        style.force_styling(true).apply_to(text).to_string()
    }
}

/// How much all names have in common, up to a dash: what is left is still a name that `pgctl` takes.
fn common_beginning(names: &[String]) -> usize {
    let Some((first, others)) = names.split_first() else {
        return 0;
    };
    let dashes = first.match_indices('-').map(|(at, _)| at + 1);
    dashes
        .filter(|at| others.iter().all(|it| it.starts_with(&first[..*at])))
        // `replica-0` and `replica-1` are not to be 0 and 1.
        .filter(|at| first[*at..].contains('-'))
        .max()
        .unwrap_or(0)
}

fn tone(level: Option<LogLevel>) -> Tone {
    match level {
        Some(LogLevel::Error | LogLevel::Fatal | LogLevel::Panic) => Tone::Bad,
        Some(LogLevel::Warning) => Tone::Warning,
        Some(LogLevel::Debug) => Tone::Faint,
        Some(LogLevel::Info | LogLevel::Log | LogLevel::Notice) | None => Tone::Normal,
    }
}

/// An entry that was written for programs, as PostgreSQL writes it for people.
fn as_stderr(fields: &LogFields, time: Option<Timestamp>) -> String {
    let known = |text: &Option<String>| text.clone().unwrap_or_default();
    let time = fields.time.clone().or(time.map(|it| it.to_string()));
    let mut text = known(&time);
    if let Some(pid) = fields.pid {
        text += &format!(" [{pid}]");
    }
    if fields.user.is_some() || fields.database.is_some() {
        text += &format!(" {}@{}", known(&fields.user), known(&fields.database));
    }
    if let Some(application) = &fields.application {
        text += &format!(" {application}");
    }
    if let Some(severity) = &fields.severity {
        text += &format!(" {severity}:  ");
    }
    let state = fields.sqlstate.as_ref().map(|it| format!("{it}: "));
    text += &state.unwrap_or_default();
    let lines = |text: &str| text.replace('\n', "\n\t");
    text += &lines(&fields.message);
    for (name, part) in [
        ("DETAIL", &fields.detail),
        ("HINT", &fields.hint),
        ("QUERY", &fields.query),
        ("CONTEXT", &fields.context),
        ("STATEMENT", &fields.statement),
    ] {
        if let Some(part) = part {
            text += &format!("\n{name}:  {}", lines(part));
        }
    }
    text.trim_start().to_owned()
}

/// The statements that were slow.
pub fn slow_screen(slow: &SlowStatements, screen: &Screen) -> String {
    let sorted = slow.sorted();
    if sorted.is_empty() {
        return "no statement that log_min_duration_statement wrote is in these logs\n".to_owned();
    }
    let mut table = Table::new(&[
        Column::kept("COUNT").right(),
        Column::kept("TOTAL").right(),
        Column::ranked("MEAN", 2).right(),
        Column::ranked("LONGEST", 1).right(),
        Column::ranked("LAST", 3),
        Column::wide("PODS"),
        Column::kept("STATEMENT"),
    ]);
    for it in &sorted {
        let mean = it.total_ms / it.count as f64;
        let last = it.last.map(|last| format!("{last:.0}"));
        let pods: Vec<&str> = it.pods.iter().map(String::as_str).collect();
        table.row([
            normal(it.count.to_string()),
            normal(words::seconds(it.total_ms / 1000.0)),
            normal(words::seconds(mean / 1000.0)),
            normal(words::seconds(it.longest_ms / 1000.0)),
            normal(last.unwrap_or_default()),
            normal(pods.join(",")),
            normal(shown(&it.shape, screen)),
        ]);
    }
    let mut text = table.draw(screen) + "\n";
    if slow.uncounted > 0 {
        text += &format!("and {} statements of other shapes\n", slow.uncounted);
    }
    text
}

/// A statement in a table: on a terminal its beginning must do.
fn shown(shape: &str, screen: &Screen) -> String {
    let room = match screen.width {
        Some(width) if !screen.wide => usize::from(width).saturating_sub(38).max(30),
        Some(_) | None => return shape.to_owned(),
    };
    if shape.chars().count() <= room {
        return shape.to_owned();
    }
    let mut text: String = shape.chars().take(room - 3).collect();
    text.push_str("...");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::{self, PRIMARY, replica};
    use crate::log::{Assembler, Line};

    fn entries(lines: &[&[u8]]) -> Vec<LogEntry> {
        let mut assembler = Assembler::new(1000);
        let mut found = Vec::new();
        for text in lines {
            let line = Line {
                time: (),
                text,
                dropped: 0,
            };
            found.extend(assembler.push(line));
        }
        found.extend(assembler.end());
        found.into_iter().map(|(_, entry)| entry).collect()
    }

    fn printed(screen: Screen) -> String {
        let snapshot = fixture::healthy(2);
        let printer = LogPrinter::new(&snapshot, screen);
        let mut text = String::new();
        let long = format!("\t{}", "x".repeat(1000));
        let lines: [&[u8]; 10] = [
            b"2026-11-28 13:00:00.123 UTC [42] bob@shop psql ERROR:  relation \"x\" does not exist at character 15",
            b"2026-11-28 13:00:00.123 UTC [42] bob@shop psql STATEMENT:  select *",
            b"\t  from x",
            b"2026-11-28 13:00:01.123 UTC [43] LOG:  checkpoint starting: time",
            b"2026-11-28 13:00:01.200 UTC [43] WARNING:  \x1b]0;owned\x07 \x1b[2J\xff hostile",
            br#"{"timestamp":"2026-11-28 13:00:02.000 UTC","user":"bob","dbname":"shop","pid":42,"error_severity":"FATAL","state_code":"53300","message":"too many\nclients","hint":"wait"}"#,
            b"2026-11-28 13:00:00.123 UTC,\"bob\",\"shop\",42,\"[local]\",6929.1,3,\"SELECT\",2026-11-28 12:00:00 UTC,1/2,0,ERROR,42P01,\"boom\",,,,,,\"select 1\",15,,\"psql\",\"client backend\",,0",
            b"2026-11-28 13:00:00 UTC pgctl[primary-0]: starting as primary",
            b"2026-11-28 13:00:09.123 UTC [42] ERROR:  long",
            long.as_bytes(),
        ];
        let pods = [PRIMARY, &replica(0)];
        for (number, entry) in entries(&lines).iter().enumerate() {
            let (pod, role) = (
                pods[number % 2],
                [Role::Primary, Role::Standby, Role::Unknown][number % 3],
            );
            printer.entry(pod, role, None, entry, &mut text);
        }
        text
    }

    #[test]
    fn entries_with_their_pod() {
        let text = printed(Screen::default());
        assert!(!text.contains('\u{1b}'));
        insta::assert_snapshot!("logs", text.replace(&"x".repeat(900), "x-900-"));
    }

    #[test]
    fn colours_come_from_us_alone() {
        let text = printed(Screen {
            color: true,
            ..Screen::default()
        });
        assert!(text.contains("\u{1b}[31m"));
        assert!(!text.contains("\u{1b}[2J") && !text.contains("owned"));
        // Each pod has a colour of its own before its name.
        let color = |pod: &str| {
            let line = text.lines().find(|it| it.contains(pod))?;
            line.split_once(pod).map(|(before, _)| before)
        };
        let (primary, standby) = (color("primary-0"), color("replica-0"));
        assert!(
            primary.is_some_and(|it| it.starts_with("\u{1b}[")),
            "{primary:?}"
        );
        assert!(
            standby.is_some_and(|it| it.starts_with("\u{1b}[")),
            "{standby:?}"
        );
        assert_ne!(primary, standby);
    }

    #[test]
    fn what_names_have_in_common_is_left_out_but_never_the_whole_kind() {
        let common = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
            names[0][common_beginning(&names)..].to_owned()
        };
        assert_eq!(
            common(&["s-postgres-primary-0", "s-postgres-replica-0"]),
            "primary-0"
        );
        assert_eq!(
            common(&["s-postgres-replica-0", "s-postgres-replica-1"]),
            "replica-0"
        );
        assert_eq!(common(&["db-0"]), "db-0");
    }

    #[test]
    fn slow_statements_at_both_widths() {
        let mut slow = SlowStatements::default();
        let time = "2026-11-28T13:00:00Z".parse().ok();
        for line in [
            &b"2026-11-28 13:00:00.123 UTC [42] LOG:  duration: 5010.5 ms  statement: select count(*) from orders o join customers c on c.id = o.customer where o.paid = false and c.country = 'DE'"[..],
            b"2026-11-28 13:00:00.123 UTC [42] LOG:  duration: 9010.5 ms  execute s: select count(*) from orders o join customers c on c.id = o.customer where o.paid = true and c.country = $1",
            b"2026-11-28 13:00:00.123 UTC [42] LOG:  duration: 61000 ms  statement: vacuum",
        ] {
            slow.add(PRIMARY, time, &entries(&[line])[0]);
        }
        let shown = [80, 160].map(|width| {
            let screen = Screen {
                width: Some(width),
                ..Screen::default()
            };
            format!("--- {width} columns\n{}", slow_screen(&slow, &screen))
        });
        insta::assert_snapshot!("logs_slow", shown.join("\n"));
    }
}
