//! Restores for tests: of a backup that is whole, into a cluster that is healthy.

use super::plan_restore;
use crate::cluster::fixture::{healthy, now};
use crate::cluster::{Lsn, Snapshot, Timeline};
use crate::plan::language::{
    BackupFacts, Circumstances, DatabaseHere, DatabaseInBackup, Plan, RecoveryFacts, Refusal,
    RestoreCircumstances, RestoreKind, RestoreRequest, TargetFacts,
};
use crate::recovery::{RecoveryTarget, RecoveryWay, SegmentRun};
use crate::wal::{SegmentName, SegmentSize};

/// A backup of the cluster of a snapshot, whole, with the databases `shop` and `postgres`.
pub fn backup(kind: RestoreKind, snapshot: &Snapshot) -> BackupFacts {
    BackupFacts {
        id: "s_s_20261123T155217Z_logical_3fa9".into(),
        store: "/backups".into(),
        kind,
        cluster: snapshot.cluster.clone(),
        taken: now(),
        server_version: 150_018,
        tool_major: Some(15),
        encrypted: false,
        architecture: "x86_64".into(),
        system_identifier: "7400000000000000001".into(),
        timeline: Timeline(1),
        raw_bytes: 1 << 20,
        problems: Vec::new(),
        main_file: Some("main".into()),
        roles: vec!["app".into(), "admin".into()],
        databases: vec![database("shop"), database("postgres")],
    }
}

fn database(name: &str) -> DatabaseInBackup {
    DatabaseInBackup {
        name: name.into(),
        file: format!("01-{name}.dump"),
        size_bytes: 1 << 20,
        has_content: name != "postgres",
        roles: vec!["app".into()],
        ..DatabaseInBackup::default()
    }
}

/// A primary with these databases, and whether each holds anything.
pub fn target(names: &[(&str, bool)]) -> TargetFacts {
    TargetFacts {
        databases: names
            .iter()
            .map(|(name, has_content)| DatabaseHere {
                name: (*name).into(),
                has_content: *has_content,
                connects: true,
                sessions: 2,
                ..DatabaseHere::default()
            })
            .collect(),
        roles: vec!["admin".into()],
        secret_roles: vec!["admin".into()],
        architecture: "x86_64".into(),
        ..TargetFacts::default()
    }
}

/// What is planned for a backup, with nothing in the way but what the facts say.
pub fn plan(
    snapshot: &Snapshot,
    request: &RestoreRequest,
    backup: BackupFacts,
    target: Option<TargetFacts>,
) -> Result<Plan, Refusal> {
    let found = RestoreCircumstances {
        backup,
        target,
        recovery: None,
        in_the_way: Vec::new(),
    };
    plan_restore(snapshot, request, &Circumstances::default(), &found, now())
}

/// Twelve segments over a fork, to a moment before the clock of the fixture; whole, but for these.
pub fn recovery(problems: &[&str]) -> RecoveryFacts {
    let run = |timeline, first, last| {
        let name = |number| SegmentName::numbered(Timeline(timeline), number, SegmentSize::DEFAULT);
        SegmentRun {
            first: name(first),
            last: name(last),
        }
    };
    RecoveryFacts {
        way: RecoveryWay {
            target: RecoveryTarget::Time {
                time: now(),
                exclusive: false,
            },
            backup: "s_s_20261123T155217Z_physical_3fa9".into(),
            timeline: Timeline(2),
            segments: vec![run(1, 3, 6), run(2, 7, 14)],
            count: 12,
            stored_bytes: 36 << 20,
            segment_bytes: SegmentSize::DEFAULT.bytes(),
            end: Lsn::new(15 << 24),
            last_commit: Some(now()),
            encrypted: false,
            histories: vec![Timeline(2)],
            end_will_do: false,
            newest: Timeline(4),
        },
        problems: problems.iter().map(|it| (*it).to_owned()).collect(),
    }
}

/// What is planned for a base backup and the WAL after it, into a cluster without a primary's answer.
pub fn to_a_moment(snapshot: &Snapshot, recovery: RecoveryFacts) -> Result<Plan, Refusal> {
    let found = RestoreCircumstances {
        backup: backup(RestoreKind::Physical, snapshot),
        target: None,
        recovery: Some(recovery),
        in_the_way: Vec::new(),
    };
    plan_restore(
        snapshot,
        &request(),
        &Circumstances::default(),
        &found,
        now(),
    )
}

/// What is planned for a logical backup into a healthy cluster with these databases.
pub fn logical(request: &RestoreRequest, names: &[(&str, bool)]) -> Result<Plan, Refusal> {
    let snapshot = healthy(2);
    let backup = backup(RestoreKind::Logical, &snapshot);
    plan(&snapshot, request, backup, Some(target(names)))
}

/// A restore as it is asked for without any option.
pub fn request() -> RestoreRequest {
    RestoreRequest {
        timeout_seconds: 60,
        ..RestoreRequest::default()
    }
}

/// The plan.
///
/// # Panics
/// With the refusal, when there is none.
pub fn accepted(result: Result<Plan, Refusal>) -> Plan {
    result.unwrap_or_else(|refusal| panic!("{refusal}"))
}
