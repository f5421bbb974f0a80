//! What every screen of answers of several servers has in common.

use std::fmt::Display;

use super::plain::plain;
use super::screen::{Screen, Tone};
use crate::cluster::suggestion::ASK_FOR_RIGHTS;
use crate::cluster::{NoAnswer, PodAnswer, Role, answered, silent};

/// What a server is, in a word.
pub(super) const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Primary => "primary",
        Role::Standby => "standby",
        Role::Unknown => "server",
    }
}

/// The line above what a server says: what it is, and what counts.
pub(super) fn heading<T>(answer: &PodAnswer<T>, said: &str, screen: &Screen) -> String {
    let line = format!("{} {}: {said}", role_word(answer.role), answer.pod);
    screen.wrap(&plain(&line), 2)
}

/// A line for each server that does not answer, and what to type when none does.
pub(super) fn silent_lines<T>(answers: &[PodAnswer<T>], screen: &Screen) -> Vec<String> {
    let lines = silent(answers).map(|(answer, why)| silent_line(&answer.pod, why, screen));
    let mut lines: Vec<String> = lines.collect();
    if !lines.is_empty() && answered(answers).next().is_none() {
        let may_not = |(_, why): (_, &NoAnswer)| matches!(why, NoAnswer::NotAllowed(_));
        let next = match silent(answers).any(may_not) {
            true => ASK_FOR_RIGHTS.to_owned(),
            false => screen.given.suggestion("pgctl status"),
        };
        lines.push(format!("  next: {next}"));
    }
    lines
}

/// The line for one of them.
pub(super) fn silent_line(pod: &str, why: impl Display, screen: &Screen) -> String {
    let line = format!("no answer of {pod}: {why}");
    screen.paint(Tone::Warning, &screen.wrap(&plain(&line), 2))
}
