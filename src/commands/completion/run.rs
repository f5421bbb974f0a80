//! From what a shell asks to its answer.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use jiff::SignedDuration;

use super::super::ended::Ended;
use super::answer::answer;
use super::candidate::Candidate;
use super::live::Question;
use super::offer::offer;
use super::place::Place;
use super::request::{COMPLETE, Request};
use crate::exit::ExitCode;
use crate::output::write_stdout;

/// How long names are waited for: nobody waits longer for a key that was pressed.
const LIMIT: Duration = Duration::from_millis(220);

/// So much longer it may take to end what was begun for them.
const ENDING: Duration = Duration::from_millis(30);

/// Another limit than [`LIMIT`], such as `2s`, for who has a slow way to the API.
const LIMIT_VARIABLE: &str = "PGCTL_COMPLETION_LIMIT";

/// Answers a shell, if that is what was asked for (`pgctl __complete ...`). Nothing is an error: what is not known is
/// not offered.
pub fn complete(arguments: impl IntoIterator<Item = OsString>) -> Option<Ended> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != COMPLETE {
        return None;
    }
    be_silent();
    if let Some(request) = Request::read(arguments) {
        // When nobody reads it there is nobody to tell.
        let _ = write_stdout(&respond(&request));
    }
    Some(ExitCode::Done.into())
}

fn respond(request: &Request) -> String {
    let mut root = crate::cli::command();
    root.build();
    let place = Place::find(&root, &request.words, &request.word);
    let offer = offer(&place, &request.words);
    let mut candidates = offer.candidates;
    if let Some(kind) = offer.more {
        let limit = limit();
        let question = Question::new(kind, &place, limit, &|name| std::env::var_os(name));
        candidates.extend(within(limit, question));
    }
    let given: BTreeSet<&str> = place.given_here().collect();
    let mut seen = BTreeSet::new();
    candidates.retain(|it| {
        let fits = it.text.starts_with(&place.typed) && !given.contains(it.text.as_str());
        fits && seen.insert(it.text.clone())
    });
    answer(request, &place.kept, &candidates, offer.more)
}

/// A credential plugin would ask whoever is at the terminal, and a library might complain: the line that is being
/// typed is no place for either.
fn be_silent() {
    let null = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null");
    if let Ok(null) = null {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
}

fn limit() -> Duration {
    let given = std::env::var(LIMIT_VARIABLE).ok();
    let given = given.and_then(|it| it.parse::<SignedDuration>().ok());
    given
        .and_then(|it| Duration::try_from(it).ok())
        .unwrap_or(LIMIT)
}

/// The answer to a question, or nothing. Its work has a thread of its own, because not all of it can be interrupted
/// (a file system that hangs): the process ends all the same.
fn within(limit: Duration, question: Question) -> Vec<Candidate> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let Ok(runtime) = runtime else { return };
        let found = runtime.block_on(async { tokio::time::timeout(limit, question.ask()).await });
        // Whoever waited may have given up.
        let _ = sender.send(found.unwrap_or_default());
        runtime.shutdown_background();
    });
    receiver
        .recv_timeout(limit.saturating_add(ENDING))
        .unwrap_or_default()
}
