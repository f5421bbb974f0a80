//! The checks of a stored plan. Those that came after format 1 are stored in a field of their own, which the versions
//! before them do not look at; and one that this pgctl does not know is not read.

use std::mem;

use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::plan::CheckName;

/// Field of the checks, of a plan and of a candidate.
const CHECKS: &str = "checks";
/// Field of those that format 1 does not have.
const LATER: &str = "laterChecks";
/// Field of the candidates of a plan.
const CANDIDATES: &str = "candidates";

/// The checks of format 1. None is ever added: a version that knows no others can't read a plan that has one among them.
const OF_FORMAT_1: &str = "\
    lock unfinished permissions one-primary signs-of-life old-primary stop-timeout start-script target revision ready \
    recovery system timeline streaming replay lag ahead walsenders slots settings standby-login files recovery-settings \
    synchronous queries base-backup archive logical-slots prepared-transactions unlogged-tables followers autoscaler \
    poolers write-service git-ops volume node budgets rewind count primary-stays bounds metrics backup recovery-target \
    archived-wal cluster version architecture space databases roles tablespaces extensions connections safety-backup kept";

/// Moves the checks that came after format 1 into their own field.
pub(super) fn set_apart(plan: &mut Value) {
    each_judged(plan, |judged| {
        let Some(checks) = list(judged) else { return };
        let (first, later): (Vec<Value>, Vec<Value>) =
            mem::take(checks).into_iter().partition(is_of_format_1);
        *checks = first;
        if !later.is_empty() {
            judged.insert(LATER.to_owned(), Value::Array(later));
        }
    });
}

/// Puts them back among the others, in the order of the table, and leaves out those that this pgctl does not know: checks
/// only tell, and these were told when the plan was made.
pub(super) fn put_together(plan: &mut Value) {
    each_judged(plan, |judged| {
        let later = judged.remove(LATER);
        let Some(checks) = list(judged) else { return };
        if let Some(Value::Array(later)) = later {
            checks.extend(later);
            checks.sort_by_key(name);
        }
        checks.retain(|it| !is_unknown(it));
    });
}

/// Everything in a plan that has checks: itself and its candidates.
fn each_judged(plan: &mut Value, change: impl Fn(&mut Map<String, Value>)) {
    let Value::Object(plan) = plan else { return };
    change(plan);
    if let Some(Value::Array(candidates)) = plan.get_mut(CANDIDATES) {
        candidates
            .iter_mut()
            .filter_map(Value::as_object_mut)
            .for_each(change);
    }
}

fn list(judged: &mut Map<String, Value>) -> Option<&mut Vec<Value>> {
    judged.get_mut(CHECKS)?.as_array_mut()
}

fn code(check: &Value) -> Option<&str> {
    check.get("check")?.as_str()
}

fn name(check: &Value) -> Option<CheckName> {
    CheckName::deserialize(check.get("check")?).ok()
}

fn is_of_format_1(check: &Value) -> bool {
    code(check).is_some_and(|code| OF_FORMAT_1.split_ascii_whitespace().any(|it| it == code))
}

/// Whether it has a name, and this pgctl does not know it. What has none makes no sense, and is no later check.
fn is_unknown(check: &Value) -> bool {
    code(check).is_some() && name(check).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(code: &str) -> Value {
        json!({"check": code, "verdict": "warn", "reason": "so it was"})
    }

    /// Otherwise a plan that was stored before can be read no more.
    #[test]
    fn no_check_of_format_1_is_ever_taken_away_or_renamed() {
        let codes: Vec<&str> = OF_FORMAT_1.split_ascii_whitespace().collect();
        assert_eq!(codes.len(), 58);
        for code in codes {
            assert!(name(&check(code)).is_some(), "{code}");
        }
    }

    #[test]
    fn later_checks_are_where_the_versions_before_them_do_not_look() {
        let (poolers, paused) = (check("poolers"), check("paused-poolers"));
        let service = check("write-service");
        let all = json!([poolers, paused, service]);
        let whole = json!({"checks": all, "candidates": [{"pod": "db-1", "checks": all}]});
        let first = json!([poolers, service]);
        let mut stored = whole.clone();
        set_apart(&mut stored);
        assert_eq!(
            stored,
            json!({"checks": first, "laterChecks": [paused],
                "candidates": [{"pod": "db-1", "checks": first, "laterChecks": [paused]}]})
        );
        put_together(&mut stored);
        assert_eq!(stored, whole);
    }

    #[test]
    fn a_plan_without_later_checks_is_stored_as_ever() {
        let whole = json!({"checks": [check("lock"), check("kept")]});
        let mut stored = whole.clone();
        set_apart(&mut stored);
        assert_eq!(stored, whole);
        put_together(&mut stored);
        assert_eq!(stored, whole);
    }

    #[test]
    fn what_is_no_check_at_all_is_left_for_the_reader_to_refuse() {
        let broken = json!({"checks": [{"check": 7}, {"verdict": "warn"}, "lock"]});
        let mut read = broken.clone();
        put_together(&mut read);
        assert_eq!(read, broken);
    }
}
