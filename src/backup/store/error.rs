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
        /// Name of the bucket.
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
        /// In the words of the other side.
        reason: String,
    },
    /// There are no credentials to ask with.
    #[error(
        "no credentials were found for s3://{bucket}: none of {} is set, and the metadata service of this machine gives none ({reason}); files in ~/.aws are not read",
        CREDENTIALS.join(", ")
    )]
    NoCredentials {
        /// Name of the bucket, without its prefix.
        bucket: String,
        /// What was tried last.
        reason: String,
    },
    /// The object or folder is not there.
    #[error("{what} is not in the store")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// There is something of this name already.
    #[error("{what} is there already: a backup of this name, or somebody is writing one")]
    Taken {
        /// Where.
        what: String,
    },
    /// Something else deleted or changed what was written.
    #[error(
        "{what}: somebody else deleted or changed it while it was being written, as `pgctl backup prune` does with what nobody has written to for two days"
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
        /// Id of the backup.
        id: String,
        /// Name of the archive within the backup.
        file: String,
        /// Whom it was encrypted for.
        recipients: Vec<String>,
    },
    /// The settings don't make a store.
    #[error("{0}")]
    Settings(String),
}

/// Where credentials are taken from; without any of them the metadata service is asked.
pub(super) const CREDENTIALS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

impl StoreError {
    /// What to do or type next.
    pub fn advice(&self) -> String {
        match self {
            Self::Disk { .. } => "mend that, or name another place: --store DIRECTORY",
            Self::NoBucket { bucket, .. } => {
                return format!("aws s3 mb s3://{bucket}, or another with --store s3://BUCKET");
            }
            Self::NoCredentials { .. } => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; from a profile of aws: eval \
                 \"$(aws configure export-credentials --format env)\""
            }
            Self::Denied { .. } => {
                "check whose credentials these are, and that they may list, read, write and delete \
                 there: aws sts get-caller-identity"
            }
            Self::NotFound { .. } | Self::Taken { .. } => "pgctl backup list",
            Self::Lost { .. } => "take it once more: pgctl backup",
            Self::Remote { .. } => {
                "check AWS_ENDPOINT_URL, AWS_REGION and the network, and try once more"
            }
            Self::WrongKey { .. } => "give the key of one of them: --identity FILE",
            Self::Settings(_) => "mend that, or name another store with --store",
        }
        .to_owned()
    }

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
