//! Is there room, and does the archive keep up?

use super::finding::{FindingCode, HealthFinding, ObjectRef, Severity};
use super::limits::Limits;
use crate::cluster::suggestion::show_settings;
use crate::cluster::{Instance, Role, Snapshot, VolumeFacts, words};

pub(super) fn check(snapshot: &Snapshot, limits: &Limits, findings: &mut Vec<HealthFinding>) {
    for instance in &snapshot.instances {
        findings.extend(disk(snapshot, limits, instance));
        findings.extend(archive(snapshot, instance));
    }
    findings.extend(
        snapshot
            .volumes
            .iter()
            .filter_map(|it| deleting(snapshot, it)),
    );
}

/// A claim that somebody has deleted stays as long as its pod does, and takes its data with that.
fn deleting(snapshot: &Snapshot, volume: &VolumeFacts) -> Option<HealthFinding> {
    volume.deleting_since?;
    let pod = &volume.pod;
    let namespace = &snapshot.cluster.namespace;
    let primary = match snapshot.primary() {
        Some(primary) => primary.name() == pod,
        None => snapshot.topology.primary == *pod,
    };
    let kept = snapshot.stateful_sets.iter().any(|set| set.keeps(pod));
    // What an earlier scale-down has left may go.
    if !primary && !volume.in_use && !kept {
        return None;
    }
    let severity = match primary {
        true => Severity::Critical,
        false => Severity::Warning,
    };
    let finding = HealthFinding::new(
        severity,
        FindingCode::VolumeDeleting,
        ObjectRef::new("persistentvolumeclaim", &volume.claim),
        format!("it is being deleted, and takes the data of {pod} with it"),
    )
    .why("it stays only as long as its pod does; a restart of the container does no harm");
    Some(if primary {
        finding
            .next(format!("pgctl -n {namespace} failover --dry-run"))
            .next(format!("pgctl -n {namespace} backup"))
    } else {
        finding.next(format!(
            "pgctl -n {namespace} reinit {pod}   # it gets a new volume, and copies the data anew"
        ))
    })
}

fn disk(snapshot: &Snapshot, limits: &Limits, instance: &Instance) -> Option<HealthFinding> {
    let usage = &instance.facts()?.usage;
    let percent = usage
        .full_percent()
        .filter(|percent| *percent > limits.disk_percent)?;
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
    let left = usage.left_bytes().unwrap_or(0);
    let namespace = &snapshot.cluster.namespace;
    let wal = words::bytes(usage.wal_bytes);
    let why = match instance.role() {
        Role::Primary => format!("WAL takes {wal} of it; PostgreSQL stops when it can't write WAL"),
        Role::Standby | Role::Unknown => format!("WAL takes {wal} of it"),
    };
    Some(
        HealthFinding::new(
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

fn archive(snapshot: &Snapshot, instance: &Instance) -> Option<HealthFinding> {
    let archiver = instance.facts()?.archiver.as_ref()?;
    let primary = instance.role() == Role::Primary;
    if archiver.hangs() && primary {
        return Some(
            HealthFinding::warning(
                FindingCode::ArchivingHangs,
                ObjectRef::pod(instance.name()),
                format!(
                    "WAL archiving gets nowhere: {} segments wait, and none was archived for {}",
                    archiver.ready_segments,
                    words::seconds(
                        std::time::Duration::from_secs(archiver.stalled_seconds).as_secs_f64()
                    )
                ),
            )
            .why("its command hangs: a stop of the primary waits for it, too, and the disk fills")
            .next(show_settings(
                &snapshot.cluster.namespace,
                &["archive_command"],
            )),
        );
    }
    (archiver.failing && primary).then(|| {
        HealthFinding::warning(
            FindingCode::ArchivingFails,
            ObjectRef::pod(instance.name()),
            format!(
                "WAL archiving fails, {} segments wait",
                archiver.ready_segments
            ),
        )
        .why("they stay in pg_wal until they are archived, and fill the disk")
        .next(format!(
            "pgctl -n {} logs {} --tail 50",
            snapshot.cluster.namespace,
            instance.name()
        ))
    })
}
