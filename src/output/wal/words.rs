//! What an archive does for its cluster, in words.

use jiff::Timestamp;

use super::super::screen::Tone;
use crate::cluster::words;
use crate::wal::{WalBreak, WalProtection};

/// A time to the second, and to be typed again.
pub(super) fn moment(time: Timestamp) -> String {
    format!("{time:.0}")
}

/// The answer: which moments can be restored, and how far the archive is behind.
pub(in crate::output) fn recoverable_line(
    protection: &WalProtection,
    now: Timestamp,
) -> (Tone, String) {
    let behind = protection.behind(now).map_or_else(
        || "how far it is behind is not known".to_owned(),
        |it| format!("archive {} behind", words::age(it.as_secs())),
    );
    match &protection.recoverable {
        Some(found) => (
            Tone::Good,
            format!(
                "recoverable from {} to {}, {behind}",
                moment(found.from),
                moment(found.to)
            ),
        ),
        None => (
            Tone::Warning,
            format!("no base backup leads into it: no moment can be restored; {behind}"),
        ),
    }
}

/// A place that no recovery crosses, in words.
pub(in crate::output) fn break_line(it: &WalBreak) -> String {
    format!(
        "gap on timeline {} from {} to {}: {}{}",
        it.timeline,
        it.from,
        it.to,
        it.why.words(),
        if it.closed {
            "; a later base backup begins anew"
        } else {
            "; no moment behind it can be restored before a new base backup is taken"
        }
    )
}
