//! The journal of an operation, and the history of those before.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Report;
use crate::cluster::UnfinishedOperation;
use crate::events::RunEvent;
use crate::plan::{
    Action, ImpossibleHistory, JournalEntry, JournalEvent, OperationId, OperationKind,
    OperationOutcome, OperationProgress, Plan, RestoreKind, StepName, Unfinished,
};

/// How many operations the history keeps.
pub const MAX_HISTORY: usize = 50;

/// The most bytes that the journal may have as a whole: a ConfigMap holds 1 MiB.
const MAX_BYTES: usize = 700_000;

/// The most characters that a reason keeps.
const MAX_REASON: usize = 500;

/// The operation that runs, or ran last, and a record of those before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    /// The plan, as somebody has agreed to it.
    pub plan: Plan,
    /// What happened, in order.
    pub entries: Vec<JournalEntry>,
    /// The operations before, oldest first.
    pub history: Vec<Record>,
}

/// An operation that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The kind and the time of planning, such as `failover-20260102T030405678Z`.
    pub id: OperationId,
    /// Done, rolled back, or replaced by another.
    pub outcome: OperationOutcome,
    /// What came of it.
    pub report: Report,
}

impl Journal {
    /// What a plan has to know of it, when it has not ended.
    pub fn unfinished(&self) -> Option<Unfinished> {
        if self.ended() || self.entries.is_empty() {
            return None;
        }
        let past = self
            .progress()
            .is_ok_and(|progress| progress.past_point_of_no_return(&self.plan));
        let change = self.plan.operation.primary_change();
        Some(Unfinished {
            id: OperationId(self.plan.id.0.clone()),
            title: self.plan.operation.to_string(),
            past_point_of_no_return: past,
            to: change.map(|it| it.to.to_owned()),
            from: change.map(|it| it.from.to_owned()),
            into: self.plan.operation.throw_away().map(str::to_owned),
            restore: self.plan.operation.kind().command() == OperationKind::Restore.command(),
            rejoins: self.plan.operation.rejoins().map(str::to_owned),
            resume: Some(self.plan.resume_command()),
        })
    }

    /// The same for those that only look, with what to type about it. `holder` has the lock.
    pub fn unfinished_operation(&self, holder: Option<String>) -> Option<UnfinishedOperation> {
        let found = self.unfinished()?;
        Some(UnfinishedOperation {
            id: found.id.0,
            title: found.title,
            holder,
            resume: self.plan.resume_command(),
            abort: (!found.past_point_of_no_return).then(|| self.plan.abort_command()),
        })
    }

    /// The journal of an operation that has not begun.
    pub fn new(plan: Plan, history: Vec<Record>) -> Self {
        Self {
            plan,
            entries: Vec::new(),
            history,
        }
    }

    /// The journal of an operation that takes the place of this one, which can't go on.
    pub fn replaced_by(mut self, plan: Plan) -> Self {
        self.history.push(Record {
            id: self.plan.id.clone(),
            outcome: OperationOutcome::Replaced,
            report: Report::of(&self.plan, &self.entries),
        });
        Self::new(plan, self.history)
    }

    /// Where it stands.
    ///
    /// # Errors
    /// When the entries can't have come about.
    pub fn progress(&self) -> Result<OperationProgress, ImpossibleHistory> {
        OperationProgress::of(&self.plan, &self.entries)
    }

    /// Whether it has waited for somebody who looks, before this step.
    pub fn has_paused(&self, before: StepName) -> bool {
        let paused =
            |it: &JournalEntry| matches!(it.event, JournalEvent::Paused { step } if step == before);
        self.entries.iter().any(paused)
    }

    /// Whether clients may use by now what a restore has put in place: going back takes away what
    /// they have written since.
    pub fn is_in_use(&self) -> bool {
        let opens = match self.plan.operation.restore() {
            Some(scope) if scope.kind == RestoreKind::Physical => StepName::PointService,
            Some(_) => StepName::SwapDatabases,
            None => return false,
        };
        let opening = self.plan.steps.iter().position(|it| it.name == opens);
        match (self.progress(), opening) {
            (Ok(OperationProgress::Between(index)), Some(opening)) => index > opening,
            (Ok(OperationProgress::Within(index)), Some(opening)) => index >= opening,
            _ => false,
        }
    }

    /// Whether what is left to do, if it goes on, reads the backup that it restores.
    pub fn needs_backup(&self) -> bool {
        let begin = match self.progress() {
            Ok(OperationProgress::Planned) => 0,
            Ok(OperationProgress::Between(index) | OperationProgress::Within(index)) => index,
            _ => return false,
        };
        self.plan.steps[begin.min(self.plan.steps.len())..]
            .iter()
            .any(|step| matches!(&step.action, Action::Restore(action) if action.reads_backup()))
    }

    /// Reads an event: adds what it keeps of it, if that can follow.
    ///
    /// # Errors
    /// When it can't.
    pub fn add(&mut self, event: &RunEvent) -> Result<(), ImpossibleHistory> {
        let Some(event) = event.journaled().map(shortened) else {
            return Ok(());
        };
        self.progress()?.after(&self.plan, &event)?;
        self.entries.push(JournalEntry {
            at: Timestamp::now(),
            event,
        });
        if let JournalEvent::Ended { outcome } = self.entries[self.entries.len() - 1].event {
            self.history.push(Record {
                id: self.plan.id.clone(),
                outcome,
                report: Report::of(&self.plan, &self.entries),
            });
        }
        let surplus = self.history.len().saturating_sub(MAX_HISTORY);
        self.history.drain(..surplus);
        self.keep_small();
        Ok(())
    }

    /// Whether the operation is over.
    pub fn ended(&self) -> bool {
        matches!(
            self.entries.last().map(|entry| &entry.event),
            Some(JournalEvent::Ended { .. })
        )
    }

    /// Gives up the oldest history rather than the operation that runs.
    fn keep_small(&mut self) {
        let size = |it: &Self| serde_json::to_string(it).map_or(0, |text| text.len());
        while !self.history.is_empty() && size(self) > MAX_BYTES {
            self.history.remove(0);
        }
    }
}

fn shortened(mut event: JournalEvent) -> JournalEvent {
    if let JournalEvent::Failed { reason, .. }
    | JournalEvent::Reported { reason, .. }
    | JournalEvent::Left { reason, .. } = &mut event
    {
        reason.truncate(crate::cluster::words::shortened(reason, MAX_REASON).len());
    }
    event
}
