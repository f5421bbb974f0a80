//! What is wanted of a guided operation.

use crate::cli::{ChangeArgs, OperationArgs};
use crate::failure::Failure;

/// What is wanted of a guided operation. What goes on needs no request: the journal has the plan.
pub(super) enum Intent<'a, R> {
    /// To plan it, and to run it when somebody agrees.
    Plan {
        /// What is asked for.
        request: R,
        /// How to run it.
        change: &'a ChangeArgs,
    },
    /// To go on with the one that was left unfinished.
    Resume,
    /// To put that one back.
    Abort,
}

impl<'a, R> Intent<'a, R> {
    /// From the options; `request` is asked for what is wanted only when something is to be planned.
    ///
    /// # Errors
    /// When the request can't be made of what was typed.
    pub(super) fn of(
        args: &'a OperationArgs,
        request: impl FnOnce() -> Result<R, Failure>,
    ) -> Result<Self, Failure> {
        Ok(match (args.go_on.resume, args.go_on.abort) {
            (true, _) => Self::Resume,
            (false, true) => Self::Abort,
            (false, false) => Self::Plan {
                request: request()?,
                change: &args.change,
            },
        })
    }
}
