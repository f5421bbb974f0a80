//! Which pod was meant.

use crate::cluster::{Destination, Snapshot, route};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::plain;

/// From what was typed to where it leads; nothing typed is the primary.
///
/// # Errors
/// When there is no such pod, or several could be meant.
pub(super) fn destination(
    given: Option<&str>,
    command: &str,
    snapshot: &Snapshot,
) -> Result<Destination, Failure> {
    match given {
        None | Some("write" | "primary") => Ok(Destination::Write),
        Some("read" | "replica" | "replicas") => Ok(Destination::Read),
        Some(name) => match snapshot.resolve(name) {
            Ok(instance) => Ok(Destination::Pod(instance.name().to_owned())),
            Err(error) => Err(Failure::new(ExitCode::Usage, plain(&error.to_string()))
                .next(format!("pgctl {command} --help"))),
        },
    }
}

/// The pod that a destination leads to at the moment, the first of several.
///
/// # Errors
/// When it leads nowhere.
pub(super) fn first_pod(destination: &Destination, snapshot: &Snapshot) -> Result<String, Failure> {
    let pods = route(destination, snapshot).map_err(|error| {
        Failure::new(ExitCode::Unreachable, plain(&error.to_string())).next("pgctl status")
    })?;
    // There is at least one.
    Ok(pods
        .into_iter()
        .next()
        .map(|it| it.name)
        .unwrap_or_default())
}
