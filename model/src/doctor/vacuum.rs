//! Old rows and old transactions.

use super::facts::{DatabaseAge, DoctorFacts};
use super::remedy::{in_database, on_primary, show_settings};
use super::result::{Finding, cluster};
use super::servers::{database_of, each_database, each_server, of_primary};
use crate::cluster::suggestion::show_connections;
use crate::cluster::{Instance, ObjectRef, quote_identifier, words};

/// From here on `VACUUM` drops everything else to keep ids from running out (`vacuum_failsafe_age`,
/// `vacuum_multixact_failsafe_age`); half a billion are left.
const CRITICAL: u64 = 1_600_000_000;
/// Autovacuum should have been at it long before.
const WARNING: u64 = 500_000_000;
/// A transaction that is open for so long is forgotten, or should be.
const OLD_TRANSACTION: f64 = 3600.0;
/// A prepared transaction is ended by its coordinator within moments.
const OLD_PREPARED: f64 = 600.0;

pub(super) fn transaction_id_wraparound(facts: &DoctorFacts) -> Vec<Finding> {
    wraparound(facts, "transaction", |age| age.transactions, |it| it.0)
}

pub(super) fn multixact_wraparound(facts: &DoctorFacts) -> Vec<Finding> {
    wraparound(facts, "multixact", |age| age.multixacts, |it| it.1)
}

fn wraparound(
    facts: &DoctorFacts,
    ids: &str,
    age: fn(&DatabaseAge) -> u64,
    limit: fn((u64, u64)) -> u64,
) -> Vec<Finding> {
    of_primary(facts, |_, answer, contents| {
        let limit = limit((answer.freeze_max_age, answer.multixact_freeze_max_age));
        let late = WARNING.max(limit.saturating_mul(2)).min(CRITICAL);
        let old = contents.ages.iter().filter(|it| age(it) >= late);
        old.map(|it| {
            let what = format!(
                "its oldest {ids} id is {} old, of 2147 million",
                millions(age(it))
            );
            let object = database_of(&it.database);
            let finding = if age(it) >= CRITICAL {
                Finding::critical(object, what)
            } else {
                Finding::warning(object, what)
            };
            let finding = finding.evidence(format!(
                    "autovacuum should have frozen it at {}; at the end the server takes no more writes",
                    millions(limit)
                ));
            let remedy = freeze(facts, it);
            remedy.into_iter().fold(finding, Finding::next)
        })
        .collect()
    })
}

/// Nobody can vacuum where nobody can log in; only autovacuum does.
fn freeze(facts: &DoctorFacts, age: &DatabaseAge) -> Vec<String> {
    let name = quote_identifier(&age.database);
    if age.invalid {
        // Half of it is gone: a DROP DATABASE was interrupted.
        return vec![on_primary(
            &facts.snapshot,
            &format!("drop database {name}"),
        )];
    }
    let vacuum = in_database(&facts.snapshot, &age.database, "vacuum (freeze, verbose)");
    if age.connectable {
        return vec![vacuum];
    }
    let allow = |yes: bool| {
        let sql = format!("alter database {name} with allow_connections {yes}");
        on_primary(&facts.snapshot, &sql)
    };
    vec![allow(true), vacuum, allow(false)]
}

fn millions(count: u64) -> String {
    format!("{} million", count / 1_000_000)
}

pub(super) fn autovacuum_off(facts: &DoctorFacts) -> Vec<Finding> {
    each_server(facts, |pod, answer| {
        if answer.autovacuum {
            return Vec::new();
        }
        vec![
            Finding::warning(ObjectRef::pod(pod), "autovacuum or track_counts is off")
                .evidence("tables grow, and transaction ids run out")
                .next(show_settings(
                    &facts.snapshot,
                    &["autovacuum", "track_counts"],
                )),
        ]
    })
}

pub(super) fn autovacuum_behind(facts: &DoctorFacts) -> Vec<Finding> {
    each_database(facts, |name, database| {
        let worst = database.behind.first()?;
        let tables = database.behind.len();
        Some(
            Finding::warning(
                database_of(name),
                format!("autovacuum is behind with {}", counted(tables, "table")),
            )
            .evidence_lines(database.behind.iter().map(|it| {
                format!(
                    "{}: {} dead rows, autovacuum comes at {}",
                    it.table, it.dead, it.threshold
                )
            }))
            .next(in_database(
                &facts.snapshot,
                name,
                &format!("vacuum (analyze, verbose) {}", worst.table),
            )),
        )
    })
}

pub(super) fn old_transaction(facts: &DoctorFacts) -> Vec<Finding> {
    let silent = super::servers::silent(facts);
    let mut findings: Vec<Finding> = silent
        .map(|(pod, why)| Finding::unknown(ObjectRef::pod(pod), why))
        .collect();
    for instance in &facts.snapshot.instances {
        let open = instance
            .facts()
            .and_then(|it| it.oldest_transaction_seconds);
        if let Some(seconds) = open.filter(|it| *it >= OLD_TRANSACTION) {
            findings.push(old(facts, instance, seconds));
        }
    }
    findings
}

fn old(facts: &DoctorFacts, instance: &Instance, seconds: f64) -> Finding {
    Finding::warning(
        ObjectRef::pod(instance.name()),
        format!(
            "a client's transaction has been open for {}",
            words::seconds(seconds)
        ),
    )
    .evidence("vacuum leaves every row that it may still see, on all instances")
    .next(show_connections(
        &facts.snapshot.cluster.namespace,
        instance.name(),
    ))
}

pub(super) fn prepared_transaction(facts: &DoctorFacts) -> Vec<Finding> {
    let mut findings = of_primary(facts, |pod, _, contents| {
        let age = contents.oldest_prepared_seconds;
        let Some(age) = age.filter(|it| *it >= OLD_PREPARED) else {
            return Vec::new();
        };
        vec![
            Finding::warning(
                ObjectRef::pod(pod),
                format!(
                    "a prepared transaction has waited for {} to be ended",
                    words::seconds(age)
                ),
            )
            .evidence("it keeps its locks and holds vacuum back, across restarts and failovers")
            .next(on_primary(
                &facts.snapshot,
                "select gid, database, owner, prepared from pg_prepared_xacts order by prepared",
            )),
        ]
    });
    if facts.snapshot.instances.is_empty() {
        let why = "there is no server to ask";
        findings = vec![Finding::unknown(cluster(&facts.snapshot), why)];
    }
    findings
}

/// `1 table`, `2 tables`.
pub(super) fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ if what.ends_with('x') => format!("{count} {what}es"),
        _ => format!("{count} {what}s"),
    }
}
