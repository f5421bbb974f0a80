//! `pgctl doctor -A`: a line for each cluster.

use super::doctor::outcome_word;
use super::fleet::{FleetView, options_of};
use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::doctor::{Examination, Outcome};

/// A line for each cluster with the worst that was found, the worst cluster last so that it stays in sight;
/// and what to type to see all of it.
pub fn examinations_screen(fleet: &FleetView<'_, &Examination>, screen: &Screen) -> String {
    let mut columns = vec![
        Column::kept("NAMESPACE"),
        Column::kept("CLUSTER"),
        Column::kept("WORST"),
        Column::ranked("CRITICAL", 2).right(),
        Column::ranked("WARNING", 3).right(),
        Column::ranked("UNKNOWN", 4).right(),
        Column::ranked("NOTE", 5).right(),
        Column::ranked("PROBLEM", 1),
    ];
    if fleet.has_contexts() {
        columns.insert(0, Column::kept("CONTEXT"));
    }
    let mut table = Table::new(&columns);
    let mut clusters = fleet.clusters.clone();
    clusters.sort_by_key(|(_, it)| std::cmp::Reverse(urgency(it)));
    for (context, examination) in &clusters {
        let worst = examination.results.first();
        let outcome = worst.map_or(Outcome::Passed, |it| it.outcome);
        let (word, tone) = outcome_word(outcome);
        let first = worst.filter(|_| outcome != Outcome::Passed);
        let counted = |outcome, tone| match examination.count(outcome) {
            0 => normal("0"),
            some => (some.to_string(), tone),
        };
        let row = [
            normal(examination.cluster.namespace.clone()),
            normal(examination.cluster.name.clone()),
            (word.to_owned(), tone),
            counted(Outcome::Critical, Tone::Bad),
            counted(Outcome::Warning, Tone::Warning),
            counted(Outcome::Unknown, Tone::Warning),
            counted(Outcome::Note, Tone::Normal),
            normal(first.map_or_else(String::new, |it| it.code.to_string())),
        ];
        let context = context.map(normal);
        table.row(context.into_iter().chain(row));
    }
    let mut text = table.draw(screen) + "\n" + &fleet.rest(screen);
    let worst = clusters.last().filter(|(_, it)| !is_well(it));
    if let Some((context, examination)) = worst {
        let flags = options_of(*context, &examination.cluster);
        let command = screen.given.suggestion(&format!("pgctl {flags} doctor"));
        text.push_str(&format!("type: {}\n", screen.paint(Tone::Strong, &command)));
    }
    text
}

fn is_well(examination: &Examination) -> bool {
    let mut results = examination.results.iter();
    results.all(|it| it.outcome == Outcome::Passed)
}

/// The most urgent is the least.
fn urgency(examination: &Examination) -> (Outcome, std::cmp::Reverse<usize>) {
    let worst = examination.results.first();
    let outcome = worst.map_or(Outcome::Passed, |it| it.outcome);
    (outcome, std::cmp::Reverse(examination.count(outcome)))
}
