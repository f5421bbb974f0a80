//! The screens of restores: what is shown before anything is replaced.

use super::both_widths;
use crate::cluster::fixture::healthy;
use crate::output::*;
use crate::plan::restore_fixture::{
    accepted, backup, logical, plan, recovery, request, to_a_moment,
};
use crate::plan::{Plan, RestoreKind, RestoreRequest};

fn shown(plan: &Plan) -> String {
    both_widths(|screen| {
        checks_screen(&plan.checks, screen, false) + "\n" + &plan_screen(plan, screen)
    })
}

#[test]
fn databases_that_hold_data_are_not_replaced_unasked() {
    let refusal =
        logical(&request(), &[("shop", true), ("postgres", false)]).expect_err("shop holds data");
    insta::assert_snapshot!(both_widths(|screen| refusal_screen(
        &refusal, screen, false
    )));
}

#[test]
fn the_plan_of_a_restore_in_place_of_what_is_there() {
    let clean = RestoreRequest {
        clean: true,
        ..request()
    };
    let plan = accepted(logical(&clean, &[("shop", true), ("postgres", false)]));
    insta::assert_snapshot!(shown(&plan));
}

#[test]
fn the_plan_of_a_base_backup() {
    let snapshot = healthy(2);
    let backup = backup(RestoreKind::Physical, &snapshot);
    let plan = accepted(plan(&snapshot, &request(), backup, None));
    insta::assert_snapshot!(shown(&plan));
}

#[test]
fn the_plan_of_a_recovery_to_a_moment() {
    let plan = accepted(to_a_moment(&healthy(2), recovery(&[])));
    insta::assert_snapshot!(shown(&plan));
}

#[test]
fn archived_wal_that_is_not_whole_is_refused() {
    let problem = "00000002000000000000000A: the SHA-256 of its content is another";
    let refusal = to_a_moment(&healthy(2), recovery(&[problem])).expect_err("it is not whole");
    insta::assert_snapshot!(both_widths(|screen| refusal_screen(
        &refusal, screen, false
    )));
}
