//! Each check both ways: it says nothing of a cluster that is well, and something of one that is not.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::fixture::{answer, contents, database, line, shop, usage, well};
use super::{
    Access, AppliedSeen, AutovacuumTable, BackupSeen, Check, CheckCode, ChecksumFailures,
    ClientFacts, CollationFacts, Difference, Differing, DoctorFacts, Examination, IndexName,
    IndexUse, Outcome, SequenceUse, examine,
};
use crate::cluster::fixture::{PRIMARY, facts as server_facts, now, primary, replica, throw_away};
use crate::cluster::{
    Database, FindingCode, GitOps, Limits, Lsn, NotVisible, ObjectKind, PAUSED_BOUNDS, Timeline,
    UnreadableJournal, Unrequested, assess,
};
use crate::plan::{Drift, Reverts, UnloggedTables};
use crate::wal::{BreakReason, WalBreak, WalProtection};

type Damage = fn(&mut DoctorFacts);

fn examined(damage: Damage) -> Examination {
    let mut facts = well();
    damage(&mut facts);
    facts.health = assess(&facts.snapshot, &Limits::default());
    examine(&facts, None)
}

fn outcome(examination: &Examination, code: CheckCode) -> Outcome {
    let of_code = examination.results.iter().filter(|it| it.code == code);
    of_code
        .map(|it| it.outcome)
        .min()
        .expect("every check has a result")
}

/// For each check something that it is to find, and how bad that is.
fn damages() -> Vec<(Check, Outcome, Damage)> {
    use Outcome::{Critical, Note, Warning};
    vec![
        (Check::NoDisruptionBudget, Warning, |it| {
            it.objects.budgets = Ok(Vec::new())
        }),
        (Check::SharedNode, Warning, |it| {
            for instance in &mut it.snapshot.instances {
                instance.pod.node = Some("node-0".into());
            }
        }),
        (Check::SharedZone, Note, |it| {
            for place in it.objects.nodes.iter_mut().flat_map(|it| it.values_mut()) {
                place.zone = Some("a".into());
            }
        }),
        (Check::SharedZone, Note, |it| {
            let mut places = it.objects.nodes.iter_mut().flat_map(|it| it.values_mut());
            for place in places.by_ref().take(2) {
                place.zone = Some("a".into());
            }
        }),
        (Check::AsynchronousOnly, Note, |it| {
            primary(&mut it.snapshot)
                .settings
                .synchronous_standby_names
                .clear();
        }),
        (Check::SingleStandby, Note, |it| {
            it.snapshot.stateful_sets[1].wanted = 1
        }),
        (Check::BackupMissing, Critical, |it| {
            backups(it).newest = None
        }),
        (Check::BackupMissing, Warning, |it| {
            backups(it).newest = Some(("b".into(), now() - SignedDuration::from_hours(30)));
        }),
        (Check::BackupNotRestored, Warning, |it| {
            backups(it).restored = None
        }),
        (Check::BackupNotRestored, Critical, |it| {
            backups(it).restored = Some(("b".into(), now(), Some("no such file".into())));
        }),
        (Check::BackupNotRestored, Note, |it| {
            let long_ago = now() - SignedDuration::from_hours(24 * 40);
            backups(it).restored = Some(("b".into(), long_ago, None));
        }),
        (Check::WalUnlimited, Warning, |it| {
            server_facts(&mut it.snapshot, &replica(1))
                .settings
                .max_slot_wal_keep_bytes = None;
        }),
        (Check::NoArchive, Note, |it| {
            it.archive = Ok(None);
            primary(&mut it.snapshot).settings.archiving = false
        }),
        (Check::WalArchiveIncomplete, Critical, |it| {
            archive(it).open_breaks.push(WalBreak {
                timeline: Timeline(3),
                from: Lsn::new(0x0900_0000),
                to: Lsn::new(0x0A00_0000),
                why: BreakReason::Missing,
                closed: false,
            });
        }),
        (Check::WalArchiveIncomplete, Critical, |it| {
            archive(it).recoverable = None
        }),
        (Check::WalArchiveIncomplete, Warning, |it| {
            archive(it).as_of = Some(now() - SignedDuration::from_secs(130));
        }),
        (Check::WalArchiveIncomplete, Warning, |it| {
            archive(it).as_of = None
        }),
        (Check::WalArchiveIncomplete, Warning, |it| {
            archive(it).unreadable = 1
        }),
        (Check::TransactionIdWraparound, Warning, |it| {
            contents(it).ages[0].transactions = 600_000_000;
        }),
        (Check::TransactionIdWraparound, Critical, |it| {
            contents(it).ages[0].transactions = 1_700_000_000;
        }),
        (Check::MultixactWraparound, Warning, |it| {
            contents(it).ages[0].multixacts = 900_000_000
        }),
        (Check::AutovacuumOff, Warning, |it| {
            answer(it, 1).autovacuum = false
        }),
        (Check::AutovacuumBehind, Warning, |it| {
            database(it, 0).behind.push(AutovacuumTable {
                table: "public.cart".into(),
                dead: 90_000,
                threshold: 20_000,
            });
        }),
        (Check::OldTransaction, Warning, |it| {
            server_facts(&mut it.snapshot, &replica(0)).oldest_transaction_seconds = Some(7200.0);
        }),
        (Check::PreparedTransaction, Warning, |it| {
            contents(it).oldest_prepared_seconds = Some(3600.0);
        }),
        (Check::InvalidIndex, Warning, |it| {
            database(it, 0).invalid_indexes.push(IndexName {
                index: "public.cart_idx".into(),
                table: "public.cart".into(),
            });
        }),
        (Check::UnusedIndex, Note, |it| {
            for server in 0..3 {
                usage(it, server).unused_indexes.push(unused());
            }
        }),
        (Check::CollationMismatch, Warning, |it| {
            answer(it, 2).collations.push(collation("shop"))
        }),
        (Check::CollationMismatch, Warning, |it| {
            database(it, 0).collations.push(collation("public.de"));
        }),
        (Check::ChecksumFailures, Critical, |it| {
            answer(it, 1).checksum_failures.push(ChecksumFailures {
                database: "shop".into(),
                failures: 3,
                last: Some(now()),
            });
        }),
        (Check::ChecksumsOff, Warning, |it| {
            answer(it, 0).checksums = false
        }),
        (Check::SequenceNearEnd, Warning, |it| {
            database(it, 0).sequences.push(sequence(80.0))
        }),
        (Check::SequenceNearEnd, Critical, |it| {
            database(it, 0).sequences.push(sequence(95.0))
        }),
        (Check::UnloggedTables, Note, |it| {
            it.unlogged = Ok(vec![UnloggedTables {
                database: "shop".into(),
                tables: 2,
                bytes: Some(1 << 20),
            }]);
        }),
        (Check::DurabilityOff, Critical, |it| {
            answer(it, 0).durable = false
        }),
        (Check::WeakPassword, Critical, |it| {
            secret(it).guessable = vec!["postgres-password".into()]
        }),
        (Check::WeakPassword, Warning, |it| {
            secret(it).short = vec!["postgres-password".into()]
        }),
        (Check::SamePassword, Warning, |it| {
            secret(it).same = vec!["a".into(), "b".into()]
        }),
        (Check::PasswordIsName, Critical, |it| {
            passwords(it).like_name = vec!["shop".into()]
        }),
        (Check::Md5Password, Warning, |it| {
            passwords(it).md5 = vec!["shop".into()]
        }),
        (Check::TrustLogin, Critical, |it| hba(it, "trust")),
        (Check::WeakLoginMethod, Warning, |it| hba(it, "md5")),
        (Check::WeakLoginMethod, Warning, |it| hba(it, "ldap")),
        (Check::WeakLoginMethod, Warning, |it| hba(it, "radius")),
        (Check::TlsOff, Note, |it| answer(it, 0).tls = false),
        (Check::TlsOff, Note, |it| {
            answer(it, 0).tls = false;
            answer(it, 0).clients.push(standby());
        }),
        (Check::TlsOff, Warning, |it| {
            answer(it, 0).clients.push(standby())
        }),
        (Check::TlsOff, Warning, |it| {
            answer(it, 0).clients.push(client(false, false))
        }),
        (Check::SuperuserApplication, Warning, |it| {
            answer(it, 0).clients.push(client(true, true));
        }),
        (Check::NoNetworkPolicy, Warning, |it| {
            it.objects.policies = Ok(Vec::new())
        }),
        (Check::NoNetworkPolicy, Warning, |it| {
            for policy in it.objects.policies.iter_mut().flatten() {
                policy.open = true;
            }
        }),
        (Check::PodSecurity, Warning, |it| {
            let security = it.objects.security.as_mut().expect("they were seen");
            security[0].excesses = vec!["container postgres is privileged".into()];
        }),
        (Check::PublicSchemaCreate, Warning, |it| {
            database(it, 0).public_create = true
        }),
        (Check::MemorySettings, Warning, |it| {
            answer(it, 0).shared_buffers = 3 << 29
        }),
        (Check::MemorySettings, Note, |it| {
            answer(it, 0).work_mem = 64 << 20
        }),
        (Check::MemorySettings, Note, |it| {
            it.objects.memory_limits.insert(PRIMARY.into(), None);
        }),
        (Check::SettingsDiffer, Warning, |it| {
            answer(it, 1).settings[0].value = "8192kB".into()
        }),
        (Check::SettingsDiffer, Warning, |it| {
            answer(it, 1).settings.clear()
        }),
        (Check::VersionsDiffer, Warning, |it| {
            answer(it, 1).version_number = 170_001
        }),
        (Check::VersionsDiffer, Critical, |it| {
            answer(it, 1).version_number = 160_004
        }),
        (Check::ArchitecturesDiffer, Critical, |it| {
            answer(it, 1).version = "PostgreSQL 17.2 on aarch64-unknown-linux-gnu".into();
        }),
        (Check::AutoscalerNoRequests, Warning, |it| {
            it.snapshot.stateful_sets[1].unrequested = vec![Unrequested {
                container: "postgres".into(),
                resource: "cpu".into(),
            }];
        }),
        (Check::AutoscalerPaused, Note, |it| {
            let autoscaler = it.snapshot.autoscaler.as_mut().expect("there is one");
            autoscaler
                .annotations
                .insert(PAUSED_BOUNDS.into(), "{}".into());
        }),
        (Check::GitOpsReverts, Warning, |it| {
            it.drift.push(drift(Reverts::Itself))
        }),
        (Check::GitOpsReverts, Note, |it| {
            it.drift.push(drift(Reverts::NextDeploy))
        }),
        (Check::DiffersFromApplied, Note, |it| {
            applied(it).differences.push(Difference {
                object: "statefulset/staging-postgres-replica".into(),
                differing: Differing::Value {
                    field: "spec.replicas".into(),
                    applied: "2".into(),
                    is: "3".into(),
                },
            });
        }),
        (Check::DiffersFromApplied, Note, |it| {
            applied(it).differences.push(Difference {
                object: "statefulset/staging-postgres-replica".into(),
                differing: Differing::Taken {
                    manager: "kubectl-edit".into(),
                    fields: vec!["spec.replicas".into()],
                },
            });
        }),
        (Check::RightsToLook, Warning, |it| {
            it.access = Ok(vec![access(None)])
        }),
        (Check::RightsToOperate, Note, |it| {
            it.access = Ok(vec![access(Some("pgctl failover"))])
        }),
    ]
}

/// For each check something that nobody can look at.
fn blindness() -> Vec<(&'static [Check], Damage)> {
    vec![
        (&[Check::NoDisruptionBudget], |it| {
            it.objects.budgets = Err("forbidden".into())
        }),
        (&[Check::NoNetworkPolicy], |it| {
            it.objects.policies = Err("forbidden".into())
        }),
        (&[Check::PodSecurity, Check::DiffersFromApplied], |it| {
            it.objects.security = Err("timeout".into());
            it.objects.applied = Err("timeout".into());
        }),
        (&[Check::PodSecurity], |it| {
            let security = it.objects.security.as_mut().expect("they were seen");
            security.pop();
        }),
        (&[Check::DiffersFromApplied], |it| {
            let unrecorded = &mut applied(it).unrecorded;
            unrecorded.push("service/staging-postgres-write".into());
        }),
        (&[Check::DiffersFromApplied], |it| {
            let why = "forbidden".into();
            let what = ObjectKind::Autoscalers;
            applied(it).unseen.push(NotVisible { what, why });
        }),
        (&[Check::SharedZone], |it| {
            it.objects.nodes = Err("forbidden".into())
        }),
        (&[Check::BackupMissing, Check::BackupNotRestored], |it| {
            it.backups = Err("no store is named".into());
        }),
        (&[Check::WalArchiveIncomplete], |it| {
            it.archive = Err("no store is named".into());
        }),
        (&[Check::WeakPassword, Check::SamePassword], |it| {
            it.secret = Err("forbidden".into())
        }),
        (&[Check::UnloggedTables], |it| {
            it.unlogged = Err("forbidden".into())
        }),
        (&[Check::RightsToLook, Check::RightsToOperate], |it| {
            it.access = Err("timeout".into())
        }),
        (
            &[
                Check::AutovacuumOff,
                Check::ChecksumFailures,
                Check::ChecksumsOff,
                Check::DurabilityOff,
                Check::CollationMismatch,
                Check::TrustLogin,
                Check::WeakLoginMethod,
                Check::TlsOff,
                Check::SuperuserApplication,
                Check::MemorySettings,
                Check::SettingsDiffer,
                Check::VersionsDiffer,
                Check::ArchitecturesDiffer,
            ],
            |it| it.servers[1].answer = Err("no answer within 10 s".into()),
        ),
        (&[Check::UnusedIndex], |it| {
            contents(it).databases.push("small".into())
        }),
        (&[Check::UnusedIndex], |it| {
            usage(it, 0).unused_indexes.push(unused());
            let many = (0..1000).map(|_| IndexUse {
                index: "public.other".into(),
                ..unused()
            });
            usage(it, 1).unused_indexes.extend(many);
        }),
        (&[Check::TlsOff, Check::SuperuserApplication], |it| {
            let many = (0..100).map(|_| client(false, true));
            answer(it, 1).clients.extend(many);
        }),
        (&[Check::PasswordIsName, Check::Md5Password], |it| {
            passwords(it).left_out = 1
        }),
        // What the primary uses is used, whatever the others would say; of the rest it matters.
        (&[Check::UnusedIndex], |it| {
            usage(it, 0).unused_indexes.push(unused());
            it.servers[1].answer = Err("no answer within 10 s".into());
        }),
        (
            &[
                Check::TransactionIdWraparound,
                Check::MultixactWraparound,
                Check::AutovacuumBehind,
                Check::PreparedTransaction,
                Check::InvalidIndex,
                Check::UnusedIndex,
                Check::SequenceNearEnd,
                Check::PublicSchemaCreate,
            ],
            |it| it.servers[0].answer = Err("no answer within 10 s".into()),
        ),
        (&[Check::TrustLogin], |it| answer(it, 0).hba = None),
        (
            &[
                Check::AutovacuumBehind,
                Check::InvalidIndex,
                Check::SequenceNearEnd,
            ],
            |it| {
                it.servers[0]
                    .databases
                    .insert("shop".into(), Err("refused".into()));
            },
        ),
        (&[Check::InvalidIndex], |it| {
            contents(it).databases.push("small".into())
        }),
        (&[Check::PasswordIsName, Check::Md5Password], |it| {
            it.passwords = Err("only a superuser may know".into());
        }),
        (&[Check::OldTransaction, Check::WalUnlimited], |it| {
            silence(it, &replica(0))
        }),
        (&[Check::AsynchronousOnly, Check::NoArchive], |it| {
            // An archive in the store would need no primary to say so.
            it.archive = Ok(None);
            silence(it, PRIMARY);
        }),
        (&[Check::GitOpsReverts], |it| {
            it.drift.push(drift(Reverts::Unknown))
        }),
    ]
}

/// The same of what `pgctl status` finds.
fn blindness_of_status() -> Vec<(&'static [FindingCode], Damage)> {
    use FindingCode as Code;
    vec![
        (
            &[
                Code::WriteServiceAstray,
                Code::WriteServiceEmpty,
                Code::ReadServiceAstray,
                Code::ReadServiceEmpty,
            ],
            |it| hide(it, ObjectKind::Services),
        ),
        (
            &[
                Code::WriteServiceAstray,
                Code::WriteServiceEmpty,
                Code::ReadServiceAstray,
                Code::ReadServiceEmpty,
            ],
            |it| hide(it, ObjectKind::EndpointSlices),
        ),
        (
            &[
                Code::SeveralAutoscalers,
                Code::AutoscalerMayDeletePrimary,
                Code::AutoscalerAtMaximum,
                Code::AutoscalerBlind,
            ],
            |it| {
                it.snapshot.autoscaler = None;
                hide(it, ObjectKind::Autoscalers);
            },
        ),
        (&[Code::VolumeDeleting], |it| hide(it, ObjectKind::Volumes)),
        (&[Code::EmptyPrimaryVolume], |it| {
            silence(it, PRIMARY);
            hide(it, ObjectKind::Volumes);
        }),
        (&[Code::NodeNotReady], |it| hide(it, ObjectKind::Nodes)),
        (
            &[
                Code::TopologyDiffers,
                Code::StopUnproven,
                Code::SynchronousNamesDiffer,
                Code::AutoscalerMayDeletePrimary,
            ],
            |it| hide(it, ObjectKind::ConfigMaps),
        ),
        (
            &[
                Code::OperationUnfinished,
                Code::RecordHeld,
                Code::JournalUnreadable,
            ],
            |it| hide(it, ObjectKind::Journal),
        ),
        (&[Code::ThrowAwayLeft], |it| {
            hide(it, ObjectKind::ThrowAways)
        }),
        (&[Code::OperationUnfinished, Code::RecordHeld], |it| {
            it.snapshot.unreadable_journal = Some(UnreadableJournal {
                config_map: "staging-postgres-journal".into(),
                why: "it makes no sense".into(),
                needs: None,
            });
        }),
        (
            &[
                Code::ReadOnlyPrimary,
                Code::ConnectionsExhausted,
                Code::SynchronousStandbyMissing,
                Code::SynchronousNamesDiffer,
                Code::NoStandby,
                Code::WriteServiceAstray,
                Code::TopologyDiffers,
                Code::OtherTimeline,
                Code::StandbyBehind,
                Code::StandbyNotStreaming,
            ],
            |it| silence(it, PRIMARY),
        ),
        (
            &[
                Code::SplitBrain,
                Code::OtherSystem,
                Code::DiskFull,
                Code::RecoverySettings,
                Code::StandbysKeptOut,
                Code::CertificateExpires,
                Code::CertificateNotTaken,
                Code::ConfigurationMistake,
                Code::AlterSystemOff,
                Code::StartWaiting,
                Code::SlotLost,
                Code::ReplayPaused,
                Code::ReplayDelayed,
                Code::InactiveSlot,
                Code::ReadServiceAstray,
                Code::ArchivingFails,
                Code::ArchivingHangs,
                Code::RestartPending,
            ],
            |it| silence(it, &replica(0)),
        ),
    ]
}

fn hide(facts: &mut DoctorFacts, what: ObjectKind) {
    facts.snapshot.unseen.push(NotVisible {
        what,
        why: "forbidden".into(),
    });
}

fn silence(facts: &mut DoctorFacts, pod: &str) {
    let instances = &mut facts.snapshot.instances;
    let instance = instances.iter_mut().find(|it| it.name() == pod);
    instance.expect("it is there").database = Database::Unreachable {
        reason: "no answer within 10 s".into(),
        alive: false,
    };
}

fn applied(facts: &mut DoctorFacts) -> &mut AppliedSeen {
    facts.objects.applied.as_mut().expect("it was looked at")
}

fn archive(facts: &mut DoctorFacts) -> &mut WalProtection {
    let archive = facts.archive.as_mut().expect("a store is named");
    &mut archive.as_mut().expect("there is an archive").protection
}

fn backups(facts: &mut DoctorFacts) -> &mut BackupSeen {
    facts.backups.as_mut().expect("a store is named")
}

fn secret(facts: &mut DoctorFacts) -> &mut super::SecretFacts {
    facts.secret.as_mut().expect("it was read")
}

fn passwords(facts: &mut DoctorFacts) -> &mut super::PasswordFacts {
    facts.passwords.as_mut().expect("they were compared")
}

fn hba(facts: &mut DoctorFacts, method: &str) {
    answer(facts, 0).hba = Some(vec![line(7, "host", Some("all"), method)]);
}

fn unused() -> IndexUse {
    IndexUse {
        index: "public.cart_idx".into(),
        table: "public.cart".into(),
        bytes: 64 << 20,
    }
}

fn collation(name: &str) -> CollationFacts {
    CollationFacts {
        name: name.into(),
        recorded: "2.31".into(),
        actual: "2.36".into(),
    }
}

fn sequence(percent: f64) -> SequenceUse {
    SequenceUse {
        sequence: "public.\"o'rder\"".into(),
        last: 2_000_000_000,
        end: 2_147_483_647,
        percent,
    }
}

fn client(superuser: bool, tls: bool) -> ClientFacts {
    ClientFacts {
        user: "postgres".into(),
        application: "shop".into(),
        sessions: 4,
        superuser,
        remote: true,
        tls,
        replication: false,
    }
}

/// A standby that streams in the open, as a superuser even.
fn standby() -> ClientFacts {
    ClientFacts {
        replication: true,
        ..client(true, false)
    }
}

fn drift(reverts: Reverts) -> Drift {
    Drift {
        object: "Service/staging-postgres-write".into(),
        field: "spec.selector".into(),
        tool: GitOps::ArgoCd {
            application: "db".into(),
        },
        reverts,
    }
}

fn access(command: Option<&str>) -> Access {
    Access {
        permission: "patch services".into(),
        command: command.map(str::to_owned),
        allowed: false,
    }
}

#[test]
fn nothing_is_found_in_a_cluster_that_is_well() {
    let examination = examined(|_| ());
    let found: Vec<_> = examination
        .results
        .iter()
        .filter(|it| it.outcome != Outcome::Passed)
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(examination.results.len(), CheckCode::all().count());
}

#[test]
fn each_check_finds_what_it_is_for() {
    for (check, expected, damage) in damages() {
        let examination = examined(damage);
        assert_eq!(
            outcome(&examination, CheckCode::Own(check)),
            expected,
            "{check:?}"
        );
        let found = examination
            .results
            .iter()
            .filter(|it| it.code == CheckCode::Own(check));
        for result in found.filter(|it| it.outcome != Outcome::Passed) {
            assert!(
                !result.next.is_empty(),
                "{check:?} says what to type: {result:?}"
            );
        }
    }
    let tried: BTreeSet<Check> = damages().iter().map(|it| it.0).collect();
    assert!(tried.iter().eq(Check::ALL), "a damage for each check");
}

#[test]
fn what_could_not_be_looked_at_is_never_passed() {
    for (checks, damage) in blindness() {
        let examination = examined(damage);
        for check in checks {
            let outcome = outcome(&examination, CheckCode::Own(*check));
            assert_eq!(outcome, Outcome::Unknown, "{check:?}");
        }
    }
    for (codes, damage) in blindness_of_status() {
        let examination = examined(damage);
        for code in codes {
            let outcome = outcome(&examination, CheckCode::Health(*code));
            assert_eq!(outcome, Outcome::Unknown, "{code}");
        }
    }
}

/// All but those that lists of pods and StatefulSets tell, without which nothing is examined.
#[test]
fn each_finding_of_status_can_be_unknown() {
    let tried = blindness_of_status();
    let tried: BTreeSet<FindingCode> = tried.iter().flat_map(|it| it.0).copied().collect();
    let always_known: BTreeSet<FindingCode> = [
        FindingCode::NoPrimary,
        FindingCode::PrimarySilent,
        FindingCode::StartRefused,
        FindingCode::PodUnscheduled,
        FindingCode::PodDown,
        FindingCode::DatabaseSilent,
        FindingCode::PodTerminating,
        FindingCode::PodRestarting,
        FindingCode::ReplicasMissing,
        FindingCode::OlderRevision,
        FindingCode::PodNotReady,
        FindingCode::Unseen,
    ]
    .into();
    let all: BTreeSet<FindingCode> = FindingCode::ALL.iter().copied().collect();
    assert_eq!(&tried | &always_known, all);
    assert!(tried.is_disjoint(&always_known));
}

#[test]
fn what_status_finds_is_found_under_its_code() {
    let examination = examined(|it| silence(it, &replica(0)));
    let of = |code| outcome(&examination, CheckCode::Health(code));
    assert_ne!(of(FindingCode::DatabaseSilent), Outcome::Passed);
    // A server that says nothing may wait for a restart.
    assert_eq!(of(FindingCode::RestartPending), Outcome::Unknown);
    assert_eq!(of(FindingCode::NoPrimary), Outcome::Passed);
}

#[test]
fn a_throw_away_server_is_a_note_and_after_a_day_a_warning() {
    let code = CheckCode::Health(FindingCode::ThrowAwayLeft);
    let young: Damage = |it| it.snapshot.throw_aways = vec![throw_away("look")];
    assert_eq!(outcome(&examined(young), code), Outcome::Note);
    let examination = examined(|it| {
        let mut old = throw_away("old");
        old.made(Some(now() - SignedDuration::from_hours(25)));
        it.snapshot.throw_aways = vec![throw_away("look"), old];
    });
    let of_code = examination.results.iter().filter(|it| it.code == code);
    let told: Vec<_> = of_code
        .map(|it| (it.outcome, it.object.name.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Outcome::Warning, "staging-restored-old"),
            (Outcome::Note, "staging-restored-look"),
        ]
    );
    let mut warned = examination.results.iter().filter(|it| it.code == code);
    let warned = warned.next().expect("it was just seen");
    assert!(
        warned.what.contains("since 2026-02-28T11:00:00Z"),
        "{warned:?}"
    );
    let says = |words: &str| warned.evidence.iter().any(|it| it.contains(words));
    assert!(says("more than a day") && says("10 GiB"), "{warned:?}");
}

#[test]
fn an_index_that_one_replica_uses_is_not_unused() {
    let examination = examined(|it| {
        usage(it, 0).unused_indexes.push(unused());
        usage(it, 1).unused_indexes.push(unused());
    });
    assert_eq!(
        outcome(&examination, CheckCode::Own(Check::UnusedIndex)),
        Outcome::Passed
    );
}

#[test]
fn young_statistics_say_nothing_of_an_index() {
    let examination = examined(|it| {
        for server in 0..3 {
            usage(it, server).unused_indexes.push(unused());
        }
        usage(it, 2).statistics_seconds = 3600.0;
    });
    assert_eq!(
        outcome(&examination, CheckCode::Own(Check::UnusedIndex)),
        Outcome::Unknown
    );
}

#[test]
fn what_a_primary_was_not_asked_is_unknown() {
    let of_databases = [
        Check::InvalidIndex,
        Check::SequenceNearEnd,
        Check::AutovacuumBehind,
        Check::PublicSchemaCreate,
    ];
    let of_servers = [Check::TransactionIdWraparound, Check::PreparedTransaction];
    let without_databases = examined(|it| shop(it, 0).contents = None);
    let without_any = examined(|it| answer(it, 0).contents = None);
    let unknown = |examination, check: Check| {
        let outcome = outcome(examination, CheckCode::Own(check));
        assert_eq!(outcome, Outcome::Unknown, "{check:?}");
    };
    for check in of_databases {
        unknown(&without_databases, check);
        unknown(&without_any, check);
    }
    for check in of_servers {
        unknown(&without_any, check);
    }
}

#[test]
fn only_what_is_asked_for_is_examined() {
    let only = [CheckCode::Own(Check::TrustLogin)];
    let examination = examine(&well(), Some(&only));
    assert_eq!(examination.results.len(), 1);
    assert_eq!(examination.results[0].code, only[0]);
}

#[test]
fn codes_are_unique_and_found_again() {
    let codes: BTreeSet<String> = CheckCode::all().map(|it| it.to_string()).collect();
    assert_eq!(codes.len(), CheckCode::all().count());
    for code in CheckCode::all() {
        assert_eq!(CheckCode::find(&code.to_string()), Some(code));
    }
}

#[test]
fn the_severity_that_fails_is_the_one_asked_for_or_worse() {
    use crate::cluster::Severity::{Critical, Note, Warning};
    let note = examined(|it| answer(it, 0).tls = false);
    assert!(note.fails_on(Note) && !note.fails_on(Warning));
    let warning = examined(|it| answer(it, 0).checksums = false);
    assert!(warning.fails_on(Warning) && !warning.fails_on(Critical));
    let unknown = examined(|it| it.unlogged = Err("x".into()));
    assert!(unknown.fails_on(Warning) && !unknown.fails_on(Critical));
    let critical = examined(|it| hba(it, "trust"));
    assert!(critical.fails_on(Critical));
}

/// All that is to be typed about what a check has found.
fn remedies(damage: Damage, check: Check) -> String {
    let found = examined(damage).results.into_iter();
    let found = found.filter(|it| it.code == CheckCode::Own(check));
    found.flat_map(|it| it.next).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_collation_is_mended_where_it_is_wrong() {
    let check = Check::CollationMismatch;
    let on_primary = remedies(|it| answer(it, 0).collations.push(collation("shop")), check);
    assert!(on_primary.contains("reindex database"), "{on_primary}");
    let on_both = remedies(
        |it| {
            answer(it, 0).collations.push(collation("shop"));
            answer(it, 1).collations.push(collation("shop"));
        },
        check,
    );
    assert!(!on_both.contains("rollout"), "{on_both}");
    // The primary is right: nothing may be recorded or rebuilt there.
    let on_standby = remedies(|it| answer(it, 1).collations.push(collation("shop")), check);
    let rollout = "rollout --restart --pod staging-postgres-replica-0";
    assert!(
        on_standby.contains(rollout) && !on_standby.contains("reindex"),
        "{on_standby}"
    );
    let several = remedies(
        |it| {
            let collations = &mut database(it, 0).collations;
            collations.extend([collation("a"), collation("b")]);
        },
        check,
    );
    assert_eq!(several.matches("reindex").count(), 1, "{several}");
    for name in ["a", "b"] {
        let sql = format!("alter collation {name} refresh version");
        assert!(several.contains(&sql), "{several}");
    }
}

#[test]
fn what_a_reindex_has_left_is_dropped() {
    let index = |name: &str| IndexName {
        index: name.into(),
        table: "public.cart".into(),
    };
    for left in [
        "cart_idx_ccnew",
        "cart_idx_ccold1",
        "public.\"Cart_ccnew2\"",
    ] {
        let mut facts = well();
        database(&mut facts, 0).invalid_indexes = vec![index(left), index("public.broken")];
        let examination = examine(&facts, None);
        let mut found = examination.results.iter();
        let found = found.find(|it| it.code == CheckCode::Own(Check::InvalidIndex));
        let next = &found.expect("it is found").next;
        assert!(
            next[0].contains("reindex index concurrently public.broken"),
            "{next:?}"
        );
        assert!(
            next[1].contains("drop index concurrently") && next.len() == 2,
            "{next:?}"
        );
    }
}

#[test]
fn who_can_not_be_logged_in_to_is_let_in_for_a_vacuum() {
    let check = Check::TransactionIdWraparound;
    let closed = remedies(
        |it| {
            let age = &mut contents(it).ages[0];
            (age.transactions, age.connectable) = (600_000_000, false);
        },
        check,
    );
    let order = [
        "allow_connections true",
        "vacuum (freeze",
        "allow_connections false",
    ];
    let order = order.map(|it| closed.find(it));
    assert!(
        order.iter().all(Option::is_some) && order.is_sorted(),
        "{closed}"
    );
    let half_dropped = remedies(
        |it| {
            let age = &mut contents(it).ages[0];
            (age.transactions, age.invalid) = (600_000_000, true);
        },
        check,
    );
    assert!(half_dropped.contains("drop database"), "{half_dropped}");
}

#[test]
fn a_line_of_pg_hba_is_shown_with_its_mask() {
    for (address, netmask, shown) in [
        ("10.0.0.0", "255.0.0.0", "10.0.0.0/8"),
        ("0.0.0.0", "0.0.0.0", "0.0.0.0/0"),
        ("fd00::", "ffff:ffff::", "fd00::/32"),
        ("10.0.0.0", "255.0.255.0", "10.0.0.0 255.0.255.0"),
    ] {
        let mut facts = well();
        let mut of_mask = line(7, "host", Some(address), "trust");
        of_mask.netmask = Some(netmask.into());
        answer(&mut facts, 0).hba = Some(vec![of_mask]);
        let examination = examine(&facts, None);
        let mut found = examination.results.iter();
        let found = found.find(|it| it.code == CheckCode::Own(Check::TrustLogin));
        let line = &found.expect("it is found").evidence[0];
        assert_eq!(line, &format!("line 7: host all all {shown} trust"));
    }
}
