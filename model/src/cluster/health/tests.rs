//! Each promise of the verdict, on a healthy cluster that is then damaged.

mod certificates;
mod next_start;
mod revision;
mod throw_away;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::{FindingCode as Code, Health, HealthVerdict, Limits, Severity, assess};
use crate::cluster::fixture::{self, POSITION, PRIMARY, replica};
use crate::cluster::{
    ContainerState, Database, Lsn, NotVisible, ObjectKind, ServicePurpose, Snapshot, StartDecision,
    SyncState, TerminationRecord, Timeline, TopologySource,
};

fn judge(snapshot: &Snapshot) -> Health {
    assess(snapshot, &Limits::default())
}

/// Damages a healthy cluster of one primary and two standbys.
fn damaged(damage: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut snapshot = fixture::healthy(2);
    damage(&mut snapshot);
    snapshot
}

fn codes(health: &Health) -> Vec<Code> {
    health.findings.iter().map(|finding| finding.code).collect()
}

/// The finding of this code: there is exactly one, on this object.
#[track_caller]
fn told(snapshot: &Snapshot, code: Code, severity: Severity, object: &str) -> String {
    let health = judge(snapshot);
    let found: Vec<_> = health.findings.iter().filter(|f| f.code == code).collect();
    assert_eq!(found.len(), 1, "{code:?} in {:#?}", health.findings);
    assert_eq!(found[0].severity, severity);
    assert_eq!(found[0].object.to_string(), object);
    let worst = match severity {
        Severity::Critical => HealthVerdict::Critical,
        Severity::Warning => HealthVerdict::Degraded,
        Severity::Note => HealthVerdict::Healthy,
    };
    assert!(health.verdict >= worst);
    format!(
        "{}; {}; {}",
        found[0].what,
        found[0].why,
        found[0].next.join(" && ")
    )
}

fn ended(exit_code: i32, decision: Option<StartDecision>) -> TerminationRecord {
    TerminationRecord {
        exit_code,
        reason: Some("Error".into()),
        finished: Some(fixture::now() - SignedDuration::from_secs(60)),
        decision,
    }
}

#[test]
fn a_healthy_cluster_has_no_findings() {
    let health = judge(&fixture::healthy(2));
    assert_eq!(health.findings, []);
    assert_eq!(health.verdict, HealthVerdict::Healthy);
    assert_eq!(health.headline.primary.as_deref(), Some(PRIMARY));
    assert_eq!((health.headline.streaming, health.headline.wanted), (2, 2));
}

#[test]
fn a_primary_that_wants_no_standbys_is_healthy_alone() {
    let mut alone = fixture::healthy(0);
    alone.autoscaler = None;
    assert_eq!(judge(&alone).findings, []);
}

#[test]
fn no_primary_comes_first() {
    let snapshot = damaged(|s| fixture::stop(s, PRIMARY, ContainerState::Unknown));
    let text = told(
        &snapshot,
        Code::NoPrimary,
        Severity::Critical,
        "cluster/staging/staging",
    );
    assert!(
        text.contains("PostgreSQL does not run in staging-postgres-primary-0"),
        "{text}"
    );
    assert!(text.contains("pgctl -n staging failover"), "{text}");
    assert_eq!(codes(&judge(&snapshot))[0], Code::NoPrimary);
}

#[test]
fn a_primary_that_was_scaled_away_is_scaled_back() {
    let mut snapshot = damaged(|s| {
        s.instances.retain(|instance| instance.name() != PRIMARY);
        s.stateful_sets[0].wanted = 0;
    });
    let scale = "kubectl -n staging scale statefulset staging-postgres-primary --replicas=1";
    let cluster = "cluster/staging/staging";
    let text = told(&snapshot, Code::NoPrimary, Severity::Critical, cluster);
    assert!(text.contains("is scaled to 0"), "{text}");
    assert!(text.contains(scale), "{text}");
    // A pod that does not ask the topology could come up with old data.
    snapshot.stateful_sets[0].topology_aware = false;
    let text = told(&snapshot, Code::NoPrimary, Severity::Critical, cluster);
    assert!(!text.contains(scale), "{text}");
}

#[test]
fn a_primary_that_hangs_is_no_primary_and_says_why() {
    let snapshot = damaged(|s| {
        fixture::instance(s, PRIMARY).database = Database::Unreachable {
            reason: "no answer within 5 s".into(),
            alive: false,
        };
    });
    let text = told(
        &snapshot,
        Code::PrimarySilent,
        Severity::Warning,
        &format!("pod/{PRIMARY}"),
    );
    assert!(text.contains("no answer within 5 s"), "{text}");
    told(
        &snapshot,
        Code::DatabaseSilent,
        Severity::Warning,
        &format!("pod/{PRIMARY}"),
    );
}

/// Clients write to it: that nothing accepts writes would be a guess, and a wrong one.
#[test]
fn a_primary_out_of_reach_is_told_as_what_is_known_of_it() {
    let unreachable = |reason: &str, alive| Database::Unreachable {
        reason: reason.to_owned(),
        alive,
    };
    let mut snapshot = damaged(|s| {
        fixture::instance(s, PRIMARY).database = unreachable("port-forward: 502", false);
    });
    let pod = format!("pod/{PRIMARY}");
    let text = told(&snapshot, Code::PrimarySilent, Severity::Warning, &pod);
    let known = "the primary does not answer pgctl; staging-postgres-replica-0, \
                 staging-postgres-replica-1 receive from it; Kubernetes counts it as ready";
    assert!(text.starts_with(known), "{text}");
    let health = judge(&snapshot);
    assert_eq!(health.verdict, HealthVerdict::Degraded);
    assert_eq!(health.headline.silent_primary.as_deref(), Some(PRIMARY));
    assert!(!codes(&health).contains(&Code::NoPrimary));

    // Its probe alone may not have noticed yet.
    for ordinal in [0, 1] {
        fixture::recovery(&mut snapshot, ordinal).receiver = None;
    }
    let text = told(&snapshot, Code::PrimarySilent, Severity::Critical, &pod);
    assert!(text.contains("counts it as ready"), "{text}");

    // Nothing tells that it is alive, and nothing that it is not.
    fixture::instance(&mut snapshot, PRIMARY).pod.ready = false;
    let cluster = "cluster/staging/staging";
    let text = told(&snapshot, Code::NoPrimary, Severity::Critical, cluster);
    assert!(text.contains("is not known"), "{text}");

    // It says itself that it is alive.
    fixture::instance(&mut snapshot, PRIMARY).database = unreachable("too many clients", true);
    let text = told(&snapshot, Code::PrimarySilent, Severity::Warning, &pod);
    assert!(text.contains("does not let pgctl in"), "{text}");
}

/// It says something of whoever looks, and nothing of the databases.
#[test]
fn who_may_not_ask_is_told_so_and_not_that_nothing_answers() {
    let mut snapshot = fixture::healthy(2);
    for instance in &mut snapshot.instances {
        instance.database = Database::NotAllowed {
            reason: "not allowed: create pods/portforward".to_owned(),
        };
    }
    let pod = format!("pod/{PRIMARY}");
    let text = told(&snapshot, Code::PrimarySilent, Severity::Warning, &pod);
    assert!(text.contains("may not ask"), "{text}");
    assert!(text.contains("create pods/portforward"), "{text}");
    assert!(text.contains("pgctl-viewer"), "{text}");
    assert!(!text.contains("failover"), "{text}");
    let health = judge(&snapshot);
    let silent = health
        .findings
        .iter()
        .filter(|it| it.code == Code::DatabaseSilent);
    let silent: Vec<&str> = silent.map(|it| it.what.as_str()).collect();
    assert_eq!(
        silent,
        ["its container runs; pgctl may not ask its database"; 3]
    );
    assert_eq!(health.verdict, HealthVerdict::Degraded);
}

#[test]
fn two_writable_primaries_come_before_everything() {
    let snapshot = damaged(|s| {
        let stray = fixture::facts(s, &replica(0));
        stray.recovery = None;
        stray.timeline = Timeline(2);
        fixture::service_for(s, ServicePurpose::Write)
            .endpoints
            .clear();
        fixture::primary(s).usage.used_bytes = Some(10 << 30);
    });
    let text = told(
        &snapshot,
        Code::SplitBrain,
        Severity::Critical,
        "cluster/staging/staging",
    );
    assert!(
        text.contains("staging-postgres-primary-0 (timeline 1"),
        "{text}"
    );
    assert!(
        text.contains("staging-postgres-replica-0 (timeline 2"),
        "{text}"
    );
    // The one that the topology does not name is the one to stop.
    assert!(
        text.contains("delete pod staging-postgres-replica-0"),
        "{text}"
    );
    assert!(
        !text.contains("delete pod staging-postgres-primary-0"),
        "{text}"
    );
    assert_eq!(codes(&judge(&snapshot))[0], Code::SplitBrain);
}

#[test]
fn a_read_only_primary_takes_no_writes() {
    let snapshot = damaged(|s| fixture::primary(s).settings.default_transaction_read_only = true);
    told(
        &snapshot,
        Code::ReadOnlyPrimary,
        Severity::Critical,
        &format!("pod/{PRIMARY}"),
    );
}

#[test]
fn a_write_service_that_leads_to_a_standby() {
    let snapshot = damaged(|s| {
        let pod = replica(1);
        fixture::service_for(s, ServicePurpose::Write).endpoints[0].pod = Some(pod);
    });
    let text = told(
        &snapshot,
        Code::WriteServiceAstray,
        Severity::Critical,
        "service/staging-postgres-write",
    );
    assert!(
        text.contains("leads to staging-postgres-replica-1, a standby")
            && text.contains("pgctl failover --abort -n staging --cluster staging"),
        "{text}"
    );
    assert!(
        text.contains("the primary is staging-postgres-primary-0"),
        "{text}"
    );
}

#[test]
fn a_write_service_that_leads_to_a_stranger() {
    let snapshot = damaged(|s| {
        let endpoint = &mut fixture::service_for(s, ServicePurpose::Write).endpoints[0];
        endpoint.pod = None;
        endpoint.address = "10.9.9.9".into();
    });
    let object = "service/staging-postgres-write";
    let text = told(
        &snapshot,
        Code::WriteServiceAstray,
        Severity::Critical,
        object,
    );
    assert!(text.contains("10.9.9.9"), "{text}");
}

#[test]
fn a_write_service_that_leads_to_nothing() {
    for damage in [
        (|s| s.endpoints.clear()) as fn(&mut crate::cluster::ServiceFacts),
        |s| s.endpoints[0].ready = false,
    ] {
        let snapshot = damaged(|s| damage(fixture::service_for(s, ServicePurpose::Write)));
        let object = "service/staging-postgres-write";
        told(
            &snapshot,
            Code::WriteServiceEmpty,
            Severity::Critical,
            object,
        );
    }
    let none = damaged(|s| s.services.retain(|s| s.purpose != ServicePurpose::Write));
    told(
        &none,
        Code::WriteServiceEmpty,
        Severity::Critical,
        "cluster/staging/staging",
    );
}

#[test]
fn a_write_service_that_an_operation_has_closed_says_which_and_what_opens_it() {
    let snapshot = damaged(|s| {
        let service = fixture::service_for(s, ServicePurpose::Write);
        service.endpoints.clear();
        let by = "restore-20261128T064412Z".to_owned();
        service
            .selector
            .insert(crate::cluster::CLOSED_BY.into(), by);
    });
    let object = "service/staging-postgres-write";
    let text = told(
        &snapshot,
        Code::WriteServiceEmpty,
        Severity::Critical,
        object,
    );
    for words in [
        "closed by restore-20261128T064412Z",
        "pgctl restore --resume -n staging --cluster staging",
        "pgctl restore --abort -n staging",
        r#"{"spec":{"selector":{"pgctl.io/closed-by":null}}}"#,
    ] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
}

#[test]
fn services_that_could_not_be_listed_are_not_said_to_be_empty() {
    let snapshot = damaged(|s| {
        s.services.clear();
        s.unseen.push(NotVisible {
            what: ObjectKind::Services,
            why: "the connection was reset".into(),
        });
    });
    let health = judge(&snapshot);
    assert_eq!(codes(&health), [Code::Unseen]);
    // Whether anybody can write is not known: that is not well.
    assert_eq!(health.verdict, HealthVerdict::Degraded);
    let nodes = damaged(|s| {
        s.unseen.push(NotVisible {
            what: ObjectKind::Nodes,
            why: "forbidden".into(),
        });
    });
    assert_eq!(judge(&nodes).verdict, HealthVerdict::Healthy);
    let authority = damaged(|s| {
        s.unseen.push(NotVisible {
            what: ObjectKind::Authority,
            why: "the Secret does not exist".into(),
        });
    });
    // Nobody is verified: somebody has to know.
    assert_eq!(codes(&judge(&authority)), [Code::Unseen]);
    assert_eq!(judge(&authority).verdict, HealthVerdict::Degraded);
}

#[test]
fn a_read_service_that_leads_to_nothing_or_to_the_primary() {
    let empty = damaged(|s| {
        fixture::service_for(s, ServicePurpose::Read)
            .endpoints
            .clear()
    });
    let object = "service/staging-postgres-read";
    told(&empty, Code::ReadServiceEmpty, Severity::Warning, object);
    let astray = damaged(|s| {
        fixture::service_for(s, ServicePurpose::Read).endpoints[0].pod = Some(PRIMARY.into());
    });
    let text = told(&astray, Code::ReadServiceAstray, Severity::Note, object);
    let idle = format!("a primary, and not to {}", replica(0));
    assert!(text.contains(&idle), "{text}");
}

#[test]
fn a_standby_that_does_not_stream() {
    let snapshot = damaged(|s| fixture::cut_stream(s, 1));
    let object = format!("pod/{}", replica(1));
    told(
        &snapshot,
        Code::StandbyNotStreaming,
        Severity::Warning,
        &object,
    );
    assert_eq!(judge(&snapshot).verdict, HealthVerdict::Degraded);
    assert_eq!(judge(&snapshot).headline.streaming, 1);
}

#[test]
fn a_standby_that_asks_another_than_the_primary_is_told_so() {
    let snapshot = damaged(|s| {
        fixture::cut_stream(s, 1);
        fixture::recovery(s, 1).upstream_host = Some("old-primary-0.postgres".into());
    });
    let object = format!("pod/{}", replica(1));
    let text = told(
        &snapshot,
        Code::StandbyNotStreaming,
        Severity::Warning,
        &object,
    );
    assert!(
        text.contains("asks old-primary-0.postgres, the primary is"),
        "{text}"
    );
}

#[test]
fn no_standby_at_all_is_critical() {
    let snapshot = damaged(|s| {
        fixture::cut_stream(s, 0);
        fixture::cut_stream(s, 1);
    });
    told(
        &snapshot,
        Code::NoStandby,
        Severity::Critical,
        "cluster/staging/staging",
    );
}

#[test]
fn commits_that_wait_for_a_missing_synchronous_standby() {
    let snapshot =
        damaged(|s| fixture::primary(s).settings.synchronous_standby_names = "ANY 1 (*)".into());
    let object = format!("pod/{PRIMARY}");
    told(
        &snapshot,
        Code::SynchronousStandbyMissing,
        Severity::Critical,
        &object,
    );
    let one_of_two = damaged(|s| {
        fixture::primary(s).settings.synchronous_standby_names = "ANY 2 (*)".into();
        fixture::sender(s, 0).sync_state = SyncState::Quorum;
    });
    let text = told(
        &one_of_two,
        Code::SynchronousStandbyMissing,
        Severity::Critical,
        &object,
    );
    assert!(text.contains("1 of 2 synchronous standbys"), "{text}");
    assert!(text.contains("sync set --standbys 1"), "{text}");
    let there = damaged(|s| {
        fixture::primary(s).settings.synchronous_standby_names = "ANY 1 (*)".into();
        fixture::sender(s, 0).sync_state = SyncState::Quorum;
    });
    assert_eq!(judge(&there).findings, []);
}

#[test]
fn a_paused_standby() {
    let snapshot = damaged(|s| fixture::recovery(s, 0).replay_paused = true);
    let object = format!("pod/{}", replica(0));
    let text = told(&snapshot, Code::ReplayPaused, Severity::Warning, &object);
    assert!(text.contains("pg_wal_replay_resume()"), "{text}");
    // It still receives: it counts as streaming.
    assert_eq!(judge(&snapshot).headline.streaming, 2);
}

#[test]
fn a_standby_that_replays_late() {
    let object = format!("pod/{}", replica(0));
    let snapshot = damaged(|s| fixture::recovery(s, 0).apply_delay_seconds = 1800.0);
    let text = told(&snapshot, Code::ReplayDelayed, Severity::Warning, &object);
    assert!(text.contains("1800 s late"), "{text}");
    let conflict = |behind: u64| {
        damaged(|s| {
            let recovery = fixture::recovery(s, 0);
            recovery.replay_waits_for = Some("IPC/RecoveryConflictSnapshot".into());
            recovery.receive_lsn = recovery
                .replay_lsn
                .map(|it| crate::cluster::Lsn::new(it.bytes() + behind));
        })
    };
    let text = told(
        &conflict(4096),
        Code::ReplayDelayed,
        Severity::Warning,
        &object,
    );
    assert!(text.contains("RecoveryConflictSnapshot"), "{text}");
    assert_eq!(judge(&conflict(0)).findings, [], "nothing waits behind it");
}

#[test]
fn a_standby_on_another_timeline() {
    let snapshot = damaged(|s| {
        fixture::cut_stream(s, 0);
        fixture::primary(s).timeline = Timeline(2);
        fixture::facts(s, &replica(1)).timeline = Timeline(2);
    });
    let object = format!("pod/{}", replica(0));
    let text = told(&snapshot, Code::OtherTimeline, Severity::Warning, &object);
    assert!(text.contains("timeline 1, the primary on 2"), "{text}");
}

#[test]
fn a_standby_of_another_system() {
    let snapshot = damaged(|s| {
        fixture::cut_stream(s, 0);
        fixture::facts(s, &replica(0)).system_identifier = "7000000000000000001".into();
    });
    let object = format!("pod/{}", replica(0));
    let text = told(&snapshot, Code::OtherSystem, Severity::Critical, &object);
    assert!(text.contains("7000000000000000001"), "{text}");
    // One cause is told once.
    assert!(!codes(&judge(&snapshot)).contains(&Code::StandbyNotStreaming));
}

#[test]
fn a_primary_of_another_system_than_recorded() {
    let snapshot = damaged(|s| {
        s.topology.system_identifier = Some(fixture::SYSTEM.into());
        fixture::primary(s).system_identifier = "7000000000000000001".into();
    });
    told(
        &snapshot,
        Code::OtherSystem,
        Severity::Critical,
        &format!("pod/{PRIMARY}"),
    );
}

#[test]
fn a_standby_behind_by_more_than_the_limit() {
    let behind = Some(Lsn::new(POSITION.bytes() - (2 << 20)));
    let snapshot = damaged(|s| {
        fixture::recovery(s, 0).replay_lsn = behind;
        fixture::sender(s, 0).replay_lsn = behind;
        fixture::sender(s, 0).replay_lag = Some(4.0);
    });
    assert_eq!(judge(&snapshot).findings, []);
    for limit in ["1MB", "3s", "3s,1GB"] {
        let limits = Limits {
            lag: limit.parse().expect("a limit"),
            ..Limits::default()
        };
        let health = assess(&snapshot, &limits);
        assert_eq!(codes(&health), [Code::StandbyBehind], "{limit}");
        assert_eq!(health.findings[0].what, "it is behind by 2 MiB, 4.0s");
        assert!(health.findings[0].why.contains(limit));
    }
}

/// What the sender measures of WAL that it sends late says nothing about how old that is.
#[test]
fn a_standby_that_is_sent_old_wal_is_behind_by_its_last_commit() {
    let snapshot = damaged(|s| {
        let behind = Some(Lsn::new(POSITION.bytes() - (2 << 20)));
        let sender = fixture::sender(s, 0);
        sender.state = "catchup".into();
        sender.replay_lsn = behind;
        sender.replay_lag = Some(0.1);
        let last = fixture::now() - SignedDuration::from_secs(300);
        let recovery = fixture::recovery(s, 0);
        recovery.replay_lsn = behind;
        recovery.last_commit_replayed = Some(last);
    });
    let object = format!("pod/{}", replica(0));
    let code = Code::StandbyNotStreaming;
    let text = told(&snapshot, code, Severity::Warning, &object);
    assert!(text.contains("catching up"), "{text}");
    let row = &judge(&snapshot).lag.standbys[0];
    let time = row.behind.time.expect("a bound");
    assert!(time.at_most && time.seconds >= 300.0, "{time:?}");
}

#[test]
fn an_inactive_slot_says_how_much_it_holds_back() {
    let snapshot = damaged(|s| {
        let mut left = fixture::slot(s, 0).clone();
        left.name = "staging_postgres_replica_4".into();
        left.active = false;
        left.retained_bytes = 3 << 30;
        left.safe_wal_bytes = Some(1 << 30);
        fixture::primary(s).slots.push(left);
    });
    let object = format!("slot/{PRIMARY}/staging_postgres_replica_4");
    let text = told(&snapshot, Code::InactiveSlot, Severity::Warning, &object);
    assert!(text.contains("holds 3 GiB of WAL back"), "{text}");
    assert!(
        text.contains("no pod belongs to it; 1 GiB more may be written"),
        "{text}"
    );
    assert!(
        text.contains("slots drop staging_postgres_replica_4 --pod staging-postgres-primary-0"),
        "{text}"
    );
}

#[test]
fn a_slot_of_a_strange_name_is_never_put_into_a_command() {
    let snapshot = damaged(|s| {
        let mut hostile = fixture::slot(s, 0).clone();
        hostile.name = "x'; drop table users; --".into();
        hostile.active = false;
        hostile.retained_bytes = 1;
        fixture::primary(s).slots.push(hostile);
    });
    let health = judge(&snapshot);
    assert_eq!(codes(&health), [Code::InactiveSlot]);
    assert!(health.findings[0].next.is_empty());
}

#[test]
fn a_slot_that_lost_its_wal() {
    let snapshot = damaged(|s| {
        fixture::cut_stream(s, 0);
        fixture::slot(s, 0).wal_status = Some("lost".into());
    });
    let object = format!("slot/{PRIMARY}/staging_postgres_replica_0");
    let text = told(&snapshot, Code::SlotLost, Severity::Warning, &object);
    assert!(text.contains("must be cloned anew"), "{text}");
}

#[test]
fn a_slot_that_was_idle_for_too_long_has_not_lost_its_wal() {
    let snapshot = damaged(|s| {
        fixture::cut_stream(s, 0);
        let slot = fixture::slot(s, 0);
        slot.wal_status = Some("lost".into());
        slot.invalidation = Some("idle_timeout".into());
    });
    let object = format!("slot/{PRIMARY}/staging_postgres_replica_0");
    let text = told(&snapshot, Code::SlotLost, Severity::Warning, &object);
    assert!(text.contains("idle_timeout"), "{text}");
    assert!(!text.contains("WAL") && !text.contains("wal_"), "{text}");
}

#[test]
fn a_pod_that_is_down_says_how_it_ended() {
    let snapshot = damaged(|s| {
        let container = ContainerState::Waiting {
            reason: "CrashLoopBackOff".into(),
            message: "back-off 40s restarting".into(),
        };
        fixture::stop(s, &replica(0), container);
        fixture::instance(s, &replica(0)).pod.last_termination = Some(ended(137, None));
    });
    let object = format!("pod/{}", replica(0));
    let text = told(&snapshot, Code::PodDown, Severity::Warning, &object);
    assert!(
        text.contains("CrashLoopBackOff; it last ended with: exited 137"),
        "{text}"
    );
    assert!(text.contains("--previous"), "{text}");
}

#[test]
fn a_pod_that_restarted_lately_is_told_and_one_that_was_stopped_in_order_is_noted() {
    let restarted = |exit_code: i32, seconds: i64| {
        damaged(|s| {
            let pod = &mut fixture::instance(s, &replica(0)).pod;
            pod.restarts = 3;
            let mut record = ended(exit_code, None);
            record.finished = Some(fixture::now() - SignedDuration::from_secs(seconds));
            pod.last_termination = Some(record);
        })
    };
    let object = format!("pod/{}", replica(0));
    let text = told(
        &restarted(137, 60),
        Code::PodRestarting,
        Severity::Warning,
        &object,
    );
    assert!(text.contains("3 restarts in all"), "{text}");
    told(
        &restarted(0, 60),
        Code::PodRestarting,
        Severity::Note,
        &object,
    );
    assert_eq!(judge(&restarted(137, 3600)).findings, []);
}

#[test]
fn a_pod_that_no_node_takes() {
    let snapshot = damaged(|s| {
        fixture::stop(s, &replica(1), ContainerState::Unknown);
        let pod = &mut fixture::instance(s, &replica(1)).pod;
        pod.phase = "Pending".into();
        pod.unschedulable = Some("0/3 nodes are available: 3 Insufficient memory.".into());
    });
    let object = format!("pod/{}", replica(1));
    let text = told(&snapshot, Code::PodUnscheduled, Severity::Warning, &object);
    assert!(text.contains("Insufficient memory"), "{text}");
}

#[test]
fn a_pod_that_does_not_end_or_whose_node_is_away() {
    let terminating = |seconds| {
        damaged(|s| {
            fixture::instance(s, &replica(0)).pod.deleting_since =
                Some(fixture::now() - SignedDuration::from_secs(seconds));
        })
    };
    let object = format!("pod/{}", replica(0));
    told(
        &terminating(300),
        Code::PodTerminating,
        Severity::Warning,
        &object,
    );
    assert!(!codes(&judge(&terminating(3))).contains(&Code::PodTerminating));
    let away = damaged(|s| fixture::instance(s, &replica(0)).pod.node_ready = Some(false));
    told(&away, Code::NodeNotReady, Severity::Warning, &object);
}

#[test]
fn a_pod_that_answers_and_is_not_ready() {
    let snapshot = damaged(|s| fixture::instance(s, &replica(0)).pod.ready = false);
    let object = format!("pod/{}", replica(0));
    told(&snapshot, Code::PodNotReady, Severity::Warning, &object);
}

#[test]
fn a_start_that_is_held_back_or_refused_gives_its_own_reason() {
    let waiting = damaged(|s| {
        fixture::stop(s, PRIMARY, ContainerState::Running { since: None });
        fixture::instance(s, PRIMARY).waiting = Some(StartDecision::Waiting {
            reason: "former-primary".into(),
            message: "the named primary does not answer".into(),
        });
    });
    let object = format!("pod/{PRIMARY}");
    let text = told(&waiting, Code::StartWaiting, Severity::Warning, &object);
    assert!(
        text.contains("former-primary; the named primary does not answer"),
        "{text}"
    );
    let refused = damaged(|s| {
        let decision = StartDecision::Refused {
            reason: "wrong-version".into(),
            message: "made by PostgreSQL 14".into(),
        };
        let container = ContainerState::Terminated(ended(1, Some(decision)));
        fixture::stop(s, &replica(0), container);
    });
    let object = format!("pod/{}", replica(0));
    told(&refused, Code::StartRefused, Severity::Warning, &object);
}

#[test]
fn a_volume_that_would_become_a_new_empty_primary() {
    let refused = damaged(|s| {
        let decision = StartDecision::Refused {
            reason: "empty-primary".into(),
            message: "staging-postgres-replica-0 has data".into(),
        };
        let container = ContainerState::Waiting {
            reason: "CrashLoopBackOff".into(),
            message: String::new(),
        };
        fixture::stop(s, PRIMARY, container);
        fixture::instance(s, PRIMARY).pod.last_termination = Some(ended(1, Some(decision)));
    });
    let object = format!("pod/{PRIMARY}");
    let text = told(
        &refused,
        Code::EmptyPrimaryVolume,
        Severity::Critical,
        &object,
    );
    assert!(
        text.contains("staging-postgres-replica-0 has data"),
        "{text}"
    );
    assert_eq!(codes(&judge(&refused))[0], Code::EmptyPrimaryVolume);

    let gone = damaged(|s| {
        s.instances.remove(0);
        s.volumes.remove(0);
        s.stateful_sets[0].existing = 0;
    });
    told(&gone, Code::EmptyPrimaryVolume, Severity::Critical, &object);
}

#[test]
fn fewer_pods_than_wanted() {
    let snapshot = damaged(|s| s.stateful_sets[1].wanted = 4);
    let object = "statefulset/staging-postgres-replica";
    let text = told(&snapshot, Code::ReplicasMissing, Severity::Warning, object);
    assert!(text.contains("2 of 4 pods exist"), "{text}");
    let unready = damaged(|s| s.stateful_sets[1].ready = 1);
    let text = told(&unready, Code::ReplicasMissing, Severity::Warning, object);
    assert!(text.contains("1 of 2 pods are ready"), "{text}");
}

#[test]
fn an_autoscaler_at_its_maximum() {
    let snapshot = damaged(|s| {
        let autoscaler = s.autoscaler.as_mut().expect("it has one");
        (autoscaler.current, autoscaler.desired) = (5, 5);
        autoscaler.metrics[0].current_percent = Some(93);
    });
    let object = "hpa/staging-postgres-replica-hpa";
    let text = told(
        &snapshot,
        Code::AutoscalerAtMaximum,
        Severity::Warning,
        object,
    );
    assert!(text.contains("maximum of 5"), "{text}");
    assert!(text.contains("cpu 93% of 70%"), "{text}");
    let fixed = damaged(|s| {
        let autoscaler = s.autoscaler.as_mut().expect("it has one");
        (autoscaler.min, autoscaler.max) = (2, 2);
    });
    assert_eq!(judge(&fixed).findings, []);
}

#[test]
fn a_disk_over_85_percent_warns_and_over_95_is_critical() {
    let full = |percent: u64| {
        damaged(|s| {
            let usage = &mut fixture::primary(s).usage;
            (usage.size_bytes, usage.used_bytes) = (Some(1000), Some(percent * 10));
            usage.available_bytes = Some(1000 - percent * 10);
        })
    };
    assert_eq!(judge(&full(85)).findings, []);
    let object = format!("persistentvolumeclaim/data-{PRIMARY}");
    told(&full(86), Code::DiskFull, Severity::Warning, &object);
    told(&full(96), Code::DiskFull, Severity::Critical, &object);
    // What a filesystem keeps for root is of no use to PostgreSQL.
    let kept = damaged(|s| {
        let usage = &mut fixture::primary(s).usage;
        (usage.size_bytes, usage.used_bytes) = (Some(1000), Some(940));
        usage.available_bytes = Some(10);
    });
    let text = told(&kept, Code::DiskFull, Severity::Critical, &object);
    assert!(text.contains("99% full, 10 B left"), "{text}");
}

#[test]
fn a_volume_that_is_being_deleted() {
    let deleted = |pod: usize| damaged(|s| s.volumes[pod].deleting_since = Some(fixture::now()));
    let object = format!("persistentvolumeclaim/data-{PRIMARY}");
    let code = Code::VolumeDeleting;
    let text = told(&deleted(0), code, Severity::Critical, &object);
    assert!(text.contains("failover --dry-run"), "{text}");
    let object = format!("persistentvolumeclaim/data-{}", replica(1));
    let text = told(&deleted(2), code, Severity::Warning, &object);
    assert!(text.contains("reinit staging-postgres-replica-1"), "{text}");
    // The pod is away, and is to come back to it.
    let mut away = deleted(2);
    away.instances.pop();
    away.volumes[2].in_use = false;
    told(&away, code, Severity::Warning, &object);
    // What was left by a scale-down may go.
    away.stateful_sets[1].wanted = 1;
    assert!(!codes(&judge(&away)).contains(&code));
}

#[test]
fn an_autoscaler_that_may_delete_the_primary() {
    let promoted = |min: u32, max: u32| {
        damaged(|s| {
            fixture::stop(s, PRIMARY, ContainerState::Unknown);
            fixture::facts(s, &replica(1)).recovery = None;
            s.topology.primary = replica(1);
            let autoscaler = s.autoscaler.as_mut().expect("it has one");
            (autoscaler.min, autoscaler.max) = (min, max);
        })
    };
    let object = "hpa/staging-postgres-replica-hpa";
    let code = Code::AutoscalerMayDeletePrimary;
    let text = told(&promoted(1, 5), code, Severity::Critical, object);
    assert!(text.contains("hpa set --min 2"), "{text}");
    assert!(
        text.contains("staging-postgres-replica-1, the primary"),
        "{text}"
    );
    let text = told(&promoted(1, 1), code, Severity::Critical, object);
    assert!(text.contains("hpa set --min 2 --max 2"), "{text}");
    assert!(!codes(&judge(&promoted(2, 5))).contains(&code));
    // The pod that the topology names counts, also when it does not answer.
    let mut named = promoted(1, 5);
    fixture::stop(&mut named, &replica(1), ContainerState::Unknown);
    told(&named, code, Severity::Critical, object);
    // Paused, and put back past pgctl: the end of the pause keeps the primary.
    let mut paused = promoted(1, 5);
    let autoscaler = paused.autoscaler.as_mut().expect("it has one");
    autoscaler
        .annotations
        .insert(crate::cluster::PAUSED_BOUNDS.into(), "{}".into());
    let text = told(&paused, code, Severity::Critical, object);
    assert!(text.contains("hpa resume"), "{text}");
}

#[test]
fn every_autoscaler_of_one_stateful_set_is_named() {
    let snapshot = damaged(|s| {
        let autoscaler = s.autoscaler.as_mut().expect("it has one");
        autoscaler.rivals = vec!["by-hand".into()];
    });
    let object = "hpa/staging-postgres-replica-hpa";
    let text = told(
        &snapshot,
        Code::SeveralAutoscalers,
        Severity::Warning,
        object,
    );
    for part in [
        "staging-postgres-replica-hpa and by-hand",
        "delete hpa by-hand",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn commits_that_do_not_wait_for_those_that_they_are_to_wait_for() {
    let names = |names: &str| {
        damaged(|s| {
            s.topology.synchronous = Some(1);
            fixture::primary(s).settings.synchronous_standby_names = names.into();
            for ordinal in 0..2 {
                fixture::sender(s, ordinal).sync_state = SyncState::Quorum;
            }
        })
    };
    let object = format!("pod/{PRIMARY}");
    let code = Code::SynchronousNamesDiffer;
    let text = told(&names(""), code, Severity::Critical, &object);
    assert!(text.contains("sync set --standbys 1"), "{text}");
    told(
        &names("ANY 1 (\"elsewhere\")"),
        code,
        Severity::Warning,
        &object,
    );
    let asked = format!("ANY 1 (\"{}\", \"{}\")", replica(0), replica(1));
    assert_eq!(judge(&names(&asked)).findings, []);
    let mut local = names(&asked);
    fixture::primary(&mut local).settings.synchronous_commit = "local".into();
    told(&local, code, Severity::Warning, &object);
    // Nobody has asked for it, or has asked for none.
    for wish in [None, Some(0)] {
        let mut none = names("");
        none.topology.synchronous = wish;
        assert_eq!(judge(&none).findings, []);
    }
}

#[test]
fn the_slot_of_a_pod_that_is_to_be_there_is_not_to_be_dropped() {
    let mut snapshot = damaged(|s| {
        fixture::cut_stream(s, 1);
        fixture::slot(s, 1).retained_bytes = 1 << 30;
        s.instances.pop();
    });
    let object = format!("slot/{PRIMARY}/staging_postgres_replica_1");
    let text = told(&snapshot, Code::InactiveSlot, Severity::Warning, &object);
    assert!(!text.contains("slots drop"), "{text}");
    assert!(
        text.contains("describe statefulset staging-postgres-replica"),
        "{text}"
    );
    fixture::slot(&mut snapshot, 1).wal_status = Some("lost".into());
    let text = told(&snapshot, Code::SlotLost, Severity::Warning, &object);
    assert!(!text.contains("slots drop"), "{text}");
    // Nobody wants it any more: its slot may go.
    snapshot.stateful_sets[1].wanted = 1;
    let text = told(&snapshot, Code::SlotLost, Severity::Warning, &object);
    assert!(text.contains("slots drop"), "{text}");
}

#[test]
fn an_autoscaler_that_can_not_change_the_number() {
    let snapshot = damaged(|s| {
        let autoscaler = s.autoscaler.as_mut().expect("it has one");
        autoscaler
            .conditions
            .push(crate::cluster::AutoscalerCondition {
                kind: "AbleToScale".into(),
                holds: false,
                reason: "FailedGetScale".into(),
                message: "the HPA controller was unable to get the target's current scale".into(),
            });
    });
    let object = "hpa/staging-postgres-replica-hpa";
    let text = told(&snapshot, Code::AutoscalerBlind, Severity::Note, object);
    assert!(text.contains("FailedGetScale"), "{text}");
}

#[test]
fn a_topology_that_names_another_pod() {
    let snapshot = damaged(|s| {
        s.topology.primary = replica(0);
        s.topology.term = 4;
        s.topology.source = TopologySource::Recorded {
            config_map: "staging-postgres-topology".into(),
            resource_version: "9".into(),
        };
    });
    let text = told(
        &snapshot,
        Code::TopologyDiffers,
        Severity::Warning,
        &format!("pod/{PRIMARY}"),
    );
    assert!(
        text.contains("names staging-postgres-replica-0 (term 4)"),
        "{text}"
    );
}

#[test]
fn archiving_that_fails() {
    let snapshot = damaged(|s| {
        fixture::primary(s).archiver = Some(crate::cluster::Archiver {
            ready_segments: 40,
            failing: true,
            stalled_seconds: 0,
        });
    });
    let text = told(
        &snapshot,
        Code::ArchivingFails,
        Severity::Warning,
        &format!("pod/{PRIMARY}"),
    );
    assert!(text.contains("40 segments wait"), "{text}");
}

#[test]
fn one_database_that_hangs_hides_no_other() {
    let snapshot = damaged(|s| {
        fixture::instance(s, &replica(0)).database = Database::Unreachable {
            reason: "no answer within 5 s".into(),
            alive: false,
        };
    });
    let health = judge(&snapshot);
    assert_eq!(codes(&health), [Code::DatabaseSilent]);
    assert_eq!(health.headline.primary.as_deref(), Some(PRIMARY));
    assert_eq!((health.headline.streaming, health.headline.wanted), (1, 2));
}

#[test]
fn what_to_type_names_the_namespace() {
    let snapshot = damaged(|s| {
        fixture::cut_stream(s, 1);
        fixture::stop(s, PRIMARY, ContainerState::Unknown);
    });
    for finding in judge(&snapshot).findings {
        for command in finding.next {
            assert!(
                command.contains(" -n staging ") || command.contains("describe node"),
                "{command}"
            );
        }
    }
}

/// One thing that may happen to a cluster, by number; `pod` chooses on whom.
fn damage(snapshot: &mut Snapshot, kind: u8, pod: usize) {
    let count = snapshot.instances.len();
    if count == 0 {
        return;
    }
    let instance = &mut snapshot.instances[pod % count];
    let name = instance.pod.name.clone();
    match kind {
        0 => instance.database = Database::NotRunning,
        1 => {
            instance.database = Database::Unreachable {
                reason: String::new(),
                alive: false,
            }
        }
        2 => instance.pod.deleting_since = Some(fixture::now()),
        3 => instance.pod.container = ContainerState::Terminated(ended(1, None)),
        4 => instance.pod.unschedulable = Some(String::new()),
        5 => {
            if let Database::Reached(facts) = &mut instance.database {
                facts.recovery = None;
            }
        }
        6 => {
            if let Database::Reached(facts) = &mut instance.database {
                facts.senders.clear();
                facts.flush_lsn = Lsn::ZERO;
            }
        }
        7 => {
            if let Database::Reached(facts) = &mut instance.database {
                facts.timeline = Timeline(9);
                facts.usage.size_bytes = Some(0);
            }
        }
        8 => {
            if let Database::Reached(facts) = &mut instance.database {
                facts.system_identifier = "1".into();
                facts.usage.used_bytes = Some(u64::MAX);
            }
        }
        9 => snapshot.services.clear(),
        10 => snapshot.volumes.retain(|volume| volume.pod != name),
        11 => snapshot.stateful_sets.clear(),
        12 => snapshot
            .instances
            .retain(|instance| instance.pod.name != name),
        13 => snapshot.autoscaler = None,
        14 => snapshot.topology.primary = name,
        15 => instance.pod.created = None,
        16 => instance.pod.ip = None,
        _ => {
            if let Some(recovery) = instance_recovery(snapshot, pod) {
                recovery.receive_lsn = None;
                recovery.replay_lsn = None;
                recovery.last_commit_replayed = None;
            }
        }
    }
}

fn instance_recovery(
    snapshot: &mut Snapshot,
    pod: usize,
) -> Option<&mut crate::cluster::RecoveryFacts> {
    let count = snapshot.instances.len();
    match &mut snapshot.instances[pod % count].database {
        Database::Reached(facts) => facts.recovery.as_mut(),
        _ => None,
    }
}

proptest! {
    /// Whatever happened, there is an answer, and it obeys the laws.
    #[test]
    fn every_cluster_gets_an_answer(
        standbys in 0_u32..5,
        damages in prop::collection::vec((0_u8..18, 0_usize..6), 0..12),
    ) {
        let mut snapshot = fixture::healthy(standbys);
        for (kind, pod) in damages {
            damage(&mut snapshot, kind, pod);
        }
        let health = judge(&snapshot);
        let writable = snapshot
            .instances
            .iter()
            .filter(|instance| instance.facts().is_some_and(|facts| facts.writable()))
            .count();
        // One that others hear may be taking writes.
        if writable != 1 && health.headline.silent_primary.is_none() {
            prop_assert_eq!(health.verdict, HealthVerdict::Critical);
        }
        if writable > 1 {
            prop_assert_eq!(health.findings[0].code, Code::SplitBrain);
        }
        let worst = health.findings.iter().map(|finding| finding.severity).min();
        prop_assert_eq!(
            health.verdict == HealthVerdict::Healthy,
            worst.is_none_or(|severity| severity == Severity::Note)
        );
        prop_assert!(health.findings.is_sorted_by_key(|finding| finding.severity));
        // The same facts get the same answer.
        prop_assert_eq!(judge(&snapshot), health);
    }
}
