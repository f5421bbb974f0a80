//! Indexes.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{DatabaseUsage, DoctorFacts, IndexUse};
use super::remedy::in_database;
use super::result::Finding;
use super::servers::{database_of, each_database, primary};
use super::vacuum::counted;
use crate::cluster::words;

pub(super) fn invalid_index(facts: &DoctorFacts) -> Vec<Finding> {
    each_database(facts, |name, database| {
        let first = database.invalid_indexes.first()?;
        let count = database.invalid_indexes.len();
        Some(
            Finding::warning(
                database_of(name),
                format!(
                    "{} not valid: a CREATE INDEX CONCURRENTLY failed",
                    are(count)
                ),
            )
            .evidence_lines(
                database
                    .invalid_indexes
                    .iter()
                    .map(|it| format!("{} on {}", it.index, it.table)),
            )
            .next(in_database(
                &facts.snapshot,
                name,
                &format!("reindex index concurrently {}", first.index),
            )),
        )
    })
}

fn are(count: usize) -> String {
    match count {
        1 => "1 index is".to_owned(),
        _ => format!("{count} indexes are"),
    }
}

/// Replicas serve reads: an index that the primary never uses may be all that makes them quick. So every
/// instance must say that it does not, and for long enough.
pub(super) fn unused_index(facts: &DoctorFacts) -> Vec<Finding> {
    let (seen, _, _) = match facts.of_primary() {
        Ok(seen) => seen,
        Err(why) => return vec![Finding::unknown(primary(facts), why)],
    };
    let mut findings = Vec::new();
    for (name, on_primary) in &seen.databases {
        // The others are only asked about a database where it matters what they say.
        if on_primary
            .as_ref()
            .is_ok_and(|it| it.usage.unused_indexes.is_empty())
        {
            continue;
        }
        let answers = match on_every_server(facts, name) {
            Ok(answers) => answers,
            Err(why) => {
                findings.push(Finding::unknown(database_of(name), why));
                continue;
            }
        };
        let Ok(on_primary) = on_primary else { continue };
        findings.extend(unused_in(facts, name, &on_primary.usage, &answers));
    }
    findings
}

fn on_every_server<'a>(
    facts: &'a DoctorFacts,
    name: &str,
) -> Result<Vec<(&'a str, &'a DatabaseUsage)>, String> {
    let ask = |server: &'a super::facts::ServerSeen| {
        let of = |why: &String| format!("{}: {why}", server.pod);
        server.answer.as_ref().map_err(of)?;
        match server.databases.get(name) {
            Some(Ok(answer)) => Ok((server.pod.as_str(), &answer.usage)),
            Some(Err(why)) => Err(of(why)),
            None => Err(format!("{} was not asked about it", server.pod)),
        }
    };
    facts.servers.iter().map(ask).collect()
}

fn unused_in(
    facts: &DoctorFacts,
    name: &str,
    on_primary: &DatabaseUsage,
    answers: &[(&str, &DatabaseUsage)],
) -> Option<Finding> {
    let mut unused: BTreeMap<&str, &IndexUse> = BTreeMap::new();
    unused.extend(
        on_primary
            .unused_indexes
            .iter()
            .map(|it| (it.index.as_str(), it)),
    );
    for (_, answer) in answers {
        let here: BTreeSet<&str> = answer
            .unused_indexes
            .iter()
            .map(|it| it.index.as_str())
            .collect();
        unused.retain(|index, _| here.contains(index));
    }
    let mut unused: Vec<&IndexUse> = unused.into_values().collect();
    unused.sort_by_key(|it| std::cmp::Reverse(it.bytes));
    let first = unused.first()?;
    let young = answers
        .iter()
        .filter(|(_, it)| it.statistics_seconds < facts.statistics_seconds)
        .min_by(|(_, a), (_, b)| a.statistics_seconds.total_cmp(&b.statistics_seconds));
    if let Some((pod, answer)) = young {
        return Some(Finding::unknown(
            database_of(name),
            format!(
                "the statistics of {pod} are {} old: too young to call an index unused",
                words::seconds(answer.statistics_seconds)
            ),
        ));
    }
    let bytes: u64 = unused.iter().map(|it| it.bytes).sum();
    Some(
        Finding::note(
            database_of(name),
            format!(
                "{} of {} that no instance has used",
                counted(unused.len(), "index"),
                words::bytes(bytes)
            ),
        )
        .evidence_lines(
            unused
                .iter()
                .map(|it| format!("{} on {}, {}", it.index, it.table, words::bytes(it.bytes))),
        )
        .next(in_database(
            &facts.snapshot,
            name,
            &format!("drop index concurrently {}", first.index),
        )),
    )
}
