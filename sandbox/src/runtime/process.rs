//! Processes of the host, as `/proc` shows them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// CPU time and memory of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time used so far by its living processes and those they waited for.
    pub cpu: Duration,
    /// Memory in bytes: private pages of each process, shared memory counted once.
    pub memory: u64,
}

/// How the processes of one container are told from all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    /// By their PID namespace (the inode of `/proc/PID/ns/pid`).
    Namespace(u64),
    /// By the proot processes that trace them.
    Tracers(Vec<i32>),
}

impl Tree {
    /// The namespace that a process lives in.
    pub(super) fn namespace_of(pid: i32) -> Option<Self> {
        let meta = fs::metadata(format!("/proc/{pid}/ns/pid")).ok()?;
        Some(Self::Namespace(meta.ino()))
    }

    /// The processes of the container that live now.
    pub(super) fn members(&self) -> Vec<i32> {
        all().filter(|pid| self.contains(*pid)).collect()
    }

    fn contains(&self, pid: i32) -> bool {
        match self {
            Self::Namespace(inode) => {
                fs::metadata(format!("/proc/{pid}/ns/pid")).is_ok_and(|m| m.ino() == *inode)
            }
            Self::Tracers(tracers) => {
                status_field(pid, "TracerPid:").is_some_and(|tracer| tracers.contains(&tracer))
            }
        }
    }

    /// Sends SIGSTOP to every process until none is left running, forked ones included.
    pub(super) fn freeze(&self) {
        // A fork may race with the listing, so it goes round until a pass finds nothing to do. A
        // process in uninterruptible sleep stops when it wakes, hence the bound.
        for _ in 0..50 {
            let awake: Vec<i32> = self
                .members()
                .into_iter()
                .filter(|pid| !matches!(state(*pid), None | Some('T' | 't' | 'Z' | 'X')))
                .collect();
            if awake.is_empty() {
                return;
            }
            for pid in awake {
                signal(pid, Signal::SIGSTOP);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sends a signal to every process.
    pub(super) fn signal(&self, which: Signal) {
        for pid in self.members() {
            signal(pid, which);
        }
    }

    /// What the living processes have used.
    pub(super) fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        let mut shared = 0;
        for pid in self.members() {
            usage.cpu += cpu_time(pid).unwrap_or_default();
            let kib = |name| status_field::<u64>(pid, name).unwrap_or(0);
            usage.memory += kib("RssAnon:") * 1024;
            shared = shared.max(kib("RssShmem:") * 1024);
        }
        usage.memory += shared;
        usage
    }
}

/// Sends a signal; a process that is gone needs none.
pub(super) fn signal(pid: i32, which: Signal) {
    let _gone_already = kill(Pid::from_raw(pid), which);
}

/// The children that a process has now.
pub(super) fn children(parent: i32) -> Vec<i32> {
    let listed = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    match listed {
        Ok(text) => text
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect(),
        // The kernel may be built without that file.
        Err(_) => all()
            .filter(|pid| status_field(*pid, "PPid:") == Some(parent))
            .collect(),
    }
}

/// The name of the program that a process runs, at most 15 characters of it.
pub(super) fn program(pid: i32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

fn all() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn status_field<T: std::str::FromStr>(pid: i32, name: &str) -> Option<T> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The fields of `/proc/PID/stat` after the program's name, which may hold spaces and brackets.
fn stat(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn state(pid: i32) -> Option<char> {
    stat(pid)?.first()?.chars().next()
}

fn cpu_time(pid: i32) -> Option<Duration> {
    // utime, stime, cutime and cstime: fields 14 to 17 of proc(5), counted from 1; state is the 3rd.
    let ticks: u64 = stat(pid)?
        .get(11..15)?
        .iter()
        .filter_map(|f| f.parse::<u64>().ok())
        .sum();
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Some(Duration::from_millis(ticks * 1000 / per_second))
}
