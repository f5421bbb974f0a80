//! A terminal without its own ideas of Ctrl-C and lines: those are the program's in the pod. However
//! pgctl ends, it gets them back.

use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, Once, PoisonError};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::kubernetes::WindowSize;

/// What the terminal was like. Here and not in the guard, so that a panic, which in a release ends the
/// process without unwinding, finds it.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);
static HOOK: Once = Once::new();

/// While it lives the terminal is raw.
#[derive(Debug)]
pub(in crate::commands) struct RawMode(());

impl RawMode {
    /// Makes the terminal on standard input raw.
    ///
    /// # Errors
    /// When it is none.
    pub(in crate::commands) fn enter() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                restore();
                before(info);
            }));
        });
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        // A terminal that is gone needs nothing.
        tcsetattr(io::stdin(), OptionalActions::Now, &before).ok();
    }
}

/// Whether somebody sits there: both what is typed and what is shown is a terminal's.
pub(in crate::commands) fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The size of the window, now and whenever it changes.
pub(in crate::commands) fn window_sizes() -> mpsc::Receiver<WindowSize> {
    let (tell, told) = mpsc::channel(4);
    tokio::spawn(async move {
        let Ok(mut changes) = signal(SignalKind::window_change()) else {
            return;
        };
        loop {
            if let Ok(size) = tcgetwinsize(io::stdout()) {
                let size = WindowSize {
                    columns: size.ws_col,
                    rows: size.ws_row,
                };
                if tell.send(size).await.is_err() {
                    return;
                }
            }
            if changes.recv().await.is_none() {
                return;
            }
        }
    });
    told
}
