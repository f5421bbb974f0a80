//! Logs of containers, in the format that container runtimes write (CRI): one line each of
//! `TIME stdout|stderr F|P TEXT`, where P marks a part of a line that goes on.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::fs::File;
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, DuplexStream,
};
use tokio::sync::watch;

use super::access::{LogOptions, LogStart, OutputStream};

/// A line longer than this is written in parts, as containerd does.
const MAX_PART: u64 = 16 * 1024;

/// About so much is written, or handed on, at once when there is much.
const BATCH: usize = 64 * 1024;

/// Takes the output of a container; clones write to the same file.
#[derive(Clone)]
pub(super) struct LogWriter {
    file: Arc<Mutex<Rotated>>,
    grown: Arc<watch::Sender<()>>,
}

/// When a log begins a new file. The log that a client reads is the newest file alone.
#[derive(Clone, Copy)]
struct Rotation {
    /// Bytes from which on a file is put aside.
    size: u64,
    /// How often that is looked at; in between a file may grow to any size.
    every: Duration,
    /// How many files there are at most, the newest included.
    files: usize,
}

/// The kubelet's own defaults: `containerLogMaxSize`, `containerLogMonitorInterval`, `containerLogMaxFiles`.
const ROTATION: Rotation = Rotation {
    size: 10 * 1024 * 1024,
    every: Duration::from_secs(10),
    files: 5,
};

/// The newest file of a log.
struct Rotated {
    path: PathBuf,
    file: std::fs::File,
    size: u64,
    looked: Instant,
    rotation: Rotation,
}

impl Rotated {
    fn write(&mut self, entry: &[u8]) -> io::Result<()> {
        use std::io::Write;
        self.file.write_all(entry)?;
        self.size += entry.len() as u64;
        if self.looked.elapsed() >= self.rotation.every {
            self.looked = Instant::now();
            if self.size > self.rotation.size {
                self.rotate()?;
            }
        }
        Ok(())
    }

    /// Puts the file aside under a name with the time, and forgets the oldest of those
    /// (pkg/kubelet/logs/container_log_manager.go, without its compression).
    fn rotate(&mut self) -> io::Result<()> {
        let time = Timestamp::now().strftime("%Y%m%d-%H%M%S.%9f");
        let name = format!("{}.{time}", self.path.display());
        std::fs::rename(&self.path, name)?;
        self.file = std::fs::File::create(&self.path)?;
        self.size = 0;
        let own = format!("{}.", self.path.display());
        let dir = self.path.parent().unwrap_or(Path::new("/"));
        let mut old: Vec<PathBuf> = std::fs::read_dir(dir)?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.display().to_string().starts_with(&own))
            .collect();
        old.sort();
        let keep = self.rotation.files.saturating_sub(1);
        for path in &old[..old.len().saturating_sub(keep)] {
            std::fs::remove_file(path)?;
        }
        Ok(())
    }
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
        let rotated = Rotated {
            path: path.to_owned(),
            file: std::fs::File::create(path)?,
            size: 0,
            looked: Instant::now(),
            rotation: ROTATION,
        };
        let (sender, grown) = watch::channel(());
        let writer = Self {
            file: Arc::new(Mutex::new(rotated)),
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
        let mut reader = BufReader::with_capacity(BATCH, stream);
        let mut line = Vec::new();
        let mut entries = Vec::new();
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
            add_entry(&mut entries, name, whole, &line);
            if entries.len() >= BATCH || !reader.buffer().contains(&b'\n') {
                self.write(&entries);
                entries.clear();
            }
        }
    }

    fn write(&self, entries: &[u8]) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk loses log lines, not the container.
        drop(file.write(entries));
        self.grown.send_replace(());
    }
}

fn add_entry(entries: &mut Vec<u8>, stream: &str, whole: bool, text: &[u8]) {
    let mark = if whole { "F" } else { "P" };
    entries.extend_from_slice(format!("{:.9} {stream} {mark} ", Timestamp::now()).as_bytes());
    entries.extend_from_slice(text);
    entries.push(b'\n');
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
                let more = printer.print(&entry);
                let due = !more || !lines.has_another() || printer.text.len() >= BATCH;
                if due && printer.flush().await.is_err() || !more {
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
    path: PathBuf,
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
            path: log.path.clone(),
            reader: BufReader::with_capacity(BATCH, file),
            grown: log.grown.clone(),
            follow,
            ended: false,
            buffer: Vec::new(),
        })
    }

    /// Whether the next is there already.
    fn has_another(&self) -> bool {
        self.reader.buffer().contains(&b'\n')
    }

    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            // Marked before reading, so that no growth is missed.
            self.grown.borrow_and_update();
            self.reader.read_until(b'\n', &mut self.buffer).await?;
            if self.buffer.last() == Some(&b'\n') {
                return Ok(Some(std::mem::take(&mut self.buffer)));
            }
            if !self.follow {
                return Ok(None);
            }
            if self.replaced().await? {
                // What came in before the change is still read, then the new file from its beginning.
                self.reader.read_until(b'\n', &mut self.buffer).await?;
                if self.buffer.last() == Some(&b'\n') {
                    return Ok(Some(std::mem::take(&mut self.buffer)));
                }
                self.reader = BufReader::new(File::open(&self.path).await?);
                continue;
            }
            if self.ended {
                return Ok(None);
            }
            // The writer is gone once the container's output has ended: one more look, then done.
            self.ended = self.grown.changed().await.is_err();
        }
    }

    /// Whether the log goes on in another file.
    async fn replaced(&self) -> io::Result<bool> {
        let own = self.reader.get_ref().metadata().await?.ino();
        Ok(tokio::fs::metadata(&self.path).await?.ino() != own)
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
    /// What was not handed on yet.
    text: Vec<u8>,
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
            text: Vec::new(),
            timestamps: options.timestamps,
            since,
            left: options.limit_bytes,
            continued: false,
        }
    }

    /// Takes one entry; false when the limit is reached.
    fn print(&mut self, raw: &[u8]) -> bool {
        let Some(entry) = Entry::parse(raw) else {
            return true;
        };
        if self.since.is_some() && entry.time() < self.since {
            return true;
        }
        let begin = self.text.len();
        if self.timestamps && !self.continued {
            self.text.extend_from_slice(entry.time);
            self.text.push(b' ');
        }
        self.text.extend(entry.output());
        self.continued = !entry.whole;
        if let Some(left) = &mut self.left {
            let most = usize::try_from(*left).unwrap_or(usize::MAX);
            self.text.truncate(begin.saturating_add(most));
            *left -= (self.text.len() - begin) as u64;
        }
        self.left != Some(0)
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.text).await?;
        self.text.clear();
        Ok(())
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
    Ok(starts.get(skip).copied().unwrap_or(at) as u64)
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
    async fn a_log_that_is_rotated_is_followed_and_read_from_its_newest_file() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let (writer, log) = LogWriter::create(&dir.path().join("0.log"))?;
        let tiny = Rotation {
            size: 100,
            every: Duration::ZERO,
            files: 3,
        };
        writer.file.lock().expect("no writer has panicked").rotation = tiny;
        let follow = LogOptions {
            follow: true,
            ..LogOptions::default()
        };
        let mut stream = log.read(follow).await?;
        let mut all = String::new();
        for number in 0..20 {
            // Each is read before the next comes: what is rotated away twice in between is lost on a cluster, too.
            let line = format!("line {number}\n");
            writer.clone().take("stdout", line.as_bytes()).await;
            let mut read = vec![0; line.len()];
            stream.read_exact(&mut read).await?;
            all.push_str(&String::from_utf8_lossy(&read));
        }
        assert_eq!(all.lines().count(), 20, "{all}");
        assert!(all.ends_with("line 18\nline 19\n"), "{all}");
        let now = text(&log, LogOptions::default()).await?;
        assert!(now.lines().count() < 4, "the newest file alone: {now}");
        assert_eq!(std::fs::read_dir(dir.path())?.count(), 3);
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
