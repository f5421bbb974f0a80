//! Ctrl-C, or a polite kill: who answers for what was begun.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::ExitCode;
use crate::failure::Failure;

/// Runs what only looks: Ctrl-C or a polite kill may end it at any moment.
pub(super) async fn interruptible(
    work: impl Future<Output = Result<ExitCode, Failure>>,
) -> Result<ExitCode, Failure> {
    tokio::select! {
        biased;
        () = interruption() => Ok(ExitCode::Interrupted),
        result = work => result,
    }
}

/// Whether a command answers itself when the process is asked to end: from where on something may have
/// been begun.
static ANSWERED: AtomicBool = AtomicBool::new(false);

/// Resolves when the process is asked to end. Whoever waits for it answers for what was begun.
pub(super) async fn interruption() {
    ANSWERED.store(true, Ordering::SeqCst);
    asked_to_end().await;
}

/// From here on a program that was started has the terminal: Ctrl-C is its business.
pub(super) fn answers_itself() {
    ANSWERED.store(true, Ordering::SeqCst);
}

/// Resolves when the process is asked to end while it only looks, or asks somebody.
pub(super) async fn before_anything_is_begun() {
    asked_to_end().await;
    if ANSWERED.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
}

async fn asked_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => (),
                _ = terminate.recv() => (),
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        // No way to be told: then the signal ends the process by itself.
        std::future::pending::<()>().await;
    }
}
