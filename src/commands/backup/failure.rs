//! Errors of the backup room, as people and scripts are told of them.

use crate::backup::format::{EncryptionError, ResolveError};
use crate::backup::store::StoreError;
use crate::backup::take::{NoSource, TakeError};
use crate::backup::tools::ToolLocationError;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::OpenError;
use crate::postgres::SqlError;

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::Settings(_) => ExitCode::Usage,
            StoreError::NotFound { .. }
            | StoreError::NoBucket { .. }
            | StoreError::Taken { .. }
            | StoreError::WrongKey { .. } => ExitCode::Refused,
            StoreError::Disk { .. }
            | StoreError::Denied { .. }
            | StoreError::NoCredentials { .. }
            | StoreError::Lost { .. }
            | StoreError::Remote { .. } => ExitCode::Failed,
        };
        Self::new(exit, error.to_string()).next(error.advice())
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        Self::new(ExitCode::Refused, error.to_string()).next("pgctl backup list")
    }
}

impl From<EncryptionError> for Failure {
    fn from(error: EncryptionError) -> Self {
        Self::new(ExitCode::Usage, error.to_string())
            .next("give a file that holds the key: pgctl backup --help")
    }
}

impl From<NoSource> for Failure {
    fn from(error: NoSource) -> Self {
        let failure = Self::new(ExitCode::Refused, "there is no pod to take the backup from");
        let failure = error.reasons.into_iter().fold(failure, Self::because);
        failure.next("pgctl status")
    }
}

/// Why the database of a pod can't be talked to.
pub(in super::super) fn cannot_open(pod: &str, error: OpenError) -> Failure {
    match error {
        OpenError::Kube(error) => Failure::from(error).on(format!("pod/{pod}")),
        OpenError::Sql(error) => cannot_ask(pod, &error),
    }
}

fn cannot_ask(pod: &str, error: &SqlError) -> Failure {
    Failure::new(ExitCode::Unreachable, "its database can't be asked")
        .on(format!("pod/{pod}"))
        .caused_by(error)
        .next("pgctl status")
}

/// Why there is no backup.
pub(super) fn not_taken(pod: &str, error: TakeError) -> Failure {
    if error.is_refusal() {
        return Failure::new(ExitCode::Refused, "no backup was begun")
            .on(format!("pod/{pod}"))
            .because(error.to_string());
    }
    let no_backup = || {
        Failure::new(
            ExitCode::Failed,
            "no backup was made, and nothing of it is listed as one",
        )
        .on(format!("pod/{pod}"))
    };
    match error {
        TakeError::Interrupted => Failure::new(
            ExitCode::Interrupted,
            "interrupted: the unfinished backup was removed",
        ),
        TakeError::NothingBegun => {
            Failure::new(ExitCode::Interrupted, "interrupted: nothing was begun")
        }
        TakeError::Sql(error) => cannot_ask(pod, &error),
        TakeError::ToolLocation(ToolLocationError::Kube(error)) => {
            Failure::from(error).on(format!("pod/{pod}"))
        }
        TakeError::Store(error) => no_backup().because(error.to_string()).next(error.advice()),
        TakeError::Transfer { ref source, .. } => {
            let failure = no_backup().because(error.to_string());
            if source.is_recovery_conflict() {
                failure.next("pgctl backup --from primary")
            } else {
                failure
            }
        }
        other => no_backup().because(other.to_string()),
    }
}
