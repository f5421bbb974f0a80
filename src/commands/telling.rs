//! What a command tells while it runs: in words, or with `--events` as JSON Lines.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use crate::events::{EventLine, RunEvent};
use crate::output::{Screen, encode_line, event_line, write_stderr};

/// Tells what happens, on stderr.
#[derive(Debug, Clone)]
pub(super) struct Telling {
    events: bool,
    quiet: bool,
    screen: Screen,
    /// Id of the operation that runs.
    operation: Arc<Mutex<Option<String>>>,
    /// The line of an event that was written last.
    last: Arc<Mutex<String>>,
}

impl Telling {
    pub(super) fn new(events: bool, quiet: bool, screen: Screen) -> Self {
        Self {
            events,
            quiet,
            screen,
            operation: Arc::default(),
            last: Arc::default(),
        }
    }

    /// Whether it tells JSON Lines, and nothing else may be on stderr: nobody can be asked.
    pub(super) fn is_for_scripts(&self) -> bool {
        self.events
    }

    /// From here on it is about this operation.
    pub(super) fn about(&self, operation: &str) {
        if let Ok(mut id) = self.operation.lock() {
            *id = Some(operation.to_owned());
        }
    }

    /// Words for people, which scripts have no use for.
    pub(super) fn say(&self, text: &str) {
        if !self.events {
            write_stderr(text);
        }
    }

    /// An event; in words where it is worth a line, and somebody wants to read that.
    pub(super) fn event(&self, event: &RunEvent) {
        if self.events {
            self.only_event(event);
        } else if let (Some(line), false) = (event_line(event, &self.screen), self.quiet)
            && !self.repeats(&line)
        {
            write_stderr(&format!("{line}\n"));
        }
    }

    /// Whether it is the line that was written last: what is tried every second, and fails for the same
    /// reason, is said once.
    fn repeats(&self, line: &str) -> bool {
        self.last.lock().is_ok_and(|mut last| {
            let same = *last == line;
            line.clone_into(&mut last);
            same
        })
    }

    /// An event that has words of its own, or none.
    pub(super) fn only_event(&self, event: &RunEvent) {
        if !self.events {
            return;
        }
        let operation = self.operation.lock().ok().and_then(|id| id.clone());
        let line = EventLine::new(event.clone(), operation, Timestamp::now());
        write_stderr(&encode_line(&line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Given;

    #[test]
    fn the_same_reason_is_said_once_until_something_else_was_said() {
        let screen = Screen::of_stderr(false, Arc::new(Given::default()));
        let telling = Telling::new(false, false, screen);
        let said = ["no host", "no host", "refused", "no host"].map(|line| !telling.repeats(line));
        assert_eq!(said, [true, false, true, true]);
    }
}
