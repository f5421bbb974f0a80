//! Is there room, and does the archive keep up?

use super::assess::Limits;
use super::finding::{Finding, FindingCode, ObjectRef, Severity};
use crate::cluster::{Instance, Role, Snapshot, words};

pub(super) fn check(snapshot: &Snapshot, limits: &Limits, findings: &mut Vec<Finding>) {
    for instance in &snapshot.instances {
        findings.extend(disk(snapshot, limits, instance));
        findings.extend(archive(snapshot, instance));
    }
}

/// How full the data volume of an instance is, in %; none when unknown.
#[expect(clippy::cast_precision_loss, reason = "a percentage")]
pub(super) fn full_percent(instance: &Instance) -> Option<f64> {
    let usage = &instance.facts()?.usage;
    let (size, used) = (usage.size_bytes?, usage.used_bytes?);
    (size > 0).then(|| used as f64 * 100.0 / size as f64)
}

fn disk(snapshot: &Snapshot, limits: &Limits, instance: &Instance) -> Option<Finding> {
    let usage = &instance.facts()?.usage;
    let percent = full_percent(instance).filter(|percent| *percent > limits.disk_percent)?;
    let severity = if percent > limits.disk_critical_percent {
        Severity::Critical
    } else {
        Severity::Warning
    };
    let claim = instance
        .pod
        .claim
        .clone()
        .unwrap_or_else(|| instance.name().to_owned());
    let left = usage
        .size_bytes
        .unwrap_or(0)
        .saturating_sub(usage.used_bytes.unwrap_or(0));
    let namespace = &snapshot.cluster.namespace;
    let wal = words::bytes(usage.wal_bytes);
    let why = match instance.role() {
        Role::Primary => format!("WAL takes {wal} of it; PostgreSQL stops when it can't write WAL"),
        Role::Standby | Role::Unknown => format!("WAL takes {wal} of it"),
    };
    Some(
        Finding::new(
            severity,
            FindingCode::DiskFull,
            ObjectRef::new("persistentvolumeclaim", &claim),
            format!(
                "the disk of {} is {percent:.0}% full, {} left",
                instance.name(),
                words::bytes(left)
            ),
        )
        .why(why)
        .next(format!(
            "pgctl -n {namespace} lag   # does a slot hold WAL back?"
        ))
        .next(format!(
            "kubectl -n {namespace} edit persistentvolumeclaim {claim}"
        )),
    )
}

fn archive(snapshot: &Snapshot, instance: &Instance) -> Option<Finding> {
    let archiver = instance.facts()?.archiver.as_ref()?;
    let primary = instance.role() == Role::Primary;
    (archiver.failing && primary).then(|| {
        Finding::warning(
            FindingCode::ArchivingFails,
            ObjectRef::pod(instance.name()),
            format!(
                "WAL archiving fails, {} segments wait",
                archiver.ready_segments
            ),
        )
        .why("they stay in pg_wal until they are archived, and fill the disk")
        .next(format!(
            "kubectl -n {} logs {} -c postgres --tail=50",
            snapshot.cluster.namespace,
            instance.name()
        ))
    })
}
