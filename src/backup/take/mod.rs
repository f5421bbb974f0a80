//! Taking a backup: from which pod, by which commands, and received until it is whole.

mod archive_job;
mod archives;
mod error;
mod original_names;
mod request;
mod run;
mod server_watch;
mod source_choice;
mod transfer;

pub use archive_job::{ArchiveJob, ArchiveJobError, archive_jobs};
pub use error::TakeError;
pub use original_names::OriginalNames;
pub use request::{Reconnect, SourcePod, TakeRequest};
pub use run::{application_name, take};
pub use source_choice::{ChosenSource, NoSource, SourceChoice, choose_source};
pub use transfer::{Received, Reception, TransferError, TransferProgress, receive};
