//! Screens of small changes.

use super::plain::plain;
use super::screen::{Screen, Tone};
use super::table::{Column, Table};
use crate::change::{ChangeCheck, ChangeProposal, ChangeRecord};
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

/// The small changes, newest last.
pub fn changes_screen(changes: &[ChangeRecord], screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("WHEN"),
        Column::kept("SMALL CHANGE"),
        Column::kept("RESULT"),
        Column::ranked("WHO", 1),
        Column::wide("WHY"),
    ]);
    for change in changes {
        let tone = match change.outcome {
            crate::change::ChangeOutcome::Done => Tone::Good,
            _ => Tone::Warning,
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
        ]);
    }
    table.draw(screen) + "\n"
}
