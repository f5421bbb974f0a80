//! Every check refuses when it must, and says why.

use super::super::{
    CheckName, CheckVerdict, Circumstances, Drift, FailoverRequest, LockHolder, OperationId,
    Permission, Permitted, Refusal, ReinitRequest, RejoinRequest, Reverts, Unfinished, candidates,
    plan_failover, plan_reinit, plan_rejoin,
};
use super::shape::{plan, to};
use crate::cluster::fixture::{
    PRIMARY, cut_stream, facts, healthy, instance, killed_for_memory, now, primary, recovery,
    replica, stop,
};
use crate::cluster::{
    Archiver, BaseBackup, ContainerState, Database, DatabaseFacts, FileMistake, GitOps, Lsn,
    NotVisible, ObjectKind, PendingSetting, RecoverySetting, ReplicationLogin, ReplicationRole,
    SlotFacts, SlotKind, Snapshot, Timeline, TopologySource, slot_name,
};

fn refusal_of(
    snapshot: &Snapshot,
    request: &FailoverRequest,
    circumstances: &Circumstances,
) -> Refusal {
    match plan_failover(snapshot, request, circumstances, now()) {
        Err(refusal) => refusal,
        Ok(plan) => panic!("it was planned: {:#?}", plan.checks),
    }
}

fn refuses(check: CheckName, damage: impl FnOnce(&mut Snapshot)) {
    let mut snapshot = healthy(3);
    damage(&mut snapshot);
    refuses_with(
        check,
        &snapshot,
        &to("replica-0"),
        &Circumstances::default(),
    );
}

fn refuses_with(
    check: CheckName,
    snapshot: &Snapshot,
    request: &FailoverRequest,
    circumstances: &Circumstances,
) {
    let refusal = refusal_of(snapshot, request, circumstances);
    let found: Vec<CheckName> = refusal.reasons().map(|it| it.check).collect();
    assert!(
        found.contains(&check),
        "{check:?} is not among {refusal:#?}"
    );
}

#[test]
fn two_primaries() {
    refuses(CheckName::OnePrimary, |it| {
        facts(it, &replica(1)).recovery = None
    });
}

/// A primary that says "wrong password" is alive: whoever knows the password may be writing to it.
#[test]
fn a_primary_set_that_deletes_its_volumes_when_it_is_scaled_down() {
    refuses(CheckName::Volume, |it| {
        it.stateful_sets[0].deletes_claims = true;
    });
}

#[test]
fn a_primary_that_only_does_not_let_us_in() {
    refuses(CheckName::OnePrimary, |it| {
        instance(it, PRIMARY).database = Database::Unreachable {
            reason: "wrong password".into(),
            alive: true,
        };
    });
    let silent = super::alive::silent();
    assert!(plan_failover(&silent, &to("replica-0"), &Circumstances::default(), now()).is_ok());
}

#[test]
fn two_autoscalers_of_one_stateful_set() {
    let mut contested = healthy(3);
    let autoscaler = contested.autoscaler.as_mut().expect("it has one");
    autoscaler.rivals = vec!["by-hand".into()];
    let check = CheckName::Autoscaler;
    refuses_with(
        check,
        &contested,
        &to("replica-1"),
        &Circumstances::default(),
    );
    let refusal = refusal_of(&contested, &to("replica-1"), &Circumstances::default());
    let reason = refusal.reasons().find(|it| it.check == check);
    let reason = reason.expect("it refuses");
    assert!(reason.reason.contains("and by-hand"), "{reason:?}");
    // In an emergency nothing takes writes already.
    stop(&mut contested, PRIMARY, ContainerState::Unknown);
    let plan = plan_failover(
        &contested,
        &to("replica-1"),
        &Circumstances::default(),
        now(),
    );
    let plan = plan.expect("it is an emergency");
    assert!(plan.warnings().any(|it| it.check == check));
}

#[test]
fn what_is_suggested_would_work() {
    let suggested = |given: &str, damage: fn(&mut Snapshot)| {
        let mut snapshot = healthy(3);
        damage(&mut snapshot);
        let refusal = refusal_of(&snapshot, &to(given), &Circumstances::default());
        let target = refusal
            .reasons()
            .find(|it| it.check == CheckName::Target)
            .and_then(|it| it.next.clone());
        target.expect("something to type")
    };
    let pod = |number| format!("pgctl failover --to {}", replica(number));
    assert_eq!(suggested("replcia-2", |_| {}), pod(2));
    assert!(!suggested("replica-9", |_| {}).contains("primary-0"));
    // The nearest one can't become primary.
    let next = suggested("replcia-2", |it| {
        stop(it, &replica(2), ContainerState::Unknown);
    });
    assert_ne!(next, pod(2));
    assert!(next.contains("--to"), "{next}");
}

/// Of a target that does not answer no timeline is known.
#[test]
fn a_silent_target_makes_no_other_standby_one_that_has_gone_astray() {
    let mut snapshot = healthy(3);
    instance(&mut snapshot, &replica(1)).database = Database::Unreachable {
        reason: "no answer".into(),
        alive: false,
    };
    let refusal = refusal_of(&snapshot, &to("replica-1"), &Circumstances::default());
    for check in &refusal.checks {
        assert!(!check.reason.contains("timeline of its own"), "{check:?}");
        assert!(!check.reason.contains("reinit"), "{check:?}");
    }
}

/// Of an autoscaler that can't be seen it is not known whether it would delete the new primary.
#[test]
fn an_autoscaler_that_can_not_be_seen() {
    let mut blind = healthy(3);
    blind.autoscaler = None;
    blind.unseen.push(NotVisible {
        what: ObjectKind::Autoscalers,
        why: "the connection was reset".into(),
    });
    let check = CheckName::Autoscaler;
    refuses_with(check, &blind, &to("replica-1"), &Circumstances::default());
    // The first pod is below every minimum.
    let plan = plan_failover(&blind, &to("replica-0"), &Circumstances::default(), now());
    assert!(plan.is_ok());
    // In an emergency nothing takes writes already.
    stop(&mut blind, PRIMARY, ContainerState::Unknown);
    let plan = plan_failover(&blind, &to("replica-1"), &Circumstances::default(), now());
    let plan = plan.expect("it is an emergency");
    assert!(plan.warnings().any(|it| it.check == check));
}

#[test]
fn a_candidate_that_is_not_ready_deleted_or_on_a_dead_node() {
    refuses(CheckName::Ready, |it| {
        instance(it, &replica(0)).pod.ready = false
    });
    refuses(CheckName::Ready, |it| {
        instance(it, &replica(0)).pod.deleting_since = Some(now());
    });
    refuses(CheckName::Ready, |it| {
        instance(it, &replica(0)).pod.node_ready = Some(false);
    });
}

#[test]
fn a_candidate_that_does_not_answer_or_is_the_primary() {
    refuses(CheckName::Recovery, |it| {
        instance(it, &replica(0)).database = Database::NotRunning;
    });
    let snapshot = healthy(2);
    refuses_with(
        CheckName::Recovery,
        &snapshot,
        &to("primary-0"),
        &Circumstances::default(),
    );
}

#[test]
fn a_candidate_of_another_system_or_timeline() {
    refuses(CheckName::System, |it| {
        facts(it, &replica(0)).system_identifier = "1".into();
    });
    refuses(CheckName::Timeline, |it| {
        facts(it, &replica(0)).timeline = Timeline(9)
    });
}

#[test]
fn a_candidate_that_does_not_stream_or_replay() {
    refuses(CheckName::Streaming, |it| cut_stream(it, 0));
    refuses(CheckName::Replay, |it| recovery(it, 0).replay_paused = true);
    refuses(CheckName::Replay, |it| {
        recovery(it, 0).apply_delay_seconds = 1800.0;
    });
    refuses(CheckName::Replay, |it| {
        recovery(it, 0).replay_waits_for = Some("IPC/RecoveryConflictSnapshot".into());
    });
}

#[test]
fn a_candidate_that_is_behind() {
    refuses(CheckName::Lag, |it| {
        let position = Lsn::new(0x0100_0000);
        recovery(it, 0).receive_lsn = Some(position);
        recovery(it, 0).replay_lsn = Some(position);
    });
    refuses(CheckName::Lag, |it| {
        recovery(it, 0).replay_lsn = Some(Lsn::new(1))
    });
    refuses(CheckName::Ahead, |it| {
        let position = Lsn::new(0x0100_0000);
        recovery(it, 0).receive_lsn = Some(position);
        recovery(it, 0).replay_lsn = Some(position);
    });
}

#[test]
fn a_candidate_without_room_for_the_others() {
    refuses(CheckName::Walsenders, |it| {
        facts(it, &replica(0)).settings.max_wal_senders = 2;
    });
    refuses(CheckName::Slots, |it| {
        facts(it, &replica(0)).settings.max_replication_slots = 2;
    });
}

#[test]
fn a_standby_with_a_lower_limit_than_the_new_primary() {
    refuses(CheckName::Settings, |it| {
        facts(it, &replica(0)).settings.max_connections = 500;
    });
}

/// The old primary is restarted by the switchover: what it has then counts.
#[test]
fn an_old_primary_that_would_come_back_with_less() {
    refuses(CheckName::Settings, |it| {
        pends(primary(it), "max_connections", "50");
    });
}

#[test]
fn a_standby_login_that_only_open_streams_still_have() {
    for pod in [PRIMARY.to_owned(), replica(0)] {
        refuses(CheckName::StandbyLogin, |it| {
            facts(it, &pod).replication_login = ReplicationLogin::Refused {
                reason: "no".into(),
            };
        });
        let damages: [fn(&mut ReplicationRole); 4] = [
            |role| role.can_log_in = false,
            |role| role.can_replicate = false,
            |role| role.connects = false,
            |role| role.valid_until = Some(now()),
        ];
        for damage in damages {
            refuses(CheckName::StandbyLogin, |it| {
                let role = facts(it, &pod).replication_role.as_mut();
                damage(role.expect("the fixture has one"));
            });
        }
    }
}

#[test]
fn a_mistake_in_the_files_of_any_pod() {
    for pod in [PRIMARY.to_owned(), replica(0), replica(2)] {
        refuses(CheckName::Files, |it| mistaken(facts(it, &pod)));
    }
}

/// They can't be pointed at another primary.
#[test]
fn any_server_that_takes_no_alter_system() {
    for pod in [PRIMARY.to_owned(), replica(0), replica(2)] {
        refuses(CheckName::Files, |it| {
            facts(it, &pod).settings.allow_alter_system = false;
        });
    }
}

#[test]
fn settings_that_would_make_standbys_promote_themselves() {
    for pod in [PRIMARY.to_owned(), replica(0), replica(2)] {
        refuses(CheckName::RecoverySettings, |it| {
            ends_recovery(facts(it, &pod), false);
        });
    }
    // The start script overrules them.
    let mut snapshot = healthy(3);
    ends_recovery(primary(&mut snapshot), true);
    plan_failover(
        &snapshot,
        &to("replica-0"),
        &Circumstances::default(),
        now(),
    )
    .expect("planned");
}

/// With no primary all of that only warns: nothing takes writes now.
#[test]
fn in_an_emergency_the_next_start_does_not_stand_in_the_way() {
    let mut snapshot = healthy(3);
    stop(
        &mut snapshot,
        PRIMARY,
        ContainerState::Terminated(crate::cluster::TerminationRecord {
            exit_code: 1,
            reason: None,
            finished: None,
            decision: None,
        }),
    );
    mistaken(facts(&mut snapshot, &replica(0)));
    ends_recovery(facts(&mut snapshot, &replica(1)), false);
    facts(&mut snapshot, &replica(0)).replication_login = ReplicationLogin::Refused {
        reason: "no".into(),
    };
    let checks = match plan_failover(
        &snapshot,
        &to("replica-0"),
        &Circumstances::default(),
        now(),
    ) {
        Ok(plan) => plan.checks,
        Err(refusal) => refusal.checks,
    };
    for name in [
        CheckName::StandbyLogin,
        CheckName::Files,
        CheckName::RecoverySettings,
    ] {
        let check = checks.iter().find(|it| it.check == name);
        assert_eq!(
            check.map(|it| it.verdict),
            Some(CheckVerdict::Warn),
            "{name}"
        );
    }
}

/// What deletes data, or waits for a pod to come up, asks before.
#[test]
fn a_new_standby_that_could_not_come_up() {
    let reinit = ReinitRequest {
        pod: "replica-1".into(),
        timeout_seconds: 60,
    };
    let rejoin = |clone| RejoinRequest {
        pod: "replica-1".into(),
        accept_split_brain_risk: false,
        clone,
        timeout_seconds: 60,
    };
    let refused = |damage: &dyn Fn(&mut Snapshot), check: CheckName| {
        let mut snapshot = healthy(2);
        cut_stream(&mut snapshot, 1);
        let circumstances = Circumstances::default();
        plan_reinit(&snapshot, &reinit, &circumstances, now()).expect("nothing is wrong yet");
        damage(&mut snapshot);
        for refusal in [
            plan_reinit(&snapshot, &reinit, &circumstances, now()),
            plan_rejoin(&snapshot, &rejoin(true), &circumstances, now()),
        ] {
            let refusal = refusal.expect_err("it is refused");
            let reasons: Vec<CheckName> = refusal.reasons().map(|it| it.check).collect();
            assert_eq!(reasons, [check], "{refusal}");
        }
    };
    refused(&|it| mistaken(primary(it)), CheckName::Files);
    refused(
        &|it| ends_recovery(primary(it), false),
        CheckName::RecoverySettings,
    );
    for login in [
        ReplicationLogin::Refused {
            reason: "no".into(),
        },
        ReplicationLogin::NoConnectionLeft {
            reason: "too many clients".into(),
        },
    ] {
        refused(
            &|it| primary(it).replication_login = login.clone(),
            CheckName::StandbyLogin,
        );
    }
    refused(
        &|it| primary(it).settings.max_wal_senders = 2,
        CheckName::Walsenders,
    );
}

fn pends(facts: &mut DatabaseFacts, name: &str, next: &str) {
    let files = facts.files.get_or_insert_default();
    files.pending.push(PendingSetting {
        name: name.into(),
        now: "200".into(),
        next: Some(next.into()),
    });
}

fn mistaken(facts: &mut DatabaseFacts) {
    let files = facts.files.get_or_insert_default();
    files.mistakes.push(FileMistake {
        file: "overlay.conf".into(),
        line: Some(1),
        name: None,
        error: "syntax error".into(),
    });
}

fn ends_recovery(facts: &mut DatabaseFacts, overruled: bool) {
    let files = facts.files.get_or_insert_default();
    files.recovery.push(RecoverySetting {
        name: "recovery_target".into(),
        value: "immediate".into(),
        file: "postgresql.auto.conf".into(),
        overruled,
    });
}

#[test]
fn commits_that_would_wait_for_nobody() {
    refuses(CheckName::Synchronous, |it| {
        facts(it, &replica(0)).settings.synchronous_standby_names = "replica_9".into();
    });
    // One of the two is there; and the name of another begins like that of one that is.
    for names in [
        format!("ANY 2 (\"{}\", gone)", replica(1)),
        format!("FIRST 1 (\"{}0\")", replica(1)),
        format!(
            "ANY 3 (\"{PRIMARY}\", \"{}\", \"{}\")",
            replica(1),
            replica(2)
        ),
    ] {
        refuses(CheckName::Synchronous, |it| {
            facts(it, &replica(0)).settings.synchronous_standby_names = names;
        });
    }
    for (names, verdict) in [
        (
            format!("ANY 1 (\"{}\", \"{}\")", replica(1), replica(2)),
            CheckVerdict::Pass,
        ),
        (
            format!(
                "FIRST 2 (\"{}\", \"{}\")",
                replica(1),
                replica(2).to_uppercase()
            ),
            CheckVerdict::Warn,
        ),
        ("2 (*)".to_owned(), CheckVerdict::Warn),
        ("*".to_owned(), CheckVerdict::Pass),
    ] {
        let mut snapshot = healthy(3);
        facts(&mut snapshot, &replica(0))
            .settings
            .synchronous_standby_names = names.clone();
        let plan = plan(&snapshot, &to("replica-0"));
        let mut checks = plan.checks.iter();
        let check = checks.find(|it| it.check == CheckName::Synchronous);
        assert_eq!(check.map(|it| it.verdict), Some(verdict), "{names}");
    }
}

#[test]
fn a_base_backup_an_archive_backlog_and_a_failing_archiver() {
    refuses(CheckName::BaseBackup, |it| {
        primary(it).base_backups.push(BaseBackup {
            phase: "streaming database files".into(),
            streamed_bytes: 1,
            total_bytes: None,
            application_name: "pg_basebackup".into(),
        });
    });
    for (ready_segments, failing, stalled_seconds) in
        [(100, false, 0), (1, true, 0), (1, false, 600)]
    {
        refuses(CheckName::Archive, |it| {
            primary(it).archiver = Some(Archiver {
                ready_segments,
                failing,
                stalled_seconds,
            });
        });
    }
}

fn logical(failover: bool, synced: bool) -> SlotKind {
    SlotKind::Logical {
        database: "app".into(),
        plugin: "pgoutput".into(),
        failover,
        synced,
    }
}

/// Only a copy that PostgreSQL has made, and that is whole, takes a slot's place.
#[test]
fn a_logical_slot_is_kept_by_its_copy_and_by_nothing_else() {
    let with = |change: fn(&mut SlotFacts)| {
        let mut snapshot = healthy(2);
        let mut slot = primary(&mut snapshot).slots[0].clone();
        slot.name = "subscription".into();
        slot.kind = logical(true, false);
        primary(&mut snapshot).slots.push(slot.clone());
        slot.kind = logical(true, true);
        slot.active = false;
        change(&mut slot);
        facts(&mut snapshot, &replica(0)).slots.push(slot);
        plan_failover(
            &snapshot,
            &to("replica-0"),
            &Circumstances::default(),
            now(),
        )
    };
    assert!(with(|_| {}).is_ok());
    type Change = fn(&mut SlotFacts);
    let changes: [(Change, &str); 5] = [
        (|slot| slot.kind = logical(false, false), "is no copy of it"),
        (|slot| slot.kind = SlotKind::Physical, "is no copy of it"),
        (|slot| slot.temporary = true, "has not caught up yet"),
        (
            |slot| slot.invalidation = Some("rows_removed".into()),
            "can't be used any more: rows_removed",
        ),
        (|slot| slot.name = "another".into(), "has no copy of it"),
    ];
    for (change, words) in changes {
        let refusal = with(change).expect_err(words);
        assert!(refusal.to_string().contains(words), "{refusal}");
    }
}

#[test]
fn in_an_emergency_what_only_the_primary_knows_is_not_known() {
    let mut snapshot = healthy(2);
    stop(
        &mut snapshot,
        PRIMARY,
        ContainerState::Terminated(killed_for_memory()),
    );
    let plan = plan(&snapshot, &to("replica-0"));
    for name in [
        CheckName::LogicalSlots,
        CheckName::PreparedTransactions,
        CheckName::Archive,
        CheckName::UnloggedTables,
    ] {
        let check = plan.checks.iter().find(|it| it.check == name);
        let check = check.expect("it is looked at");
        assert_eq!(check.verdict, CheckVerdict::Warn, "{name}");
        assert!(check.reason.contains("not known"), "{}", check.reason);
    }
}

#[test]
fn in_an_emergency_replay_is_waited_for_also_by_one_that_lacks_something() {
    let mut snapshot = healthy(2);
    stop(
        &mut snapshot,
        PRIMARY,
        ContainerState::Terminated(killed_for_memory()),
    );
    let received = recovery(&mut snapshot, 1).receive_lsn;
    let received = received.expect("it has received");
    let request = |accept_loss| FailoverRequest {
        accept_loss,
        ..to("replica-0")
    };
    let lacks = Lsn::new(received.bytes() - (20 << 20));
    recovery(&mut snapshot, 0).receive_lsn = Some(lacks);
    recovery(&mut snapshot, 0).replay_lsn = Some(lacks);
    let lag = |snapshot: &Snapshot| {
        let ranked = candidates(snapshot, &request(true), &Circumstances::default());
        let pod = replica(0);
        let candidate = ranked.into_iter().find(|it| it.pod == pod);
        let checks = candidate.expect("it is a standby").checks;
        checks
            .into_iter()
            .find(|it| it.check == CheckName::Lag)
            .map(|it| it.verdict)
    };
    assert_eq!(lag(&snapshot), Some(CheckVerdict::Warn));
    recovery(&mut snapshot, 0).replay_lsn = Some(Lsn::new(1));
    assert_eq!(lag(&snapshot), Some(CheckVerdict::Refuse));
}

#[test]
fn a_base_backup_takes_one_walsender_and_not_two() {
    let mut snapshot = healthy(3);
    let backup = BaseBackup {
        phase: "streaming database files".into(),
        streamed_bytes: 1,
        total_bytes: None,
        application_name: "pg_basebackup".into(),
    };
    let copies = facts(&mut snapshot, &replica(0));
    copies.base_backups.push(backup);
    // The backup's own, in pg_stat_replication as every other, and three standbys.
    let mut sender = primary(&mut snapshot).senders[0].clone();
    sender.application_name = "pg_basebackup".into();
    let copies = facts(&mut snapshot, &replica(0));
    copies.senders.push(sender);
    copies.settings.max_wal_senders = 4;
    let request = FailoverRequest {
        allow_backup_loss: true,
        ..to("replica-0")
    };
    plan(&snapshot, &request);
}

#[test]
fn logical_slots_and_prepared_transactions_that_would_be_lost() {
    refuses(CheckName::LogicalSlots, |it| {
        let slot = &mut primary(it).slots[0];
        slot.kind = logical(false, false);
    });
    refuses(CheckName::PreparedTransactions, |it| {
        primary(it).prepared_transactions = 1;
    });
}

/// PostgreSQL lets them wait for a slot that is not there, too.
#[test]
fn readers_of_logical_slots_that_would_wait_for_a_slot_of_the_candidate_are_told() {
    let verdict_with = |named: &str| {
        let mut snapshot = healthy(2);
        let mut slot = primary(&mut snapshot).slots[0].clone();
        slot.name = "shop".into();
        slot.kind = logical(true, false);
        primary(&mut snapshot).slots.push(slot.clone());
        slot.kind = logical(true, true);
        let candidate = facts(&mut snapshot, &replica(0));
        candidate.slots.push(slot);
        candidate.settings.synchronized_standby_slots = named.into();
        let plan = plan(&snapshot, &to("replica-0"));
        let mut checks = plan.checks.into_iter();
        let check = checks.find(|it| it.check == CheckName::LogicalSlots);
        check.expect("it is looked at")
    };
    let (own, other) = (slot_name(&replica(0)), slot_name(&replica(1)));
    for kept in ["", other.as_str()] {
        assert_eq!(verdict_with(kept).verdict, CheckVerdict::Pass, "{kept}");
    }
    let check = verdict_with(&format!("{own}, {other}"));
    assert_eq!(check.verdict, CheckVerdict::Warn);
    assert!(check.reason.contains(&own), "{}", check.reason);
    let next = check.next.expect("what to do is said");
    assert!(next.contains(&format!("= '{other}'")), "{next}");
}

#[test]
fn a_report_on_the_candidate_is_told_before_it_is_cancelled() {
    let verdict_with = |seconds: Option<f64>| {
        let mut snapshot = healthy(2);
        facts(&mut snapshot, &replica(0)).oldest_transaction_seconds = seconds;
        let plan = plan(&snapshot, &to("replica-0"));
        let check = plan.checks.iter().find(|it| it.check == CheckName::Queries);
        let check = check.expect("it is looked at");
        (check.verdict, check.reason.clone())
    };
    for short in [None, Some(0.2)] {
        assert_eq!(verdict_with(short).0, CheckVerdict::Pass, "{short:?}");
    }
    let (verdict, reason) = verdict_with(Some(312.0));
    assert_eq!(verdict, CheckVerdict::Warn);
    assert!(reason.contains("5m12s"), "{reason}");
    // Nor is one of the primary's: it ends with the primary.
    let mut snapshot = healthy(2);
    primary(&mut snapshot).oldest_transaction_seconds = Some(312.0);
    let plan = plan(&snapshot, &to("replica-0"));
    let check = plan.checks.iter().find(|it| it.check == CheckName::Queries);
    assert_eq!(check.map(|it| it.verdict), Some(CheckVerdict::Pass));
}

#[test]
fn an_autoscaler_that_will_take_the_candidate_away() {
    let mut snapshot = healthy(3);
    if let Some(autoscaler) = &mut snapshot.autoscaler {
        (autoscaler.min, autoscaler.max) = (1, 2);
    }
    refuses_with(
        CheckName::Autoscaler,
        &snapshot,
        &to("replica-2"),
        &Circumstances::default(),
    );
}

#[test]
fn no_write_service() {
    refuses(CheckName::WriteService, |it| {
        it.services
            .retain(|service| service.purpose != crate::cluster::ServicePurpose::Write);
    });
}

#[test]
fn an_old_primary_that_nobody_can_prove_stopped() {
    for stuck in [true, false] {
        let mut snapshot = healthy(3);
        let running = ContainerState::Running { since: None };
        stop(&mut snapshot, PRIMARY, running);
        let pod = &mut instance(&mut snapshot, PRIMARY).pod;
        if stuck {
            pod.deleting_since = Some(now());
        } else {
            pod.node_ready = Some(false);
        }
        refuses_with(
            CheckName::OldPrimary,
            &snapshot,
            &FailoverRequest::default(),
            &Circumstances::default(),
        );
        let accepted = FailoverRequest {
            accept_split_brain_risk: true,
            ..FailoverRequest::default()
        };
        let plan = plan_failover(&snapshot, &accepted, &Circumstances::default(), now());
        assert!(plan.is_ok_and(|plan| plan.accepts_split_brain()));
    }
}

#[test]
fn a_start_script_that_would_bring_the_old_primary_back() {
    let mut snapshot = super::shape::moved_to_replica_0();
    snapshot.topology.source = TopologySource::Unaware;
    refuses_with(
        CheckName::StartScript,
        &snapshot,
        &to("replica-1"),
        &Circumstances::default(),
    );
}

#[test]
fn another_operation_an_unfinished_one_and_missing_permissions() {
    let snapshot = healthy(3);
    let lock = Circumstances {
        lock: Some(LockHolder {
            holder: "ann@laptop".into(),
            since: None,
            renewed: None,
            lease: "pgctl-postgres".into(),
            namespace: "staging".into(),
        }),
        ..Circumstances::default()
    };
    refuses_with(CheckName::Lock, &snapshot, &to("replica-0"), &lock);
    let unfinished = Circumstances {
        unfinished: Some(Unfinished {
            into: None,
            id: OperationId("failover-1".into()),
            title: "switchover from a to b".into(),
            to: None,
            from: None,
            restore: false,
            rejoins: None,
            resume: None,
            past_point_of_no_return: false,
        }),
        ..Circumstances::default()
    };
    refuses_with(
        CheckName::Unfinished,
        &snapshot,
        &to("replica-0"),
        &unfinished,
    );
    let permissions = Circumstances {
        permissions: vec![Permitted {
            permission: Permission::new("patch", "apps", "statefulsets/scale"),
            allowed: false,
        }],
        ..Circumstances::default()
    };
    refuses_with(
        CheckName::Permissions,
        &snapshot,
        &to("replica-0"),
        &permissions,
    );
}

#[test]
fn a_gitops_tool_that_would_revert_the_change() {
    let snapshot = healthy(3);
    let mut circumstances = Circumstances {
        drift: vec![Drift {
            object: "Service/staging-postgres-write".into(),
            field: "spec.selector".into(),
            tool: GitOps::ArgoCd {
                application: "postgres".into(),
            },
            reverts: Reverts::Itself,
        }],
        ..Circumstances::default()
    };
    refuses_with(
        CheckName::GitOps,
        &snapshot,
        &to("replica-0"),
        &circumstances,
    );
    circumstances.drift[0].reverts = Reverts::Never;
    assert!(plan_failover(&snapshot, &to("replica-0"), &circumstances, now()).is_ok());
}

#[test]
fn a_target_that_is_unknown_ambiguous_or_missing() {
    let snapshot = healthy(2);
    for name in ["replica-7", "0"] {
        refuses_with(
            CheckName::Target,
            &snapshot,
            &to(name),
            &Circumstances::default(),
        );
    }
    let alone = healthy(0);
    refuses_with(
        CheckName::Target,
        &alone,
        &FailoverRequest::default(),
        &Circumstances::default(),
    );
}

#[test]
fn all_reasons_come_at_once() {
    let mut snapshot = healthy(3);
    primary(&mut snapshot).prepared_transactions = 1;
    recovery(&mut snapshot, 0).replay_paused = true;
    instance(&mut snapshot, &replica(0)).pod.ready = false;
    let refusal = refusal_of(&snapshot, &to("replica-0"), &Circumstances::default());
    assert_eq!(refusal.reasons().count(), 3);
    assert!(
        refusal
            .checks
            .iter()
            .any(|it| it.verdict == CheckVerdict::Pass)
    );
}
