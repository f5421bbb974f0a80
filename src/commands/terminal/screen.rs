//! Standard output and standard error for bytes that are not ours: what a program in a pod writes for
//! the person who started it. Threads of their own write them, so that whoever does not read keeps no
//! signal from ending the command.

use tokio::io::{Stderr, Stdout, stderr, stdout};

/// Both of them.
pub(in crate::commands) fn screen() -> (Stdout, Stderr) {
    (stdout(), stderr())
}
