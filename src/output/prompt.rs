//! Questions on a terminal.

use super::operation::candidates_screen;
use super::plain::plain;
use super::screen::Screen;
use super::writer::write_stderr;
use crate::plan::{AutoscalerPolicy, Bounds, Candidate};

/// Shows who could become primary, and why or why not, and asks which of the eligible ones it is to
/// be; the best comes first. None when nobody was chosen.
pub fn choose_candidate(candidates: &[Candidate], screen: &Screen) -> Option<String> {
    let eligible: Vec<&Candidate> = candidates.iter().filter(|it| it.eligible).collect();
    write_stderr(&candidates_screen(candidates, screen));
    let items: Vec<String> = eligible.iter().map(|it| plain(&it.pod)).collect();
    let chosen = dialoguer::Select::new()
        .with_prompt("Which one is to become primary? (arrow keys, Enter; Esc: none)")
        .items(&items)
        .default(0)
        .interact_on_opt(&console::Term::stderr());
    let index = chosen.ok().flatten()?;
    eligible.get(index).map(|it| it.pod.clone())
}

/// Asks what is to become of `to` pods when the autoscaler, with these bounds, may change the number
/// again. None when nothing was chosen.
pub fn choose_way(
    autoscaler: &str,
    bounds: Bounds,
    meant: Bounds,
    to: u32,
) -> Option<AutoscalerPolicy> {
    write_stderr(&format!(
        "{} ({bounds}) may change the number of pods again.\n",
        plain(autoscaler)
    ));
    let ways = [
        AutoscalerPolicy::Pin,
        AutoscalerPolicy::Permanent,
        AutoscalerPolicy::Temporary,
    ];
    let items = [
        format!("pin: hold it at {to} until pgctl hpa resume"),
        format!(
            "permanent: minReplicas {to}, maxReplicas {}",
            meant.max.max(to)
        ),
        "temporary: until the autoscaler changes it".to_owned(),
    ];
    let chosen = dialoguer::Select::new()
        .with_prompt("What is to become of it? (arrow keys, Enter; Esc: none)")
        .items(&items)
        .default(0)
        .interact_on_opt(&console::Term::stderr());
    ways.get(chosen.ok().flatten()?).copied()
}
