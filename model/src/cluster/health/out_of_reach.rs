//! A primary that does not answer pgctl, and is alive all the same.

use super::advice::mend_password;
use super::finding::{FindingCode, HealthFinding, ObjectRef};
use super::state::wrong_password;
use crate::cluster::suggestion::ASK_FOR_RIGHTS;
use crate::cluster::{Database, Instance, SignOfLife, Snapshot, signs_of_life};

/// The pod that is meant to be primary, when none answers as one and others tell that it is alive.
pub(super) fn silent_primary(snapshot: &Snapshot) -> Option<&Instance> {
    if snapshot.primaries().next().is_some() {
        return None;
    }
    let meant = snapshot.instance(&snapshot.topology.primary)?;
    let alive = meant.database.alive_but_closed().is_some()
        || !signs_of_life(snapshot, meant.name()).is_empty();
    alive.then_some(meant)
}

/// What is known of it, and nothing more: clients may well be writing to it.
pub(super) fn primary_silent(snapshot: &Snapshot, primary: &Instance) -> HealthFinding {
    let namespace = &snapshot.cluster.namespace;
    let pod = primary.name();
    let object = ObjectRef::pod(pod);
    if let Database::NotAllowed { reason } = &primary.database {
        let what = "pgctl may not ask the primary: whether it accepts writes is not known";
        return HealthFinding::warning(FindingCode::PrimarySilent, object, what)
            .why(reason.clone())
            .next(ASK_FOR_RIGHTS);
    }
    let signs = signs_of_life(snapshot, pod);
    let receiving: Vec<&str> = signs
        .iter()
        .filter_map(|sign| match sign {
            SignOfLife::Receives { standby, .. } => Some(standby.as_str()),
            SignOfLife::Ready => None,
        })
        .collect();
    let closed = primary.database.alive_but_closed().is_some();
    let mut what = if closed {
        "the primary is alive, and does not let pgctl in".to_owned()
    } else {
        "the primary does not answer pgctl".to_owned()
    };
    match receiving.as_slice() {
        [] => {}
        [one] => what += &format!("; {one} receives from it"),
        several => what += &format!("; {} receive from it", several.join(", ")),
    }
    if signs.contains(&SignOfLife::Ready) {
        what += "; Kubernetes counts it as ready";
    }
    let code = FindingCode::PrimarySilent;
    // Its probe may not have noticed yet: only who hears it knows that it lives.
    let finding = if closed || !receiving.is_empty() {
        HealthFinding::warning(code, object, what)
    } else {
        HealthFinding::critical(code, object, what)
    };
    let finding = finding.why(format!(
        "clients may be writing to it: {}",
        primary
            .database
            .unanswered()
            .unwrap_or("pgctl could not ask it")
    ));
    match wrong_password(primary) {
        Some((secret, key)) => finding.next(mend_password(namespace, secret, key)),
        None => finding
            .next(format!("kubectl -n {namespace} get pod {pod} -o wide"))
            .next(format!(
                "kubectl -n {namespace} exec {pod} -c postgres -- pg_isready"
            ))
            .next(format!("pgctl -n {namespace} failover --dry-run")),
    }
}
