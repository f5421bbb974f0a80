use std::io;

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk said no.
    #[error("{doing}: {}", explained(source))]
    Disk {
        /// What was being done, with the path.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// The bucket does not exist.
    #[error("there is no bucket {bucket:?} at {endpoint}: make it first, or check --store")]
    NoBucket {
        /// Its name.
        bucket: String,
        /// The endpoint asked.
        endpoint: String,
    },
    /// The credentials are wrong, or may not do this.
    #[error(
        "{doing}: {endpoint} refused the credentials ({reason}): check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, and what they may do in the bucket"
    )]
    Denied {
        /// What was being done.
        doing: String,
        /// The endpoint asked.
        endpoint: String,
        /// What it said.
        reason: String,
    },
    /// The object or folder is not there.
    #[error("{what} is not in the store")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// Something else deleted or changed what was written.
    #[error(
        "{what}: somebody else deleted or changed it while the backup was being taken, as `pgctl backup prune` does with what nobody has written to for two days"
    )]
    Lost {
        /// What is not as it was written.
        what: String,
    },
    /// Anything else that the object store said.
    #[error("{doing}: {reason}")]
    Remote {
        /// What was being done.
        doing: String,
        /// What went wrong.
        reason: String,
    },
    /// It was encrypted for others.
    #[error("none of the keys given opens {file} of {id}: it was encrypted for {}", recipients.join(", "))]
    WrongKey {
        /// The backup.
        id: String,
        /// Its file.
        file: String,
        /// Whom it was encrypted for.
        recipients: Vec<String>,
    },
    /// The settings don't make a store.
    #[error("{0}")]
    Settings(String),
}

impl StoreError {
    /// What a failed read means: the store's own words when it has any, else those of the disk.
    pub(crate) fn while_reading(what: &str, error: io::Error) -> Self {
        error
            .downcast::<Self>()
            .unwrap_or_else(|source| Self::Disk {
                doing: format!("reading {what}"),
                source,
            })
    }

    pub(super) fn disk(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Disk { doing, source }
    }
}

/// What the system said, in words that say what to do where that is clear.
pub(crate) fn explained(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".to_owned(),
        _ => error.to_string(),
    }
}
