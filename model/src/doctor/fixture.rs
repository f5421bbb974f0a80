//! A cluster in which every check passes, to be damaged.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::facts::{
    ArchiveSeen, BackupSeen, DatabaseAge, DatabaseAnswer, DatabaseContents, DatabaseUsage,
    DoctorFacts, HbaLine, PasswordFacts, SecretFacts, ServerAnswer, ServerContents, ServerSeen,
    SettingValue,
};
use super::objects::{AppliedSeen, Budget, NodePlace, ObjectsSeen, PodSecurity, PolicyFacts};
use crate::cluster::fixture::{healthy, now, primary, replica, sender};
use crate::cluster::{Limits, Lsn, Snapshot, SyncState, Timeline, assess};
use crate::wal::{Recoverable, WalProtection};

/// Everything is as it should be.
pub fn well() -> DoctorFacts {
    let mut snapshot = healthy(2);
    sender(&mut snapshot, 0).sync_state = SyncState::Sync;
    let settings = &mut primary(&mut snapshot).settings;
    settings.synchronous_standby_names = format!("\"{}\"", replica(0));
    settings.archiving = true;
    let mut nodes = BTreeMap::new();
    for (number, instance) in snapshot.instances.iter_mut().enumerate() {
        let node = format!("node-{number}");
        let zone = Some(format!("zone-{number}"));
        instance.pod.node = Some(node.clone());
        nodes.insert(node, NodePlace { zone });
        let facts = match &mut instance.database {
            crate::cluster::Database::Reached(facts) => facts,
            other => panic!("a healthy cluster answers: {other:?}"),
        };
        facts.settings.max_slot_wal_keep_bytes = Some(3 << 30);
    }
    let pods: BTreeSet<String> = names(&snapshot).collect();
    DoctorFacts {
        health: assess(&snapshot, &Limits::default()),
        objects: ObjectsSeen {
            budgets: Ok(vec![Budget {
                name: "postgres".into(),
                pods: pods.clone(),
            }]),
            policies: Ok(vec![PolicyFacts {
                name: "postgres".into(),
                pods: pods.clone(),
                open: false,
            }]),
            nodes: Ok(nodes),
            security: Ok(names(&snapshot)
                .map(|pod| PodSecurity {
                    pod,
                    excesses: Vec::new(),
                })
                .collect()),
            memory_limits: names(&snapshot).map(|pod| (pod, Some(2 << 30))).collect(),
            applied: Ok(AppliedSeen::default()),
        },
        servers: names(&snapshot).map(server).collect(),
        unlogged: Ok(Vec::new()),
        secret: Ok(SecretFacts {
            name: "staging-postgres-secret".into(),
            ..SecretFacts::default()
        }),
        backups: Ok(BackupSeen {
            store: "s3://backups/pg".into(),
            newest: Some(("b-1".into(), now() - SignedDuration::from_hours(3))),
            restored: Some(("b-1".into(), now() - SignedDuration::from_hours(2), None)),
        }),
        archive: Ok(Some(ArchiveSeen {
            store: "s3://backups/pg".into(),
            protection: WalProtection {
                recoverable: Some(Recoverable {
                    timeline: Timeline(3),
                    from: now() - SignedDuration::from_hours(48),
                    to: now() - SignedDuration::from_secs(3),
                    to_position: Lsn::new(0x0A00_0028),
                    backup: "b-0".into(),
                }),
                as_of: Some(now() - SignedDuration::from_secs(3)),
                open_breaks: Vec::new(),
                unreadable: 0,
            },
        })),
        passwords: Ok(PasswordFacts::default()),
        drift: Vec::new(),
        access: Ok(Vec::new()),
        statistics_seconds: 604_800.0,
        snapshot,
    }
}

fn names(snapshot: &Snapshot) -> impl Iterator<Item = String> {
    let names: Vec<String> = snapshot
        .instances
        .iter()
        .map(|it| it.name().to_owned())
        .collect();
    names.into_iter()
}

fn server(pod: String) -> ServerSeen {
    let contents = DatabaseContents {
        invalid_indexes: Vec::new(),
        sequences: Vec::new(),
        collations: Vec::new(),
        public_create: false,
        behind: Vec::new(),
    };
    let of_primary = pod.contains("-primary-");
    ServerSeen {
        pod,
        answer: Ok(ServerAnswer {
            version: "PostgreSQL 17.2 on x86_64-pc-linux-gnu, compiled by gcc".into(),
            version_number: 170_002,
            checksums: true,
            durable: true,
            checksum_failures: Vec::new(),
            freeze_max_age: 200_000_000,
            multixact_freeze_max_age: 400_000_000,
            autovacuum: true,
            settings: vec![SettingValue {
                name: "work_mem".into(),
                value: "4096kB".into(),
            }],
            shared_buffers: 512 << 20,
            work_mem: 4 << 20,
            maintenance_work_mem: 128 << 20,
            autovacuum_workers: 3,
            hba: Some(vec![
                line(1, "local", None, "trust"),
                line(2, "host", Some("all"), "scram-sha-256"),
            ]),
            tls: true,
            clients: Vec::new(),
            collations: Vec::new(),
            contents: of_primary.then(|| ServerContents {
                ages: vec![DatabaseAge {
                    database: "shop".into(),
                    transactions: 1_000_000,
                    multixacts: 10,
                    connectable: true,
                    invalid: false,
                }],
                oldest_prepared_seconds: None,
                databases: vec!["shop".into()],
            }),
        }),
        databases: BTreeMap::from([(
            "shop".to_owned(),
            Ok(DatabaseAnswer {
                usage: DatabaseUsage {
                    unused_indexes: Vec::new(),
                    statistics_seconds: 1_000_000.0,
                },
                contents: of_primary.then_some(contents),
            }),
        )]),
    }
}

/// A line of `pg_hba.conf` for everybody.
pub fn line(number: u32, kind: &str, address: Option<&str>, method: &str) -> HbaLine {
    HbaLine {
        line: number,
        kind: kind.into(),
        databases: "all".into(),
        users: "all".into(),
        address: address.map(str::to_owned),
        netmask: None,
        method: method.into(),
    }
}

/// What a server says, to be changed; the primary is the first.
pub fn answer(facts: &mut DoctorFacts, server: usize) -> &mut ServerAnswer {
    facts.servers[server]
        .answer
        .as_mut()
        .expect("a server of the fixture answers")
}

/// What is the same on every server, as the primary says, to be changed.
pub fn contents(facts: &mut DoctorFacts) -> &mut ServerContents {
    let contents = answer(facts, 0).contents.as_mut();
    contents.expect("the primary of the fixture says what it holds")
}

/// What the database `shop` of a server is, to be changed.
pub fn database(facts: &mut DoctorFacts, server: usize) -> &mut DatabaseContents {
    let contents = shop(facts, server).contents.as_mut();
    contents.expect("a database of the fixture says what it is")
}

/// How the database `shop` of a server is used, to be changed.
pub fn usage(facts: &mut DoctorFacts, server: usize) -> &mut DatabaseUsage {
    &mut shop(facts, server).usage
}

/// What the database `shop` of a server says, to be changed.
pub fn shop(facts: &mut DoctorFacts, server: usize) -> &mut DatabaseAnswer {
    let shop = facts.servers[server].databases.get_mut("shop");
    shop.and_then(|it| it.as_mut().ok())
        .expect("a database of the fixture answers")
}
