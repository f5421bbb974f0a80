//! What the running servers hide of their next start, on a healthy cluster that is then damaged.

use super::{damaged, told};
use crate::cluster::fixture::{self, PRIMARY, replica};
use crate::cluster::health::{FindingCode as Code, Severity};
use crate::cluster::{
    ContainerState, FileMistake, PendingSetting, RecoverySetting, ReplicationLogin,
};

#[test]
fn archiving_that_hangs() {
    let snapshot = damaged(|s| {
        fixture::primary(s).archiver = Some(crate::cluster::Archiver {
            ready_segments: 2,
            failing: false,
            stalled_seconds: 600,
        });
    });
    let text = told(
        &snapshot,
        Code::ArchivingHangs,
        Severity::Warning,
        &format!("pod/{PRIMARY}"),
    );
    assert!(text.contains("2 segments wait"), "{text}");
}

#[test]
fn a_login_that_only_open_streams_still_have() {
    let snapshot = damaged(|s| {
        let role = fixture::primary(s).replication_role.as_mut();
        role.expect("the fixture has one").connects = false;
    });
    let text = told(
        &snapshot,
        Code::StandbysKeptOut,
        Severity::Warning,
        &format!("pod/{PRIMARY}"),
    );
    assert!(
        text.contains("-c 'grant connect on database postgres to replicator'"),
        "{text}"
    );
    let snapshot = damaged(|s| {
        let role = fixture::primary(s).replication_role.as_mut();
        role.expect("the fixture has one").valid_until = Some(fixture::now());
    });
    let text = told(
        &snapshot,
        Code::StandbysKeptOut,
        Severity::Warning,
        &format!("pod/{PRIMARY}"),
    );
    assert!(text.contains(r#"valid until 'infinity'""#), "{text}");
    // One that is to become primary counts, too.
    let snapshot = damaged(|s| {
        fixture::facts(s, &replica(1)).replication_login = ReplicationLogin::Refused {
            reason: "wrong password".into(),
        };
    });
    told(
        &snapshot,
        Code::StandbysKeptOut,
        Severity::Warning,
        &format!("pod/{}", replica(1)),
    );
}

#[test]
fn applications_that_have_taken_every_connection() {
    let snapshot = damaged(|s| {
        fixture::primary(s).replication_login = ReplicationLogin::NoConnectionLeft {
            reason: "remaining connection slots are reserved".into(),
        };
    });
    told(
        &snapshot,
        Code::ConnectionsExhausted,
        Severity::Warning,
        &format!("pod/{PRIMARY}"),
    );
}

#[test]
fn a_mistake_in_shared_files_is_told_once() {
    let mistake = FileMistake {
        file: "overlay.conf".into(),
        line: Some(1),
        name: None,
        error: "syntax error".into(),
    };
    let snapshot = damaged(|s| {
        for pod in [PRIMARY.to_owned(), replica(0), replica(1)] {
            let files = fixture::facts(s, &pod).files.get_or_insert_default();
            files.mistakes.push(mistake.clone());
        }
    });
    let text = told(
        &snapshot,
        Code::ConfigurationMistake,
        Severity::Warning,
        &format!("pod/{PRIMARY}"),
    );
    assert!(text.contains("overlay.conf line 1: syntax error"), "{text}");
    assert!(text.contains("the same in 2 more pods"), "{text}");
    assert!(!text.contains("reinit"), "its data is good: {text}");
}

#[test]
fn servers_that_take_no_alter_system_are_told_once() {
    let snapshot = damaged(|s| {
        for pod in [PRIMARY.to_owned(), replica(0), replica(1)] {
            fixture::facts(s, &pod).settings.allow_alter_system = false;
        }
    });
    let text = told(
        &snapshot,
        Code::AlterSystemOff,
        Severity::Warning,
        &format!("pod/{PRIMARY}"),
    );
    assert!(text.contains("the same in 2 more pods"), "{text}");
}

#[test]
fn settings_that_would_end_recovery() {
    for (name, overruled, severity) in [
        ("recovery_target", false, Severity::Critical),
        ("recovery_min_apply_delay", false, Severity::Warning),
        ("recovery_target", true, Severity::Note),
    ] {
        let snapshot = damaged(|s| {
            let files = fixture::primary(s).files.get_or_insert_default();
            files.recovery.push(RecoverySetting {
                name: name.into(),
                value: "immediate".into(),
                file: "postgresql.auto.conf".into(),
                overruled,
            });
        });
        let text = told(
            &snapshot,
            Code::RecoverySettings,
            severity,
            &format!("pod/{PRIMARY}"),
        );
        assert!(
            text.contains(&format!("alter system reset {name}")),
            "{text}"
        );
    }
}

#[test]
fn settings_that_wait_for_a_restart() {
    for (pod, next, severity) in [
        (PRIMARY.to_owned(), "50", Severity::Warning),
        (replica(0), "50", Severity::Warning),
        (replica(0), "500", Severity::Note),
    ] {
        let snapshot = damaged(|s| {
            let files = fixture::facts(s, &pod).files.get_or_insert_default();
            files.pending.push(PendingSetting {
                name: "max_connections".into(),
                now: "200".into(),
                next: Some(next.into()),
            });
        });
        let text = told(
            &snapshot,
            Code::RestartPending,
            severity,
            &format!("pod/{pod}"),
        );
        assert!(text.contains("instead of 200"), "{text}");
    }
}

#[test]
fn a_pod_that_crashes_has_said_why() {
    let snapshot = damaged(|s| {
        fixture::stop(
            s,
            &replica(0),
            ContainerState::Waiting {
                reason: "CrashLoopBackOff".into(),
                message: String::new(),
            },
        );
        let pod = fixture::instance(s, &replica(0));
        pod.last_words = Some("recovery aborted".into());
    });
    let text = told(
        &snapshot,
        Code::PodDown,
        Severity::Warning,
        &format!("pod/{}", replica(0)),
    );
    assert!(text.contains("; recovery aborted; "), "{text}");
}
