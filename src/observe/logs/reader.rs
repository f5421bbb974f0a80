//! Reads the log of one pod, and goes on reading it whatever happens to the pod.

use std::time::Duration;

use jiff::Timestamp;

use super::lines::Lines;
use super::outlet::{LogNews, Outlet};
use super::position::Position;
use crate::cluster::PodFacts;
use crate::kubernetes::{Kube, KubeError, LogRange, LogStream};
use crate::log::{Assembler, Line, LogEntry};

/// The most that is kept of an entry.
pub(super) const LONGEST_ENTRY: usize = 64 * 1024;
/// An entry whose next line does not come for so long is whole. PostgreSQL writes one at once.
const WHOLE_AFTER: Duration = Duration::from_millis(100);
/// A log that says nothing for so long is opened anew: the connection may be dead.
const QUIET: Duration = Duration::from_secs(60);
/// Between two attempts.
const AGAIN: Duration = Duration::from_secs(1);

/// The reader of one pod's log.
pub(super) struct Reader {
    pub(super) kube: Kube,
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) range: LogRange,
    pub(super) outlet: Outlet,
}

/// How a log ended.
enum End {
    /// It did.
    Whole,
    Silent,
    Broken(String),
    /// Nobody wants to know any more.
    Unwanted,
}

/// What is remembered from one opening to the next.
struct Reading {
    lines: Lines,
    entries: Entries,
}

/// What the lines have become.
struct Entries {
    assembler: Assembler<Option<Timestamp>>,
    position: Position,
    /// Entries that are whole, and not handed on yet.
    whole: Vec<(Option<Timestamp>, LogEntry)>,
}

impl Reader {
    /// Reads until the end; when it follows, until nobody wants to know any more.
    pub(super) async fn run(self) {
        let mut reading = Reading {
            lines: Lines::default(),
            entries: Entries {
                assembler: Assembler::new(LONGEST_ENTRY),
                position: Position::default(),
                whole: Vec::new(),
            },
        };
        let mut range = self.range;
        if !range.follow {
            match self.once(range, &mut reading).await {
                Err(error) => self.outlet.news(LogNews::Unreadable(error)),
                Ok(End::Silent) => self.outlet.news(LogNews::Silent),
                Ok(End::Broken(reason)) => self.outlet.news(LogNews::Broken(reason)),
                Ok(End::Whole | End::Unwanted) => {}
            }
            return;
        }
        let mut run = None;
        let mut told = false;
        loop {
            if run.is_none() {
                run = self.run_now().await;
            }
            match self.once(range, &mut reading).await {
                Err(error) if matches!(error, KubeError::Forbidden { .. }) => {
                    self.outlet.news(LogNews::Unreadable(error));
                    return;
                }
                Err(KubeError::NotFound { .. }) => {}
                Err(error) if !told => {
                    told = true;
                    self.outlet.news(LogNews::NotNow(error));
                }
                Err(_) => {}
                Ok(End::Unwanted) => return,
                Ok(_) => told = false,
            }
            let Some(now) = self.once_it_is_back(&mut run, &mut reading).await else {
                return;
            };
            range = match run.replace(now.clone()) {
                Some(before) if before.uid != now.uid => {
                    self.outlet.news(LogNews::Replaced);
                    reading.entries.position = Position::default();
                    LogRange {
                        follow: true,
                        ..LogRange::default()
                    }
                }
                Some(before) if before.restarts < now.restarts => {
                    // What it said at its end.
                    let previous = LogRange {
                        previous: true,
                        follow: false,
                        ..range.after(&mut reading.entries.position)
                    };
                    if matches!(self.once(previous, &mut reading).await, Ok(End::Unwanted)) {
                        return;
                    }
                    self.outlet.news(LogNews::Restarted);
                    range.after(&mut reading.entries.position)
                }
                Some(_) | None => {
                    tokio::time::sleep(AGAIN).await;
                    range.after(&mut reading.entries.position)
                }
            };
        }
    }

    async fn run_now(&self) -> Option<PodFacts> {
        let asked = self.kube.pod(&self.namespace, &self.pod).await;
        asked.ok().flatten()
    }

    /// Which run of which pod there is, once there is one; none when nobody wants to know any more.
    async fn once_it_is_back(
        &self,
        run: &mut Option<PodFacts>,
        reading: &mut Reading,
    ) -> Option<PodFacts> {
        let mut gone = false;
        loop {
            match self.kube.pod(&self.namespace, &self.pod).await {
                Ok(Some(now)) => return Some(now),
                Ok(None) if !gone && run.is_some() => {
                    gone = true;
                    reading.end();
                    if !self.hand_on(reading).await {
                        return None;
                    }
                    self.outlet.news(LogNews::Gone);
                }
                Ok(None) | Err(_) => {}
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Opens the log, and reads it to its end.
    async fn once(&self, range: LogRange, reading: &mut Reading) -> Result<End, KubeError> {
        let opened = self.kube.log_stream(&self.namespace, &self.pod, range);
        let mut stream = opened.await?;
        let quiet = if range.follow {
            QUIET
        } else {
            self.kube.timeout()
        };
        let end = self.read(&mut stream, quiet, range.follow, reading).await;
        if !range.follow || matches!(end, End::Broken(_)) {
            reading.end();
        }
        if !self.hand_on(reading).await {
            return Ok(End::Unwanted);
        }
        Ok(end)
    }

    async fn read(
        &self,
        stream: &mut LogStream,
        quiet: Duration,
        follow: bool,
        reading: &mut Reading,
    ) -> End {
        let mut buffer = vec![0; 32 * 1024];
        loop {
            let flushes = follow && reading.entries.assembler.is_building();
            let patience = if flushes { WHOLE_AFTER } else { quiet };
            match tokio::time::timeout(patience, stream.read(&mut buffer)).await {
                Err(_) if flushes => reading.entries.flush(),
                Err(_) => return End::Silent,
                Ok(Ok(0)) => return End::Whole,
                Ok(Ok(read)) => reading.take(&buffer[..read]),
                Ok(Err(error)) => return End::Broken(error.to_string()),
            }
            if !self.hand_on(reading).await {
                return End::Unwanted;
            }
        }
    }

    async fn hand_on(&self, reading: &mut Reading) -> bool {
        for (time, entry) in reading.entries.whole.drain(..) {
            if !self.outlet.entry(time, entry).await {
                return false;
            }
        }
        true
    }
}

impl LogRange {
    /// The same from where it was read to.
    fn after(self, position: &mut Position) -> Self {
        position.reopened();
        let last = position.last();
        Self {
            tail: if last.is_some() { None } else { self.tail },
            since: last.or(self.since),
            previous: false,
            follow: true,
        }
    }
}

impl Reading {
    fn take(&mut self, bytes: &[u8]) {
        let Self { lines, entries } = self;
        lines.feed(bytes, |line, dropped| entries.line(line, dropped));
    }

    /// Nothing more comes from this container.
    fn end(&mut self) {
        let Self { lines, entries } = self;
        lines.end(|line, dropped| entries.line(line, dropped));
        entries.flush();
    }
}

impl Entries {
    fn line(&mut self, line: &[u8], dropped: u64) {
        let (time, text) = timed(line);
        if time.is_some_and(|time| !self.position.is_new(time)) {
            return;
        }
        let time = time.or(self.position.last());
        self.whole.extend(self.assembler.push(Line {
            time,
            text,
            dropped,
        }));
    }

    /// The entry that is begun is whole.
    fn flush(&mut self) {
        self.whole.extend(self.assembler.end());
    }
}

/// A line, and the time that the API puts before it. What the API itself has to say has none.
fn timed(line: &[u8]) -> (Option<Timestamp>, &[u8]) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let end = line.iter().take(40).position(|byte| *byte == b' ');
    let end = end.unwrap_or(line.len().min(40));
    let time = std::str::from_utf8(&line[..end]).ok();
    match time.and_then(|time| time.parse().ok()) {
        Some(time) => (Some(time), line.get(end + 1..).unwrap_or_default()),
        None => (None, line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_stands_before_the_line() {
        let (time, text) = timed(b"2026-11-28T13:00:00.123456789Z  a line");
        assert_eq!(
            time.map(|it| it.to_string()).as_deref(),
            Some("2026-11-28T13:00:00.123456789Z")
        );
        assert_eq!(text, b" a line");
        assert_eq!(
            timed(b"2026-11-28T13:00:00Z"),
            (timed(b"2026-11-28T13:00:00Z ").0, &b""[..])
        );
        let api: &[u8] = b"failed to try resolving symlinks in path";
        assert_eq!(timed(api), (None, api));
        assert_eq!(timed(b"\xff\xfe"), (None, &b"\xff\xfe"[..]));
    }
}
