//! A journal that can't be read, as people and scripts are told of it.

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::world::JournalError;

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        match &error {
            JournalError::Newer(header) => {
                Self::new(ExitCode::Refused, format!("{error}; nothing was changed")).next(format!(
                    "install pgctl {} or newer, and give the command again",
                    header.needs
                ))
            }
            JournalError::Kube(_) | JournalError::Unreadable { .. } => {
                Self::new(ExitCode::Failed, error.to_string())
            }
        }
    }
}
