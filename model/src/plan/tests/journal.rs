//! Journals that can have come about, and such that can't.

use super::super::{JournalEvent, OperationOutcome, OperationProgress, Plan, StepName};
use super::shape::{plan, to};
use crate::cluster::fixture::healthy;

fn walk(plan: &Plan, events: &[JournalEvent]) -> Option<OperationProgress> {
    events
        .iter()
        .try_fold(OperationProgress::Planned, |progress, event| {
            progress.after(plan, event)
        })
        .ok()
}

fn started() -> JournalEvent {
    JournalEvent::Started { by: "ann".into() }
}

fn began(step: StepName) -> JournalEvent {
    JournalEvent::Began { step }
}

fn completed(step: StepName) -> JournalEvent {
    JournalEvent::Completed { step, seconds: 0.1 }
}

#[test]
fn the_whole_way_forward() {
    let plan = plan(&healthy(3), &to("replica-0"));
    let mut events = vec![started()];
    for step in &plan.steps {
        events.extend([began(step.name), completed(step.name)]);
    }
    let outcome = OperationOutcome::Done;
    events.push(JournalEvent::Ended { outcome });
    assert_eq!(
        walk(&plan, &events),
        Some(OperationProgress::Ended(outcome))
    );
}

#[test]
fn a_step_can_begin_again_but_not_out_of_turn() {
    let plan = plan(&healthy(3), &to("replica-0"));
    let first = StepName::CreateSlots;
    let resumed = JournalEvent::Resumed { by: "bob".into() };
    assert!(walk(&plan, &[started(), began(first), resumed, began(first)]).is_some());
    assert_eq!(walk(&plan, &[started(), began(StepName::Promote)]), None);
    assert_eq!(walk(&plan, &[began(first)]), None);
    assert_eq!(walk(&plan, &[started(), completed(first)]), None);
    assert_eq!(walk(&plan, &[started(), started()]), None);
}

#[test]
fn nothing_is_put_back_once_the_promotion_may_have_happened() {
    let plan = plan(&healthy(3), &to("replica-0"));
    let mut events = vec![started()];
    for step in &plan.steps {
        events.push(began(step.name));
        let undo = JournalEvent::UndoBegan {
            step: StepName::Fence,
        };
        let mut undone = events.clone();
        undone.push(undo);
        let index = plan.steps.iter().position(|it| it.name == step.name);
        let fenced = plan.steps.iter().position(|it| it.name == StepName::Fence);
        let allowed = index >= fenced && index < plan.point_of_no_return();
        assert_eq!(walk(&plan, &undone).is_some(), allowed, "{}", step.name);
        events.push(completed(step.name));
    }
}

#[test]
fn it_does_not_end_rolled_back_before_everything_is_put_back() {
    let plan = plan(&healthy(3), &to("replica-0"));
    let rolled_back = JournalEvent::Ended {
        outcome: OperationOutcome::RolledBack,
    };
    let mut events = vec![started(), began(StepName::CreateSlots)];
    events.push(rolled_back.clone());
    assert_eq!(walk(&plan, &events), None);
    events.pop();
    events.extend([
        JournalEvent::UndoBegan {
            step: StepName::CreateSlots,
        },
        JournalEvent::Undone {
            step: StepName::CreateSlots,
        },
        rolled_back,
    ]);
    assert_eq!(
        walk(&plan, &events),
        Some(OperationProgress::Ended(OperationOutcome::RolledBack))
    );
}
