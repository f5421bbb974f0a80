//! Places where a test makes the process die, lose its connections, or fail: one before, one in
//! the middle and one after each step, named `STEP.before`, `STEP.middle`, `STEP.after`.
//!
//! Only with the feature `failpoints`, which no shipped binary has. Set from outside through
//! `FAILPOINTS`, as in `FAILPOINTS=promote.middle=return(kill)`.

use super::{World, WorldError};
use crate::plan::StepName;

/// When, within a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// It is journaled as begun, and nothing was done.
    Before,
    /// Its action was carried out, and is not proven.
    Middle,
    /// It is proven, and not journaled as done.
    After,
}

#[cfg(not(feature = "failpoints"))]
#[expect(clippy::unnecessary_wraps, reason = "it fails only with failpoints")]
pub(super) fn hit_failpoint<W: World>(_: &W, _: StepName, _: Moment) -> Result<(), WorldError> {
    Ok(())
}

#[cfg(feature = "failpoints")]
pub(super) fn hit_failpoint<W: World>(
    world: &W,
    step: StepName,
    moment: Moment,
) -> Result<(), WorldError> {
    let moment = match moment {
        Moment::Before => "before",
        Moment::Middle => "middle",
        Moment::After => "after",
    };
    let name = format!("{step}.{moment}");
    fail::fail_point!(&name, |effect| match effect.as_deref() {
        // No destructor runs and nothing is flushed, as with kill -9.
        Some("kill") => std::process::abort(),
        Some("cut") => {
            world.cut();
            Ok(())
        }
        _ => Err(WorldError::permanent(format!("failpoint {name}"))),
    });
    Ok(())
}
