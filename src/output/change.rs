//! Screens of small changes.

use super::plain::plain;
use super::screen::{Screen, Tone};
use super::table::{Column, Table};
use crate::change::{
    ChangeCheck, ChangeOutcome, ChangeProposal, ChangeRecord, SettingEffect, SettingResult,
};
use crate::plan::CheckVerdict;

/// What would be done, on what, and what speaks for and against it.
pub fn proposal_screen(proposal: &ChangeProposal, screen: &Screen) -> String {
    let mut text = screen.wrap(&plain(&proposal.title), 2) + "\n";
    for fact in &proposal.facts {
        text += &(screen.wrap(&format!("  {}", plain(fact)), 4) + "\n");
    }
    text + "\n" + &checks(proposal.checks.iter(), screen)
}

/// The reason first, then the checks that say no or warn.
pub fn refused_proposal_screen(proposal: &ChangeProposal, screen: &Screen) -> String {
    let refuses = |it: &&ChangeCheck| it.verdict == CheckVerdict::Refuse;
    let mut text = String::new();
    if let Some(first) = proposal.checks.iter().find(refuses) {
        let line = format!("refused: {}: {}", first.check, first.reason);
        let line = screen.wrap(&plain(&line), 2);
        text += &format!(
            "{}{}\n\n",
            screen.paint(Tone::Bad, "refused:"),
            &line["refused:".len()..]
        );
    }
    let shown = proposal.checks.iter();
    text += &checks(shown.filter(|it| it.verdict != CheckVerdict::Pass), screen);
    let end = format!("{} refused; nothing was changed", plain(&proposal.title));
    text + &screen.wrap(&end, 2) + "\n"
}

fn checks<'a>(checks: impl Iterator<Item = &'a ChangeCheck> + Clone, screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("CHECK"),
        Column::kept("RESULT"),
        Column::kept("WHY"),
    ]);
    for check in checks.clone() {
        let (word, tone) = match check.verdict {
            CheckVerdict::Pass => ("pass", Tone::Good),
            CheckVerdict::Warn => ("warn", Tone::Warning),
            CheckVerdict::Refuse => ("refuse", Tone::Bad),
        };
        table.row([
            (check.check.to_owned(), Tone::Normal),
            (word.to_owned(), tone),
            (check.reason.clone(), Tone::Normal),
        ]);
    }
    let mut text = table.draw(screen) + "\n";
    for check in checks {
        if let Some(next) = &check.next {
            let next = screen.given.suggestion(next);
            text += &format!("  {}: {next}\n", check.check);
        }
    }
    text
}

/// What was done, in a line; then what came of it on each server, and what puts it back.
pub fn effects_screen(
    line: &str,
    effects: &[SettingEffect],
    undo: &[String],
    screen: &Screen,
) -> String {
    let mut text = screen.wrap(&plain(line), 2) + "\n";
    if !effects.is_empty() {
        text += &format!("\n{}\n", effects_table(effects, screen));
    }
    for (at, command) in undo.iter().enumerate() {
        let begin = if at == 0 {
            "\n  to put it back: "
        } else {
            "                  "
        };
        text += &format!("{begin}{}\n", screen.given.suggestion(command));
    }
    text
}

fn effects_table(effects: &[SettingEffect], screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("POD"),
        Column::kept("SETTING"),
        Column::kept("NOW"),
        Column::kept("RESULT"),
    ]);
    for effect in effects {
        let (word, tone) = match effect.result {
            SettingResult::Taken => ("taken", Tone::Good),
            SettingResult::Already => ("so already", Tone::Good),
            SettingResult::Restart => ("takes a restart", Tone::Warning),
            SettingResult::Waits => ("waits", Tone::Warning),
            SettingResult::NotDone => ("not changed", Tone::Bad),
            SettingResult::Unproven => ("not known", Tone::Bad),
        };
        let result = match &effect.reason {
            Some(reason) => format!("{word}: {reason}"),
            None => word.to_owned(),
        };
        table.row([
            (effect.pod.clone(), Tone::Normal),
            (effect.setting.clone().unwrap_or_default(), Tone::Normal),
            (effect.value.clone().unwrap_or_default(), Tone::Normal),
            (result, tone),
        ]);
    }
    table.draw(screen)
}

/// The small changes, newest last.
pub fn changes_screen(changes: &[ChangeRecord], screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("WHEN"),
        Column::kept("SMALL CHANGE"),
        Column::kept("RESULT"),
        Column::ranked("WHO", 1),
        Column::wide("WHY"),
        Column::wide("PUTS IT BACK"),
    ]);
    for change in changes {
        let tone = match change.outcome {
            ChangeOutcome::Done => Tone::Good,
            ChangeOutcome::Begun
            | ChangeOutcome::Refused
            | ChangeOutcome::Unproven
            | ChangeOutcome::Partly => Tone::Warning,
        };
        let who = change.by.split('/').next().unwrap_or_default();
        table.row([
            (
                change.started.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
                Tone::Normal,
            ),
            (change.change.clone(), Tone::Normal),
            (change.outcome.to_string(), tone),
            (who.to_owned(), Tone::Normal),
            (change.reason.clone().unwrap_or_default(), Tone::Normal),
            (change.undo.join("; "), Tone::Normal),
        ]);
    }
    table.draw(screen) + "\n"
}
