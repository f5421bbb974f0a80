//! Screens and the document of a rollout.

use schemars::JsonSchema;
use serde::Serialize;

use super::operation::checks_screen;
use super::plain::plain;
use super::screen::{Screen, Tone};
use super::table::{Column, Table};
use crate::cluster::words::{self, shell_word};
use crate::engine::Report;
use crate::plan::{Check, CheckName, Rollout, RolloutPart, emptying};

/// A rollout, and what came of its parts.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutContent<'a> {
    /// What was checked, and what is done in which order.
    #[serde(flatten)]
    rollout: &'a Rollout,
    /// What came of the parts that were begun; empty when it was only planned.
    reports: &'a [Report],
}

impl<'a> RolloutContent<'a> {
    /// The rollout with the reports that there are so far.
    pub fn new(rollout: &'a Rollout, reports: &'a [Report]) -> Self {
        Self { rollout, reports }
    }
}

/// What would be done, or is about to be.
pub fn rollout_screen(rollout: &Rollout, screen: &Screen, all: bool) -> String {
    let mut text = checks_screen(&rollout.checks, screen, all) + "\n";
    if rollout.parts.is_empty() {
        if let Some(node) = &rollout.request.node {
            let mut checks = rollout.checks.iter();
            let is_other =
                |it: &Check| matches!(it.check, CheckName::EvictedPoolers | CheckName::OtherPods);
            let what = match checks.any(is_other) {
                true => "server",
                false => "pod",
            };
            let line = format!(
                "Nothing to do: no {what} of {} is on {node}.",
                rollout.cluster
            );
            text += &(screen.wrap(&plain(&line), 0) + "\n");
            let mut nexts = emptying(node, &rollout.checks);
            if nexts.len() > 1 {
                // Nothing was done, so that it may take pods as ever.
                nexts.insert(0, format!("kubectl cordon {}", shell_word(node)));
            }
            for next in nexts {
                text += &format!("  next: {}\n", screen.given.suggestion(&next));
            }
            return text;
        }
        let line = match &rollout.request.pod {
            None => {
                "Nothing to do: every pod was made from the present template of its StatefulSet."
            }
            Some(_) => {
                "Nothing to do: the pod was made from the present template of its StatefulSet."
            }
        };
        text += &(screen.wrap(line, 0) + "\n");
        let next = "pgctl rollout --restart   # restarts the pods all the same";
        return text + &format!("  next: {}\n", screen.given.suggestion(next));
    }
    let heading = format!("Plan: {rollout} ({})", rollout.id);
    text += &(screen.wrap(&plain(&heading), 6) + "\n");
    for (index, part) in rollout.parts.iter().enumerate() {
        let line = format!("{:>3}. {}", index + 1, plain(&part.to_string()));
        text += &(screen.wrap(&line, 5) + "\n");
    }
    text += &screen.wrap(after(rollout), 0);
    text + "\n"
}

/// What holds between the parts.
fn after(rollout: &Rollout) -> &'static str {
    let restarts = rollout
        .parts
        .iter()
        .any(|part| matches!(part, RolloutPart::Restart { .. }));
    match restarts {
        true => {
            "Each pod streams, has caught up and is ready before the next part begins; the first that does not come back ends it."
        }
        false => "It is planned and checked once more when its turn comes.",
    }
}

/// What came of it; `left` parts were not begun, because one before them was not done.
pub fn rollout_report_screen(
    rollout: &Rollout,
    reports: &[Report],
    left: usize,
    screen: &Screen,
) -> String {
    let mut table = Table::new(&[
        Column::kept("PART"),
        Column::kept("RESULT"),
        Column::kept("TIME").right(),
        Column::kept("OUTAGE").right(),
    ]);
    let mut whys = Vec::new();
    let mut nexts: Vec<&str> = Vec::new();
    for report in reports {
        let failed: Vec<&str> = report
            .steps
            .iter()
            .filter_map(|step| step.reason.as_deref())
            .collect();
        let (word, tone) = match failed.as_slice() {
            [] => ("done", Tone::Good),
            _ => ("not done", Tone::Bad),
        };
        let seconds = report
            .started
            .zip(report.ended)
            .map(|(from, to)| words::seconds(to.duration_since(from).as_secs_f64()));
        let outage = report.write_outage_seconds;
        table.row([
            (plain(&report.operation.to_string()), Tone::Normal),
            (word.to_owned(), tone),
            (seconds.unwrap_or_else(|| "-".to_owned()), Tone::Normal),
            (
                outage.map_or_else(|| "-".to_owned(), |it| format!("{it:.2} s")),
                Tone::Normal,
            ),
        ]);
        whys.extend(failed);
        nexts.extend(report.next.iter().map(String::as_str));
    }
    let done = reports
        .iter()
        .filter(|it| it.steps.iter().all(|step| step.reason.is_none()))
        .count();
    let mut text = if reports.is_empty() {
        String::new()
    } else {
        table.draw(screen) + "\n"
    };
    for why in whys {
        text += &(screen.wrap(&format!("  {}", plain(why)), 4) + "\n");
    }
    let line = match (done == reports.len(), left) {
        (true, _) if rollout.parts.is_empty() => "nothing is left to do".to_owned(),
        (true, _) => format!("{rollout}: done"),
        (false, 0) => format!("{rollout}: not done"),
        (false, left) => format!(
            "{rollout}: stopped; {left} {} not touched",
            if left == 1 { "part was" } else { "parts were" }
        ),
    };
    text += &(screen.wrap(&plain(&line), 2) + "\n");
    for next in nexts {
        text += &format!("  next: {}\n", screen.given.suggestion(next));
    }
    text
}
