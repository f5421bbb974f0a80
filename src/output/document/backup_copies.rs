//! `kind: BackupCopies`, and what other documents say of a second store.

use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use crate::backup::copy::{Comparison, CopyState};
use crate::output::backup_copies::{BackupCopies, BackupCopy, CopyEnd, CopyOutcome};

/// What came of one backup.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct BackupCopyDocument {
    /// The backup's name in both stores.
    id: String,
    /// Sum of its files in the store, in bytes; `null` when its manifest can't be trusted.
    stored_bytes: Option<u64>,
    /// `copied`, `already-there`, `to-be-copied` (`--dry-run`), `refused`, `failed` or `not-tried`.
    outcome: &'static str,
    /// Why it was refused, or failed.
    problem: Option<String>,
}

impl From<&BackupCopy> for BackupCopyDocument {
    fn from(copy: &BackupCopy) -> Self {
        Self {
            id: copy.id.clone(),
            stored_bytes: copy.stored_bytes,
            outcome: match &copy.outcome {
                CopyOutcome::Copied => "copied",
                CopyOutcome::AlreadyThere => "already-there",
                CopyOutcome::ToBeCopied => "to-be-copied",
                CopyOutcome::Refused(_) => "refused",
                CopyOutcome::Failed(_) => "failed",
                CopyOutcome::NotTried => "not-tried",
            },
            problem: copy.outcome.problem().map(str::to_owned),
        }
    }
}

/// What was copied into a second store (`pgctl backup copy --to STORE -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "BackupCopies", deny_unknown_fields)]
pub struct BackupCopiesDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `BackupCopies`.
    #[schemars(extend("const" = "BackupCopies"))]
    kind: &'static str,
    /// The store that was copied from, as `--store` takes it.
    store: String,
    /// The store that was copied to, as `--to` takes it.
    to: String,
    /// Whether it was only looked at.
    dry_run: bool,
    /// What came of each, in the order asked.
    backups: Vec<BackupCopyDocument>,
}

impl BackupCopiesDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(copies: &BackupCopies) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "BackupCopies",
            store: copies.from.clone(),
            to: copies.to.clone(),
            dry_run: copies.dry_run,
            backups: copies.backups.iter().map(Into::into).collect(),
        }
    }
}

/// What became of the second store (`pgctl backup --copy-to`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct CopyEndDocument {
    /// The store, as `--copy-to` takes it.
    store: String,
    /// Why the backup is not there; `null` when it is.
    problem: Option<String>,
}

impl From<&CopyEnd> for CopyEndDocument {
    fn from(end: &CopyEnd) -> Self {
        Self {
            store: end.store.clone(),
            problem: end.problem.clone(),
        }
    }
}

/// How the copies in a second store compare (`pgctl backup verify --compare`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct ComparisonDocument {
    /// The second store, as `--compare` takes it.
    store: String,
    /// What was found of each, in the order asked.
    backups: Vec<ComparedDocument>,
}

impl ComparisonDocument {
    /// Of these in the second store.
    pub(super) fn new(store: &str, compared: &[Comparison]) -> Self {
        Self {
            store: store.to_owned(),
            backups: compared.iter().map(Into::into).collect(),
        }
    }
}

/// How one copy compares.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ComparedDocument {
    /// The backup's name in both stores.
    id: String,
    /// `equal`, `lacking`, `different`, or `unknown` when the second store did not answer.
    copy: &'static str,
    /// Whether the copy by itself is whole; `null` when there is none, or that is not known.
    whole: Option<bool>,
    /// What differs, is wrong with the copy, or kept it from being looked at.
    problems: Vec<String>,
}

impl From<&Comparison> for ComparedDocument {
    fn from(comparison: &Comparison) -> Self {
        let (copy, whole, problems) = match &comparison.state {
            CopyState::Equal => ("equal", Some(true), Vec::new()),
            CopyState::Lacking => ("lacking", None, Vec::new()),
            CopyState::Different { problems, whole } => {
                ("different", Some(*whole), problems.clone())
            }
            CopyState::Unknown(why) => ("unknown", None, vec![why.clone()]),
        };
        Self {
            id: comparison.id.clone(),
            copy,
            whole,
            problems,
        }
    }
}
