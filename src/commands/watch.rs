//! Looking again and again (`-w`).

use std::time::Duration;

use jiff::Timestamp;

use super::context::{Context, cannot_write};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{ErrorDocument, Format, Live, encode, encode_line, failure_screen};

/// One look: what to print, and how the command would end with it.
#[derive(Debug)]
pub(super) struct Look {
    /// The screen or document.
    pub(super) text: String,
    /// The exit code, were it the last.
    pub(super) exit: ExitCode,
}

/// Looks until nobody reads any more. The first look must succeed; later ones may fail, which is
/// shown, and tried again: in an incident the API comes and goes.
pub(super) async fn watch(
    context: &Context,
    interval: Duration,
    mut look: impl AsyncFnMut() -> Result<Look, Failure>,
) -> Result<ExitCode, Failure> {
    let mut live = Live::new(context.screen);
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seen_once = false;
    loop {
        ticks.tick().await;
        let look = match look().await {
            Err(failure) if !seen_once => return Err(failure),
            Err(failure) => Look {
                text: failure_text(context, &failure),
                exit: failure.exit,
            },
            Ok(look) => look,
        };
        seen_once = true;
        let footer = format!(
            "{:.0}  every {}s, Ctrl-C ends",
            Timestamp::now(),
            interval.as_secs_f64()
        );
        let read = live
            .show(&look.text, &footer)
            .map_err(|error| cannot_write(&error))?;
        if !read {
            return Ok(look.exit);
        }
    }
}

fn failure_text(context: &Context, failure: &Failure) -> String {
    match context.format {
        Format::Json => encode_line(&ErrorDocument::from(failure)),
        Format::Yaml => encode(&ErrorDocument::from(failure), Format::Yaml),
        Format::Table | Format::Wide => failure_screen(failure, &context.screen),
    }
}

/// A document of one look: a line when it follows others, else readable.
pub(super) fn document(
    context: &Context,
    watching: bool,
    document: &impl serde::Serialize,
) -> String {
    match context.format {
        Format::Json if watching => encode_line(document),
        format => encode(document, format),
    }
}
