//! Signals that this process was started with as ignored. A shell does that to SIGINT and SIGQUIT of what
//! it runs in the background, `nohup` to SIGHUP.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Sees to it that whatever is started from here on has these signals as a container runtime leaves
/// them: not ignored. Else PostgreSQL's fast shutdown and the traps of scripts would not be there.
///
/// Across `exec` an ignored signal stays ignored, and one that somebody listens for becomes what it
/// is by default. So each that is ignored is listened for, and still does nothing here.
///
/// Must be called in a Tokio runtime.
///
/// # Errors
/// When the machine refuses a handler, or does not say what is ignored.
pub(super) fn reset_ignored() -> io::Result<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let ignored = ignored(&status).ok_or_else(|| io::Error::other("no SigIgn in its status"))?;
    for kind in [
        SignalKind::hangup(),
        SignalKind::interrupt(),
        SignalKind::quit(),
        SignalKind::terminate(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
    ] {
        if ignored & (1 << (kind.as_raw_value() - 1)) != 0 {
            // The handler stays when this is dropped.
            drop(signal(kind)?);
        }
    }
    Ok(())
}

/// The mask of ignored signals in the text of `/proc/PID/status`.
fn ignored(status: &str) -> Option<u64> {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::ignored;

    #[test]
    fn the_mask_is_read_from_the_kernels_words() {
        let status = "Name:\tsh\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000006\n";
        assert_eq!(ignored(status), Some(0b110));
        assert_eq!(ignored("Name:\tsh\n"), None);
    }
}
