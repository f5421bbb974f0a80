//! The adapter to PostgreSQL against real servers: what it reads is what is, what it changes is
//! changed, and every way to fail says what failed.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use pgctl::cluster::{FileFacts, HeldUp, Lsn, SlotKind, SyncState, Timeline};
use pgctl::postgres::{
    Login, QueryLimits, Rights, Session, SqlError, Way, WhyEnded, log_in_for_replication,
};
use secrecy::SecretString;
use support::{Server, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

const LIMIT: Duration = Duration::from_secs(240);

#[tokio::test]
async fn a_primary_and_its_standby_say_all_that_decisions_need() {
    let primary = Server::primary("max_prepared_transactions=5\nwal_level=logical");
    let standby = primary.standby("pod_1");
    let (on_primary, on_standby) = (primary.session().await, standby.session().await);
    let facts = eventually("the standby streams", async || {
        let facts = on_primary.facts().await.expect("the primary answers");
        facts
            .senders
            .iter()
            .any(|it| it.state == "streaming")
            .then_some(facts)
    })
    .await;
    assert_eq!(facts.recovery, None);
    assert!(facts.writable());
    assert_eq!(facts.timeline, Timeline(1));
    assert!(facts.version >= 140_000);
    assert!(facts.insert_lsn >= facts.flush_lsn && facts.flush_lsn > Lsn::ZERO);
    let [sender] = facts.senders.as_slice() else {
        panic!("one standby, and these senders: {:?}", facts.senders);
    };
    assert_eq!(sender.application_name, "pod_1");
    assert_eq!(sender.client_address.as_deref(), Some("127.0.0.1"));
    assert_eq!(sender.sync_state, SyncState::Async);
    assert_eq!(sender.slot.as_deref(), Some("pod_1"));
    let [slot] = facts.slots.as_slice() else {
        panic!("one slot, and these: {:?}", facts.slots);
    };
    assert_eq!(
        (slot.name.as_str(), &slot.kind),
        ("pod_1", &SlotKind::Physical)
    );
    assert!(slot.active && !slot.temporary);
    assert_eq!(slot.wal_status.as_deref(), Some("reserved"));
    assert!(
        slot.safe_wal_bytes.is_some(),
        "max_slot_wal_keep_size is set"
    );
    assert_eq!(facts.settings.max_slot_wal_keep_bytes, Some(1 << 30));
    assert_eq!(facts.settings.max_prepared_transactions, 5);
    assert!(facts.settings.rewindable, "it has checksums");
    assert!(facts.usage.wal_bytes >= 16 << 20, "at least one segment");
    assert_eq!(facts.archiver, None, "archiving is off");
    assert!(facts.clock > facts.started);

    let facts = on_standby.facts().await.expect("the standby answers");
    assert!(!facts.writable());
    assert_eq!((facts.insert_lsn, facts.flush_lsn), (Lsn::ZERO, Lsn::ZERO));
    assert_eq!(facts.timeline, Timeline(1));
    let recovery = facts.recovery.expect("it is in recovery");
    assert!(!recovery.replay_paused);
    assert!(recovery.receive_lsn.is_some() && recovery.replay_lsn.is_some());
    assert_eq!(recovery.upstream_host.as_deref(), Some("127.0.0.1"));
    let receiver = recovery.receiver.expect("it streams");
    assert_eq!(receiver.status, "streaming");
    assert_eq!(receiver.slot.as_deref(), Some("pod_1"));
    assert_eq!(receiver.timeline, Timeline(1));

    standby.psql("select pg_wal_replay_pause()");
    eventually("the pause shows", async || {
        let facts = on_standby.facts().await.expect("the standby answers");
        facts
            .recovery
            .expect("in recovery")
            .replay_paused
            .then_some(())
    })
    .await;
    standby.psql("select pg_wal_replay_resume()");
    eventually("the pause is over", async || {
        let facts = on_standby.facts().await.expect("the standby answers");
        (!facts.recovery.expect("in recovery").replay_paused).then_some(())
    })
    .await;
}

#[tokio::test]
async fn hostile_names_stay_data() {
    let primary = Server::primary("max_prepared_transactions=5\nwal_level=logical");
    let session = primary.session().await;
    // A function in public that a careless search_path would run as superuser.
    primary.psql(
        "create function public.pg_is_in_recovery() returns boolean language sql as 'select true'; \
         alter database postgres set search_path = public, pg_catalog",
    );
    primary.psql(
        "select pg_create_logical_replication_slot('logical_1', 'pgoutput'); \
         begin; create table t (i int); prepare transaction 'it''s \"mine\"'",
    );
    let facts = session.facts().await.expect("it answers");
    assert_eq!(facts.prepared_transactions, 1);
    assert!(facts.slots.iter().any(|slot| matches!(
        &slot.kind,
        SlotKind::Logical { database, plugin, failover: false, synced: false }
            if database == "postgres" && plugin == "pgoutput"
    )));
    let again = primary.session().await.facts().await.expect("it answers");
    assert_eq!(
        again.recovery, None,
        "public.pg_is_in_recovery() was believed"
    );

    let hostile = "x'; drop table t; --\\";
    session
        .set_synchronous_standbys(Some("\"it's \\ \"\"odd\"\"\""))
        .await
        .expect("a quoted name is a name");
    let facts = eventually("the setting is read", async || {
        let facts = session.facts().await.expect("it answers");
        (!facts.settings.synchronous_standby_names.is_empty()).then_some(facts)
    })
    .await;
    assert_eq!(
        facts.settings.synchronous_standby_names,
        "\"it's \\ \"\"odd\"\"\""
    );
    session
        .set_synchronous_standbys(None)
        .await
        .expect("put back");
    assert_eq!(session.terminate_senders(hostile).await, Ok(0));
    assert!(
        session.create_slots([hostile]).await.is_err(),
        "no name for a slot"
    );
    session.facts().await.expect("and the session goes on");
}

/// Settings that a role, a database, or a role in a database can carry, each with a value that
/// would break something.
const AWKWARD_SETTINGS: [(&str, &str); 29] = [
    ("default_transaction_read_only", "on"),
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_deferrable", "on"),
    ("statement_timeout", "'1ms'"),
    ("lock_timeout", "'1ms'"),
    ("idle_in_transaction_session_timeout", "'1ms'"),
    ("idle_session_timeout", "'1ms'"),
    ("search_path", "trap, pg_catalog"),
    ("role", "pg_monitor"),
    ("client_encoding", "LATIN1"),
    ("client_min_messages", "debug5"),
    ("DateStyle", "German, DMY"),
    ("IntervalStyle", "sql_standard"),
    ("TimeZone", "'Asia/Kathmandu'"),
    ("bytea_output", "escape"),
    ("extra_float_digits", "-10"),
    ("quote_all_identifiers", "on"),
    ("standard_conforming_strings", "off"),
    ("backslash_quote", "off"),
    ("transform_null_equals", "on"),
    ("row_security", "off"),
    ("jit", "on"),
    ("check_function_bodies", "off"),
    ("default_tablespace", "pg_global"),
    ("temp_tablespaces", "pg_global"),
    ("synchronous_commit", "off"),
    ("session_replication_role", "replica"),
    ("zero_damaged_pages", "on"),
    ("ignore_checksum_failure", "on"),
];

/// All that a guided operation does with a primary, after a pause.
async fn works(server: &Server) -> Result<(), SqlError> {
    let session = server.connect(&Server::login()).await?;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let facts = session.facts().await?;
    assert!(facts.recovery.is_none() && facts.takes_writes());
    assert_eq!(facts.settings.synchronous_commit, "on");
    assert!(session.writable().await?);
    session.heartbeat().await?;
    session.checkpoint(LIMIT).await?;
    session.create_slots(["made_here"]).await?;
    session.drop_slots(["made_here"]).await?;
    session.set_synchronous_standbys(Some("\"a \\ b\"")).await?;
    session.set_synchronous_standbys(None).await?;
    let target = session.target().await?;
    assert!(target.databases.iter().any(|it| it.name == "postgres"));
    session.inventory().await?;
    session.count_rows().await?;
    let limits = QueryLimits {
        time: LIMIT,
        rows: 1,
        bytes: 1024,
    };
    // Compiling what we ask would cost the server more than what we ask.
    // And a damaged page is an error.
    for name in ["jit", "zero_damaged_pages", "ignore_checksum_failure"] {
        let show = format!("show {name}");
        let shown = session.query_read_only(&show, limits).await?;
        assert_eq!(shown.rows, [[Some("off".to_owned())]], "{name}");
    }
    Ok(())
}

async fn works_as_ever(server: &Server, what: &str) {
    if let Err(error) = works(server).await {
        panic!("{what}: {error}");
    }
}

#[tokio::test]
async fn what_a_role_or_a_database_sets_does_not_reach_our_sessions() {
    let server = Server::primary("");
    server.psql("create schema trap");
    server.psql(
        "create function trap.pg_is_in_recovery() returns boolean language sql as 'select true'",
    );
    let places = [
        "role admin",
        "database postgres",
        "role admin in database postgres",
        "role all",
    ];
    for place in places {
        // Through sessions of its own each: what was set before must not keep it from being reset.
        for (name, value) in AWKWARD_SETTINGS {
            server.psql(&format!("alter {place} set {name} = {value}"));
            if place == "role admin" {
                works_as_ever(&server, &format!("{name} = {value} on {place}")).await;
                server.psql(&format!("alter {place} reset {name}"));
            }
        }
        works_as_ever(&server, &format!("everything on {place}")).await;
        server.psql(&format!("alter {place} reset all"));
    }
    // A library that is not there keeps others out, and not us.
    for name in ["session_preload_libraries", "local_preload_libraries"] {
        server.psql(&format!("alter role admin set {name} = 'nothing'"));
        works_as_ever(&server, name).await;
        server.psql(&format!("alter role admin reset {name}"));
    }
}

/// A dump with empty pages where damaged ones are would be taken for a good one.
#[tokio::test]
async fn what_a_role_sets_does_not_reach_the_tools() {
    let server = Server::primary("");
    let names = ["zero_damaged_pages", "ignore_checksum_failure"];
    for name in names {
        server.psql(&format!("alter role admin set {name} = on"));
    }
    let version: u32 = server
        .query("show server_version_num")
        .parse()
        .expect("a number");
    let options = pgctl::postgres::tool_options(version);
    for name in names {
        let show = format!("show {name}");
        assert_eq!(server.query(&show), "on", "{name}");
        assert_eq!(server.query_with(&options, &show), "off", "{name}");
    }
}

/// A server whose files say that transactions are read-only takes writes from who asks for them.
#[tokio::test]
async fn read_only_by_default_is_no_recovery() {
    let server = Server::primary(
        "default_transaction_read_only = on\nsynchronous_commit = local\nidle_session_timeout = 1ms",
    );
    let session = server.session().await;
    let facts = session.facts().await.expect("it answers");
    assert!(facts.writable() && facts.settings.default_transaction_read_only);
    assert_eq!(facts.settings.synchronous_commit, "local");
    assert_eq!(session.writable().await, Ok(true));
    session.heartbeat().await.expect("it takes the write");
}

/// The session that a mark was made in is asked more, whatever became of the mark.
#[tokio::test]
async fn a_mark_waits_for_no_standby_and_a_failed_one_leaves_no_transaction() {
    let server = Server::primary("");
    let session = server.session().await;
    let rename = |from: &str, to: &str| {
        format!(
            "do $$declare it regprocedure; begin \
             for it in select oid from pg_proc where proname = '{from}' loop \
             execute format('alter function %s rename to {to}', it); end loop; end$$"
        )
    };
    server.psql(&rename("pg_logical_emit_message", "emit_message"));
    server.psql(
        "create function pg_catalog.pg_logical_emit_message(boolean, text, text) returns text \
         language sql as 'select pg_sleep(86400)::text'",
    );
    let cancel = "select count(pg_cancel_backend(pid)) from pg_stat_activity \
        where wait_event = 'PgSleep' and application_name = 'pgctl'";
    let (failed, ()) = tokio::join!(
        session.mark(),
        eventually("the mark hangs and is cancelled", async || {
            (server.query(cancel) == "1").then_some(())
        })
    );
    let failed = failed.expect_err("it was cancelled");
    assert!(matches!(failed, SqlError::TimedOut { .. }), "{failed}");
    assert_eq!(session.in_recovery().await, Ok(false), "it can be asked");
    server.psql("drop function pg_catalog.pg_logical_emit_message(boolean, text, text)");
    server.psql(&rename("emit_message", "pg_logical_emit_message"));

    let nobody = Some("a_standby_that_does_not_exist");
    session.set_synchronous_standbys(nobody).await.expect("set");
    eventually("commits wait for it", async || {
        (!server.query("show synchronous_standby_names").is_empty()).then_some(())
    })
    .await;
    let before: Lsn = server
        .query("select pg_current_wal_insert_lsn()")
        .parse()
        .expect("a position");
    let mark = session
        .mark()
        .await
        .expect("committed, and waited for none");
    assert!(mark > before, "{mark} is behind what was committed");
    let flushed = format!("select pg_current_wal_flush_lsn() >= '{mark}'");
    assert_eq!(server.query(&flushed), "t");
    assert_eq!(
        server.query("select count(*) from pg_stat_activity where wait_event = 'SyncRep'"),
        "0"
    );
    let shown = server.query("select state from pg_stat_activity where application_name = 'pgctl'");
    assert_eq!(shown, "idle", "no transaction is left open");
    assert_eq!(session.not_confirmed(mark, &[], LIMIT).await, Ok(vec![]));
}

/// What runs is not what its files say.
#[tokio::test]
async fn files_tell_what_the_next_start_brings() {
    let server = Server::primary("");
    let session = server.session().await;
    let files = async || {
        let facts = session.facts().await.expect("it answers");
        facts.files.expect("a superuser may know")
    };
    assert_eq!(files().await, FileFacts::default());
    server.psql("alter system set max_connections = 30");
    server.psql("alter system set recovery_target = 'immediate'");
    server.psql("alter system set recovery_target_timeline = 'current'");
    let found = files().await;
    assert_eq!(found.mistakes, []);
    let pending: Vec<String> = found.pending.iter().map(ToString::to_string).collect();
    assert!(
        pending.contains(&"max_connections 30 instead of 100".to_owned()),
        "{pending:?}"
    );
    let recovery: Vec<(&str, bool)> = found
        .recovery
        .iter()
        .map(|it| (it.name.as_str(), it.overruled))
        .collect();
    assert_eq!(
        recovery,
        [
            ("recovery_target", false),
            ("recovery_target_timeline", false)
        ]
    );
    server.psql("alter system reset all");
    let data = server.data();
    let append = |file: &str, line: &str| {
        let path = data.join(file);
        let text = std::fs::read_to_string(&path).expect("it is there");
        std::fs::write(&path, text.clone() + line + "\n").expect("it is ours");
        text
    };
    for (file, line, said) in [
        ("postgresql.conf", "work_mem = 64 MBB", "syntax error"),
        ("postgresql.conf", "no_such = 1", "no_such"),
        ("postgresql.conf", "shared_buffers = much", "shared_buffers"),
        ("pg_hba.conf", "host all all all sesame", "sesame"),
        ("pg_hba.conf", "host all", "pg_hba.conf line"),
    ] {
        let before = append(file, line);
        let found = files().await;
        let [mistake] = found.mistakes.as_slice() else {
            panic!("{line}: {found:?}");
        };
        let text = mistake.to_string();
        assert!(
            text.starts_with(file) && text.contains(said) && mistake.line.is_some(),
            "{line}: {text}"
        );
        std::fs::write(data.join(file), before).expect("it is ours");
    }
    assert_eq!(files().await, FileFacts::default());
}

#[tokio::test]
async fn an_archiver_that_hangs_shows_by_what_waits() {
    let server = Server::primary("archive_mode = on\narchive_command = 'sleep 1000'");
    let session = server.session().await;
    session.heartbeat().await.expect("it takes writes");
    server.psql("select pg_switch_wal()");
    let archiver = eventually("a segment has waited", async || {
        let facts = session.facts().await.expect("it answers");
        let archiver = facts.archiver.expect("archiving is on");
        (archiver.stalled_seconds >= 1).then_some(archiver)
    })
    .await;
    assert!(archiver.ready_segments >= 1 && !archiver.failing);
    assert!(!archiver.hangs(), "not yet");
}

#[tokio::test]
async fn unlogged_tables_are_found_in_every_database() {
    let server = Server::primary("");
    let session = server.session().await;
    assert_eq!(session.databases_with_unlogged().await, Ok(Vec::new()));
    let place = server.data().with_file_name("elsewhere");
    std::fs::create_dir(&place).expect("the folder is ours");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&place, open).expect("the folder is ours");
    server.psql("create unlogged table here as select generate_series(1, 1000) as i");
    server.psql("create index on here (i)");
    for database in ["plain", "\"it's\""] {
        server.psql(&format!("create database {database}"));
    }
    let inside = async |database: &str| {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await;
        let stream = stream.expect("it listens");
        let (none, login) = (std::future::ready(None), Server::login());
        let rights = Rights::Superuser;
        let session = Session::connect_to(stream, none, &login, database, rights).await;
        session.expect("it lets us in")
    };
    let other = inside("it's").await;
    let make = "create unlogged table public.far (i int)";
    other
        .run_long("making a table", make, LIMIT)
        .await
        .expect("made");
    let found = session.databases_with_unlogged().await;
    assert_eq!(found, Ok(vec!["it's".to_owned(), "postgres".to_owned()]));
    assert_eq!(other.unlogged_tables().await, Ok((1, 0)));
    let (count, bytes) = session.unlogged_tables().await.expect("it answers");
    assert!(count == 1 && bytes > 8192 * 4, "{count} with {bytes}");
}

/// A stream is let in by other rules than a session, and only a stream's login shows it.
#[tokio::test]
async fn a_login_for_replication_tells_what_a_login_does_not() {
    let server = Server::primary("");
    server.psql("create role repl login replication password 'p'");
    let hba = async |rule: &str| {
        let text =
            format!("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n{rule}\n");
        std::fs::write(server.data().join("pg_hba.conf"), text).expect("it is ours");
        let before = server.query("select clock_timestamp()");
        server.psql("select pg_reload_conf()");
        // A session that is made after the postmaster has read its files gets the time of that.
        eventually("the rules are read", async || {
            let read = format!("select pg_conf_load_time() > '{}'", before.trim());
            (server.query(&read).trim() == "t").then_some(())
        })
        .await;
    };
    let login = |password: &str| Login {
        user: "repl".to_owned(),
        password: SecretString::from(password),
        ..Server::login()
    };
    let log_in = async |password: &str| {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await;
        log_in_for_replication(stream.expect("it listens"), &login(password)).await
    };
    for method in ["scram-sha-256", "password", "trust"] {
        hba(&format!("host replication repl 127.0.0.1/32 {method}")).await;
        assert_eq!(log_in("p").await, Ok(()), "{method}");
    }
    hba("host replication repl 127.0.0.1/32 scram-sha-256").await;
    let wrong = log_in("q").await.expect_err("another password");
    assert!(matches!(wrong, SqlError::WrongPassword { .. }), "{wrong}");
    server.psql("alter role repl noreplication");
    let refused = log_in("p").await.expect_err("no right");
    assert_eq!(refused.sqlstate(), Some("42501"), "{refused}");
    assert!(refused.shows_life());
    server.psql("alter role repl replication");
    hba("host replication repl 127.0.0.1/32 reject").await;
    let kept_out = log_in("p").await.expect_err("no rule");
    assert!(matches!(kept_out, SqlError::NotLetIn { .. }), "{kept_out}");
    // While a session is still let in.
    let session = server.connect(&login("p")).await;
    assert_eq!(
        session
            .err()
            .and_then(|it| it.sqlstate().map(str::to_owned))
            .as_deref(),
        Some("42501")
    );
    let nobody = impostor_stream(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert!(log_in_for_replication(nobody, &login("p")).await.is_err());
}

/// Something that answers with these bytes and ends.
fn impostor_stream(greeting: &'static [u8]) -> tokio::io::DuplexStream {
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    tokio::spawn(async move {
        theirs.write_all(greeting).await.ok();
    });
    ours
}

/// A user who may only look gets in without what only a superuser may set.
#[tokio::test]
async fn who_is_no_superuser_gets_in_with_less() {
    let server = Server::primary("");
    server.psql("create role looker login password 'p' in role pg_monitor");
    server.psql("alter role looker set default_transaction_isolation = serializable");
    let login = Login {
        user: "looker".to_owned(),
        password: SecretString::from("p"),
        ..Server::login()
    };
    let refused = server.connect(&login).await.err().expect("too much");
    assert_eq!(refused.sqlstate(), Some("42501"), "{refused}");
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await;
    let stream = stream.expect("it listens");
    let none = std::future::ready(None);
    let session = Session::connect_to(stream, none, &login, "postgres", Rights::Ordinary).await;
    let facts = session.expect("it lets us in").facts().await;
    assert!(facts.expect("it answers").recovery.is_none());
}

#[tokio::test]
async fn what_is_loaded_can_be_dropped_again_whatever_is_in_it() {
    let server = Server::primary("wal_level=logical");
    let session = server.session().await;
    server.psql("create database broken");
    server.psql("create database subscribed is_template true");
    server.psql("update pg_database set datconnlimit = -2 where datname = 'broken'");
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await;
    let stream = stream.expect("it listens");
    let none = std::future::ready(None);
    let login = Server::login();
    let connecting = Session::connect_to(stream, none, &login, "subscribed", Rights::Superuser);
    let subscribed = connecting.await;
    let subscribed = subscribed.expect("it lets us in");
    let subscribe = "create subscription \"s'1\" connection 'host=nowhere dbname=x' publication p \
                     with (connect = false, slot_name = 'far')";
    let run = subscribed.run_long("subscribing", subscribe, LIMIT).await;
    run.expect("it needs no publisher");

    let target = session.target().await.expect("what there is can be asked");
    let broken = target.databases.iter().find(|it| it.name == "broken");
    assert!(broken.is_some_and(|it| it.invalid));
    assert_eq!(
        session.invalid_databases().await.expect("it answers"),
        ["broken"]
    );
    let subscriptions = session.has_subscriptions("subscribed").await;
    assert!(subscriptions.expect("it answers"));
    assert!(session.remove_database("subscribed", LIMIT).await.is_err());
    subscribed
        .drop_subscriptions()
        .await
        .expect("no publisher is asked");
    drop(subscribed);
    for name in ["broken", "subscribed"] {
        let dropped = session.remove_database(name, LIMIT).await;
        dropped.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let left = session.database_names().await.expect("it answers");
    assert!(!left.iter().any(|it| it == "broken" || it == "subscribed"));
}

/// Commits something; gives the position up to which all is on disk then.
async fn written(server: &Server, session: &Session) -> Lsn {
    session.heartbeat().await.expect("it accepts writes");
    let flushed = server.query("select pg_current_wal_flush_lsn()");
    flushed.trim().parse().expect("a position")
}

#[tokio::test]
async fn a_switchover_by_hand() {
    let old = Server::primary("");
    let candidate = old.standby("pod_1");
    let other = old.standby("pod_2");
    let (on_old, on_candidate, on_other) = (
        old.session().await,
        candidate.session().await,
        other.session().await,
    );
    on_old.checkpoint(LIMIT).await.expect("a checkpoint");
    let written = written(&old, &on_old).await;
    let refused = on_candidate
        .heartbeat()
        .await
        .expect_err("a standby accepts none");
    assert!(!refused.outcome_unknown(), "{refused}");
    let progress = on_candidate
        .wait_past(Lsn::new(written.bytes() - 1), LIMIT)
        .await
        .expect("it replays what the primary wrote");
    assert!(progress.replayed >= written && progress.received >= progress.replayed);

    let far = Lsn::new(written.bytes() + (1 << 40));
    let late = on_candidate
        .wait_past(far, Duration::from_millis(50))
        .await
        .expect_err("nobody wrote that much");
    assert!(late.to_string().contains("received"), "{late}");

    old.stop("fast");
    let lost = on_old.heartbeat().await.expect_err("it is gone");
    assert!(
        matches!(lost, SqlError::Lost { .. } | SqlError::NotReady { .. }),
        "{lost}"
    );

    let stands = on_candidate
        .wait_past(far, LIMIT)
        .await
        .expect_err("nobody sends it anything any more");
    assert!(stands.to_string().contains("makes no way"), "{stands}");

    on_candidate.promote(LIMIT).await.expect("promoted");
    on_candidate
        .promote(LIMIT)
        .await
        .expect("promoting again changes nothing");
    assert_eq!(on_candidate.writable().await, Ok(true));
    let facts = on_candidate.facts().await.expect("it answers");
    assert_eq!(facts.timeline, Timeline(2), "before any checkpoint, too");
    on_candidate.heartbeat().await.expect("it accepts writes");
    assert_eq!(on_candidate.progress().await, Ok(None), "out of recovery");

    on_candidate
        .create_slots(["pod_2", "pod_2"])
        .await
        .expect("a slot that is there stays");
    // Both listen on one address here: a new port stands for a new host.
    other.psql(&format!(
        "alter system set primary_conninfo = \
         'host=elsewhere.invalid port={} user=admin application_name=pod_2'",
        candidate.port()
    ));
    other.psql("select pg_reload_conf()");
    eventually("the standby looks elsewhere", async || {
        let facts = on_other.facts().await.expect("it answers");
        let host = facts.recovery.expect("in recovery").upstream_host;
        (host.as_deref() == Some("elsewhere.invalid")).then_some(())
    })
    .await;
    on_other
        .set_upstream("127.0.0.1", "pod_2")
        .await
        .expect("repointed");
    let facts = eventually("the other standby follows", async || {
        let facts = on_candidate.facts().await.expect("it answers");
        facts
            .senders
            .iter()
            .any(|it| it.state == "streaming")
            .then_some(facts)
    })
    .await;
    assert_eq!(
        facts.senders[0].application_name, "pod_2",
        "all else stayed"
    );
    let busy = on_candidate
        .drop_slots(["pod_2"])
        .await
        .expect_err("in use");
    assert_eq!(busy.sqlstate(), Some("55006"), "{busy}");
    on_candidate
        .drop_slots(["pod_9"])
        .await
        .expect("nothing to drop");
    // The sender says so before the receiver has told its own server.
    eventually("it has gone over to the new timeline", async || {
        let facts = on_other.facts().await.expect("it answers");
        (facts.timeline == Timeline(2)).then_some(())
    })
    .await;

    // Its control file still names timeline 1 when it comes up with nobody to stream from.
    candidate.stop("immediate");
    other.stop("immediate");
    other.start_again();
    let on_other = other.session().await;
    // It lets sessions in before it has replayed all that it has.
    let facts = eventually("it has replayed that", async || {
        let facts = on_other.facts().await.expect("it answers");
        (facts.timeline == Timeline(2)).then_some(facts)
    })
    .await;
    let recovery = facts.recovery.expect("in recovery");
    assert_eq!(recovery.receiver, None, "nobody to stream from");
}

#[tokio::test]
async fn a_standby_says_what_holds_up_its_replay() {
    let primary = Server::primary("");
    let standby = primary.standby("pod_1");
    let (on_primary, on_standby) = (primary.session().await, standby.session().await);
    let held_up = async || {
        let facts = on_standby.facts().await.expect("the standby answers");
        facts.recovery.expect("in recovery").held_up()
    };
    assert_eq!(held_up().await, None);
    standby.psql("alter system set recovery_min_apply_delay = '30min'");
    standby.psql("select pg_reload_conf()");
    eventually("the delay shows", async || {
        (held_up().await == Some(HeldUp::Delayed(1800.0))).then_some(())
    })
    .await;
    let written = written(&primary, &on_primary).await;
    let late = on_standby
        .wait_past(written, Duration::from_millis(50))
        .await
        .expect_err("half an hour is not over");
    assert!(
        late.to_string().contains("recovery_min_apply_delay"),
        "{late}"
    );
    standby.psql("alter system reset recovery_min_apply_delay");
    standby.psql("select pg_reload_conf()");

    // A query on the standby needs what a vacuum on the primary has removed.
    primary.psql("create table rows_to_go as select generate_series(1, 1000) n");
    eventually("the table is there", async || {
        let there = standby.query("select to_regclass('rows_to_go') is not null");
        (there.trim() == "t").then_some(())
    })
    .await;
    let reader = standby.psql_in_background(
        "begin isolation level repeatable read; select count(*) from rows_to_go; select pg_sleep(600)",
    );
    eventually("the reader holds its snapshot", async || {
        let sleeps = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
        (standby.query(sleeps).trim() == "1").then_some(())
    })
    .await;
    primary.psql("delete from rows_to_go");
    primary.psql("vacuum rows_to_go");
    eventually("the conflict shows", async || {
        matches!(held_up().await, Some(HeldUp::Conflict(_))).then_some(())
    })
    .await;
    drop(reader);
}

#[tokio::test]
async fn every_way_to_be_kept_out_says_why() {
    let server = Server::primary("max_connections=5\nsuperuser_reserved_connections=0");
    let wrong = Login {
        password: SecretString::from("secret-guess"),
        ..Server::login()
    };
    let error = server
        .connect(&wrong)
        .await
        .err()
        .expect("a wrong password");
    assert_eq!(
        error.to_string(),
        "wrong password for user \"admin\" (from Secret s, key k)"
    );
    assert!(!format!("{error:?}").contains("secret-guess"));

    let mut sessions = Vec::new();
    let full = eventually("all connections are taken", async || {
        match server.connect(&Server::login()).await {
            Ok(session) => {
                sessions.push(session);
                None
            }
            Err(error) => Some(error),
        }
    })
    .await;
    assert!(
        matches!(full, SqlError::TooManyConnections { .. }),
        "{full}"
    );
    drop(sessions);

    server.signal("STOP");
    let hasty = Login {
        timeout: Duration::from_millis(300),
        ..Server::login()
    };
    let hung = server.connect(&hasty).await.err().expect("it is frozen");
    server.signal("CONT");
    assert_eq!(hung.to_string(), "connecting: no answer within 0.3 s");
}

/// Something that answers the first bytes with these, and then waits or closes.
async fn impostor(greeting: &'static [u8], closes: bool) -> SqlError {
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    let answering = tokio::spawn(async move {
        let mut startup = [0; 8];
        theirs
            .read_exact(&mut startup)
            .await
            .expect("a startup message");
        theirs.write_all(greeting).await.expect("we listen");
        if !closes {
            std::future::pending::<()>().await;
        }
    });
    let login = Login {
        // One that says nothing more is waited out.
        timeout: Duration::from_secs(5),
        ..Server::login()
    };
    let reason = std::future::ready(Some("the pod was deleted".to_owned()));
    let error = Session::connect(ours, reason, &login)
        .await
        .err()
        .expect("no server");
    answering.abort();
    error
}

#[tokio::test]
async fn other_protocols_are_recognised() {
    for greeting in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"-ERR unknown command\r\n",
    ] {
        for closes in [false, true] {
            let error = impostor(greeting, closes).await;
            assert!(
                matches!(error, SqlError::NotPostgres { .. }),
                "{}: {error}",
                greeting.escape_ascii()
            );
        }
    }
}

#[tokio::test]
async fn a_stream_that_just_ends_tells_the_reason_that_the_forward_knows() {
    let error = impostor(b"", true).await;
    assert_eq!(
        error.to_string(),
        "connecting: the connection was lost: the pod was deleted"
    );
}

/// A server of PostgreSQL 17 on which a transaction of a role may take less time than logging in does, unless the role
/// asks for another limit. It says so when `refuses` says: while the role logs in, or right afterwards.
struct Hasty {
    refuses: Refuses,
    /// How often a connection was opened.
    opened: AtomicUsize,
}

#[derive(Debug, Clone, Copy)]
enum Refuses {
    InTheLogin,
    AfterTheLogin,
}

/// A message of the server's: its type, and what it says (PostgreSQL documentation, section 55.7).
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("it is short");
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

impl Way for Hasty {
    type Stream = DuplexStream;
    type Error = SqlError;

    async fn open(&self) -> Result<(DuplexStream, WhyEnded), SqlError> {
        let (ours, mut theirs) = tokio::io::duplex(64 << 10);
        let refuses = self.refuses;
        self.opened.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let length = theirs.read_u32().await.expect("a startup packet");
            let mut packet = vec![0; length as usize - 4];
            theirs.read_exact(&mut packet).await.expect("all of it");
            let packet = String::from_utf8_lossy(&packet).into_owned();
            let spared = packet.contains("-c transaction_timeout=0");
            let let_in = [
                message(b'R', &0_u32.to_be_bytes()),
                message(b'S', b"server_version\x0017.2\0"),
                message(b'Z', b"I"),
            ];
            let fatal =
                b"SFATAL\0VFATAL\0C25P04\0Mterminating connection due to transaction timeout\0\0";
            let fatal = message(b'E', fatal);
            let says = match (spared, refuses) {
                (true, _) => let_in.concat(),
                (false, Refuses::InTheLogin) => fatal,
                (false, Refuses::AfterTheLogin) => [let_in.concat(), fatal].concat(),
            };
            theirs.write_all(&says).await.expect("we listen");
            if spared {
                std::future::pending::<()>().await;
            }
        });
        Ok((ours, std::future::ready(None).boxed()))
    }
}

#[tokio::test]
async fn a_role_whose_transactions_may_take_less_time_than_a_login_is_logged_in_as() {
    for refuses in [Refuses::InTheLogin, Refuses::AfterTheLogin] {
        let server = Hasty {
            refuses,
            opened: AtomicUsize::new(0),
        };
        let login = Server::login();
        let session = Session::connect_by(&server, &login, "postgres", Rights::Ordinary).await;
        let session = session.unwrap_or_else(|error| panic!("{refuses:?}: {error}"));
        assert!(!session.is_closed());
        assert_eq!(server.opened.into_inner(), 2, "{refuses:?}");
    }
}

/// In a database with the encoding `SQL_ASCII` the server can't send a name of any bytes as UTF-8.
#[tokio::test]
async fn names_of_any_bytes_are_escaped_and_their_tables_are_read() {
    let server = Server::primary("");
    let session = server.session().await;
    server.psql(
        "create database bytes encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0",
    );
    let inside = server.session_in("bytes").await;
    let make = |bytes: &str| {
        format!(
            "do $$begin execute format('create table public.%I as select generate_series(1, 7) as n', \
             convert_from('\\x{bytes}', 'SQL_ASCII')); end$$"
        )
    };
    for bytes in ["636166e9", "c3a9", "22e95c"] {
        let made = inside.run_long("making a table", &make(bytes), LIMIT).await;
        made.unwrap_or_else(|error| panic!("{bytes}: {error}"));
    }
    let read = inside.read_some_rows(LIMIT).await;
    assert_eq!(read.expect("every table can be read"), 3);
    let before = session.count_rows().await.expect("it counts");
    let counted = inside.count_rows().await.expect("every table is counted");
    assert!(
        counted.tables >= before.tables + 3 - 1,
        "{counted:?}, {before:?}"
    );
    assert!(session.facts().await.is_ok(), "the connection is of use");

    // Names of databases are seen from everywhere.
    let odd = "do $$begin execute format('comment on database bytes is %L', \
         convert_from('\\xe9', 'SQL_ASCII')); end$$";
    inside
        .run_long("making a comment", odd, LIMIT)
        .await
        .expect("a comment");
    let comment = session.database_comment("bytes").await;
    assert_eq!(comment.expect("an answer").as_deref(), Some("\\xe9"));
    assert!(session.in_recovery().await.is_ok());
}
