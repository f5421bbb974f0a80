//! What can go wrong in the world, as far as the engine has to tell it apart.

/// What an error means for going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// It may work when it is tried again; it may even have happened.
    Transient,
    /// It will not work.
    Permanent,
    /// The operation is not ours any more: stop, and change nothing.
    LostLock,
    /// Another change of the primary has taken the operation's place: there is nothing left to do.
    Replaced,
}

/// Something that did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct WorldError {
    /// Whether it is tried again, ends the step, or ends the operation.
    pub kind: ErrorKind,
    /// What happened, for people.
    pub reason: String,
}

impl WorldError {
    /// It may work when it is tried again.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Transient,
            reason: reason.into(),
        }
    }

    /// It will not work.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Permanent,
            reason: reason.into(),
        }
    }

    /// Somebody else has taken over.
    pub fn lost_lock(reason: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::LostLock,
            reason: reason.into(),
        }
    }

    /// The topology has gone on without the operation.
    pub fn replaced(reason: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Replaced,
            reason: reason.into(),
        }
    }
}
