//! Small changes.

use super::*;
use crate::change::{
    ChangeOutcome, ChangeProposal, ChangeRecord, SlotDropRequest, propose_slot_drop,
};

/// The drop of the slot of a standby that is away.
fn proposal(allow_slot_loss: bool) -> ChangeProposal {
    let mut snapshot = fixture::healthy(2);
    let slot = fixture::slot(&mut snapshot, 1);
    slot.active = false;
    let request = SlotDropRequest {
        slot: slot.name.clone(),
        pod: None,
        allow_slot_loss,
    };
    propose_slot_drop(&snapshot, &request, None).expect("it is there")
}

fn record() -> ChangeRecord {
    ChangeRecord {
        id: "slots-drop-20260301T120000000Z-1".to_owned(),
        change: proposal(true).title,
        by: "ann@laptop/1-2-3".to_owned(),
        started: fixture::now(),
        outcome: ChangeOutcome::Unproven,
        reason: Some("\u{1b}[2Jno answer within 10 s".to_owned()),
    }
}

#[test]
fn the_drop_of_a_slot_says_what_it_costs() {
    let text = [80, 160].map(|width| {
        let screen = screen(width);
        format!(
            "--- {width} columns\n{}\n{}\n{}",
            proposal_screen(&proposal(true), &screen),
            refused_proposal_screen(&proposal(false), &screen),
            changes_screen(&[record()], &screen),
        )
    });
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn a_change_is_a_document_by_its_schema() -> Result<(), Box<dyn std::error::Error>> {
    let cluster = fixture::healthy(1).cluster;
    for end in [
        ChangeEnd::Proposed,
        ChangeEnd::Refused,
        ChangeEnd::Done(record()),
    ] {
        let document = ChangeDocument::new(&cluster, &proposal(true), &end);
        holds("change.json", &encode(&document, Format::Json))?;
    }
    Ok(())
}
