//! What a script that ends with `pipe_end.sh` reports on stderr: how each stage ended, and what was sent.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::backup::format::Fingerprint;

/// How long the process may take to end after it was told to, or after its streams ended.
pub(crate) const ENDING: Duration = Duration::from_secs(20);

/// How long what was said before the connection was lost is waited for. Nothing ends that stream: a
/// half of kube's pipes that is dropped does not tell the other one.
pub(crate) const LOST: Duration = Duration::from_secs(1);

/// Lines of stderr that are kept for a message: the last ones say why.
const KEPT_LINES: usize = 12;

/// Lines of stderr that are kept from its beginning.
const FIRST_LINES: usize = 60;

/// The most of one line that is kept.
const KEPT_BYTES: usize = 500;

/// Exit status of a stage that wrote to one that was gone: SIGPIPE.
const BROKEN_PIPE: i32 = 128 + 13;

/// The stages of the pipe, in their order.
const STAGES: [&str; 5] = ["command", "compress", "send", "sum", "count"];

/// The report, and what else was written to stderr.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PipeReport {
    /// Exit status of each stage that was reported.
    stages: Vec<(String, i32)>,
    /// What the source says it sent.
    pub(crate) sent: Option<Fingerprint>,
    /// The last lines that the tools wrote.
    pub(crate) said: Vec<String>,
    /// The first lines that they wrote: a tool that stops at its first error names its place there.
    pub(crate) first_said: Vec<String>,
}

/// Reads stderr to its end. `word` begins the lines of the report.
pub(crate) async fn read_report(
    mut stderr: Box<dyn AsyncRead + Send + Unpin>,
    word: String,
) -> PipeReport {
    let mut reader = PipeReportReader::new(&word);
    let mut buffer = vec![0; 8 * 1024];
    loop {
        match stderr.read(&mut buffer).await {
            Ok(read) if read > 0 => reader.feed(&buffer[..read]),
            _ => return reader.finish(),
        }
    }
}

/// Reads stderr line by line.
#[derive(Debug)]
struct PipeReportReader {
    word: String,
    line: Vec<u8>,
    report: PipeReport,
}

impl PipeReportReader {
    /// For lines that begin with this word. It is random, so that nothing that a database holds
    /// can pass for a report.
    fn new(word: &str) -> Self {
        Self {
            word: word.to_owned(),
            line: Vec::new(),
            report: PipeReport::default(),
        }
    }

    /// More of stderr.
    fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                self.end_of_line();
            } else if self.line.len() < KEPT_BYTES {
                self.line.push(byte);
            }
        }
    }

    /// The report, when stderr has ended.
    fn finish(mut self) -> PipeReport {
        self.end_of_line();
        self.report
    }

    fn end_of_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        match line
            .strip_prefix(&self.word)
            .and_then(|rest| rest.strip_prefix(' '))
        {
            Some(fact) => self.report.add(fact),
            None => self.report.keep(&line),
        }
    }
}

impl PipeReport {
    fn add(&mut self, fact: &str) {
        let words: Vec<&str> = fact.split(' ').collect();
        match words.as_slice() {
            ["stage", name, status] => {
                // What can't be read counts as a failure.
                self.stages
                    .push(((*name).to_owned(), status.parse().unwrap_or(-1)));
            }
            ["sent", bytes, sha256] => {
                self.sent = bytes.parse().ok().map(|bytes| Fingerprint {
                    bytes,
                    sha256: (*sha256).to_owned(),
                });
            }
            _ => self.keep(fact),
        }
    }

    fn keep(&mut self, line: &str) {
        // Whatever a database holds may be in here: no control character reaches a terminal.
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        if !line.trim().is_empty() {
            if self.first_said.len() < FIRST_LINES {
                self.first_said.push(line.clone());
            }
            if self.said.len() == KEPT_LINES {
                self.said.remove(0);
            }
            self.said.push(line);
        }
    }

    /// The first stage that failed, and its exit status; when none did, the first that did not
    /// report.
    pub(crate) fn failed_stage(&self) -> Option<(&str, Option<i32>)> {
        let failed = || self.stages.iter().filter(|(_, status)| *status != 0);
        // Who wrote to a stage that died was ended by that: the cause is further on.
        let cause = failed().find(|(_, status)| *status != BROKEN_PIPE);
        if let Some((name, status)) = cause.or_else(|| failed().next()) {
            return Some((name, Some(*status)));
        }
        STAGES
            .into_iter()
            .find(|stage| !self.stages.iter().any(|(name, _)| name == stage))
            .map(|stage| (stage, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> PipeReport {
        let mut reader = PipeReportReader::new("w0rd");
        for chunk in text.as_bytes().chunks(7) {
            reader.feed(chunk);
        }
        reader.finish()
    }

    const GOOD: &str = "w0rd stage command 0\nw0rd stage compress 0\nw0rd stage send 0\nw0rd stage sum 0\nw0rd stage count 0\nw0rd sent 12 abc\n";

    #[test]
    fn a_whole_report() {
        let report = read(GOOD);
        assert_eq!(report.failed_stage(), None);
        assert_eq!(report.sent.map(|sent| sent.bytes), Some(12));
    }

    #[test]
    fn a_stage_that_did_not_report_did_not_succeed() {
        let report = read("w0rd stage command 0\nw0rd stage compress 0\n");
        assert_eq!(report.failed_stage(), Some(("send", None)));
    }

    #[test]
    fn the_failed_stage_and_what_it_said() {
        let report = read(
            "pg_dump: error: it \u{1b}[31mbroke\nw0rd stage command 1\nw0rd stage compress 0\n",
        );
        assert_eq!(report.failed_stage(), Some(("command", Some(1))));
        assert_eq!(report.said, ["pg_dump: error: it [31mbroke"]);
    }

    #[test]
    fn who_wrote_to_a_stage_that_died_is_not_blamed() {
        let report = read("w0rd stage command 141\nw0rd stage compress 137\nw0rd stage send 0\n");
        assert_eq!(report.failed_stage(), Some(("compress", Some(137))));
        let report = read("w0rd stage command 141\nw0rd stage compress 0\n");
        assert_eq!(report.failed_stage(), Some(("command", Some(141))));
    }

    #[test]
    fn nothing_else_passes_for_a_report() {
        let report = read("stage command 0\nxw0rd sent 1 abc\n w0rd sent 1 abc\n");
        assert_eq!(report.sent, None);
        assert_eq!(report.stages, []);
    }

    #[test]
    fn a_flood_stays_bounded() {
        let report = read(
            &"x".repeat(100_000)
                .as_str()
                .split_at(50_000)
                .0
                .replace("xxxx", "xxx\n"),
        );
        assert_eq!(report.said.len(), KEPT_LINES);
        assert!(read(&"y".repeat(10_000)).said[0].len() <= KEPT_BYTES);
    }
}
