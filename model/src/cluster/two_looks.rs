//! Two looks at the same cluster, from which a pace is worked out.

use jiff::Timestamp;

use super::{DatabaseFacts, Snapshot};

/// What a server said at both looks; none when it was started anew in between, or changed its timeline: then
/// its figures began anew.
pub(super) fn seen_twice<'a>(
    before: &'a Snapshot,
    after: &'a Snapshot,
    pod: &str,
) -> Option<(&'a DatabaseFacts, &'a DatabaseFacts)> {
    let (old, new) = (
        before.instance(pod)?.facts()?,
        after.instance(pod)?.facts()?,
    );
    (old.started == new.started && old.timeline == new.timeline).then_some((old, new))
}

/// Seconds from one to the other; 0 when a clock was set back.
pub(super) fn seconds_between(old: Timestamp, new: Timestamp) -> f64 {
    new.duration_since(old).as_secs_f64().max(0.0)
}
