//! Indexes.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{DatabaseUsage, DoctorFacts, IndexUse};
use super::remedy::in_database;
use super::result::Finding;
use super::servers::{database_of, each_database, left_out, primary};
use super::vacuum::counted;
use crate::cluster::words;

pub(super) fn invalid_index(facts: &DoctorFacts) -> Vec<Finding> {
    each_database(facts, |name, database| {
        let invalid = &database.invalid_indexes;
        if invalid.is_empty() {
            return None;
        }
        let finding = Finding::warning(
            database_of(name),
            format!(
                "{} not valid: a CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY failed",
                are(invalid.len())
            ),
        )
        .evidence_lines(
            invalid
                .iter()
                .map(|it| format!("{} on {}", it.index, it.table)),
        );
        let mend = |verb: &str, index: &str| {
            in_database(
                &facts.snapshot,
                name,
                &format!("{verb} index concurrently {index}"),
            )
        };
        // What a REINDEX has left is a copy of an index that is there: there is nothing to mend in it.
        let copy = invalid.iter().find(|it| is_copy(&it.index));
        let broken = invalid.iter().find(|it| !is_copy(&it.index));
        let mended = broken.map(|it| mend("reindex", &it.index));
        let dropped = copy.map(|it| mend("drop", &it.index));
        Some(
            mended
                .into_iter()
                .chain(dropped)
                .fold(finding, Finding::next),
        )
    })
}

/// Whether a failed `REINDEX CONCURRENTLY` has left it: `cart_idx_ccnew`, `cart_idx_ccold2`.
fn is_copy(index: &str) -> bool {
    let name = index.trim_end_matches('"');
    let name = name.trim_end_matches(|it: char| it.is_ascii_digit());
    name.ends_with("_ccnew") || name.ends_with("_ccold")
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
    let (seen, _, contents) = match facts.of_primary() {
        Ok(seen) => seen,
        Err(why) => return vec![Finding::unknown(primary(facts), why)],
    };
    let mut findings = Vec::new();
    findings.extend(left_out(facts, seen, contents));
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
        findings.extend(too_many(name, &answers));
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

/// So many unused indexes of a database a server tells of.
const MOST_INDEXES: usize = 1000;

/// One that a server does not name is taken for used there: it must have named all.
fn too_many(name: &str, answers: &[(&str, &DatabaseUsage)]) -> Option<Finding> {
    let mut answers = answers.iter();
    let (pod, _) = answers.find(|(_, it)| it.unused_indexes.len() >= MOST_INDEXES)?;
    let why = format!("{pod} has more than {MOST_INDEXES} of them: the rest was not looked at");
    Some(Finding::unknown(database_of(name), why))
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
        .evidence(
            "one that was made lately looks the same: PostgreSQL does not record when that was",
        )
        .next(in_database(
            &facts.snapshot,
            name,
            &format!("drop index concurrently {}", first.index),
        )),
    )
}
