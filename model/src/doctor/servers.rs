//! Asking the facts of servers: who did not answer is unknown, and never well.

use super::facts::{DatabaseContents, DoctorFacts, ServerAnswer, ServerContents, ServerSeen};
use super::result::{Finding, cluster};
use crate::cluster::{Instance, ObjectRef};

/// What every server says; of those that say nothing, an unknown each.
pub(super) fn each_server(
    facts: &DoctorFacts,
    look: impl Fn(&str, &ServerAnswer) -> Vec<Finding>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.servers.is_empty() {
        let why = "there is no server to ask";
        findings.push(Finding::unknown(cluster(&facts.snapshot), why));
    }
    for server in &facts.servers {
        match &server.answer {
            Ok(answer) => findings.extend(look(&server.pod, answer)),
            Err(why) => findings.push(Finding::unknown(ObjectRef::pod(&server.pod), why)),
        }
    }
    findings
}

/// What the primary says; an unknown when there is none, or it says nothing.
pub(super) fn of_primary(
    facts: &DoctorFacts,
    look: impl FnOnce(&str, &ServerAnswer, &ServerContents) -> Vec<Finding>,
) -> Vec<Finding> {
    match facts.of_primary() {
        Ok((server, answer, contents)) => look(&server.pod, answer, contents),
        Err(why) => vec![Finding::unknown(primary(facts), why)],
    }
}

/// What each database of the primary says; an unknown for each that says nothing.
pub(super) fn each_database(
    facts: &DoctorFacts,
    look: impl Fn(&str, &DatabaseContents) -> Option<Finding>,
) -> Vec<Finding> {
    let (server, _, contents) = match facts.of_primary() {
        Ok(seen) => seen,
        Err(why) => return vec![Finding::unknown(primary(facts), why)],
    };
    let mut findings: Vec<Finding> = Vec::new();
    for (name, database) in &server.databases {
        let why = match database.as_ref().map(|it| &it.contents) {
            Ok(Some(contents)) => {
                findings.extend(look(name, contents));
                continue;
            }
            Ok(None) => "its server was a standby when it was asked",
            Err(why) => why,
        };
        findings.push(Finding::unknown(database_of(name), why));
    }
    findings.extend(left_out(facts, server, contents));
    findings
}

/// An unknown of the databases that were not looked at: the largest are.
pub(super) fn left_out(
    facts: &DoctorFacts,
    server: &ServerSeen,
    contents: &ServerContents,
) -> Option<Finding> {
    let all = contents.databases.len();
    let left = all.saturating_sub(server.databases.len());
    (left > 0).then(|| {
        let why = format!("the {left} smallest databases were not looked at");
        Finding::unknown(primary(facts), why)
    })
}

/// What each server that answers says.
pub(super) fn each_answer(facts: &DoctorFacts) -> impl Iterator<Item = (&str, &ServerAnswer)> {
    let answered = facts.servers.iter();
    answered.filter_map(|it| Some((it.pod.as_str(), it.answer.as_ref().ok()?)))
}

/// A database.
pub(super) fn database_of(name: &str) -> ObjectRef {
    ObjectRef::new("database", name)
}

/// The primary's pod; the cluster when there is none.
pub(super) fn primary(facts: &DoctorFacts) -> ObjectRef {
    let pod = facts.snapshot.primary().map(Instance::name);
    pod.map_or_else(|| cluster(&facts.snapshot), ObjectRef::pod)
}

/// The pods whose database says nothing, and why.
pub(super) fn silent(facts: &DoctorFacts) -> impl Iterator<Item = (&str, &str)> {
    let silent = facts
        .snapshot
        .instances
        .iter()
        .filter(|it| it.facts().is_none());
    silent.map(|it| {
        let why = it
            .database
            .unanswered()
            .unwrap_or("its container does not run");
        (it.name(), why)
    })
}
