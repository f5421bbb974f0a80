//! What came of an operation: worked out from its plan and its journal, and from nothing else.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::{Lsn, Timeline};
use crate::plan::{
    Action, AutoscalerPolicy, CheckName, CheckVerdict, JournalEntry, JournalEvent, KeptData, Known,
    Loss, Mode, Operation, OperationFinding, OutageMethod, OutageParts, Plan, RecoveredTo,
    StepName,
};

/// The end report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What was done, and to whom.
    #[serde(flatten)]
    pub operation: Operation,
    /// Who has started it.
    pub by: String,
    /// By the clock of the machine that ran pgctl; none before it has begun.
    pub started: Option<Timestamp>,
    /// When it ended; none while it has not.
    pub ended: Option<Timestamp>,
    /// Where the old primary's WAL ended, by its shutdown record.
    pub shutdown_lsn: Option<Lsn>,
    /// Up to where the new primary had the old one's WAL.
    pub promoted_at: Option<Lsn>,
    /// The timeline that began with the operation; none when none did.
    pub new_timeline: Option<Timeline>,
    /// Bytes of WAL that are lost; none when that can't be known.
    pub lost_bytes: Option<u64>,
    /// Whether the loss is proven, and not estimated.
    pub loss_proven: bool,
    /// What the change of the primary has emptied: unlogged tables, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emptied: Option<String>,
    /// From the last acknowledged write on the old primary to the first committed on the new one,
    /// in seconds; none when it could not be measured.
    pub write_outage_seconds: Option<f64>,
    /// How that was measured.
    pub outage_method: Option<OutageMethod>,
    /// Where that time went; none when it was not measured by pgctl's own writes.
    pub write_outage_parts: Option<OutageParts>,
    /// From the last acknowledged write until the write Service led to the new primary, in seconds.
    pub service_switched_seconds: Option<f64>,
    /// How long the clients of poolers waited, in seconds; none when nobody was held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients_held_seconds: Option<f64>,
    /// Names of the poolers' pods whose clients waited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_poolers: Vec<String>,
    /// Where a recovery through archived WAL has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered: Option<RecoveredTo>,
    /// The backup that was taken of what a restore has replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety_backup: Option<String>,
    /// What a restore has kept of the data that was there. Not called `kept`: the operation, whose
    /// fields are beside this one, has a field of that name when it discards.
    #[serde(rename = "keptData", default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptData>,
    /// Restored data that had been started and was taken away again, as a restore that went back has
    /// kept it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_away: Vec<KeptData>,
    /// Each step that was done, with its duration in seconds.
    pub steps: Vec<StepReport>,
    /// What to type next, when something is left to do.
    pub next: Vec<String>,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// The step, by its stable name.
    pub step: StepName,
    /// How long it took, in seconds; none when it was not completed.
    pub seconds: Option<f64>,
    /// Why it was not, or not wholly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Report {
    /// What came of an operation so far.
    pub fn of(plan: &Plan, entries: &[JournalEntry]) -> Self {
        let mut report = Self {
            operation: plan.operation.clone(),
            by: String::new(),
            started: entries.first().map(|entry| entry.at),
            ended: None,
            shutdown_lsn: None,
            promoted_at: None,
            new_timeline: None,
            lost_bytes: None,
            loss_proven: false,
            emptied: None,
            write_outage_seconds: None,
            outage_method: None,
            write_outage_parts: None,
            service_switched_seconds: None,
            clients_held_seconds: None,
            held_poolers: Vec::new(),
            recovered: None,
            safety_backup: None,
            kept: Vec::new(),
            taken_away: Vec::new(),
            steps: Vec::new(),
            next: Vec::new(),
        };
        let known = Known::of(plan, &[]);
        report.shutdown_lsn = known.shutdown.map(|it| it.lsn);
        for entry in entries {
            match &entry.event {
                JournalEvent::Started { by } => report.by.clone_from(by),
                JournalEvent::Completed { step, seconds } => report.steps.push(StepReport {
                    step: *step,
                    seconds: Some(*seconds),
                    reason: None,
                }),
                JournalEvent::Reported { step, reason }
                | JournalEvent::Failed { step, reason }
                | JournalEvent::Left { step, reason } => {
                    report.steps.push(StepReport {
                        step: *step,
                        seconds: None,
                        reason: Some(reason.clone()),
                    });
                }
                JournalEvent::Found(finding) => report.learn(finding),
                JournalEvent::Ended { .. } => report.ended = Some(entry.at),
                JournalEvent::Resumed { .. }
                | JournalEvent::AbortAsked { .. }
                | JournalEvent::Paused { .. }
                | JournalEvent::Began { .. }
                | JournalEvent::UndoBegan { .. }
                | JournalEvent::Undone { .. } => {}
            }
        }
        match &plan.operation {
            Operation::Failover {
                mode,
                loss,
                from,
                to,
                ..
            } => {
                report.emptied = emptied(plan);
                report.settle_loss(*mode, loss);
                if stays_away(plan, from, to) {
                    report.next.push(format!("pgctl rejoin {from}"));
                }
            }
            Operation::Scale { .. } => report.settle_scaling(plan),
            Operation::Restart(_) => report.settle_restart(),
            Operation::Rejoin { .. }
            | Operation::Reinit { .. }
            | Operation::Autoscale { .. }
            | Operation::Synchronous { .. }
            | Operation::Restore(_)
            | Operation::Discard { .. } => {}
        }
        report
    }

    /// Whether what the operation is for was done, and not everybody was there in time.
    pub fn timed_out(&self) -> bool {
        self.steps.iter().any(|it| {
            matches!(it.step, StepName::AwaitStandbys | StepName::AwaitGone) && it.reason.is_some()
        })
    }

    /// Whether a scaling has left something as it was: a slot, a volume, the list of those that
    /// confirm commits; or a standby that was restarted is not back.
    pub fn left_undone(&self) -> bool {
        let sees_it_through =
            self.operation.scales().is_some() || self.operation.restart().is_some();
        sees_it_through && self.steps.iter().any(|it| it.reason.is_some())
    }

    /// A standby that is not back: nothing else was touched, and nothing else is until it is.
    fn settle_restart(&mut self) {
        if self.left_undone() {
            self.next.extend([
                "pgctl status".to_owned(),
                "go back to the former template: pgctl rollout --undo".to_owned(),
                "or mend the template and apply it, then: pgctl rollout".to_owned(),
            ]);
        }
    }

    /// What a scaling has left, and the command that sees to it.
    fn settle_scaling(&mut self, plan: &Plan) {
        let undone = self.left_undone();
        let failed = |name: StepName| {
            let mut steps = self.steps.iter();
            steps.any(|it| it.step == name && it.reason.is_some())
        };
        let volumes = failed(StepName::DeleteVolumes);
        let late = failed(StepName::AwaitStandbys);
        let Operation::Scale {
            to,
            way,
            left_behind,
            ..
        } = &mut self.operation
        else {
            return;
        };
        if volumes
            && let Some(Action::DeleteClaims { claims }) =
                plan.step(StepName::DeleteVolumes).map(|step| &step.action)
        {
            left_behind.extend(claims.iter().map(|it| it.claim.clone()));
        }
        if undone {
            // What the autoscaler has taken back once it takes back again.
            let pin = late && matches!(way, Some(AutoscalerPolicy::Temporary));
            self.next.push(match (pin, volumes) {
                (false, false) => format!("pgctl scale {to}"),
                (false, true) => format!("pgctl scale {to} --delete-volumes"),
                (true, false) => format!("pgctl scale {to} --pin"),
                (true, true) => format!("pgctl scale {to} --pin --delete-volumes"),
            });
        }
    }

    fn learn(&mut self, finding: &OperationFinding) {
        match finding {
            OperationFinding::Shutdown(shutdown) => self.shutdown_lsn = Some(shutdown.lsn),
            OperationFinding::Promoted { position, timeline } => {
                self.promoted_at = Some(*position);
                self.new_timeline = Some(*timeline);
            }
            OperationFinding::Outage { seconds, method } => {
                self.write_outage_seconds = Some(*seconds);
                self.outage_method = Some(*method);
            }
            OperationFinding::ClientsHeld { seconds, poolers } => {
                self.clients_held_seconds = Some(*seconds);
                self.held_poolers.clone_from(poolers);
            }
            OperationFinding::OutageParts(parts) => self.write_outage_parts = Some(*parts),
            OperationFinding::ServiceSwitched { seconds } => {
                self.service_switched_seconds = Some(*seconds)
            }
            OperationFinding::SafetyBackup { backup } => self.safety_backup = Some(backup.clone()),
            OperationFinding::Recovered(to) => self.recovered = Some(to.clone()),
            OperationFinding::Kept(data) => self.kept.push(data.clone()),
            OperationFinding::TakenAway(data) => self.taken_away.push(data.clone()),
            // What the steps need.
            OperationFinding::Fenced { .. }
            | OperationFinding::Ended { .. }
            | OperationFinding::Deleted { .. } => {}
            OperationFinding::RestoredTimeline { timeline } => self.new_timeline = Some(*timeline),
        }
    }

    /// A clean shutdown record is the proof; without it there is only the plan's estimate.
    fn settle_loss(&mut self, mode: Mode, loss: &Loss) {
        let promoted = self
            .steps
            .iter()
            .any(|it| it.step == StepName::Promote && it.seconds.is_some());
        match (self.shutdown_lsn, self.promoted_at) {
            (Some(end), Some(position)) => {
                self.loss_proven = position > end;
                self.lost_bytes = Some(if position > end {
                    0
                } else {
                    end.bytes_since(position)
                });
            }
            // A switchover does not get past its promotion without that proof.
            _ if mode == Mode::Switchover && promoted => {
                (self.lost_bytes, self.loss_proven) = (Some(0), true);
            }
            _ => (self.lost_bytes, self.loss_proven) = (loss.bytes, loss.proven),
        }
    }
}

/// What a change of the primary empties: unlogged tables, in the words of the check.
fn emptied(plan: &Plan) -> Option<String> {
    plan.checks
        .iter()
        .find(|it| it.check == CheckName::UnloggedTables && it.verdict == CheckVerdict::Warn)
        .map(|it| it.reason.clone())
}

/// Whether a failover has not brought the old primary back.
fn stays_away(plan: &Plan, from: &str, to: &str) -> bool {
    // Without a topology it would come back as a primary of its own.
    let aware = plan
        .steps
        .iter()
        .any(|step| matches!(step.action, Action::WriteTopology { .. }));
    let away = from != to && plan.step(StepName::Rejoin).is_none();
    aware && away
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ClusterId;
    use crate::plan::OperationId;

    /// The operation's fields are beside the report's own: none may take the other's name.
    #[test]
    fn what_was_discarded_can_be_read_back_from_the_history() {
        let data = KeptData {
            claim: "data-p-0".into(),
            directory: "pgdata.before-restore-x".into(),
        };
        let plan = Plan {
            id: OperationId("restore-1".into()),
            cluster: ClusterId {
                namespace: "n".into(),
                name: "c".into(),
            },
            system_identifier: String::new(),
            operation: Operation::Discard { kept: vec![data] },
            made: Timestamp::UNIX_EPOCH,
            checks: Vec::new(),
            candidates: Vec::new(),
            steps: Vec::new(),
        };
        let report = Report::of(&plan, &[]);
        let text = serde_json::to_string(&report).expect("it can be stored");
        let back: Report = serde_json::from_str(&text).expect("it can be read back");
        assert_eq!(back, report);
    }
}
