//! How far a backup is, on stderr: a line that changes on a terminal, else one every few seconds.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::context::Context;
use super::super::telling::Telling;
use crate::backup::take::TransferProgress;
use crate::events::RunEvent;
use crate::output::{backup_event_line, plain, write_stderr};

/// Between two lines when nobody watches.
const LINES: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOKS: Duration = Duration::from_millis(250);

/// Shows a backup in the making.
pub(super) struct Display {
    bar: Option<ProgressBar>,
    quiet: bool,
    telling: Telling,
}

impl Display {
    pub(super) fn new(context: &Context) -> Self {
        let watched =
            !context.quiet && !context.telling.is_for_scripts() && std::io::stderr().is_terminal();
        let bar = watched.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(ProgressStyle::default_spinner());
            bar
        });
        Self {
            bar,
            quiet: context.quiet,
            telling: context.telling.clone(),
        }
    }

    /// What has happened, in a line that stays. A warning is said even to those who want no chatter.
    pub(super) fn event(&self, event: &RunEvent) {
        if self.telling.is_for_scripts() {
            self.telling.only_event(event);
            return;
        }
        let warns = matches!(event, RunEvent::Warning { .. });
        let Some(text) = backup_event_line(event).map(|text| plain(&text)) else {
            return;
        };
        match &self.bar {
            Some(bar) if warns => bar.suspend(|| write_stderr(&format!("{text}\n"))),
            Some(bar) => bar.println(text),
            None if self.quiet && !warns => {}
            None => write_stderr(&format!("{text}\n")),
        }
    }

    /// Something that stops nothing.
    pub(super) fn warning(&self, text: &str) {
        self.event(&RunEvent::warning(text));
    }

    /// Tells how far it is, again and again, until it is dropped.
    pub(super) async fn repeat(&self, mut now: impl AsyncFnMut() -> RunEvent) {
        let mut last_line = Instant::now();
        let scripts = self.telling.is_for_scripts();
        loop {
            tokio::time::sleep(LOOKS).await;
            let wanted = scripts || !self.quiet;
            if !wanted || (self.bar.is_none() && last_line.elapsed() < LINES) {
                continue;
            }
            let event = now().await;
            if scripts {
                last_line = Instant::now();
                self.telling.only_event(&event);
                continue;
            }
            let text = backup_event_line(&event).unwrap_or_default();
            match &self.bar {
                Some(bar) => {
                    bar.set_message(plain(&text));
                    bar.tick();
                }
                None => {
                    last_line = Instant::now();
                    write_stderr(&format!("  {}\n", plain(&text)));
                }
            }
        }
    }

    /// Shows how far it is, until it is dropped. `share` says how much is done, when that is known.
    pub(super) async fn follow(
        &self,
        progress: Arc<TransferProgress>,
        mut share: impl AsyncFnMut() -> Option<(u64, Option<u64>)>,
    ) {
        let began = Instant::now();
        self.repeat(async || {
            let received_bytes = progress.received();
            let share = share().await;
            RunEvent::BackupProgress {
                received_bytes,
                bytes_per_second: received_bytes as f64 / began.elapsed().as_secs_f64().max(0.001),
                read_bytes: share.map(|(done, _)| done),
                of_bytes: share.and_then(|(_, total)| total),
            }
        })
        .await;
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
