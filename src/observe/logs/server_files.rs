//! Reads the files that a server writes its log into by itself (`logging_collector`), over a session in it, and goes on
//! reading them whatever happens to the server. Only what this run of the server has written is read: before it stands,
//! besides what the runs before have written, what a clone or a rewind has brought along from another server.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::lines::Lines;
use super::outlet::{LogNews, Outlet};
use super::reader::{LONGEST_ENTRY, Reader};
use crate::kubernetes::{CredentialsSource, Kube, KubeError, LogRange};
use crate::log::{Assembler, Line, LogEntry, LogTimes, begins};
use crate::observe::open::{OpenError, login, open_without_trace};
use crate::postgres::{LogFile, Login, ServerLog, Session, SqlError};

/// What is read at once.
const PIECE: u32 = 256 * 1024;
/// Where something is only looked for, less is read.
const PROBE: u32 = 64 * 1024;
/// What tells whether a line begins an entry stands within so many bytes of it.
const HEAD: u64 = 1024;
/// The most that is kept where it is not handed on.
const MOST: usize = 8 * 1024 * 1024;
/// Between two looks whether something new is there.
const POLL: Duration = Duration::from_millis(500);
/// Between two looks whether there are files.
const NO_FILES: Duration = Duration::from_secs(5);
/// The most by which an entry may stand behind a later one.
const OUT_OF_ORDER: Duration = Duration::from_secs(10);
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
    /// It need not be the beginning of an entry: what comes before the first belongs to none that is wanted.
    within: bool,
}

struct Reading {
    place: Option<Place>,
    lines: Lines,
    assembler: Assembler<()>,
    /// What was written before is not wanted.
    from: Option<Timestamp>,
    /// The time of the last entry that had one.
    last: Option<Timestamp>,
    /// Entries that are whole, and not handed on yet.
    whole: Vec<LogEntry>,
    /// Whether it was told that it can't be read, since it could be.
    told: bool,
}

/// How reading ended.
enum End {
    /// There is no more.
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

    /// Reads until the end; when it follows, until nobody wants to know any more, or it is not allowed.
    pub(super) async fn run(self) {
        let mut reading = Reading {
            place: None,
            lines: Lines::default(),
            assembler: Assembler::new(LONGEST_ENTRY),
            from: self.range.since,
            last: None,
            whole: Vec::new(),
            told: false,
        };
        loop {
            let error = match self.once(&mut reading).await {
                Ok(End::Whole | End::Unwanted) => return,
                Err(error) => error,
            };
            // A right that is missing does not come by asking again, and asking is a line in that log.
            let again = self.range.follow && !is_refused(&error);
            if !again || !std::mem::replace(&mut reading.told, true) {
                self.outlet.news(LogNews::FilesUnreadable { error, again });
            }
            if !again {
                reading.flush();
                let times = LogTimes::default();
                self.hand_on(&mut reading, &times).await;
                return;
            }
            sleep(AGAIN).await;
        }
    }

    /// Opens a session, and reads on from where it was left.
    async fn once(&self, reading: &mut Reading) -> Result<End, OpenError> {
        let credentials = self.kube.credentials(&self.credentials).await?;
        let login = login(&credentials, self.kube.timeout());
        let session = open_without_trace(&self.kube, &self.namespace, &self.pod, &login).await?;
        loop {
            let Some(log) = session.server_log().await? else {
                // They may come, with another `log_destination`.
                if !self.range.follow {
                    return Ok(End::Whole);
                }
                sleep(NO_FILES).await;
                continue;
            };
            // It stays where it is when what follows fails.
            let place = match reading.place.clone() {
                Some(place) => self.onwards(&session, &log, reading, place).await?,
                None => self.beginning(&session, &log, reading).await?,
            };
            if let Some(end) = self.read(&session, &log, reading, place).await? {
                return Ok(end);
            }
            // The file that is written now is another one.
        }
    }

    /// Reads one file to its end; none when the server has gone on to another.
    async fn read(
        &self,
        session: &Session,
        log: &ServerLog,
        reading: &mut Reading,
        mut place: Place,
    ) -> Result<Option<End>, OpenError> {
        let mut quiet = false;
        loop {
            reading.place = Some(place.clone());
            let piece = session
                .read_log(log, &place.path, place.offset, PIECE)
                .await?;
            reading.told = false;
            let whole = piece.bytes.len() < PIECE as usize;
            // The rest of a line is read again, with its end.
            let end = match piece.bytes.iter().rposition(|byte| *byte == b'\n') {
                Some(at) => at + 1,
                None if whole => 0,
                None => piece.bytes.len(),
            };
            let mut lines = &piece.bytes[..end];
            if place.within {
                match beginning_in(log, lines) {
                    Some(at) => {
                        lines = &lines[at..];
                        place.within = false;
                    }
                    None => lines = &[],
                }
            }
            if end > 0 {
                reading.take(lines);
                place.offset += end as u64;
                reading.place = Some(place.clone());
                quiet = false;
            }
            if !self.hand_on(reading, &log.times).await {
                return Ok(Some(End::Unwanted));
            }
            if !whole {
                continue;
            }
            // It was begun anew under the same name (`log_truncate_on_rotation`).
            if piece.size.is_some_and(|size| size < place.offset) {
                place.offset = 0;
                continue;
            }
            let goes_on = piece.current.as_ref() == Some(&place.path);
            if !goes_on || !self.range.follow {
                // What stands there without the end of its line, when nothing more comes.
                reading.take(&piece.bytes[end..]);
                place.offset += (piece.bytes.len() - end) as u64;
                reading.place = Some(place.clone());
                reading.end();
                if !self.hand_on(reading, &log.times).await {
                    return Ok(Some(End::Unwanted));
                }
                return Ok(goes_on.then_some(End::Whole));
            }
            if std::mem::replace(&mut quiet, true) {
                // PostgreSQL writes an entry at once.
                reading.flush();
                if !self.hand_on(reading, &log.times).await {
                    return Ok(Some(End::Unwanted));
                }
            }
            sleep(POLL).await;
        }
    }

    /// Where what is wanted begins.
    async fn beginning(
        &self,
        session: &Session,
        log: &ServerLog,
        reading: &mut Reading,
    ) -> Result<Place, OpenError> {
        let from = log.started.max(self.range.since.unwrap_or(log.started));
        reading.from = Some(from);
        let files = session.log_files(log).await?;
        let since = since_then(session, log, &files, from).await?;
        let tail = match self.range.tail {
            Some(lines) => last_lines(session, log, &files, lines).await?,
            None => None,
        };
        // Of both that which is later.
        let at = |place: &Place| {
            let number = files.iter().position(|it| it.path == place.path);
            (number, place.offset)
        };
        let places = [since, tail].into_iter().flatten();
        Ok(places
            .max_by_key(at)
            .unwrap_or_else(|| Place::first_of(&log.current)))
    }

    /// Where it goes on after a place that was read to: there, or in the next file.
    async fn onwards(
        &self,
        session: &Session,
        log: &ServerLog,
        reading: &mut Reading,
        place: Place,
    ) -> Result<Place, OpenError> {
        let files = session.log_files(log).await?;
        let at = files.iter().position(|it| it.path == place.path);
        if let Some(at) = at {
            let file = &files[at];
            if file.size != place.offset || file.path == log.current {
                return Ok(place);
            }
        }
        let last = reading.last.unwrap_or(log.started);
        let from = match at {
            // A file may be one that was written long before (`log_filename` with `%a`, say), and is written on. Processes
            // write a little out of order.
            Some(_) => last.checked_sub(OUT_OF_ORDER),
            // In another format, or elsewhere, it may say what was said already.
            None => last.checked_add(Duration::from_nanos(1)),
        };
        let from = from.unwrap_or(last).max(log.started);
        reading.from = Some(from);
        let after = at.map_or(0, |at| at + 1);
        let next = since_then(session, log, &files[after..], from).await?;
        Ok(next.unwrap_or_else(|| Place::first_of(&log.current)))
    }

    /// Hands on what is whole and wanted. False when nobody reads any more.
    async fn hand_on(&self, reading: &mut Reading, times: &LogTimes) -> bool {
        for entry in reading.whole.drain(..) {
            let first = entry.text.lines().next().unwrap_or_default();
            let time = times.of_entry(entry.format, first).or(reading.last);
            reading.last = time;
            let before = |from| time.is_some_and(|time| time < from);
            if reading.from.is_some_and(before) {
                continue;
            }
            if !self.outlet.entry(time, entry).await {
                return false;
            }
        }
        true
    }
}

impl Place {
    fn first_of(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            offset: 0,
            within: false,
        }
    }
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
        OpenError::Sql(SqlError::NotLetIn { .. } | SqlError::WrongPassword { .. }) => true,
        OpenError::Sql(error) => error.sqlstate() == Some("42501"),
    }
}

/// Where the first entry begins.
fn beginning_in(log: &ServerLog, bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if begins_here(log, line) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

/// The last lines of the files that a server writes its log into by itself, of what this run of it has written, and no
/// more than 8 MiB, from the beginning of an entry on; none when it has no files.
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
    let session = open_without_trace(kube, namespace, pod, login).await?;
    let Some(log) = session.server_log().await? else {
        return Ok(None);
    };
    let files = session.log_files(&log).await?;
    let places = [
        since_then(&session, &log, &files, log.started).await?,
        last_lines(&session, &log, &files, lines).await?,
    ];
    let number = |path: &str| files.iter().position(|it| it.path == path);
    let places = places.into_iter().flatten();
    let begins = places.max_by_key(|it| (number(&it.path), it.offset));
    let from = begins.as_ref().and_then(|it| number(&it.path));
    let mut within = begins.as_ref().is_some_and(|it| it.within);
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
                within = true;
            }
            if whole {
                break;
            }
        }
    }
    // The end of an entry whose beginning is not there looks like anything: also like nothing that has to be left out.
    if within {
        let at = beginning_in(&log, &bytes).unwrap_or(bytes.len());
        bytes.drain(..at);
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Where the last so many lines begin, and with them all of the entry that the first of them is of; none when there are not
/// more.
async fn last_lines(
    session: &Session,
    log: &ServerLog,
    files: &[LogFile],
    lines: u64,
) -> Result<Option<Place>, OpenError> {
    let place = |file: &LogFile, offset, within| Place {
        path: file.path.clone(),
        offset,
        within,
    };
    let mut left = lines;
    for (number, file) in files.iter().enumerate().rev() {
        if left == 0 && number + 1 == files.len() {
            return Ok(Some(place(file, file.size, file.size > 0)));
        }
        let mut end = file.size;
        // The line break at its end ends its last line.
        let mut last = true;
        while end > 0 {
            let begin = end.saturating_sub(PROBE.into());
            // As much more as tells what a line is that begins at its end.
            let length = (end - begin + HEAD).min(file.size - begin);
            let length = u32::try_from(length).unwrap_or(PROBE);
            let piece = session.read_log(log, &file.path, begin, length).await?;
            let scanned = usize::try_from(end - begin).unwrap_or(usize::MAX);
            let scanned = &piece.bytes[..scanned.min(piece.bytes.len())];
            for (at, byte) in scanned.iter().enumerate().rev() {
                if *byte != b'\n' || std::mem::take(&mut last) {
                    last = false;
                    continue;
                }
                left = left.saturating_sub(1);
                if left == 0 && begins_here(log, &piece.bytes[at + 1..]) {
                    return Ok(Some(place(file, begin + at as u64 + 1, false)));
                }
            }
            end = begin;
        }
        // The first line of a file has none before it.
        left = left.saturating_sub(u64::from(file.size > 0));
        if left == 0 {
            return Ok(Some(place(file, 0, false)));
        }
    }
    Ok(None)
}

fn begins_here(log: &ServerLog, bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next();
    line.is_some_and(|line| begins(log.format, &String::from_utf8_lossy(line)))
}

/// A place before which everything was written before that moment, and little of what comes after it; none when there is
/// no file.
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
            within: it.size > 0,
        }));
    };
    let (mut before, mut end) = (0, file.size);
    while end - before > u64::from(PROBE) * 2 {
        let middle = before + (end - before) / 2;
        let piece = session.read_log(log, &file.path, middle, PROBE).await?;
        let text = String::from_utf8_lossy(&piece.bytes);
        // The first of them is the rest of a line; and any of them may be what somebody has put into a message.
        let lines = text.lines().skip(1);
        let times = lines.filter_map(|line| log.times.of_entry(log.format, line));
        match times.max() {
            Some(time) if time < since => before = middle,
            Some(_) | None => end = middle,
        }
    }
    Ok(Some(Place {
        path: file.path.clone(),
        offset: before,
        within: before > 0,
    }))
}
