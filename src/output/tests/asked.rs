//! Answers of several servers.

use std::collections::BTreeMap;

use super::*;
use crate::cluster::fixture::{backend, database_entry, prepared, role_entry, server_config};
use crate::cluster::{
    Activity, Backend, Connections, DatabaseEntry, DatabaseSpace, DeployedConfig, DiskUsage,
    FileEntry, GroupBy, HolderKind, Mount, NamedBytes, NoAnswer, OldSession, PasswordKind,
    PodAnswer, Pool, PoolerAnswer, PoolerPurpose, PoolerState, Role, RoleEntry, RoleSetting,
    ServerConfig, SessionCount, SettingSelection, StatementCount, StatementCounts, Statements,
    TableSpace, Which, XminHolder, config_differences, disk_growth,
};

/// What the primary says, and two others that say nothing.
fn answers<T>(answer: T) -> Vec<PodAnswer<T>> {
    let silent = |pod: String, why| PodAnswer {
        pod,
        role: Role::Unknown,
        answer: Err(why),
    };
    vec![
        PodAnswer {
            pod: PRIMARY.to_owned(),
            role: Role::Primary,
            answer: Ok(answer),
        },
        silent(
            replica(0),
            NoAnswer::Silent("no answer within 10 s".to_owned()),
        ),
        silent(replica(1), NoAnswer::NotRunning),
    ]
}

fn activity() -> Activity {
    let blocked = |pid, by: &[i32]| Backend {
        blocked_by: by.to_vec(),
        wait_type: Some("Lock".to_owned()),
        wait_event: Some("transactionid".to_owned()),
        lock: Some("ShareLock on transactionid".to_owned()),
        query: "update orders\n   set paid = true where id = 7 and customer = 12345 and shop = 2"
            .to_owned(),
        ..backend(pid, "active")
    };
    let mut waits = blocked(4714, &[0]);
    waits.blocked_by.clear();
    waits.blocked_by_prepared = vec!["it's two".to_owned()];
    Activity {
        backends: vec![
            backend(4711, "idle in transaction"),
            blocked(4712, &[4711]),
            blocked(4713, &[4712, 4711]),
            waits,
            backend(4715, "idle"),
            Backend {
                application: "\u{1b}[2Jhostile".to_owned(),
                query: "select '\u{1b}]0;x\u{7}' -- \u{202e}".to_owned(),
                ..backend(4716, "active")
            },
            Backend {
                kind: "autovacuum worker".to_owned(),
                user: None,
                client: None,
                application: String::new(),
                query: "autovacuum: VACUUM public.orders (to prevent wraparound)".to_owned(),
                ..backend(4717, "active")
            },
        ],
        prepared: vec![prepared("it's two")],
    }
}

#[test]
fn who_waits_stands_below_whom_it_waits_for() -> Result<(), Box<dyn std::error::Error>> {
    let seen = answers(activity());
    for which in [Which::Running, Which::Blocking, Which::All] {
        let document = QueriesDocument::new(&fixture::healthy(1).cluster, &seen, which);
        holds("queries.json", &encode(&document, Format::Json))?;
    }
    insta::assert_snapshot!(both_widths(|screen| queries_screen(
        &seen,
        Which::Running,
        screen
    )));
    Ok(())
}

#[test]
fn what_the_time_went_to() -> Result<(), Box<dyn std::error::Error>> {
    let counted = Statements::Counted(StatementCounts {
        since: Some(fixture::now()),
        all_seconds: 200.0,
        statements: vec![StatementCount {
            id: Some("-123".to_owned()),
            user: Some("app".to_owned()),
            database: Some("shop".to_owned()),
            calls: 1000,
            total_seconds: 150.0,
            mean_seconds: 0.15,
            rows: 5,
            hit_pages: 90,
            read_pages: 10,
            read_seconds: 1.0,
            temp_pages: 0,
            wal_bytes: 1 << 20,
            query: "select * from orders\nwhere id = $1".to_owned(),
        }],
    });
    let mut text = String::new();
    for statements in [counted, Statements::NoExtension, Statements::NotLoaded] {
        let seen = answers(statements);
        let document = StatementsDocument::new(&fixture::healthy(1).cluster, &seen);
        holds("statements.json", &encode(&document, Format::Json))?;
        text += &both_widths(|screen| statements_screen(&seen, screen));
    }
    insta::assert_snapshot!(text);
    Ok(())
}

#[test]
fn connections_stand_against_their_limit() -> Result<(), Box<dyn std::error::Error>> {
    let session = |application: &str, state: &str, count| SessionCount {
        user: "app".to_owned(),
        database: "shop".to_owned(),
        application: application.to_owned(),
        client: "10.0.0.9".to_owned(),
        state: state.to_owned(),
        count,
    };
    let old = OldSession {
        pid: 4711,
        user: Some("app".to_owned()),
        database: Some("shop".to_owned()),
        state: Some("idle in transaction".to_owned()),
        seconds: 3700.0,
        query: "select 1".to_owned(),
    };
    let holder = |kind, name: &str, age| XminHolder {
        kind,
        name: name.to_owned(),
        age,
    };
    let seen = answers(Connections {
        max: 100,
        superuser_reserved: 3,
        reserved: 2,
        sessions: vec![
            session("web", "active", 80),
            session("web", "idle in transaction", 3),
            session("", "idle", 7),
        ],
        oldest_transaction: Some(old.clone()),
        oldest_idle: Some(old),
        holders: vec![
            holder(HolderKind::Session, "4711", 100),
            holder(HolderKind::Slot, "left_over", 2_000_000),
        ],
    });
    let view = ConnectionsView {
        by: vec![GroupBy::User, GroupBy::Application],
        max_used_percent: 90,
    };
    let document = ConnectionsDocument::new(&fixture::healthy(1).cluster, &seen, &view);
    holds("connections.json", &encode(&document, Format::Json))?;
    insta::assert_snapshot!(both_widths(|screen| connections_screen(
        &seen, &view, screen
    )));
    Ok(())
}

#[test]
fn poolers_say_who_waits() -> Result<(), Box<dyn std::error::Error>> {
    let pool = |user: &str, waiting, oldest_wait_seconds| Pool {
        database: "shop".to_owned(),
        user: user.to_owned(),
        clients: 14,
        waiting,
        oldest_wait_seconds,
        servers_active: 9,
        servers_idle: 3,
        servers_connecting: 1,
    };
    let pooler = |name: &str, purpose, answer| PoolerAnswer {
        pod: format!("staging-postgres-{name}"),
        purpose,
        answer,
    };
    let state = |paused, paused_databases: &[&str], pools| {
        let names = paused_databases.iter().map(|it| (*it).to_owned());
        Ok(PoolerState {
            paused,
            paused_databases: names.collect(),
            wait_limit_seconds: Some(120.0),
            pools,
        })
    };
    let hostile = pool("re\u{1b}[2Jport", 0, 0.0);
    let seen = [
        pooler(
            "pooler-1",
            PoolerPurpose::Write,
            state(Some(false), &[], vec![pool("app", 2, 11.25), hostile]),
        ),
        pooler(
            "pooler-2",
            PoolerPurpose::Write,
            state(Some(true), &[], Vec::new()),
        ),
        pooler(
            "pooler-read-1",
            PoolerPurpose::Read,
            state(None, &["sh\u{1b}[2Jop"], vec![pool("app", 1, 0.2)]),
        ),
        pooler(
            "pooler-read-2",
            PoolerPurpose::Read,
            Err("CrashLoopBackOff".to_owned()),
        ),
    ];
    let view = PoolerView {
        max_wait_seconds: 10.0,
    };
    let document = PoolersDocument::new(&fixture::healthy(1).cluster, &seen, &view);
    holds("poolers.json", &encode(&document, Format::Json))?;
    insta::assert_snapshot!(both_widths(|screen| poolers_screen(&seen, &view, screen)));
    Ok(())
}

#[test]
fn settings_have_a_place_and_secrets_none() -> Result<(), Box<dyn std::error::Error>> {
    let secret = "host=x password=hunter2";
    let mut seen = vec![
        server_config("a", &[("work_mem", "4096"), ("primary_conninfo", secret)]),
        server_config("b", &[("work_mem", "8192"), ("primary_conninfo", "host=y")]),
    ];
    if let Ok(config) = &mut seen[0].answer {
        config.settings[0].pending_restart = true;
        config.files = Some(vec![FileEntry {
            file: Some("/x/postgresql.auto.conf".to_owned()),
            line: Some(3),
            name: Some("my.password".to_owned()),
            value: Some("hunter2".to_owned()),
            applied: true,
            error: None,
        }]);
    }
    let cluster = fixture::healthy(1).cluster;
    let all = SettingSelection::default();
    let document = encode(&ConfigDocument::new(&cluster, &seen, &all), Format::Json);
    holds("config.json", &document)?;
    let deployed = [DeployedConfig {
        config_map: "postgres-config".to_owned(),
        key: "postgresql.conf".to_owned(),
        text: "work_mem = 8MB\nprimary_conninfo = 'password=hunter2'\n".to_owned(),
    }];
    let differences = config_differences(&seen, &deployed);
    let found = Deployed {
        config_maps: vec!["postgres-config".to_owned()],
        unseen: Vec::new(),
    };
    let diff = ConfigDiffDocument::new(&cluster, &seen, &found, &differences);
    let diff = encode(&diff, Format::Json);
    holds("config-diff.json", &diff)?;
    let text = both_widths(|screen| {
        config_screen(&seen, &all, screen)
            + "\n"
            + &config_diff_screen(&seen, &found, &differences, screen)
    });
    for shown in [&document, &diff, &text] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    insta::assert_snapshot!(text);
    Ok(())
}

/// Three servers that listen on an address each, and have a long name of a setting alike.
fn three_servers() -> Vec<PodAnswer<ServerConfig>> {
    let pods = [PRIMARY.to_owned(), replica(0), replica(1)];
    let of = |(number, pod): (usize, &String)| {
        let address = format!("127.243.1.{}", number + 2);
        let libraries = "pg_stat_statements,auto_explain,pg_prewarm,passwordcheck";
        server_config(
            pod,
            &[
                ("autovacuum_vacuum_insert_scale_factor", "0.02"),
                ("listen_addresses", address.as_str()),
                ("shared_preload_libraries", libraries),
            ],
        )
    };
    pods.iter().enumerate().map(of).collect()
}

#[test]
fn names_stay_whole_and_rows_that_differ_say_on_which_server() {
    let seen = three_servers();
    let text = config_screen(&seen, &SettingSelection::default(), &screen(80));
    assert!(
        text.contains("autovacuum_vacuum_insert_scale_factor"),
        "{text}"
    );
    for (address, pod) in [
        ("127.243.1.2", "primary-0"),
        ("127.243.1.3", "replica-0"),
        ("127.243.1.4", "replica-1"),
    ] {
        let line = text.lines().find(|it| it.contains(address));
        assert!(line.is_some_and(|it| it.ends_with(pod)), "{text}");
    }
    let at_most = |columns| {
        let mut lines = text.lines();
        lines.all(|it| console::measure_text_width(it) <= columns)
    };
    assert!(at_most(80), "{text}");

    // With room for it a server has its name in full, and FROM is there.
    let text = config_screen(&seen, &SettingSelection::default(), &screen(160));
    assert!(text.contains(&replica(1)), "{text}");
    assert!(text.contains("postgresql.conf:7"), "{text}");

    let mut seen = seen;
    if let Ok(config) = &mut seen[1].answer {
        config.settings[0].value = "0.2".to_owned();
    }
    let differences = config_differences(&seen, &[]);
    let text = config_diff_screen(&seen, &Deployed::default(), &differences, &screen(80));
    assert!(
        text.contains("autovacuum_vacuum_insert_scale_factor: servers differ"),
        "{text}"
    );
}

#[test]
fn what_databases_and_roles_have_is_shown_unasked() {
    let own = |role: Option<&str>, database: Option<&str>, name: &str, value: &str| RoleSetting {
        role: role.map(str::to_owned),
        database: database.map(str::to_owned),
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let mut seen = vec![server_config(PRIMARY, &[("work_mem", "4096")])];
    if let Ok(config) = &mut seen[0].answer {
        config.roles = vec![
            own(None, Some("shop"), "work_mem", "7MB"),
            own(Some("postgres"), Some("shop"), "statement_timeout", "1ms"),
            own(Some("rtl"), None, "search_path", "x"),
        ];
    }
    let cluster = fixture::healthy(1).cluster;
    let shown = |names: &[&str]| {
        let names = names.iter().map(|it| (*it).to_owned()).collect();
        let selection = SettingSelection { names, all: false };
        let document = ConfigDocument::new(&cluster, &seen, &selection);
        let document = encode(&document, Format::Json);
        (
            config_screen(&seen, &selection, &screen(80)),
            document.matches("\"role\": ").count() - 1,
        )
    };
    let (text, documented) = shown(&[]);
    assert_eq!(documented, 3);
    for line in [
        "database shop has work_mem = 7MB",
        "role postgres in database shop has statement_timeout = 1ms",
        "role rtl has search_path = x",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let (text, documented) = shown(&["work_mem"]);
    assert_eq!(documented, 1);
    assert!(!text.contains("search_path"), "{text}");
}

#[test]
fn of_a_server_that_is_silent_it_is_not_known_whether_it_differs() {
    let diff = |seen: &[PodAnswer<ServerConfig>]| {
        let differences = config_differences(seen, &[]);
        config_diff_screen(seen, &Deployed::default(), &differences, &screen(160))
    };
    let config = ServerConfig::default();
    let seen = answers(config);
    insta::assert_snapshot!(diff(&seen), @r"
    not known whether staging-postgres-replica-0 differs: no answer within 10 s

    nothing differs among those that answer: 1 server compared with no ConfigMap of settings

    no answer of staging-postgres-replica-1: its container does not run
    ");
    let text = diff(&seen[1..]);
    assert!(
        text.starts_with("nothing could be compared: no server answers\n"),
        "{text}"
    );
    for pod in [replica(0), replica(1)] {
        assert!(text.contains(&format!("no answer of {pod}: ")), "{text}");
    }
}

#[test]
fn a_volume_fills_up() -> Result<(), Box<dyn std::error::Error>> {
    const GIB: u64 = 1 << 30;
    let named = |name: &str, bytes| NamedBytes {
        name: name.to_owned(),
        bytes,
    };
    let usage = |clock: f64, used| DiskUsage {
        space: DatabaseSpace {
            clock,
            wal_bytes: GIB,
            max_wal_bytes: GIB,
            temp_bytes: 0,
            databases: vec![named("shop", 7 * GIB), named("postgres", 8 << 20)],
            slots: vec![named("left_over", GIB / 2)],
        },
        mounts: vec![Mount {
            path: "/var/lib/postgresql/data".to_owned(),
            size_bytes: 10 * GIB,
            used_bytes: used,
            available_bytes: 10 * GIB - used,
        }],
        tables: Some(vec![TableSpace {
            database: "shop".to_owned(),
            name: "public.\"Order's\u{1b}[2J\"".to_owned(),
            total_bytes: 6 * GIB,
            heap_bytes: 4 * GIB,
            index_bytes: GIB,
            toast_bytes: GIB,
            dead_rows: 10,
            live_rows: 90,
            bloat_bytes: Some(2 * GIB),
        }]),
        unseen: vec!["tables of the database closed: it lets nobody in".to_owned()],
    };
    let (before, after) = (usage(0.0, 9 * GIB), usage(60.0, 19 * GIB / 2));
    let growth = disk_growth(&before, &after).expect("time has passed");
    let view = DiskView {
        answers: answers(after),
        growth: BTreeMap::from([(PRIMARY.to_owned(), growth)]),
        max_used_percent: 90,
    };
    let document = DiskDocument::new(&fixture::healthy(1).cluster, &view);
    holds("disk.json", &encode(&document, Format::Json))?;
    insta::assert_snapshot!(both_widths(|screen| disk_screen(&view, screen)));

    // The WAL on a volume of its own is full sooner than the one that is fullest now.
    let with_wal = |mut usage: DiskUsage, used| {
        usage.mounts.push(Mount {
            path: "/wal".to_owned(),
            size_bytes: 10 * GIB,
            used_bytes: used,
            available_bytes: 10 * GIB - used,
        });
        usage
    };
    let (before, after) = (
        with_wal(before, GIB),
        with_wal(usage(60.0, 19 * GIB / 2), 5 * GIB),
    );
    let growth = disk_growth(&before, &after).expect("time has passed");
    let view = DiskView {
        answers: answers(after),
        growth: BTreeMap::from([(PRIMARY.to_owned(), growth)]),
        max_used_percent: 90,
    };
    let text = disk_screen(
        &view,
        &Screen::of_stdout(false, true, std::sync::Arc::default()),
    );
    let lines: Vec<&str> = text.lines().take(2).collect();
    assert!(lines[0].contains("on /var/lib/postgresql/data"), "{text}");
    assert!(
        lines[1].starts_with("  5 GiB of 10 GiB used, 50%"),
        "{text}"
    );
    assert!(lines[1].contains("on /wal; it grows by"), "{text}");
    Ok(())
}

#[test]
fn databases_say_what_would_surprise_somebody() -> Result<(), Box<dyn std::error::Error>> {
    let seen = answers(vec![
        DatabaseEntry {
            limit: 3,
            public_connect: false,
            ..database_entry("shop")
        },
        DatabaseEntry {
            recorded_version: Some("2.31".to_owned()),
            ..database_entry("\u{1b}[2Jold")
        },
        DatabaseEntry {
            limit: -2,
            bytes: None,
            ..database_entry("half")
        },
        DatabaseEntry {
            allows_connections: false,
            template: true,
            connections: 0,
            ..database_entry("template0")
        },
    ]);
    let document = DatabasesDocument::new(&fixture::healthy(1).cluster, &seen);
    holds("databases.json", &encode(&document, Format::Json))?;
    insta::assert_snapshot!(both_widths(|screen| databases_screen(&seen, screen)));
    Ok(())
}

#[test]
fn users_show_what_they_may_and_no_password() -> Result<(), Box<dyn std::error::Error>> {
    let seen = answers(vec![
        role_entry("app"),
        RoleEntry {
            superuser: true,
            create_role: true,
            create_database: true,
            replication: true,
            bypasses_row_security: true,
            every_database: true,
            ..role_entry("postgres")
        },
        RoleEntry {
            password: PasswordKind::Md5,
            limit: 2,
            valid_until: Some(fixture::now()),
            expired: true,
            member_of: vec!["readers".to_owned(), "\u{1b}[2Jwriters".to_owned()],
            databases: ["a", "b", "c", "d", "e", "f", "g"]
                .map(str::to_owned)
                .to_vec(),
            ..role_entry("report")
        },
        RoleEntry {
            login: false,
            password: PasswordKind::None,
            connections: 0,
            ..role_entry("readers")
        },
    ]);
    let document = UsersDocument::new(&fixture::healthy(1).cluster, &seen);
    holds("users.json", &encode(&document, Format::Json))?;
    insta::assert_snapshot!(both_widths(|screen| users_screen(&seen, screen)));
    Ok(())
}
