//! Screens and documents of guided operations.

use schemars::JsonSchema;
use serde::Serialize;

use super::document::API_VERSION;
use super::plain::plain;
use super::screen::{Screen, Tone};
use super::table::{Column, Table};
use crate::change::ChangeRecord;
use crate::cluster::{Timeline, words};
use crate::engine::{Journal, Record, Report};
use crate::plan::{
    Action, Candidate, Check, CheckVerdict, Condition, Operation, OutageParts, Plan, RecoveredTo,
    Refusal, RestoreScope, Undo,
};

/// What refuses, what warns, and below it what to type about that. The checks that passed are a number,
/// unless `all` of them are asked for.
pub fn checks_screen(checks: &[Check], screen: &Screen, all: bool) -> String {
    let of = |verdict: CheckVerdict| checks.iter().filter(move |it| it.verdict == verdict);
    let shown: Vec<&Check> = of(CheckVerdict::Refuse)
        .chain(of(CheckVerdict::Warn))
        .chain(of(CheckVerdict::Pass).filter(|_| all))
        .collect();
    let mut text = String::new();
    if !shown.is_empty() {
        text += &checks_table(&shown, screen);
    }
    match of(CheckVerdict::Pass).count() {
        0 => {}
        _ if all => {}
        1 => text += "1 check passed (shown with -v)\n",
        count => text += &format!("{count} checks passed (shown with -v)\n"),
    }
    text
}

fn checks_table(checks: &[&Check], screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("CHECK"),
        Column::kept("RESULT"),
        Column::kept("WHY"),
    ]);
    for check in checks {
        let (word, tone) = match check.verdict {
            CheckVerdict::Pass => ("pass", Tone::Good),
            CheckVerdict::Warn => ("warn", Tone::Warning),
            CheckVerdict::Refuse => ("refuse", Tone::Bad),
        };
        table.row([
            (check.check.to_string(), Tone::Normal),
            (word.to_owned(), tone),
            (plain(&check.reason), Tone::Normal),
        ]);
    }
    let mut text = table.draw(screen) + "\n";
    for check in checks.iter().filter(|it| it.verdict != CheckVerdict::Pass) {
        if let Some(next) = &check.next {
            text += &format!("  {}: {}\n", check.check, screen.given.suggestion(next));
        }
    }
    text
}

/// Who could become primary.
pub fn candidates_screen(candidates: &[Candidate], screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("CANDIDATE"),
        Column::kept("ELIGIBLE"),
        Column::kept("BEHIND").right(),
        Column::kept("WHY"),
    ]);
    for candidate in candidates {
        let (word, tone) = match candidate.eligible {
            true => ("yes", Tone::Good),
            false => ("no", Tone::Bad),
        };
        let behind = candidate
            .lag_bytes
            .map_or_else(|| "-".to_owned(), words::bytes);
        table.row([
            (plain(&candidate.pod), Tone::Normal),
            (word.to_owned(), tone),
            (behind, Tone::Normal),
            (plain(&candidate.why().join("; ")), Tone::Normal),
        ]);
    }
    table.draw(screen) + "\n"
}

/// The numbered plan.
pub fn plan_screen(plan: &Plan, screen: &Screen) -> String {
    let heading = format!(
        "Plan: {} ({})",
        plain(&plan.operation.to_string()),
        plain(&plan.id.to_string())
    );
    let mut text = screen.wrap(&heading, 6) + "\n";
    for (index, step) in plan.steps.iter().enumerate() {
        let mark = match step.undo {
            Undo::PointOfNoReturn => "  <- from here only forward",
            _ => "",
        };
        let line = format!("{:>3}. {}{mark}", index + 1, plain(&step.to_string()));
        text += &(screen.wrap(&line, 7) + "\n");
        if let Action::PatchAutoscaler { patch } = &step.action {
            text += &format!("     patch {}\n", plain(&patch.to_json().to_string()));
        }
        // A step that only waits is called by what it waits for.
        if step.proves != Condition::Answered && step.action != Action::Observe {
            let line = format!("     proven when {}", plain(&step.proves.to_string()));
            text += &(screen.wrap(&line, 7) + "\n");
        }
    }
    text
}

/// The end report.
pub fn report_screen(report: &Report, screen: &Screen) -> String {
    let mut text = screen.wrap(&plain(&report.operation.to_string()), 2) + "\n";
    text += &match &report.operation {
        Operation::Failover { timeline, .. } => failover_lines(report, *timeline, screen),
        Operation::Scale { left_behind, .. } => left_behind_lines(left_behind, screen),
        Operation::Restore(scope) => restore_lines(report, scope, screen),
        Operation::Rejoin { .. }
        | Operation::Reinit { .. }
        | Operation::Autoscale { .. }
        | Operation::Synchronous { .. }
        | Operation::Restart(_)
        | Operation::Discard { .. } => String::new(),
    };
    text += "  steps\n";
    for step in &report.steps {
        let seconds = step.seconds.map_or_else(
            || "      -".to_owned(),
            |seconds| format!("{seconds:>6.2}s"),
        );
        let why = step
            .reason
            .as_ref()
            .map(|reason| format!("  {}", plain(reason)))
            .unwrap_or_default();
        let line = format!("    {seconds}  {}{why}", step.step);
        text += &(screen.wrap(&line, 13) + "\n");
    }
    for next in &report.next {
        text += &format!("  next: {}\n", screen.given.suggestion(next));
    }
    text
}

/// What a change of the primary has cost.
fn failover_lines(report: &Report, timeline: Timeline, screen: &Screen) -> String {
    let outage = match (report.write_outage_seconds, report.outage_method) {
        (Some(seconds), Some(crate::plan::OutageMethod::OwnWrites)) => {
            format!(
                "{seconds:.2} s (last acknowledged to first committed write, by pgctl's own connection)"
            )
        }
        (Some(seconds), _) => {
            format!("{seconds:.2} s (by the commit times of both servers' clocks)")
        }
        (None, _) => "not measured: the operation was interrupted".to_owned(),
    };
    let loss = match (report.lost_bytes, report.loss_proven) {
        (Some(bytes), true) => format!("{bytes} bytes, proven by the shutdown record"),
        (Some(bytes), false) => format!("at least {bytes} bytes, estimated"),
        (None, _) => "unknown".to_owned(),
    };
    let new = report
        .new_timeline
        .map_or_else(|| "?".to_owned(), |line| line.to_string());
    let mut text = screen.wrap(&format!("  write outage  {outage}"), 16) + "\n";
    if let Some(parts) = &report.write_outage_parts {
        text += &parts_lines(parts);
    }
    if let Some(seconds) = report.service_switched_seconds {
        text += &format!("  write Service led to the new primary after {seconds:.2} s\n");
    }
    if let Some(seconds) = report.clients_held_seconds {
        let poolers = match report.held_poolers.len() {
            1 => "1 pooler".to_owned(),
            count => format!("{count} poolers"),
        };
        text += &format!("  clients held  {seconds:.2} s, by {poolers}\n");
    }
    text += &format!("  loss          {loss}\n");
    if let Some(emptied) = &report.emptied {
        text += &(screen.wrap(&format!("  emptied       {}", plain(emptied)), 16) + "\n");
    }
    text += &format!("  timeline      {timeline} -> {new}\n");
    text
}

/// Volumes without a pod.
fn left_behind_lines(claims: &[String], screen: &Screen) -> String {
    if claims.is_empty() {
        return String::new();
    }
    let line = format!(
        "  volumes left behind: {} (--delete-volumes deletes them)",
        plain(&claims.join(", "))
    );
    screen.wrap(&line, 4) + "\n"
}

/// What was restored, and what is kept of what was there.
fn restore_lines(report: &Report, scope: &RestoreScope, screen: &Screen) -> String {
    let mut text = String::new();
    for database in &scope.databases {
        text += &(screen.wrap(&format!("  restored      {}", plain(database)), 16) + "\n");
    }
    if let Some(timeline) = report.new_timeline {
        text += &format!("  timeline      {timeline}\n");
    }
    if let Some(to) = &report.recovered {
        text += &(screen.wrap(&plain(&recovered_line(to)), 16) + "\n");
        if let Some(stopped) = &to.stopped {
            let line = format!("  stopped       {}", plain(stopped));
            text += &(screen.wrap(&line, 16) + "\n");
        }
    }
    if let Some(backup) = &report.safety_backup {
        let line = format!("  backed up     what was there is in {}", plain(backup));
        text += &(screen.wrap(&line, 16) + "\n");
    }
    for kept in &report.kept {
        let line = format!("  kept          {}", plain(&kept.to_string()));
        text += &(screen.wrap(&line, 16) + "\n");
    }
    for taken in &report.taken_away {
        let line = format!("  taken away    {}", plain(&taken.to_string()));
        text += &(screen.wrap(&line, 16) + "\n");
    }
    if let Some(name) = &scope.into {
        text += &format!("  pod           {}\n", plain(&scope.pod));
        text += &format!("  look          pgctl psql restored-{name}\n");
        text += &format!("  delete it     pgctl restore --discard-into {name}");
        text.push('\n');
    }
    if !(report.kept.is_empty() && report.taken_away.is_empty()) {
        text += "                (pgctl restore --discard-old deletes it)\n";
    }
    text
}

/// Where a recovery has ended.
fn recovered_line(to: &RecoveredTo) -> String {
    let commit = match to.last_commit {
        Some(time) => format!("with the commit of {}", words::moment(time)),
        None => "with no commit after the backup".to_owned(),
    };
    let position = to.position.map(|it| format!(", to {it}"));
    format!("  recovered     {commit}{}", position.unwrap_or_default())
}

/// Where the time of a write outage went.
fn parts_lines(parts: &OutageParts) -> String {
    [
        (parts.stop_seconds, "stopping the old primary"),
        (parts.catch_up_seconds, "receiving and replaying the rest"),
        (parts.prepare_seconds, "looking once more, and the journal"),
        (parts.promote_seconds, "promoting"),
        (parts.first_write_seconds, "the first write"),
    ]
    .map(|(seconds, what)| format!("                  {seconds:.2} s  {what}\n"))
    .concat()
}

/// The operations that have run.
pub fn history_screen(records: &[Record], screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("WHEN"),
        Column::kept("WHAT"),
        Column::kept("RESULT"),
        Column::ranked("OUTAGE", 2).right(),
        Column::ranked("LOST", 2).right(),
        Column::ranked("TIMELINE", 3),
        Column::ranked("AT", 3),
        Column::ranked("WHO", 4),
    ]);
    for record in records {
        let report = &record.report;
        let dash = || "-".to_owned();
        let change = report.operation.primary_change();
        let timeline = change
            .zip(report.new_timeline)
            .map_or_else(dash, |(it, new)| format!("{} -> {new}", it.timeline));
        let (result, tone) = match record.outcome {
            crate::plan::OperationOutcome::Done => ("done", Tone::Good),
            crate::plan::OperationOutcome::RolledBack => ("rolled back", Tone::Warning),
            crate::plan::OperationOutcome::Replaced => ("replaced", Tone::Warning),
        };
        let who = report.by.split('/').next().unwrap_or_default();
        table.row([
            (
                report
                    .started
                    .map_or_else(dash, |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()),
                Tone::Normal,
            ),
            (plain(&report.operation.to_string()), Tone::Normal),
            (result.to_owned(), tone),
            (
                report
                    .write_outage_seconds
                    .map_or_else(dash, |seconds| format!("{seconds:.2} s")),
                Tone::Normal,
            ),
            (
                report
                    .lost_bytes
                    .filter(|_| report.new_timeline.is_some())
                    .map_or_else(dash, |bytes| format!("{bytes} B")),
                Tone::Normal,
            ),
            (timeline, Tone::Normal),
            (
                report
                    .promoted_at
                    .or(report.shutdown_lsn)
                    .map_or_else(dash, |at| at.to_string()),
                Tone::Normal,
            ),
            (plain(who), Tone::Normal),
        ]);
    }
    table.draw(screen) + "\n"
}

/// A document of a guided operation.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationDocument<T> {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// What it is.
    kind: &'static str,
    #[serde(flatten)]
    content: T,
    /// The exit code of the command.
    exit_code: u8,
}

impl<T: Serialize> OperationDocument<T> {
    /// A document of this kind.
    pub fn new(kind: &'static str, content: T, exit_code: u8) -> Self {
        Self {
            api_version: API_VERSION,
            kind,
            content,
            exit_code,
        }
    }
}

/// The history as a document.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryContent<'a> {
    /// The operation that has not ended: of several the one that the cluster waits for.
    pub unfinished: Option<&'a Journal>,
    /// Those that make throw-away servers and have not ended, whether the cluster waits for another or not.
    pub unfinished_throw_aways: Vec<&'a Journal>,
    /// Those that have.
    pub operations: &'a [Record],
    /// The small changes that were made (`pgctl slots drop`), oldest first.
    pub changes: &'a [ChangeRecord],
}

/// The reason first, in a line; then what refuses and what warns, and what to type. The checks that
/// passed are a number, unless `all` of them are asked for.
pub fn refusal_screen(refusal: &Refusal, screen: &Screen, all: bool) -> String {
    let of = |verdict: CheckVerdict| {
        refusal
            .checks
            .iter()
            .filter(move |it| it.verdict == verdict)
    };
    let mut text = String::new();
    if let Some(first) = of(CheckVerdict::Refuse).next() {
        let more = match of(CheckVerdict::Refuse).count() {
            1 => String::new(),
            2 => " (and for one more reason)".to_owned(),
            count => format!(" (and for {} more reasons)", count - 1),
        };
        let line = format!("refused: {}: {}{more}", first.check, first.reason);
        let line = screen.wrap(&plain(&line), 2);
        text += &format!(
            "{}{}\n\n",
            screen.paint(Tone::Bad, "refused:"),
            &line["refused:".len()..]
        );
    }
    text += &checks_screen(&refusal.checks, screen, all);
    if !refusal.candidates.is_empty() {
        text += "\n";
        text += &candidates_screen(&refusal.candidates, screen);
    }
    text
}
