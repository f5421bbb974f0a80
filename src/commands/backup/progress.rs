//! How far a backup is, on stderr: a line that changes on a terminal, else one every few seconds.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::backup::take::{TakeEvent, TransferProgress};
use crate::cluster::words;
use crate::output::{plain, write_stderr};

/// Between two lines when nobody watches.
const LINES: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOKS: Duration = Duration::from_millis(250);

/// Shows a backup in the making.
pub(super) struct Display {
    bar: Option<ProgressBar>,
    quiet: bool,
}

impl Display {
    pub(super) fn new(quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(ProgressStyle::default_spinner());
            bar
        });
        Self { bar, quiet }
    }

    /// A line that stays.
    pub(super) fn line(&self, text: &str) {
        let text = plain(text);
        match &self.bar {
            Some(bar) => bar.println(text),
            None if self.quiet => {}
            None => write_stderr(&format!("{text}\n")),
        }
    }

    pub(super) fn event(&self, event: &TakeEvent) {
        match event {
            TakeEvent::Begun {
                id,
                archives,
                database_bytes,
            } => self.line(&format!(
                "{id}: {archives} archive{}, databases of {}",
                if *archives == 1 { "" } else { "s" },
                words::bytes(*database_bytes)
            )),
            TakeEvent::Stored { file, bytes } => {
                self.line(&format!("  {file}: {}", words::bytes(*bytes)));
            }
            TakeEvent::Warning(text) => self.warning(text),
        }
    }

    /// A warning is said even to those who want no chatter.
    pub(super) fn warning(&self, text: &str) {
        let say = || write_stderr(&format!("warning: {}\n", plain(text)));
        match &self.bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }

    /// Shows what `text` says, again and again, until it is dropped.
    pub(super) async fn repeat(&self, mut text: impl AsyncFnMut() -> String) {
        let mut last_line = Instant::now();
        loop {
            tokio::time::sleep(LOOKS).await;
            if self.quiet || (self.bar.is_none() && last_line.elapsed() < LINES) {
                continue;
            }
            let text = text().await;
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
            let received = progress.received();
            let rate = received as f64 / began.elapsed().as_secs_f64().max(0.001);
            let mut text = format!("{} received, {}", words::bytes(received), words::rate(rate));
            match share().await {
                Some((done, Some(total))) if total > 0 => {
                    let percent = (done.min(total) as f64) * 100.0 / total as f64;
                    text.push_str(&format!(", {percent:.0} % of {} read", words::bytes(total)));
                }
                Some((done, _)) => text.push_str(&format!(", {} read", words::bytes(done))),
                None => {}
            }
            text
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
