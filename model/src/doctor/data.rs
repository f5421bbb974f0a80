//! Whether data are what they were, and have room to grow.

use super::facts::{CollationFacts, DoctorFacts};
use super::remedy::{in_database, on_primary, show_settings};
use super::result::{Finding, cluster};
use super::servers::{database_of, each_database, each_server};
use super::vacuum::counted;
use crate::cluster::{Instance, ObjectRef, quote_identifier, quote_literal, words};

/// From here on a sequence is in danger, in %.
const SEQUENCE_CRITICAL: f64 = 90.0;

pub(super) fn collation_mismatch(facts: &DoctorFacts) -> Vec<Finding> {
    let mut findings = each_server(facts, |pod, answer| {
        let differ = answer.collations.iter();
        differ.map(|it| of_server(facts, pod, it)).collect()
    });
    findings.extend(each_database(facts, |name, database| {
        if database.collations.is_empty() {
            return None;
        }
        let finding = Finding::warning(
            database_of(name),
            format!(
                "{} of another version than the system has",
                counted(database.collations.len(), "collation")
            ),
        )
        .evidence_lines(database.collations.iter().map(|it| {
            format!(
                "{}: {} is recorded, {} is there",
                it.name, it.recorded, it.actual
            )
        }))
        .evidence("an index on text may be in the wrong order there: the version is recorded last, for that only silences this")
        .next(reindex(facts, name));
        // Each has a record of its own.
        let recorded = database.collations.iter().map(|it| {
            let sql = format!("alter collation {} refresh version", it.name);
            in_database(&facts.snapshot, name, &sql)
        });
        Some(recorded.fold(finding, Finding::next))
    }));
    findings
}

fn reindex(facts: &DoctorFacts, database: &str) -> String {
    let sql = format!("reindex database {}", quote_identifier(database));
    in_database(&facts.snapshot, database, &sql)
}

/// The version that is recorded is the same everywhere; the one that a system has is each pod's own. What is wrong on
/// a standby alone can't be mended in the database: its image is another.
fn of_server(facts: &DoctorFacts, pod: &str, differs: &CollationFacts) -> Finding {
    let snapshot = &facts.snapshot;
    let name = &differs.name;
    let finding = Finding::warning(
        ObjectRef::new("database", &format!("{pod}/{name}")),
        format!(
            "its collation is of version {}, the system in {pod} has {}",
            differs.recorded, differs.actual
        ),
    )
    .evidence(
        "an index on text may be in the wrong order there: rows are not found, or are there twice",
    );
    let primary = snapshot.primary().map(Instance::name);
    let on_primary_too = facts.servers.iter().any(|it| {
        let answer = it.answer.as_ref().ok();
        Some(it.pod.as_str()) == primary && answer.is_some_and(|it| it.collations.contains(differs))
    });
    if primary == Some(pod) || on_primary_too {
        let refresh = format!(
            "alter database {} refresh collation version",
            quote_identifier(name)
        );
        return finding
            .next(reindex(facts, name))
            .next(on_primary(snapshot, &refresh));
    }
    let namespace = &snapshot.cluster.namespace;
    let older = snapshot.instance(pod).and_then(|it| snapshot.is_older(it));
    let rollout = match older {
        Some(true) => format!("pgctl -n {namespace} rollout --pod {pod}"),
        // The same name of an image, and another image behind it.
        Some(false) | None => format!("pgctl -n {namespace} rollout --restart --pod {pod}"),
    };
    finding
        .evidence("its image has another C library or ICU than the primary's: it needs the same image; a reindex would spoil the others")
        .next(format!(
            "kubectl -n {namespace} get pods -o custom-columns=POD:.metadata.name,IMAGE:.status.containerStatuses[*].imageID"
        ))
        .next(rollout)
}

pub(super) fn checksum_failures(facts: &DoctorFacts) -> Vec<Finding> {
    each_server(facts, |pod, answer| {
        let failed = answer.checksum_failures.iter();
        failed
            .map(|it| {
                let last = it.last.map(|at| format!(", the last at {at:.0}"));
                Finding::critical(
                    ObjectRef::pod(pod),
                    format!(
                        "{} failed in {}{}",
                        counted(
                            usize::try_from(it.failures).unwrap_or(usize::MAX),
                            "checksum"
                        ),
                        if it.database.is_empty() {
                            "shared tables"
                        } else {
                            &it.database
                        },
                        last.unwrap_or_default()
                    ),
                )
                .evidence("the disk or the memory gave back other bytes than were written")
                .next(
                    match facts.snapshot.primary().is_some_and(|it| it.name() == pod) {
                        true => format!("pgctl -n {} failover", facts.snapshot.cluster.namespace),
                        false => {
                            format!("pgctl -n {} reinit {pod}", facts.snapshot.cluster.namespace)
                        }
                    },
                )
            })
            .collect()
    })
}

pub(super) fn checksums_off(facts: &DoctorFacts) -> Vec<Finding> {
    each_server(facts, |pod, answer| match answer.checksums {
        true => Vec::new(),
        false => vec![
            Finding::warning(ObjectRef::pod(pod), "data checksums are off")
                .evidence(
                    "a page that the disk spoils is taken for a good one, and copied into backups",
                )
                .next("pgctl explain checksums-off   # every server has to be stopped for it"),
        ],
    })
}

pub(super) fn sequence_near_end(facts: &DoctorFacts) -> Vec<Finding> {
    each_database(facts, |name, database| {
        let worst = database
            .sequences
            .iter()
            .max_by(|a, b| a.percent.total_cmp(&b.percent))?;
        let what = format!(
            "{} near the end",
            counted(database.sequences.len(), "sequence")
        );
        let finding = match worst.percent >= SEQUENCE_CRITICAL {
            true => Finding::critical(database_of(name), what),
            false => Finding::warning(database_of(name), what),
        };
        Some(
            finding
                .evidence_lines(database.sequences.iter().map(|it| {
                    format!("{}: {} of {} ({:.0} %)", it.sequence, it.last, it.end, it.percent)
                }))
                .next(in_database(
                    &facts.snapshot,
                    name,
                    &format!(
                        "select seqrelid::regclass, seqtypid::regtype, seqmax from pg_sequence where seqrelid = {}::regclass",
                        quote_literal(&worst.sequence)
                    ),
                )),
        )
    })
}

pub(super) fn unlogged_tables(facts: &DoctorFacts) -> Vec<Finding> {
    let unlogged = match &facts.unlogged {
        Ok(unlogged) => unlogged,
        Err(why) => return vec![Finding::unknown(cluster(&facts.snapshot), why)],
    };
    unlogged
        .iter()
        .filter(|it| it.tables > 0)
        .map(|it| {
            let bytes = it.bytes.map(|it| format!(" ({})", words::bytes(it)));
            Finding::note(
                database_of(&it.database),
                format!(
                    "{}{} unlogged: a failover or a crash empties them",
                    match it.tables {
                        1 => "1 table is".to_owned(),
                        more => format!("{more} tables are"),
                    },
                    bytes.unwrap_or_default()
                ),
            )
            .next(in_database(
                &facts.snapshot,
                &it.database,
                "select oid::regclass from pg_class where relpersistence = 'u' and relkind = 'r'",
            ))
        })
        .collect()
}

pub(super) fn durability_off(facts: &DoctorFacts) -> Vec<Finding> {
    each_server(facts, |pod, answer| match answer.durable {
        true => Vec::new(),
        false => vec![
            Finding::critical(ObjectRef::pod(pod), "fsync or full_page_writes is off")
                .evidence("a crash of the node may leave data that can't be read, or are wrong")
                .next(show_settings(
                    &facts.snapshot,
                    &["fsync", "full_page_writes"],
                )),
        ],
    })
}
