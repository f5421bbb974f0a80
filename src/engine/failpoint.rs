//! Places where a test makes the process die, lose its connections, or fail: one before, one in
//! the middle and one after each step, named `STEP.before`, `STEP.middle`, `STEP.after`.
//!
//! Only with the feature `failpoints`, which no shipped binary has. Set from outside through
//! `FAILPOINTS`, as in `FAILPOINTS=promote.middle=return(kill)`; `return(stay=DIRECTORY)` stays there until a test has done
//! its part.

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
        Some(effect) if effect.starts_with("stay=") => stay(effect.trim_start_matches("stay=")),
        _ => Err(WorldError::permanent(format!("failpoint {name}"))),
    });
    Ok(())
}

/// Makes the file `here` in the directory, and waits for the file `go`. It waits as `sleep` of a failpoint does, with the thread:
/// what runs beside it goes on.
#[cfg(feature = "failpoints")]
fn stay(directory: &str) -> Result<(), WorldError> {
    use std::time::Duration;

    let directory = std::path::Path::new(directory);
    std::fs::write(directory.join("here"), "")
        .map_err(|error| WorldError::permanent(format!("failpoint: {error}")))?;
    // The directory goes when the test has failed.
    while directory.exists() && !directory.join("go").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
