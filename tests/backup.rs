//! Backups of a real server into real stores: what arrives whole is a backup, what does not never
//! is one.

mod support;

use std::path::Path;
use std::sync::Arc;

use pgctl::backup::catalogue::Catalogue;
use pgctl::backup::compression::Compression;
use pgctl::backup::encryption::Identities;
use pgctl::backup::manifest::{Kind, Manifest};
use pgctl::backup::order::orders;
use pgctl::backup::origin::Origin;
use pgctl::backup::store::{DirectoryStore, Store, StoreError};
use pgctl::backup::take::{Event, Place, Request, TakeError, application_name, take};
use pgctl::backup::transfer::{Progress, TransferError, receive};
use pgctl::backup::verify::verify;
use pgctl::cluster::ClusterId;
use secrecy::SecretString;
use support::{Recording, S3Server, Server, eventually};
use tokio::sync::watch;

const ID: &str = "n_c_20261123T155217Z_logical_3fa9";

/// A server with what dumps get wrong: odd names, large objects, roles with passwords.
fn server() -> Server {
    let server = Server::primary("");
    for sql in [
        "create database \"app data\"",
        "create database \"naïve=1 host=evil'\"",
        "create role \"o'Brien\" login password 'secret'",
        "create table many as select n, repeat(md5(n::text), 4) as filler from generate_series(1, 20000) n",
        "select lo_from_bytea(0, decode(repeat('00ff', 5000), 'hex'))",
        "create table \"weird \\. name\" (j jsonb, b bytea, t text)",
        "insert into \"weird \\. name\" values ('{\"a\":[1]}', '\\x00ff', E'line\\n\\\\.\\n-- PostgreSQL database cluster dump complete')",
    ] {
        server.psql(sql);
    }
    server
}

async fn place(server: &Server) -> Place {
    let login = Server::login();
    Place {
        cluster: ClusterId {
            namespace: "n".to_owned(),
            name: "c".to_owned(),
        },
        pod: "c-primary-0".to_owned(),
        role: "primary".to_owned(),
        origin: Origin::Here {
            address: ([127, 0, 0, 1], server.port()).into(),
            forward: None,
        },
        session: server.session().await,
        user: login.user,
        password: login.password,
    }
}

fn request(kind: Kind) -> Request {
    Request {
        kind,
        database: None,
        compression: None,
        jobs: 2,
        rate: None,
        label: Some("a label".to_owned()),
        recipients: Vec::new(),
    }
}

async fn taken(
    place: &Place,
    store: &Arc<dyn Store>,
    request: &Request,
) -> Result<Manifest, TakeError> {
    let (_keep, stop) = watch::channel(false);
    let progress = Arc::new(Progress::default());
    take(
        place,
        store,
        request,
        application_name(),
        progress,
        stop,
        &|event| {
            if let Event::Warning(text) = event {
                eprintln!("warning: {text}");
            }
        },
    )
    .await
}

fn directory(folder: &Path) -> Arc<dyn Store> {
    Arc::new(DirectoryStore::new(&folder.join("store")).expect("a path"))
}

/// What verifying the one backup of a store finds wrong.
async fn problems(store: &Arc<dyn Store>, keys: &Identities) -> Vec<String> {
    let catalogue = Catalogue::read(store).await.expect("the store can be read");
    let entry = catalogue.entries.last().expect("there is a backup").clone();
    let (store, keys) = (Arc::clone(store), keys.clone());
    tokio::task::spawn_blocking(move || verify(store.as_ref(), &entry, &keys, &|_| {}))
        .await
        .expect("no panic")
        .expect("the store can be read")
        .problems
}

async fn is_empty(store: &Arc<dyn Store>) -> bool {
    let catalogue = Catalogue::read(store).await.expect("the store can be read");
    catalogue.entries.is_empty() && catalogue.partial.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_taken_and_verifies_in_every_kind_of_store() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start().await;
    for store in [directory(folder.path()), Arc::new(s3.store("some/prefix"))] {
        for (kind, compression) in [
            (Kind::Logical, "zstd:1"),
            (Kind::Logical, "gzip"),
            (Kind::Database, "none"),
            (Kind::Physical, "zstd"),
        ] {
            let request = Request {
                database: (kind == Kind::Database).then(|| "naïve=1 host=evil'".to_owned()),
                compression: compression.parse().ok(),
                ..request(kind)
            };
            let manifest = taken(&place, &store, &request).await?;
            assert_eq!(manifest.backup, kind);
            assert!(manifest.wal.start <= manifest.wal.end);
            assert!(manifest.stored_bytes() > 0);
            assert_eq!(problems(&store, &Identities::default()).await, [""; 0]);
            if kind == Kind::Logical {
                // globals, template1, postgres and the two of ours
                assert_eq!(manifest.archives.len(), 5);
            }
        }
        let catalogue = Catalogue::read(&store).await?;
        assert_eq!(catalogue.entries.len(), 4);
        assert_eq!(catalogue.partial, [""; 0]);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logical_backup_restored_into_an_empty_server_gives_the_same_dump() -> anyhow::Result<()>
{
    let server = Server::primary("");
    server.load_awkward();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let manifest = taken(&place, &store, &request(Kind::Logical)).await?;
    let empty = Server::primary("");
    empty.restore_by_hand(&folder.path().join("store").join(&manifest.id));
    let (before, after) = (server.dump_all(), empty.dump_all());
    let shown = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
    let differs = before.iter().zip(&after).find(|(a, b)| a != b);
    assert!(
        before == after,
        "{} and {} lines; {:?}",
        before.len(),
        after.len(),
        differs.map(|(a, b)| (shown(a), shown(b)))
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_physical_backup_of_a_standby_that_replays_starts_and_is_sound() -> anyhow::Result<()> {
    let primary = server();
    let standby = primary.standby("pod_1");
    primary.psql("create table ticks (n bigserial primary key, t text)");
    let writer = primary.psql_in_background(
        "do $$begin for i in 1..100000 loop insert into ticks (t) values (repeat('x', 100)); commit; end loop; end$$",
    );
    eventually("the standby sees the writes", async || {
        (standby.query("select count(*) from pg_class where relname = 'ticks'") == "1")
            .then_some(())
    })
    .await;
    let mut place = place(&standby).await;
    place.role = "standby".to_owned();
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let request = Request {
        compression: "zstd".parse().ok(),
        ..request(Kind::Physical)
    };
    let manifest = taken(&place, &store, &request).await?;
    drop(writer);
    let backup = folder.path().join("store").join(&manifest.id);
    let restored = Server::of_base_backup(&backup.join(&manifest.archives[0].file));
    eventually("it has replayed its WAL and ended recovery", async || {
        (restored.query("select pg_is_in_recovery()") == "f").then_some(())
    })
    .await;
    assert_eq!(restored.query("select count(*) from many"), "20000");
    restored.amcheck();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_ones_are_read_with_their_key_only() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let key = age::x25519::Identity::generate();
    let file = folder.path().join("key");
    std::fs::write(
        &file,
        age::secrecy::ExposeSecret::expose_secret(&key.to_string()),
    )?;
    let request = Request {
        recipients: vec![key.to_public().to_string().parse()?],
        ..request(Kind::Logical)
    };
    let manifest = taken(&place, &store, &request).await?;
    assert_eq!(manifest.encrypted_for, [key.to_public().to_string()]);
    let backup = folder.path().join("store").join(&manifest.id);
    for archive in &manifest.archives {
        let bytes = std::fs::read(backup.join(&archive.file))?;
        assert!(
            bytes.starts_with(b"age-encryption.org/v1"),
            "{}",
            archive.file
        );
    }
    assert_eq!(problems(&store, &Identities::default()).await, [""; 0]);
    assert_eq!(problems(&store, &Identities::read(&file)?).await, [""; 0]);
    std::fs::write(
        &file,
        age::secrecy::ExposeSecret::expose_secret(&age::x25519::Identity::generate().to_string()),
    )?;
    let wrong = problems(&store, &Identities::read(&file)?).await;
    assert_eq!(wrong.len(), manifest.archives.len(), "{wrong:?}");
    Ok(())
}

/// Cuts what a source sent at 100 random places; the source itself says that all went well.
async fn cut_everywhere(recording: &Recording, store: &Arc<dyn Store>) -> anyhow::Result<()> {
    for _ in 0..100 {
        let cut = rand::random_range(0..recording.stdout.len());
        let mut short = recording.stdout.clone();
        short.truncate(cut);
        let result = offered(recording, store, short).await?;
        assert!(
            matches!(result, Err(TransferError::Different { .. })),
            "cut at {cut} of {}: {result:?}",
            recording.stdout.len()
        );
        assert!(is_empty(store).await, "cut at {cut}");
    }
    Ok(())
}

/// Receives it as the one archive of a backup, and commits only what was received whole.
async fn offered(
    recording: &Recording,
    store: &Arc<dyn Store>,
    stdout: Vec<u8>,
) -> anyhow::Result<Result<(), TransferError>> {
    let begun = Arc::clone(store);
    let draft = tokio::task::spawn_blocking(move || begun.begin(ID)).await??;
    let drafted = Arc::clone(&draft);
    let writer = tokio::task::spawn_blocking(move || drafted.create("archive")).await??;
    let (reception, _stop) = recording.reception();
    let result = receive(recording.sending(stdout), writer, reception).await;
    tokio::task::spawn_blocking(move || draft.discard()).await??;
    Ok(result.map(drop))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_cuts_are_a_hundred_failures() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let inventory = place.session.inventory().await?;
    let folder = tempfile::tempdir()?;
    let s3 = S3Server::start().await;
    let stores: [Arc<dyn Store>; 2] = [directory(folder.path()), Arc::new(s3.store("p"))];
    let mut connection = place.origin.environment();
    connection.push(format!("PGUSER={}", place.user));
    for (kind, compression) in [
        (Kind::Logical, "zstd"),
        (Kind::Logical, "none"),
        (Kind::Physical, "zstd"),
    ] {
        let compression: Compression = compression.parse()?;
        let list = orders(kind, None, &inventory, compression, false, "l")?;
        // The archive with the tables, or the only one.
        let order = list
            .iter()
            .find(|order| order.file.contains("postgres"))
            .unwrap_or(&list[0]);
        let recording = Recording::of(order, compression, &connection).await;
        for store in &stores {
            cut_everywhere(&recording, store).await?;
            offered(&recording, store, recording.stdout.clone()).await??;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_flips_on_the_way_is_seen() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let inventory = place.session.inventory().await?;
    let compression: Compression = "none".parse()?;
    let list = orders(Kind::Logical, None, &inventory, compression, false, "l")?;
    let mut connection = place.origin.environment();
    connection.push(format!("PGUSER={}", place.user));
    let recording = Recording::of(&list[0], compression, &connection).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    for _ in 0..20 {
        let mut flipped = recording.stdout.clone();
        let at = rand::random_range(0..flipped.len());
        flipped[at] ^= 1 << rand::random_range(0..8);
        let result = offered(&recording, &store, flipped).await?;
        assert!(result.is_err(), "byte {at}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_every_bit_that_flips_in_a_store() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let manifest = taken(&place, &store, &request(Kind::Physical)).await?;
    let backup = folder.path().join("store").join(&manifest.id);
    for entry in std::fs::read_dir(&backup)? {
        let path = entry?.path();
        let whole = std::fs::read(&path)?;
        for _ in 0..8 {
            let mut flipped = whole.clone();
            let at = rand::random_range(0..flipped.len());
            flipped[at] ^= 1 << rand::random_range(0..8);
            std::fs::write(&path, &flipped)?;
            let found = problems(&store, &Identities::default()).await;
            assert_eq!(found.len(), 1, "{} byte {at}: {found:?}", path.display());
        }
        std::fs::write(&path, &whole[..whole.len() - 1])?;
        assert_eq!(problems(&store, &Identities::default()).await.len(), 1);
        std::fs::remove_file(&path)?;
        if path.ends_with("manifest.json") {
            let catalogue = Catalogue::read(&store).await;
            assert!(matches!(catalogue, Err(StoreError::NotFound { .. })) || catalogue.is_ok());
        } else {
            assert_eq!(problems(&store, &Identities::default()).await.len(), 1);
        }
        std::fs::write(&path, &whole)?;
    }
    assert_eq!(problems(&store, &Identities::default()).await, [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_fails_in_the_middle_is_no_backup() -> anyhow::Result<()> {
    let server = server();
    let table = server
        .data()
        .join(server.query("select pg_relation_filepath('many')"));
    server.stop("fast");
    let mut bytes = std::fs::read(&table)?;
    bytes[100 * 8192 + 4000] ^= 0xFF;
    std::fs::write(&table, bytes)?;
    server.start_again();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    for (kind, said) in [
        (Kind::Logical, "invalid page"),
        (Kind::Physical, "checksum"),
    ] {
        let error = taken(&place, &store, &request(kind))
            .await
            .expect_err("a page is corrupt");
        let text = error.to_string();
        assert!(
            text.contains("command failed at the source (exit status 1)"),
            "{text}"
        );
        assert!(text.contains(said), "{text}");
        assert!(is_empty(&store).await);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_the_tool_and_leaves_nothing() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    // A dump that waits for a lock says nothing, and would wait for ever.
    let lock = server.psql_in_background("begin; lock table many; select pg_sleep(600)");
    let count = |what: &str| server.query(&format!("select count(*) from {what}"));
    eventually("the table is locked", async || {
        (count("pg_locks where mode = 'AccessExclusiveLock' and granted") != "0").then_some(())
    })
    .await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let (stop, stopped) = watch::channel(false);
    let progress = Arc::new(Progress::default());
    let application = application_name();
    let request = request(Kind::Logical);
    let taking = take(
        &place,
        &store,
        &request,
        application.clone(),
        progress,
        stopped,
        &|_| {},
    );
    let sessions = format!("pg_stat_activity where application_name = '{application}'");
    let stopping = async {
        eventually("the dump waits for the lock", async || {
            (count(&format!("{sessions} and wait_event_type = 'Lock'")) != "0").then_some(())
        })
        .await;
        stop.send_replace(true);
    };
    let (result, ()) = futures::join!(taking, stopping);
    assert!(matches!(result, Err(TakeError::Interrupted)), "{result:?}");
    assert!(is_empty(&store).await);
    eventually("the dump's sessions end", async || {
        (count(&sessions) == "0").then_some(())
    })
    .await;
    drop(lock);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_or_not_ours_is_said_before_anything_is_dumped()
-> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let s3 = S3Server::start().await;
    let missing: Arc<dyn Store> = Arc::new(s3.store_in_missing_bucket()?);
    let error = taken(&place, &missing, &request(Kind::Logical))
        .await
        .expect_err("no bucket");
    assert!(
        matches!(error, TakeError::Store(StoreError::NoBucket { .. })),
        "{error}"
    );
    let denied: Arc<dyn Store> = Arc::new(s3.store_with_wrong_secret());
    let error = taken(&place, &denied, &request(Kind::Logical))
        .await
        .expect_err("wrong secret");
    assert!(
        matches!(error, TakeError::Store(StoreError::Denied { .. })),
        "{error}"
    );
    assert!(!error.to_string().contains("wrong"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_dies_in_the_middle_has_no_backup() -> anyhow::Result<()> {
    let server = server();
    // More than one part of an upload.
    server.psql("create table big as select gen_random_uuid() as a, gen_random_uuid() as b from generate_series(1, 700000)");
    let place = place(&server).await;
    let s3 = S3Server::start().await;
    let store: Arc<dyn Store> = Arc::new(s3.store("p"));
    s3.die_after(20 << 20);
    let error = taken(&place, &store, &request(Kind::Physical))
        .await
        .expect_err("it died");
    assert!(!error.is_refusal(), "{error}");
    s3.die_after(u64::MAX);
    let catalogue = Catalogue::read(&store).await?;
    assert!(catalogue.entries.is_empty());
    // And with the server back, a backup of several parts is whole.
    taken(&place, &store, &request(Kind::Physical)).await?;
    assert_eq!(problems(&store, &Identities::default()).await, [""; 0]);
    assert!(s3.folder().exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_in_the_middle_is_no_backup() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let request = Request {
        compression: "none".parse().ok(),
        rate: Some(200_000),
        jobs: 1,
        ..request(Kind::Logical)
    };
    let progress = Arc::new(Progress::default());
    let (_keep, stop) = watch::channel(false);
    let taking = take(
        &place,
        &store,
        &request,
        application_name(),
        Arc::clone(&progress),
        stop,
        &|_| {},
    );
    let killing = async {
        eventually("something has arrived", async || {
            (progress.received() > 100_000).then_some(())
        })
        .await;
        server.stop("immediate");
    };
    let (result, ()) = futures::join!(taking, killing);
    let error = result.expect_err("the server was killed");
    assert!(
        error.to_string().contains("failed at the source"),
        "{error}"
    );
    assert!(is_empty(&store).await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_no_backup_and_is_not_repeated() -> anyhow::Result<()> {
    let server = server();
    let mut place = place(&server).await;
    place.password = SecretString::from("hunter2");
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let error = taken(&place, &store, &request(Kind::Logical))
        .await
        .expect_err("wrong password");
    assert!(
        error.to_string().contains("password authentication failed"),
        "{error}"
    );
    assert!(!error.to_string().contains("hunter2"));
    assert!(is_empty(&store).await);
    Ok(())
}
