//! Failures for people.

use super::plain::plain;
use super::screen::{Screen, Tone};
use crate::failure::Failure;

/// What happened, on which object, why, and what to type next.
pub fn failure_screen(failure: &Failure, screen: &Screen) -> String {
    let object = failure.object.as_ref().map(|object| format!("{object}: "));
    let what = format!("error: {}{}", object.unwrap_or_default(), failure.what);
    let what = screen.wrap(&plain(&what), 2);
    let mut text = format!(
        "{}{}\n",
        screen.paint(Tone::Bad, "error:"),
        &what["error:".len()..]
    );
    for why in &failure.why {
        let why = format!("  why:  {}", plain(why));
        text.push_str(&screen.wrap(&why, 8));
        text.push('\n');
    }
    for (position, next) in failure.next.iter().enumerate() {
        let label = if position == 0 { "next:" } else { "     " };
        text.push_str(&format!("  {label} {}\n", screen.given.suggestion(next)));
    }
    text
}
