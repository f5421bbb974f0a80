//! How `pgctl` ends: with a code of its own, or with that of a program that it ran for somebody.

use std::process::Termination;

use crate::exit::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With one of the published codes.
    Own(ExitCode),
    /// With the code of `psql`, or of a command in a pod.
    OfProgram(u8),
}

impl From<ExitCode> for Ended {
    fn from(code: ExitCode) -> Self {
        Self::Own(code)
    }
}

impl Termination for Ended {
    fn report(self) -> std::process::ExitCode {
        match self {
            Self::Own(code) => code.report(),
            Self::OfProgram(code) => code.into(),
        }
    }
}
