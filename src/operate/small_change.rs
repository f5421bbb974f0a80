//! A small change around its proposal: what it has to know, the line in the history before and after,
//! and the proof.

use jiff::Timestamp;

use crate::change::{ChangeCheck, ChangeOutcome, ChangeProposal, ChangeRecord, SettingEffect};
use crate::cluster::{ClusterId, QueryAnswer, UnfinishedOperation};
use crate::confirmation::{Confirmed, NeedsConfirmation};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Call, Kube, Verb};
use crate::observe::OpenError;
use crate::world::{ChangeStore, RecordOf, journal_of, lock_holder, who};

impl NeedsConfirmation for ChangeProposal {
    fn subject(&self) -> String {
        self.identity.clone()
    }

    fn wanted(&self) -> String {
        self.wanted.clone()
    }
}

/// One statement on one server, and how it is proven.
pub trait SmallChange {
    /// Looks, and says what would be done now.
    ///
    /// # Errors
    /// When there is nothing that could be proposed: no such thing, nobody answers.
    fn propose(&self, around: &Around) -> impl Future<Output = Result<ChangeProposal, Failure>>;

    /// Does it, to the very thing of the proposal.
    ///
    /// # Errors
    /// Whether nothing was changed, or nobody knows.
    fn act(&self, proposal: &ChangeProposal) -> impl Future<Output = Result<(), NotDone>>;

    /// Looks whether it is done, for as long as that may take.
    ///
    /// # Errors
    /// When nobody can look.
    fn is_done(&self, proposal: &ChangeProposal) -> impl Future<Output = Result<bool, OpenError>>;

    /// What the server answered with, when there is more to it than that it is done.
    fn answer(&self) -> Option<&QueryAnswer> {
        None
    }

    /// Whether nothing is to be done of what was proposed last: it is so already.
    fn is_idle(&self) -> bool {
        false
    }

    /// What is not as it may seem though nothing is to be done, in words.
    fn but_when_idle(&self) -> Option<String> {
        None
    }

    /// What came of it on each server, where it is about settings.
    fn effects(&self) -> Vec<SettingEffect> {
        Vec::new()
    }

    /// What is left to do on some servers, in words; none when all is done.
    fn left(&self) -> Option<String> {
        None
    }
}

/// Why a small change was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotDone {
    /// Nothing was changed: the server said no, or was never asked.
    NothingChanged(String),
    /// It was asked for, and no answer came.
    Unknown(String),
}

impl From<OpenError> for NotDone {
    fn from(error: OpenError) -> Self {
        let reason = error.to_string();
        match error {
            OpenError::Sql(error) if error.outcome_unknown() => Self::Unknown(reason),
            // The way to the pod is opened before anything is sent.
            OpenError::Sql(_) | OpenError::Kube(_) => Self::NothingChanged(reason),
        }
    }
}

/// What goes on around a small change.
#[derive(Debug, Clone)]
pub struct Around {
    /// The operation that was begun and has not ended.
    pub unfinished: Option<UnfinishedOperation>,
    /// Whether the change can be written down.
    pub record: ChangeCheck,
}

/// Looks at what goes on around: no small change takes the lock, but it is told who has it.
///
/// # Errors
/// When the API can't be asked, or the journal can't be read.
pub async fn around(kube: &Kube, cluster: &ClusterId) -> Result<Around, Failure> {
    let calls = [Verb::Get, Verb::Create, Verb::Update]
        .map(|verb| Call::new(verb, "", "configmaps").within(&cluster.namespace));
    let (missing, journal, holder) = futures::join!(
        kube.not_allowed(&calls),
        journal_of(kube, cluster, RecordOf::Cluster),
        lock_holder(kube, cluster, RecordOf::Cluster)
    );
    let missing: Vec<String> = missing?
        .iter()
        .map(|it| format!("{} {}", it.verb.as_str(), it.resource))
        .collect();
    let record = if missing.is_empty() {
        ChangeCheck::pass("history", "it can be written down")
    } else {
        ChangeCheck::refuse(
            "history",
            format!(
                "what is changed is written down, and you may not {} in {}",
                missing.join(", "),
                cluster.namespace
            ),
        )
        .next("deploy/rbac has the Role pgctl-operator")
    };
    // Who may not read it is refused by the check above.
    let journal = if missing.is_empty() { journal? } else { None };
    // Without the permission to look nobody can be named.
    let holder = holder.unwrap_or_default().map(|it| it.holder);
    let unfinished = journal.and_then(|it| it.unfinished_operation(holder));
    Ok(Around { unfinished, record })
}

/// What came of a small change that was agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// As it is in the history.
    pub record: ChangeRecord,
    /// Why its end could not be written down, when it could not.
    pub unwritten: Option<String>,
}

/// Does a small change that was agreed to: writes down that it begins, does it, proves it, writes down how
/// it ended. `command` is what was typed: `slots drop`.
///
/// # Errors
/// When it could not be written down, and nothing was changed.
pub async fn change(
    kube: &Kube,
    cluster: &ClusterId,
    command: &str,
    change: &impl SmallChange,
    proposal: &ChangeProposal,
    confirmed: &Confirmed,
) -> Result<Changed, Failure> {
    if let Err(error) = confirmed.covers(proposal) {
        return Err(Failure::new(
            ExitCode::Refused,
            "it is not what was agreed to; nothing was changed",
        )
        .because(error.to_string())
        .next("look again, and give the command once more"));
    }
    let now = Timestamp::now();
    let mut record = ChangeRecord {
        id: format!(
            "{}-{}-{}",
            command.replace(' ', "-"),
            now.strftime("%Y%m%dT%H%M%S%3fZ"),
            std::process::id()
        ),
        change: proposal.title.clone(),
        by: who(),
        started: now,
        outcome: ChangeOutcome::Begun,
        reason: None,
        undo: proposal.undo.clone(),
    };
    let store = ChangeStore::new(kube.clone(), cluster.clone());
    store.put(&record).await.map_err(|error| {
        let said = error.to_string();
        let mut failure = Failure::from(error);
        failure.what = "it could not be written down, and nothing was changed".to_owned();
        failure.because(said)
    })?;
    (record.outcome, record.reason) = outcome(change, proposal).await;
    let unwritten = store.put(&record).await.err().map(|it| it.to_string());
    Ok(Changed { record, unwritten })
}

async fn outcome(
    change: &impl SmallChange,
    proposal: &ChangeProposal,
) -> (ChangeOutcome, Option<String>) {
    let unknown = match change.act(proposal).await {
        Ok(()) => None,
        Err(NotDone::NothingChanged(reason)) => return (ChangeOutcome::Refused, Some(reason)),
        Err(NotDone::Unknown(reason)) => Some(reason),
    };
    match change.is_done(proposal).await {
        Ok(true) => match change.left() {
            None => (ChangeOutcome::Done, None),
            left => (ChangeOutcome::Partly, left),
        },
        Ok(false) => {
            let reason = unknown.or_else(|| change.left()).unwrap_or_else(|| {
                "the server has taken it, and it shows no effect yet".to_owned()
            });
            (ChangeOutcome::Unproven, Some(reason))
        }
        Err(error) => {
            let asked = unknown.map(|it| format!("{it}; ")).unwrap_or_default();
            (ChangeOutcome::Unproven, Some(format!("{asked}{error}")))
        }
    }
}
