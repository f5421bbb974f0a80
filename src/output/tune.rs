//! `pgctl tune`.

use super::answers::silent_line;
use super::plain::plain;
use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::cluster::{TuneAdvice, TuneFacts, words};

/// What is proposed for a cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TuneView {
    /// Name of the pod whose server it is compared with; empty when none answers.
    pub pod: String,
    /// What that has to work with.
    pub facts: TuneFacts,
    /// What is proposed.
    pub advice: Vec<TuneAdvice>,
    /// Why files of the deployment could not be read.
    pub unseen: Vec<String>,
    /// The pods that do not answer, and why.
    pub silent: Vec<(String, String)>,
}

/// What the pods have, and what would fit it better.
pub fn tune_screen(view: &TuneView, screen: &Screen) -> String {
    let facts = &view.facts;
    let memory = facts.memory_bytes.map(words::bytes);
    let cpus = facts.cpus.map(|it| match it {
        1.0 => "1 CPU".to_owned(),
        it => format!("{it} CPUs"),
    });
    let volume = facts.volume_bytes.map(words::bytes);
    let or_none = |it: Option<String>, none: &str| it.unwrap_or_else(|| none.to_owned());
    let line = format!(
        "{}: memory {}, {}, a volume of {}, up to {} standbys",
        view.pod,
        or_none(memory, "without a limit"),
        or_none(cpus, "CPUs without a limit"),
        or_none(volume, "unknown size"),
        facts.standbys
    );
    let heading = screen.wrap(&plain(&line), 2);
    let mut parts = Vec::new();
    if view.pod.is_empty() {
        parts.push("no server answers: nothing can be proposed".to_owned());
    } else if view.advice.is_empty() {
        parts.push(heading);
        parts.push("its settings fit: there is nothing to propose".to_owned());
    } else {
        parts.push(heading);
        parts.push(table(&view.advice, screen));
        if view.advice.iter().any(|it| it.restart) {
            let line = "(restart): the pods' next start brings it";
            parts.push(screen.wrap(line, 2));
        }
        let next = screen.given.suggestion("pgctl tune --patch");
        parts.push(format!("  for the overlay: {next}"));
    }
    for why in &view.unseen {
        let line = format!("not compared with the deployment: {why}");
        parts.push(screen.paint(Tone::Warning, &screen.wrap(&plain(&line), 2)));
    }
    for (pod, why) in &view.silent {
        parts.push(silent_line(pod, why, screen));
    }
    parts.join("\n\n") + "\n"
}

fn table(advice: &[TuneAdvice], screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("NAME"),
        Column::kept("NOW"),
        Column::kept("PROPOSED"),
        Column::kept("WHY"),
        Column::wide("IN"),
        Column::wide("SOURCE"),
    ]);
    for it in advice {
        let restart = if it.restart { " (restart)" } else { "" };
        let place = it.deployed.as_ref();
        let place = place.map(|it| format!("{} line {}", it.key, it.line));
        table.row([
            normal(&it.name),
            normal(&it.now),
            normal(format!("{}{restart}", it.proposed)),
            normal(&it.reason),
            normal(place.unwrap_or_default()),
            normal(it.source),
        ]);
    }
    table.draw(screen)
}
