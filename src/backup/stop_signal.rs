//! What ends a backup, or a restore test, before its time.

use tokio::sync::watch;

/// Tells every transfer to stop.
pub type StopSignal = watch::Receiver<bool>;
