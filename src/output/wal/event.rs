//! What happens while WAL is archived, in words.

use jiff::Timestamp;

use super::super::screen::{Screen, Tone};
use crate::cluster::words;
use crate::events::{WalEvent, WalWait};
use crate::output::plain;

/// A line of it; none for what is not worth one.
pub fn wal_event_line(event: &WalEvent, now: Timestamp, screen: &Screen) -> Option<String> {
    let (tone, text) = match event {
        WalEvent::Started { store, spool, slot } => (
            Tone::Normal,
            format!("archiving into {store}, spool {spool}, slot {slot}"),
        ),
        WalEvent::Streaming {
            pod,
            timeline,
            segment,
        } => (
            Tone::Normal,
            format!("streaming from {pod}, timeline {timeline}, from {segment} on"),
        ),
        WalEvent::SegmentStored { .. } => return None,
        WalEvent::HistoryStored { timeline } => (
            Tone::Normal,
            format!("the history of timeline {timeline} is stored"),
        ),
        WalEvent::UpTo {
            timeline,
            position,
            as_of,
            spool_bytes,
        } => {
            let behind = words::age(now.duration_since(*as_of).as_secs());
            let waits = match spool_bytes {
                0 => String::new(),
                bytes => format!("; {} wait in the spool", words::bytes(*bytes)),
            };
            let text = format!(
                "stored up to {position} on timeline {timeline}, {behind} behind the primary{waits}"
            );
            (Tone::Normal, text)
        }
        WalEvent::Gap { gap } => (
            Tone::Bad,
            format!(
                "GAP on timeline {} from {} to {}: {}; take a base backup: pgctl backup --physical",
                gap.timeline,
                gap.from,
                gap.to,
                gap.reason.words()
            ),
        ),
        WalEvent::OtherContent { segment } => (
            Tone::Bad,
            format!(
                "the archive has another content of {segment}: two servers have written it; both are kept"
            ),
        ),
        WalEvent::Unreadable { segment, reason } => (
            Tone::Warning,
            format!("{segment} is stored, and not all of it is WAL: {reason}"),
        ),
        WalEvent::Waiting { what, reason } => (
            Tone::Warning,
            format!("waiting for {}: {reason}", waits_for(*what)),
        ),
        WalEvent::Back { what } => (Tone::Normal, format!("{} is there again", waits_for(*what))),
        WalEvent::Stopped { spool_bytes: 0 } => (
            Tone::Normal,
            "stopped; all that was received is stored".to_owned(),
        ),
        WalEvent::Stopped { spool_bytes } => (
            Tone::Warning,
            format!(
                "stopped; {} wait in the spool for the next start",
                words::bytes(*spool_bytes)
            ),
        ),
    };
    let time = now.strftime("%H:%M:%SZ");
    Some(format!("{time} {}", screen.paint(tone, &plain(&text))))
}

const fn waits_for(what: WalWait) -> &'static str {
    match what {
        WalWait::Primary => "the primary",
        WalWait::Slot => "the slot",
        WalWait::Stream => "the stream",
        WalWait::Store => "the store",
        WalWait::Spool => "room in the spool",
    }
}
