//! A running `pg_receivewal`.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long it may take to end in good order.
const ENDING: Duration = Duration::from_secs(10);

/// Lines of what it says that are kept: the last say why it has ended.
const KEPT: usize = 3;

/// The most of one line that is kept.
const LONGEST: usize = 300;

/// The program, while it runs.
pub(super) struct Receiver {
    child: Child,
    /// With its end it gets to know that it is to end. Not left in the child: to wait for that closes it.
    stdin: Option<ChildStdin>,
    said: JoinHandle<Vec<String>>,
}

impl Receiver {
    /// A program that has just been started.
    pub(super) fn new(mut child: Child) -> Self {
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        let said = tokio::spawn(async move {
            match stderr {
                Some(stderr) => last_lines(stderr).await,
                None => Vec::new(),
            }
        });
        Self { child, stdin, said }
    }

    /// Waits until it ends by itself; why, in its own words.
    pub(super) async fn ended(&mut self) -> String {
        let status = self.child.wait().await;
        let said = timeout(ENDING, &mut self.said).await;
        let said = said.ok().and_then(Result::ok).unwrap_or_default();
        match (said.is_empty(), status) {
            (false, _) => said.join("; "),
            (true, Ok(status)) => format!("pg_receivewal has ended ({status})"),
            (true, Err(error)) => format!("pg_receivewal has ended ({error})"),
        }
    }

    /// Ends it, and waits until it has ended.
    pub(super) async fn stop(mut self) {
        drop(self.stdin.take());
        if timeout(ENDING, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
        self.said.abort();
    }
}

/// The last lines of what it says, without what no terminal should get.
async fn last_lines(stderr: ChildStderr) -> Vec<String> {
    let mut lines = BufReader::new(stderr).split(b'\n');
    let mut kept: Vec<String> = Vec::new();
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line);
        let line: String = line
            .chars()
            .filter(|it| !it.is_control())
            .take(LONGEST)
            .collect();
        let line = line
            .trim()
            .trim_start_matches("pg_receivewal: ")
            .trim_start_matches("error: ");
        // What it says when it is told to end, and what is tried again anyway.
        const NOISE: [&str; 3] = ["disconnected", "detail: ", "not renaming"];
        if line.is_empty() || NOISE.iter().any(|noise| line.starts_with(noise)) {
            continue;
        }
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(line.to_owned());
    }
    kept
}
