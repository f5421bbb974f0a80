//! Reads the files that a server writes its log into by itself (`logging_collector`), over a session in it, and goes on
//! reading them whatever happens to the server.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::lines::Lines;
use super::outlet::{LogNews, Outlet};
use super::reader::{LONGEST_ENTRY, Reader};
use crate::kubernetes::{CredentialsSource, Kube, KubeError, LogRange};
use crate::log::{Assembler, Line, LogEntry, LogZones};
use crate::observe::open::{OpenError, login, open};
use crate::postgres::{LogFile, Login, ServerLog, Session, SqlError};

/// What is read at once.
const PIECE: u32 = 256 * 1024;
/// Where something is only looked for, less is read.
const PROBE: u32 = 64 * 1024;
/// The most that is kept where it is not handed on.
const MOST: usize = 8 * 1024 * 1024;
/// Between two looks whether something new is there.
const POLL: Duration = Duration::from_millis(500);
/// Between two attempts.
const AGAIN: Duration = Duration::from_secs(1);

/// The reader of the files of one server.
pub(super) struct ServerFiles {
    kube: Kube,
    namespace: String,
    pod: String,
    /// The Secret of the superuser: a password may be another one when a session is opened again.
    credentials: CredentialsSource,
    range: LogRange,
    outlet: Outlet,
}

/// How far was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    path: String,
    /// Bytes of it, up to the end of a line.
    offset: u64,
}

struct Reading {
    place: Option<Place>,
    lines: Lines,
    assembler: Assembler<()>,
    /// The time of the last entry that had one.
    last: Option<Timestamp>,
    /// Entries that are whole, and not handed on yet.
    whole: Vec<LogEntry>,
}

/// How reading ended.
enum End {
    /// There is no more, or no such log any more.
    Whole,
    /// Nobody wants to know any more.
    Unwanted,
}

impl ServerFiles {
    /// For what a reader of the container's log is to read.
    pub(super) fn new(reader: Reader, credentials: CredentialsSource) -> Self {
        let Reader {
            kube,
            namespace,
            pod,
            range,
            outlet,
        } = reader;
        Self {
            kube,
            namespace,
            pod,
            credentials,
            range,
            outlet,
        }
    }

    /// Reads until the end; when it follows, until nobody wants to know any more, or the server has no such files.
    pub(super) async fn run(self) {
        let mut reading = Reading {
            place: None,
            lines: Lines::default(),
            assembler: Assembler::new(LONGEST_ENTRY),
            last: None,
            whole: Vec::new(),
        };
        let mut told = false;
        loop {
            let error = match self.once(&mut reading).await {
                Ok(End::Whole | End::Unwanted) => return,
                Err(error) => error,
            };
            // A right that is missing does not come by asking again, and asking is a line in that log.
            let again = self.range.follow && !is_refused(&error);
            if !again || !told {
                self.outlet.news(LogNews::FilesUnreadable { error, again });
            }
            if !again {
                return;
            }
            told = true;
            sleep(AGAIN).await;
        }
    }

    /// Opens a session, and reads on from where it was left.
    async fn once(&self, reading: &mut Reading) -> Result<End, OpenError> {
        let credentials = self.kube.credentials(&self.credentials).await?;
        let login = login(&credentials, self.kube.timeout());
        let session = open(&self.kube, &self.namespace, &self.pod, &login).await?;
        let Some(log) = session.server_log().await? else {
            return Ok(End::Whole);
        };
        let mut place = match reading.place.take() {
            Some(place) => place,
            None => self.beginning(&session, &log).await?,
        };
        let mut quiet = false;
        loop {
            reading.place = Some(place.clone());
            let piece = session
                .read_log(&log, &place.path, place.offset, PIECE)
                .await?;
            let whole = piece.bytes.len() < PIECE as usize;
            // The rest of a line is read again, with its end.
            let end = match piece.bytes.iter().rposition(|byte| *byte == b'\n') {
                Some(at) => at + 1,
                None if whole => 0,
                None => piece.bytes.len(),
            };
            if end > 0 {
                reading.take(&piece.bytes[..end]);
                place.offset += end as u64;
                reading.place = Some(place.clone());
                quiet = false;
            }
            if !self.hand_on(reading, &log.zones).await {
                return Ok(End::Unwanted);
            }
            if !whole {
                continue;
            }
            // It was begun anew under the same name (`log_truncate_on_rotation`).
            if piece.size.is_some_and(|size| size < place.offset) {
                place.offset = 0;
                continue;
            }
            if piece.current.as_ref() != Some(&place.path)
                && let Some(next) = after(&session, &log, &place).await?
            {
                reading.end();
                place = next;
                continue;
            }
            if !self.range.follow || piece.current.is_none() {
                // What stands there without the end of its line.
                reading.take(&piece.bytes[end..]);
                reading.end();
                return Ok(match self.hand_on(reading, &log.zones).await {
                    true => End::Whole,
                    false => End::Unwanted,
                });
            }
            if std::mem::replace(&mut quiet, true) {
                // PostgreSQL writes an entry at once.
                reading.flush();
                if !self.hand_on(reading, &log.zones).await {
                    return Ok(End::Unwanted);
                }
            }
            sleep(POLL).await;
        }
    }

    /// Where what is wanted begins.
    async fn beginning(&self, session: &Session, log: &ServerLog) -> Result<Place, OpenError> {
        let files = session.log_files(log).await?;
        let since = match self.range.since {
            Some(since) => since_then(session, log, &files, since).await?,
            None => None,
        };
        let tail = match self.range.tail {
            Some(lines) => last_lines(session, log, &files, lines).await?,
            None => None,
        };
        // Of both that which is later.
        let at = |place: &Place| {
            let number = files.iter().position(|it| it.path == place.path);
            (number, place.offset)
        };
        let begins = [since, tail].into_iter().flatten();
        let first = files.first().map_or(&log.current, |it| &it.path);
        Ok(begins.max_by_key(at).unwrap_or(Place {
            path: first.clone(),
            offset: 0,
        }))
    }

    async fn hand_on(&self, reading: &mut Reading, zones: &LogZones) -> bool {
        for entry in reading.whole.drain(..) {
            let first = entry.text.lines().next().unwrap_or_default();
            let time = zones.written_at(first).or(reading.last);
            reading.last = time;
            let before = |since| time.is_some_and(|time| time < since);
            if self.range.since.is_some_and(before) {
                continue;
            }
            if !self.outlet.entry(time, entry).await {
                return false;
            }
        }
        true
    }
}

/// The last lines of the files that a server writes its log into by itself, and no more than [`MOST`] bytes of them; none
/// when it has none.
///
/// # Errors
/// When the server does not let us in, does not answer, or does not let this user read them.
pub async fn end_of_server_log(
    kube: &Kube,
    namespace: &str,
    pod: &str,
    login: &Login,
    lines: u64,
) -> Result<Option<String>, OpenError> {
    let session = open(kube, namespace, pod, login).await?;
    let Some(log) = session.server_log().await? else {
        return Ok(None);
    };
    let files = session.log_files(&log).await?;
    let begins = last_lines(&session, &log, &files, lines).await?;
    let from = begins.as_ref().and_then(|begins| {
        let mut paths = files.iter().map(|it| &it.path);
        paths.position(|path| *path == begins.path)
    });
    let mut bytes = Vec::new();
    for (at, file) in files.iter().enumerate().skip(from.unwrap_or(0)) {
        let first = begins.as_ref().filter(|_| Some(at) == from);
        let mut offset = first.map_or(0, |it| it.offset);
        loop {
            let piece = session.read_log(&log, &file.path, offset, PIECE).await?;
            offset += piece.bytes.len() as u64;
            let whole = piece.bytes.len() < PIECE as usize;
            bytes.extend(piece.bytes);
            if bytes.len() > MOST {
                bytes.drain(..bytes.len() - MOST);
            }
            if whole {
                break;
            }
        }
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

impl Reading {
    fn take(&mut self, bytes: &[u8]) {
        let Self {
            lines,
            assembler,
            whole,
            ..
        } = self;
        lines.feed(bytes, |line, dropped| {
            whole.extend(assembler.push(of_line(line, dropped)).map(|(_, it)| it));
        });
    }

    /// Nothing more comes from this file.
    fn end(&mut self) {
        let Self {
            lines,
            assembler,
            whole,
            ..
        } = self;
        lines.end(|line, dropped| {
            whole.extend(assembler.push(of_line(line, dropped)).map(|(_, it)| it));
        });
        self.flush();
    }

    /// The entry that is begun is whole.
    fn flush(&mut self) {
        self.whole.extend(self.assembler.end().map(|(_, it)| it));
    }
}

fn of_line(line: &[u8], dropped: u64) -> Line<'_, ()> {
    Line {
        time: (),
        text: line.strip_suffix(b"\r").unwrap_or(line),
        dropped,
    }
}

/// Whether the server, or the API, has said that this is not for us.
fn is_refused(error: &OpenError) -> bool {
    match error {
        OpenError::Kube(error) => matches!(error, KubeError::Forbidden { .. }),
        OpenError::Sql(error) => matches!(
            error,
            SqlError::Refused { .. } | SqlError::NotLetIn { .. } | SqlError::WrongPassword { .. }
        ),
    }
}

/// The beginning of the file after this one; none when there is none yet.
async fn after(
    session: &Session,
    log: &ServerLog,
    place: &Place,
) -> Result<Option<Place>, OpenError> {
    let files = session.log_files(log).await?;
    let next = match files.iter().position(|it| it.path == place.path) {
        Some(at) => files.get(at + 1),
        // It was removed: what was written last is what was not read.
        None => files.last(),
    };
    Ok(next.map(|it| Place {
        path: it.path.clone(),
        offset: 0,
    }))
}

/// Where the last so many lines begin; none when there are not more.
async fn last_lines(
    session: &Session,
    log: &ServerLog,
    files: &[LogFile],
    lines: u64,
) -> Result<Option<Place>, OpenError> {
    let mut left = lines;
    for file in files.iter().rev() {
        let mut end = file.size;
        // The line break at its end ends its last line.
        let mut last = true;
        while end > 0 {
            let begin = end.saturating_sub(PROBE.into());
            // At most PROBE.
            let length = u32::try_from(end - begin).unwrap_or(PROBE);
            let piece = session.read_log(log, &file.path, begin, length).await?;
            for (at, byte) in piece.bytes.iter().enumerate().rev() {
                if *byte != b'\n' || std::mem::take(&mut last) {
                    last = false;
                    continue;
                }
                left = left.saturating_sub(1);
                if left == 0 {
                    return Ok(Some(Place {
                        path: file.path.clone(),
                        offset: begin + at as u64 + 1,
                    }));
                }
            }
            end = begin;
        }
        // The first line of a file has none before it.
        left = left.saturating_sub(u64::from(file.size > 0));
        if left == 0 {
            return Ok(Some(Place {
                path: file.path.clone(),
                offset: 0,
            }));
        }
    }
    Ok(None)
}

/// A place before which everything was written before that moment, and little of what comes after it; none when all may
/// have been written since.
async fn since_then(
    session: &Session,
    log: &ServerLog,
    files: &[LogFile],
    since: Timestamp,
) -> Result<Option<Place>, OpenError> {
    // A second more for how coarse either is.
    let moment = since.as_duration().as_secs_f64() - 1.0;
    let Some(file) = files.iter().find(|it| it.modified >= moment) else {
        // Nothing was: what comes from now on.
        return Ok(files.last().map(|it| Place {
            path: it.path.clone(),
            offset: it.size,
        }));
    };
    let (mut before, mut end) = (0, file.size);
    while end - before > u64::from(PROBE) * 2 {
        let middle = before + (end - before) / 2;
        let piece = session.read_log(log, &file.path, middle, PROBE).await?;
        let text = String::from_utf8_lossy(&piece.bytes);
        // The first of them is the rest of a line; and any of them may be what somebody else wrote into a message.
        let lines = text.lines().skip(1);
        match lines.filter_map(|line| log.zones.written_at(line)).max() {
            Some(time) if time < since => before = middle,
            Some(_) | None => end = middle,
        }
    }
    // From there it may be the middle of a line, which is told by its time.
    let piece = session.read_log(log, &file.path, before, PROBE).await?;
    let line = piece.bytes.iter().position(|byte| *byte == b'\n');
    let offset = match (before, line) {
        (0, _) | (_, None) => before,
        (_, Some(at)) => before + at as u64 + 1,
    };
    Ok(Some(Place {
        path: file.path.clone(),
        offset,
    }))
}
