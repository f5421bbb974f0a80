//! What every command that only looks has in common: look once or again and again (`-w`), print a
//! screen, an answer or a document, and end with the exit code of what was seen.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::context::{Context, cannot_write};
use super::interruption::interruptible;
use crate::cli::WatchArgs;
use crate::cluster::Snapshot;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::output::{
    ErrorDocument, Format, Screen, WatchScreen, encode, encode_next, failure_screen, write_json,
    written,
};

/// A command that looks and changes nothing. It holds what it looks with.
pub(super) trait Looking {
    /// What one look has found.
    type Seen;

    /// Looks. What it remembers it can compare the next look with.
    ///
    /// # Errors
    /// When there is nothing to show.
    async fn look(&mut self, context: &Context) -> Result<Self::Seen, Failure>;

    /// What `-o json` and `-o yaml` print: a type of `output/document/`, with a schema.
    fn document(&self, seen: &Self::Seen) -> impl Serialize;

    /// What people see.
    fn screen(&self, seen: &Self::Seen, screen: &Screen) -> String;

    /// What `-q` leaves of it. All, unless a command has a shorter answer.
    fn answer(&self, seen: &Self::Seen, screen: &Screen) -> String {
        self.screen(seen, screen)
    }

    /// How the command ends with this look, were it the last.
    fn exit(&self, _: &Self::Seen) -> ExitCode {
        ExitCode::Done
    }
}

/// Looks at a cluster of which each is compared with the one before.
pub(super) struct ComparedLooks {
    kube: Kube,
    sample: Duration,
    before: Option<Snapshot>,
}

impl ComparedLooks {
    /// Connects. The first look is compared with one that is taken `sample` before it; with none, when
    /// that is 0.
    ///
    /// # Errors
    /// As [`Context::connect`].
    pub(super) async fn connect(context: &Context, sample: Duration) -> Result<Self, Failure> {
        Ok(Self {
            kube: context.connect().await?,
            sample,
            before: None,
        })
    }

    /// Looks. Gives what was seen before, and what is seen now.
    ///
    /// # Errors
    /// As [`Context::observe`].
    pub(super) async fn look(
        &mut self,
        context: &Context,
    ) -> Result<(Option<Snapshot>, Snapshot), Failure> {
        if self.before.is_none() && !self.sample.is_zero() {
            self.before = Some(context.observe(&self.kube).await?.snapshot);
            tokio::time::sleep(self.sample).await;
        }
        let now = context.observe(&self.kube).await?.snapshot;
        Ok((self.before.replace(now.clone()), now))
    }
}

/// Runs a command that looks: once.
///
/// # Errors
/// What the look says, or that the result can't be written.
pub(super) async fn once<L>(context: &Context, mut command: L) -> Result<ExitCode, Failure>
where
    L: Looking<Seen: Send + 'static> + Send + 'static,
{
    interruptible(async {
        let seen = command.look(context).await?;
        let exit = command.exit(&seen);
        if context.format == Format::Json {
            // It may be of a thousand clusters.
            let all = written(move |to| write_json(&command.document(&seen), to)).await;
            all.map_err(|error| cannot_write(&error))?;
        } else {
            let text = shown(context, &command, &seen, false);
            context.print_all(text).await?;
        }
        Ok(exit)
    })
    .await
}

/// Runs a command that looks: once, or with `-w` until nobody reads any more. The first look must
/// succeed; later ones may fail, which is shown, and tried again: in an incident the API comes and goes.
///
/// # Errors
/// As [`once`].
pub(super) async fn run<L>(
    context: &Context,
    watch: &WatchArgs,
    mut command: L,
) -> Result<ExitCode, Failure>
where
    L: Looking<Seen: Send + 'static> + Send + 'static,
{
    if !watch.watch {
        return once(context, command).await;
    }
    interruptible(async {
        let mut live = WatchScreen::new(context.screen.clone());
        let mut ticks = tokio::time::interval(watch.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut seen_once = false;
        loop {
            ticks.tick().await;
            let (text, exit) = match command.look(context).await {
                Err(failure) if !seen_once => return Err(failure),
                Err(failure) => (failure_text(context, &failure), failure.exit),
                Ok(seen) => {
                    let text = shown(context, &command, &seen, true);
                    (text, command.exit(&seen))
                }
            };
            seen_once = true;
            let footer = format!(
                "{:.0}  every {}s, Ctrl-C ends",
                Timestamp::now(),
                watch.interval.as_secs_f64()
            );
            let read = live
                .show(&text, &footer)
                .await
                .map_err(|error| cannot_write(&error))?;
            if !read {
                return Ok(exit);
            }
        }
    })
    .await
}

/// A look as it is printed. A JSON document that others follow is a line.
fn shown<L: Looking>(context: &Context, command: &L, seen: &L::Seen, watching: bool) -> String {
    match context.format {
        format if format.is_document() && watching => encode_next(&command.document(seen), format),
        format if format.is_document() => encode(&command.document(seen), format),
        _ if context.quiet => command.answer(seen, &context.screen),
        _ => command.screen(seen, &context.screen),
    }
}

fn failure_text(context: &Context, failure: &Failure) -> String {
    if let Format::Value(_) = context.format {
        context
            .telling
            .say(&failure_screen(failure, &context.stderr()));
        return String::new();
    }
    if context.format.is_document() {
        let document = ErrorDocument::new(failure, context.given());
        return encode_next(&document, context.format);
    }
    failure_screen(failure, &context.screen)
}
