//! What fails at the source leaves no backup behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pgctl::backup::format::Kind;
use pgctl::backup::take::{TakeError, TakeRequest, TransferProgress, application_name, take};
use secrecy::SecretString;
use tokio::sync::watch;

use crate::common::{directory, disturbed, is_empty, place, request, server, taken};
use crate::support::{Server, eventually};

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
    let progress = Arc::new(TransferProgress::default());
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
async fn a_server_that_is_killed_in_the_middle_is_no_backup() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let request = TakeRequest {
        compression: "none".parse().ok(),
        rate: Some(200_000),
        jobs: 1,
        ..request(Kind::Logical)
    };
    let killing = async {
        server.stop("immediate");
    };
    let result = disturbed(&place, &store, &request, 100_000, killing).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_given_up_ends_the_backup_at_once_and_is_named() -> anyhow::Result<()> {
    let server = Server::primary(
        "max_slot_wal_keep_size = '32MB'\nmin_wal_size = '32MB'\nwal_keep_size = 0\n",
    );
    server.psql("create table many as select n, md5(n::text) from generate_series(1, 20000) n");
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let request = TakeRequest {
        compression: "none".parse().ok(),
        rate: Some(200_000),
        ..request(Kind::Physical)
    };
    let writing = async {
        for _ in 0..5 {
            server.psql("select pg_switch_wal() from (select pg_logical_emit_message(false, 'x', repeat('y', 1000000))) it");
        }
        server.psql("checkpoint");
    };
    let result = disturbed(&place, &store, &request, 0, writing).await;
    assert!(
        matches!(result, Err(TakeError::SlotGivenUp(limit)) if limit == 32 << 20),
        "{result:?}"
    );
    assert!(is_empty(&store).await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_restarted_between_two_dumps_gives_no_backup() -> anyhow::Result<()> {
    let server = server();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let request = TakeRequest {
        jobs: 1,
        ..request(Kind::Logical)
    };
    let (_keep, stop) = watch::channel(false);
    let restarted = AtomicBool::new(false);
    let tell = |event| {
        if matches!(event, pgctl::events::RunEvent::FileStored { .. })
            && !restarted.swap(true, Ordering::SeqCst)
        {
            server.stop("fast");
            server.start_again();
        }
    };
    let progress = Arc::new(TransferProgress::default());
    let taking = take(
        &place,
        &store,
        &request,
        application_name(),
        progress,
        stop,
        &tell,
    );
    let result = taking.await;
    assert!(
        matches!(result, Err(TakeError::ServerRestarted)),
        "{result:?}"
    );
    assert!(restarted.load(Ordering::SeqCst));
    assert!(is_empty(&store).await);
    Ok(())
}
