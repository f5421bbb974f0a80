//! Who works on the cluster, and the name of the objects that say so: the Lease and the journal.

use std::fs;

use crate::cluster::ClusterId;
use crate::plan::Operation;

/// Which operations have a Lease and a journal in common: one of them at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RecordOf {
    /// Those that change the cluster.
    #[default]
    Cluster,
    /// Those that make throw-away servers beside it. They may take hours, and touch nothing that is there: no failover waits for
    /// one.
    ThrowAway,
}

impl RecordOf {
    /// Of an operation.
    pub fn operation(operation: &Operation) -> Self {
        match operation.throw_away() {
            Some(_) => Self::ThrowAway,
            None => Self::Cluster,
        }
    }
}

/// Name of the Lease and of the journal's ConfigMap of a cluster. With a dot, where another kind has a dash, whatever a
/// cluster is called.
pub fn object_name(cluster: &ClusterId, of: RecordOf) -> String {
    match of {
        RecordOf::Cluster => format!("pgctl-{}", cluster.name),
        RecordOf::ThrowAway => format!("pgctl.throw-away-{}", cluster.name),
    }
}

/// The person, the machine and the process, as `ann@laptop/4711-…`. The tail tells this process
/// from every other: a Lease whose holder has died on this very machine need not be waited for.
pub fn who() -> String {
    let user = ["PGCTL_USER", "SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(system_user);
    let host = fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_default();
    let text = format!("{user}@{}/{}", host.trim(), process(std::process::id()));
    // It goes into objects of the API and onto screens.
    text.chars()
        .filter(|c| c.is_ascii_graphic())
        .take(200)
        .collect()
}

/// Whose process this is, as the system knows them. Cron and containers may have no variable that says it.
fn system_user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    user_name(&users, uid).unwrap_or_else(|| format!("uid-{uid}"))
}

/// The first field of the line of `/etc/passwd` whose third is the number; none where no line has it.
fn user_name(users: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|it| !it.is_empty())?;
        (fields.nth(1) == Some(uid.as_str())).then(|| name.to_owned())
    })
}

/// A process of this machine since it was booted: its number, when it began, and where it is seen.
fn process(pid: u32) -> String {
    format!("{pid}-{}-{}", began(pid).unwrap_or_default(), machine())
}

/// The boot and the PID namespace in which process numbers mean something.
fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let boot: String = boot
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(12)
        .collect();
    let namespace = fs::read_link("/proc/self/ns/pid")
        .map(|link| {
            link.to_string_lossy()
                .chars()
                .filter(char::is_ascii_digit)
                .collect()
        })
        .unwrap_or_else(|_| String::new());
    format!("{boot}-{namespace}")
}

/// Field 22 of `/proc/PID/stat`: when the process began, in ticks since the boot.
fn began(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses and may hold anything.
    let (_, after) = stat.rsplit_once(')')?;
    after.split_whitespace().nth(19).map(str::to_owned)
}

/// Whether this holder was a process of this machine that does not exist any more. A holder of
/// another machine, or of another PID namespace, is never taken for dead.
pub(super) fn died_here(holder: &str) -> bool {
    let Some((_, tail)) = holder.rsplit_once('/') else {
        return false;
    };
    let mut parts = tail.splitn(3, '-');
    let (Some(pid), Some(start), Some(place)) = (
        parts.next().and_then(|pid| pid.parse::<u32>().ok()),
        parts.next(),
        parts.next(),
    ) else {
        return false;
    };
    let known = machine();
    known.len() > 1 && place == known && !start.is_empty() && began(pid).as_deref() != Some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_name_that_the_system_has_for_them() {
        let users = "root:x:0:0:root:/root:/bin/sh\n+::::::\nann:x:1000:100::/home/ann:/bin/sh\n";
        assert_eq!(user_name(users, 0).as_deref(), Some("root"));
        assert_eq!(user_name(users, 1000).as_deref(), Some("ann"));
        // A group's number is none of a user.
        assert_eq!(user_name(users, 100), None);
        assert!(!system_user().is_empty());
    }

    #[test]
    fn this_process_is_alive_and_one_that_never_was_is_not() {
        let me = who();
        assert!(!died_here(&me), "{me}");
        let (head, tail) = me.rsplit_once('/').expect("a holder has a tail");
        let place = tail.splitn(3, '-').nth(2).expect("a place");
        assert!(died_here(&format!(
            "{head}/{}-1-{place}",
            std::process::id()
        )));
        assert!(!died_here(&format!("{head}/1-1-otherboot-1")));
        assert!(!died_here("somebody"));
    }
}
