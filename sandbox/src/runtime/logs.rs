//! Logs of containers, in the format that container runtimes write (CRI): one line each of
//! `TIME stdout|stderr F|P TEXT`, where P marks a part of a line that goes on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::fs::File;
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, DuplexStream,
};
use tokio::sync::watch;

use super::access::{LogOptions, LogStart, OutputStream};

/// A line longer than this is written in parts, as containerd does.
const MAX_PART: u64 = 16 * 1024;

/// Takes the output of a container; clones write to the same file.
#[derive(Clone)]
pub(super) struct LogWriter {
    file: Arc<Mutex<std::fs::File>>,
    grown: Arc<watch::Sender<()>>,
}

/// Where the log of one run of a container is, and how to learn that it grows.
#[derive(Debug, Clone)]
pub struct Log {
    path: PathBuf,
    grown: watch::Receiver<()>,
}

impl LogWriter {
    pub(super) fn create(path: &Path) -> io::Result<(Self, Log)> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        let file = std::fs::File::create(path)?;
        let (sender, grown) = watch::channel(());
        let writer = Self {
            file: Arc::new(Mutex::new(file)),
            grown: Arc::new(sender),
        };
        let log = Log {
            path: path.to_owned(),
            grown,
        };
        Ok((writer, log))
    }

    /// Copies a stream until its end.
    pub(super) async fn take(self, name: &'static str, stream: impl AsyncRead + Unpin) {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            match (&mut reader)
                .take(MAX_PART)
                .read_until(b'\n', &mut line)
                .await
            {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let whole = line.last() == Some(&b'\n');
            if whole {
                line.pop();
            }
            self.write(name, whole, &line);
        }
    }

    fn write(&self, stream: &str, whole: bool, text: &[u8]) {
        use std::io::Write;
        let mark = if whole { "F" } else { "P" };
        let mut entry = format!("{:.9} {stream} {mark} ", Timestamp::now()).into_bytes();
        entry.extend_from_slice(text);
        entry.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk loses log lines, not the container.
        drop(file.write_all(&entry));
        self.grown.send_replace(());
    }
}

impl Log {
    /// The log as `kubectl logs` shows it.
    pub async fn read(&self, options: LogOptions) -> io::Result<OutputStream> {
        let start = match options.tail_lines {
            Some(lines) => tail_offset(&self.path, lines).await?,
            None => 0,
        };
        let (out, stream) = tokio::io::duplex(64 * 1024);
        let mut printer = Printer::new(out, &options);
        let mut lines = Lines::open(self, start, options.follow).await?;
        tokio::spawn(async move {
            // An error means that the reader went away, or the file did.
            while let Ok(Some(entry)) = lines.next().await {
                if !matches!(printer.print(&entry).await, Ok(true)) {
                    return;
                }
            }
        });
        Ok(Box::new(stream))
    }

    /// The output from now on, stdout and stderr apart.
    pub async fn attach(&self) -> io::Result<(OutputStream, OutputStream)> {
        let end = tokio::fs::metadata(&self.path).await?.len();
        let (mut out, stdout) = tokio::io::duplex(64 * 1024);
        let (mut err, stderr) = tokio::io::duplex(64 * 1024);
        let mut lines = Lines::open(self, end, true).await?;
        tokio::spawn(async move {
            while let Ok(Some(entry)) = lines.next().await {
                let Some(entry) = Entry::parse(&entry) else {
                    continue;
                };
                let target = if entry.stdout { &mut out } else { &mut err };
                if target.write_all(&entry.output()).await.is_err() {
                    return;
                }
            }
        });
        Ok((Box::new(stdout), Box::new(stderr)))
    }

    /// The last lines, at most so many and so many bytes, for a termination message.
    pub(crate) fn last_output(&self, lines: usize, bytes: usize) -> String {
        let Ok(content) = std::fs::read(&self.path) else {
            return String::new();
        };
        let entries: Vec<&[u8]> = content.split_inclusive(|b| *b == b'\n').collect();
        let from = entries.len().saturating_sub(lines);
        let text: Vec<u8> = entries[from..]
            .iter()
            .filter_map(|raw| Entry::parse(raw))
            .flat_map(|entry| entry.output())
            .collect();
        let start = text.len().saturating_sub(bytes);
        String::from_utf8_lossy(&text[start..]).into_owned()
    }
}

/// Reads the file entry by entry, and waits for more while it may grow.
struct Lines {
    reader: BufReader<File>,
    grown: watch::Receiver<()>,
    follow: bool,
    ended: bool,
    buffer: Vec<u8>,
}

impl Lines {
    async fn open(log: &Log, start: u64, follow: bool) -> io::Result<Self> {
        let mut file = File::open(&log.path).await?;
        file.seek(io::SeekFrom::Start(start)).await?;
        Ok(Self {
            reader: BufReader::new(file),
            grown: log.grown.clone(),
            follow,
            ended: false,
            buffer: Vec::new(),
        })
    }

    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            // Marked before reading, so that no growth is missed.
            self.grown.borrow_and_update();
            self.reader.read_until(b'\n', &mut self.buffer).await?;
            if self.buffer.last() == Some(&b'\n') {
                return Ok(Some(std::mem::take(&mut self.buffer)));
            }
            if !self.follow || self.ended {
                return Ok(None);
            }
            // The writer is gone once the container's output has ended: one more look, then done.
            self.ended = self.grown.changed().await.is_err();
        }
    }
}

struct Entry<'a> {
    time: &'a [u8],
    stdout: bool,
    whole: bool,
    text: &'a [u8],
}

impl<'a> Entry<'a> {
    fn parse(raw: &'a [u8]) -> Option<Self> {
        let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
        let mut fields = raw.splitn(4, |b| *b == b' ');
        let (time, stream, mark) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Self {
            time,
            stdout: stream == b"stdout",
            whole: mark == b"F",
            text: fields.next()?,
        })
    }

    fn output(&self) -> Vec<u8> {
        let mut text = self.text.to_vec();
        if self.whole {
            text.push(b'\n');
        }
        text
    }

    fn time(&self) -> Option<Timestamp> {
        std::str::from_utf8(self.time).ok()?.parse().ok()
    }
}

struct Printer {
    out: DuplexStream,
    timestamps: bool,
    since: Option<Timestamp>,
    left: Option<u64>,
    continued: bool,
}

impl Printer {
    fn new(out: DuplexStream, options: &LogOptions) -> Self {
        let since = options.since.map(|start| match start {
            LogStart::At(time) => time,
            LogStart::Ago(age) => Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN),
        });
        Self {
            out,
            timestamps: options.timestamps,
            since,
            left: options.limit_bytes,
            continued: false,
        }
    }

    /// Writes one entry; false when the limit is reached.
    async fn print(&mut self, raw: &[u8]) -> io::Result<bool> {
        let Some(entry) = Entry::parse(raw) else {
            return Ok(true);
        };
        if self.since.is_some() && entry.time() < self.since {
            return Ok(true);
        }
        let mut text = Vec::new();
        if self.timestamps && !self.continued {
            text.extend_from_slice(entry.time);
            text.push(b' ');
        }
        text.extend(entry.output());
        self.continued = !entry.whole;
        if let Some(left) = &mut self.left {
            text.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= text.len() as u64;
        }
        self.out.write_all(&text).await?;
        Ok(self.left != Some(0))
    }
}

/// Where the last `wanted` lines begin.
async fn tail_offset(path: &Path, wanted: u64) -> io::Result<u64> {
    let content = tokio::fs::read(path).await?;
    let mut starts = vec![0];
    let mut at = 0;
    for entry in content.split_inclusive(|b| *b == b'\n') {
        at += entry.len();
        // A part belongs to the line that it begins.
        if Entry::parse(entry).is_none_or(|e| e.whole) {
            starts.push(at);
        }
    }
    // The last line may not have ended yet.
    let lines = match starts.last() {
        Some(last) if *last < at => starts.len(),
        _ => starts.len() - 1,
    };
    let skip = lines.saturating_sub(usize::try_from(wanted).unwrap_or(usize::MAX));
    Ok(starts.get(skip).copied().unwrap_or(0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(log: &Log, options: LogOptions) -> io::Result<String> {
        let mut text = String::new();
        log.read(options).await?.read_to_string(&mut text).await?;
        Ok(text)
    }

    async fn sample(dir: &Path, content: &[u8]) -> io::Result<Log> {
        let (writer, log) = LogWriter::create(&dir.join("0.log"))?;
        writer.take("stdout", content).await;
        Ok(log)
    }

    #[tokio::test]
    async fn what_was_written_is_read_back_to_the_byte() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let long = "x".repeat(40_000);
        let content = format!("one\n\n {long}\nno newline");
        let log = sample(dir.path(), content.as_bytes()).await?;
        assert_eq!(text(&log, LogOptions::default()).await?, content);
        let tail = LogOptions {
            tail_lines: Some(2),
            ..LogOptions::default()
        };
        assert!(text(&log, tail).await?.starts_with(&format!(" {long}\n")));
        let limited = LogOptions {
            limit_bytes: Some(6),
            ..LogOptions::default()
        };
        assert_eq!(text(&log, limited).await?, "one\n\n ");
        Ok(())
    }

    #[tokio::test]
    async fn following_ends_with_the_writer_and_misses_nothing() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let (writer, log) = LogWriter::create(&dir.path().join("0.log"))?;
        let follow = LogOptions {
            follow: true,
            ..LogOptions::default()
        };
        let reader = tokio::spawn(async move { text(&log, follow).await });
        writer.clone().take("stdout", &b"a\n"[..]).await;
        tokio::task::yield_now().await;
        writer.take("stderr", &b"b\n"[..]).await;
        assert_eq!(reader.await.map_err(io::Error::other)??, "a\nb\n");
        Ok(())
    }

    #[tokio::test]
    async fn times_come_before_lines_and_select_them() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let log = sample(dir.path(), b"hello\n").await?;
        let stamped = LogOptions {
            timestamps: true,
            ..LogOptions::default()
        };
        let line = text(&log, stamped).await?;
        let (time, rest) = line.split_once(' ').unwrap_or_default();
        assert!(time.parse::<Timestamp>().is_ok(), "{line}");
        assert_eq!(rest, "hello\n");
        let later = LogOptions {
            since: Some(LogStart::At(Timestamp::MAX)),
            ..LogOptions::default()
        };
        assert_eq!(text(&log, later).await?, "");
        Ok(())
    }
}
