//! A setting that does not exist.

use crate::cluster::UnknownSetting;
use crate::exit::ExitCode;
use crate::failure::Failure;

pub(super) fn unknown(error: &UnknownSetting, command: &str) -> Failure {
    let failure = Failure::new(ExitCode::Usage, error.to_string());
    match &error.nearest {
        Some(nearest) => failure.next(format!("pgctl config {command} {nearest}")),
        None => failure.next("pgctl config show --all"),
    }
}
