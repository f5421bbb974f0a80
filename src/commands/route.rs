//! Which pod was meant.

use crate::cluster::{Destination, NameError, NoRoute, Snapshot, nearest, route};
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
            Err(error) => {
                let (NameError::Unknown { candidates, .. }
                | NameError::Ambiguous { candidates, .. }) = &error;
                let meant = nearest(name, candidates.iter().map(String::as_str));
                let meant = meant.unwrap_or("--help");
                Err(Failure::new(ExitCode::Usage, plain(&error.to_string()))
                    .next(format!("pgctl {command} {meant}")))
            }
        },
    }
}

/// Why a pod's database does not answer; none when each does.
pub(super) fn silence(snapshot: &Snapshot) -> Option<String> {
    snapshot.instances.iter().find_map(|it| {
        let reason = it.database.unanswered()?;
        Some(plain(&format!("{}: {reason}", it.name())))
    })
}

/// The pod that a destination leads to at the moment, the first of several.
///
/// # Errors
/// When it leads nowhere.
pub(super) fn first_pod(destination: &Destination, snapshot: &Snapshot) -> Result<String, Failure> {
    let pods = route(destination, snapshot).map_err(|error| {
        let failure = Failure::new(ExitCode::Unreachable, plain(&error.to_string()));
        let failure = match (&error, silence(snapshot)) {
            (NoRoute::NoPrimary | NoRoute::NoStandby, Some(reason)) => failure.because(reason),
            _ => failure,
        };
        failure.next("pgctl status")
    })?;
    // There is at least one.
    Ok(pods
        .into_iter()
        .next()
        .map(|it| it.name)
        .unwrap_or_default())
}
