//! What a sandbox that has ended, or was killed, may have left behind: processes and files.
//!
//! Containers end with their daemon (the kernel sees to it). This is the second line: whatever still
//! runs with a volume of the sandbox is killed before its files go.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Kills what still runs in containers of the sandbox in this folder. True when nothing is left.
pub(crate) fn kill_all(folder: &Path) -> bool {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let found = find(folder);
        if found.is_empty() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        for pid in found {
            // It may have ended by itself in between.
            let _ = kill(pid, Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Removes a folder with everything in it, also what its owner may not write to.
pub(crate) fn remove_tree(folder: &Path) {
    // The last process of a container may still be writing its last file.
    for _ in 0..20 {
        match fs::remove_dir_all(folder) {
            Ok(()) => return,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(_) => make_writable(folder),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn make_writable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let all = fs::Permissions::from_mode(0o700);
            drop(fs::set_permissions(entry.path(), all));
            make_writable(&entry.path());
        }
    }
}

/// The containers' processes: those with a file of the folder mounted somewhere (bubblewrap), and
/// container tools that were given one (proot). A shell whose directory is in the folder is not one.
fn find(folder: &Path) -> Vec<Pid> {
    let Some(folder) = folder.to_str() else {
        return Vec::new();
    };
    let inside = format!("{}/", folder.trim_end_matches('/'));
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if number == i32::try_from(std::process::id()).unwrap_or(0) || is_dead(&entry.path()) {
            continue;
        }
        if mounts(&entry.path(), &inside) || was_given(&entry.path(), &inside) {
            found.push(Pid::from_raw(number));
        }
    }
    found
}

fn is_dead(process: &Path) -> bool {
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    state.is_empty() || state.starts_with(['Z', 'X'])
}

fn mounts(process: &Path, inside: &str) -> bool {
    let mounts = fs::read_to_string(process.join("mountinfo")).unwrap_or_default();
    // The fourth field is the path within the file system: the folder's own, or its end where the
    // folder lies on a file system of its own. Its last two names are the least that tells.
    let cuts: Vec<usize> = inside.match_indices('/').map(|(at, _)| at).collect();
    let ends = cuts.iter().rev().skip(2).map(|at| &inside[*at..]);
    let ends: Vec<&str> = ends.collect();
    mounts.lines().any(|line| {
        let root = line.split(' ').nth(3).unwrap_or("");
        ends.iter().any(|end| root.starts_with(end))
    })
}

fn was_given(process: &Path, inside: &str) -> bool {
    let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
    let mut arguments = arguments.split(|byte| *byte == 0);
    let program = String::from_utf8_lossy(arguments.next().unwrap_or_default()).into_owned();
    let program = program.rsplit('/').next().unwrap_or("").to_owned();
    matches!(program.as_str(), "bwrap" | "proot")
        && arguments.any(|argument| String::from_utf8_lossy(argument).contains(inside))
}
