//! What has been chosen on the screen, and what a key does to it. Nothing here knows a terminal.

use std::time::Instant;

use crate::cluster::{NoAnswer, RunningStatement, TopBoard, TopSample};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::Followed;
use crate::output::{TopSort, plain, sorted_statements};

/// Takes what was told. Gives what is to be said of it, when that is no server's.
pub(super) fn take(board: &mut TopBoard, began: Instant, told: Followed) -> Option<String> {
    match told {
        Followed::Pods(pods) => {
            board.set_pods(&pods);
            None
        }
        Followed::PodsUnknown(error) => Some(format!("which pods there are is not known: {error}")),
        Followed::Answer { pod, at, answer } => {
            take_answer(board, began, &pod, at, answer);
            None
        }
    }
}

/// How it ends after as many looks as were asked for: a server has to answer still.
pub(super) fn seen_enough(board: &TopBoard) -> Result<ExitCode, Failure> {
    let instances = board.instances();
    if instances.iter().any(|it| it.sample().is_some()) {
        return Ok(ExitCode::Done);
    }
    let failure = Failure::new(ExitCode::Unreachable, "no database answers").next("pgctl status");
    let why = instances.iter().map(|it| match &it.answer {
        Some(Err(why)) => plain(&format!("{}: {why}", it.pod)),
        // Every sample was looked at above.
        Some(Ok(_)) | None => plain(&format!("{}: nothing has come yet", it.pod)),
    });
    Err(why.fold(failure, |it, why| it.because(why)))
}

fn take_answer(
    board: &mut TopBoard,
    began: Instant,
    pod: &str,
    at: Instant,
    answer: Result<TopSample, NoAnswer>,
) {
    let seconds = at.saturating_duration_since(began).as_secs_f64();
    board.take(pod, seconds, answer);
}

/// A key that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// A character.
    Char(char),
    /// The next server.
    NextServer,
    /// The one before it.
    PreviousServer,
    /// The next statement.
    Down,
    /// The one before it.
    Up,
    /// Not what is being asked.
    Escape,
}

/// What a key asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Request {
    /// The end.
    Quit,
    /// That a statement is cancelled. It was agreed to.
    Cancel(Box<Target>),
}

/// A statement that was pointed at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    /// Name of the pod.
    pub(super) pod: String,
    /// What it runs.
    pub(super) running: RunningStatement,
}

/// What has been chosen on the screen.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct State {
    /// Name of the pod whose statements are shown; none for the first.
    pod: Option<String>,
    /// The process that the cursor is on.
    pid: Option<i32>,
    /// In which order statements are shown.
    pub(super) sort: TopSort,
    /// The screen stands still.
    pub(super) paused: bool,
    /// What has happened, for the last line.
    pub(super) message: Option<String>,
    /// What is being asked.
    asked: Option<Target>,
}

impl State {
    /// Name of the pod whose statements are shown.
    pub(super) fn pod<'a>(&self, board: &'a TopBoard) -> Option<&'a str> {
        let instances = board.instances();
        let chosen = instances
            .iter()
            .find(|it| Some(&it.pod) == self.pod.as_ref());
        chosen.or(instances.first()).map(|it| it.pod.as_str())
    }

    /// The process that the cursor is on; none when it has ended.
    pub(super) fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// The last line, when something is asked or has happened.
    pub(super) fn last_line(&self) -> Option<String> {
        match &self.asked {
            Some(target) => Some(format!(
                "cancel PID {} of {} on {}? y cancels it: {}",
                target.running.pid,
                target.running.user.as_deref().unwrap_or("?"),
                target.pod,
                target.running.statement
            )),
            None => self.message.clone(),
        }
    }

    /// Does what a key means.
    pub(super) fn key(&mut self, key: Key, board: &TopBoard) -> Option<Request> {
        if let Some(target) = self.asked.take() {
            self.message = None;
            // Every other key is a no.
            return (key == Key::Char('y')).then_some(Request::Cancel(Box::new(target)));
        }
        self.message = None;
        match key {
            Key::Char('q') => return Some(Request::Quit),
            Key::Char('s') => self.sort = self.sort.next(),
            Key::Char('p') => self.paused = !self.paused,
            Key::Char('c') => match self.target(board) {
                Some(target) => self.asked = Some(target),
                None => self.message = Some("choose a statement first: up, down".to_owned()),
            },
            Key::Char(_) | Key::Escape => {}
            Key::NextServer => self.step_server(board, 1),
            Key::PreviousServer => self.step_server(board, -1),
            Key::Down => self.step_statement(board, 1),
            Key::Up => self.step_statement(board, -1),
        }
        None
    }

    fn target(&self, board: &TopBoard) -> Option<Target> {
        let statements = self.statements(board);
        let running = statements.into_iter().find(|it| Some(it.pid) == self.pid)?;
        Some(Target {
            pod: self.pod(board)?.to_owned(),
            running: running.clone(),
        })
    }

    fn statements<'a>(&self, board: &'a TopBoard) -> Vec<&'a RunningStatement> {
        let pod = self.pod(board);
        let instances = board.instances();
        let chosen = instances
            .into_iter()
            .find(|it| Some(it.pod.as_str()) == pod);
        chosen.map_or_else(Vec::new, |it| sorted_statements(it, self.sort))
    }

    fn step_server(&mut self, board: &TopBoard, by: isize) {
        let pods: Vec<_> = board.instances().iter().map(|it| it.pod.clone()).collect();
        let now = self.pod(board).map(str::to_owned);
        let at = pods.iter().position(|pod| Some(pod) == now.as_ref());
        self.pod = step(at, by, pods.len()).map(|at| pods[at].clone());
        self.pid = None;
    }

    fn step_statement(&mut self, board: &TopBoard, by: isize) {
        let statements = self.statements(board);
        let at = statements.iter().position(|it| Some(it.pid) == self.pid);
        self.pid = step(at, by, statements.len()).map(|at| statements[at].pid);
    }
}

/// The place after or before another, round the end; without one the first or the last.
fn step(at: Option<usize>, by: isize, count: usize) -> Option<usize> {
    if count == 0 {
        return None;
    }
    Some(match at {
        Some(at) => (at + count).saturating_add_signed(by) % count,
        None if by > 0 => 0,
        None => count - 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> TopBoard {
        let sample = |pids: &[i32], recovery: bool| -> TopSample {
            let statements: Vec<_> = pids
                .iter()
                .map(|pid| {
                    serde_json::json!({"pid": pid, "backendStart": "2026-11-30T08:00:00Z", "user": "app", "database": "shop", "state": "active",
                        "waitsFor": null, "queryStart": null, "statementSeconds": f64::from(*pid), "transactionSeconds": null,
                        "blockedBy": [], "statement": "vacuum"})
                })
                .collect();
            serde_json::from_value(serde_json::json!({"statements": statements, "counters": {
                "inRecovery": recovery, "wal": "0/100", "commits": 0, "rollbacks": 0, "blocksHit": 0,
                "blocksRead": 0, "temporaryBytes": 0, "checkpoints": 0, "active": 1, "idle": 0,
                "idleInTransaction": 0, "waiting": 0, "maxConnections": 100}}))
            .expect("as the server answers")
        };
        let mut board = TopBoard::default();
        board.set_pods(&["p-0".to_owned(), "r-0".to_owned()]);
        board.take("p-0", 1.0, Ok(sample(&[7, 9], false)));
        board.take("r-0", 1.0, Ok(sample(&[8], true)));
        board
    }

    #[test]
    fn the_servers_and_the_statements_are_gone_through_in_a_circle() {
        let (mut state, board) = (State::default(), board());
        assert_eq!(state.pod(&board), Some("p-0"));
        state.key(Key::NextServer, &board);
        assert_eq!(state.pod(&board), Some("r-0"));
        state.key(Key::NextServer, &board);
        assert_eq!(state.pod(&board), Some("p-0"));
        state.key(Key::Up, &board);
        assert_eq!(state.pid(), Some(9), "from nowhere up is the last");
        state.key(Key::Down, &board);
        assert_eq!(state.pid(), Some(7));
    }

    #[test]
    fn a_statement_is_cancelled_after_a_yes_and_nothing_else() {
        let (mut state, board) = (State::default(), board());
        assert_eq!(state.key(Key::Char('c'), &board), None);
        assert!(
            state
                .last_line()
                .is_some_and(|line| line.contains("choose"))
        );
        state.key(Key::Down, &board);
        state.key(Key::Char('c'), &board);
        let line = state.last_line().expect("a question");
        assert!(line.starts_with("cancel PID 7 of app on p-0?"), "{line}");
        assert_eq!(state.key(Key::Escape, &board), None);
        assert_eq!(
            state.key(Key::Char('y'), &board),
            None,
            "nothing is asked any more"
        );
        state.key(Key::Char('c'), &board);
        let Some(Request::Cancel(target)) = state.key(Key::Char('y'), &board) else {
            panic!("it was agreed to")
        };
        assert_eq!((target.pod.as_str(), target.running.pid), ("p-0", 7));
    }

    #[test]
    fn the_chosen_server_stays_chosen_when_the_primary_moves() {
        let (mut state, mut board) = (State::default(), board());
        state.key(Key::NextServer, &board);
        let promoted = board.instances()[0].sample().expect("it answers").clone();
        board.take("r-0", 2.0, Ok(promoted));
        board.take("p-0", 2.0, Err(NoAnswer::NotRunning));
        assert_eq!(state.pod(&board), Some("r-0"));
    }

    #[test]
    fn nothing_to_choose_from_is_no_panic() {
        let (mut state, board) = (State::default(), TopBoard::default());
        for key in [
            Key::Up,
            Key::Down,
            Key::NextServer,
            Key::PreviousServer,
            Key::Char('c'),
        ] {
            assert_eq!(state.key(key, &board), None);
        }
        assert_eq!(state.key(Key::Char('q'), &board), Some(Request::Quit));
    }
}
