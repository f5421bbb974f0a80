//! Throw-away servers: one that was forgotten is more than good to know.

use super::facts::DoctorFacts;
use super::result::{Finding, Outcome};
use crate::cluster::{ObjectRef, throw_away_object};

/// The same findings; of a server that is older than a day it is a warning.
pub(super) fn by_age(facts: &DoctorFacts, findings: Vec<Finding>) -> Vec<Finding> {
    let judged = |finding: Finding| match is_forgotten(facts, &finding.object) {
        false => finding,
        true => {
            let forgotten = Finding {
                outcome: Outcome::Warning,
                ..finding
            };
            forgotten.evidence("it has been there for more than a day: nobody may need it any more")
        }
    };
    findings.into_iter().map(judged).collect()
}

fn is_forgotten(facts: &DoctorFacts, object: &ObjectRef) -> bool {
    let snapshot = &facts.snapshot;
    let mut old = snapshot
        .throw_aways
        .iter()
        .filter(|it| it.is_forgotten(snapshot.taken));
    old.any(|it| {
        let (kind, name) = throw_away_object(&snapshot.cluster, it);
        *object == ObjectRef::new(kind, &name)
    })
}
