//! The restore test: a backup is restored into a throw-away server and looked at.

use std::sync::Arc;

use pgctl::backup::catalogue::Catalogue;
use pgctl::backup::format::{Identities, Kind, Manifest};
use pgctl::backup::restore_test::{RestoreTestError, run_restore_test};
use pgctl::backup::store::Store;
use pgctl::backup::take::TakeRequest;
use pgctl::events::RunEvent;
use tokio::sync::watch;

use crate::common::{directory, new_key, place, request, taken};
use crate::support::Server;

/// One test at a time: each looks whether it left something behind.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Folders of this process's throw-away servers that are there now: others may test, too.
fn left_behind() -> Vec<std::path::PathBuf> {
    let own = format!("/pgctl-restore-test.{}.", std::process::id());
    std::fs::read_dir(std::env::temp_dir())
        .expect("there is one")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().contains(&own))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_restored_for_a_trial_and_nothing_is_left() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let server = Server::primary("");
    server.load_difficult_data();
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let (recipient, file) = new_key(folder.path())?;
    let keys = Identities::read(&file)?;
    let before = left_behind();
    for (kind, encrypted) in [
        (Kind::Logical, true),
        (Kind::Database, false),
        (Kind::Physical, false),
    ] {
        let request = TakeRequest {
            database: (kind == Kind::Database).then(|| "app data".to_owned()),
            recipients: if encrypted {
                vec![recipient.parse()?]
            } else {
                Vec::new()
            },
            ..request(kind)
        };
        let manifest = taken(&place, &store, &request).await?;
        if encrypted {
            let error = tested(&store, &manifest, &Identities::default()).await;
            assert!(
                matches!(error, Err(RestoreTestError::NoKey(_))),
                "{error:?}"
            );
        }
        let found = tested(&store, &manifest, &keys).await?;
        assert_eq!(found.problems, [""; 0], "{kind:?}");
        assert_eq!(found.amcheck, kind == Kind::Physical);
        let databases: u64 = match kind {
            Kind::Logical | Kind::Physical => 11,
            // Its own, and those of every server.
            Kind::Database => 3,
        };
        assert_eq!(found.databases, databases, "{kind:?}");
        assert!(found.rows > 20_000, "{found:?}");
        assert_eq!(left_behind(), before);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn memberships_are_restored_whoever_granted_them() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let server = Server::primary("");
    for sql in [
        "create role \"a GRANTED BY b\"",
        "create role boss",
        "create role member",
        "grant \"a GRANTED BY b\" to boss with admin option",
        "set role boss; grant \"a GRANTED BY b\" to member",
        "grant pg_monitor to member",
    ] {
        server.psql(sql);
    }
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let manifest = taken(&place, &store, &request(Kind::Logical)).await?;
    let found = tested(&store, &manifest, &Identities::default()).await?;
    assert_eq!(found.problems, [""; 0]);
    Ok(())
}

async fn tested(
    store: &Arc<dyn Store>,
    manifest: &Manifest,
    keys: &Identities,
) -> Result<pgctl::backup::format::RestoreTest, RestoreTestError> {
    let (_keep, stop) = watch::channel(false);
    run_restore_test(store, manifest, keys, None, stop, &|_| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn corrupt_tables_are_found_and_an_interrupted_test_leaves_nothing() -> anyhow::Result<()> {
    let _alone = ALONE.lock().await;
    let server = Server::primary("");
    server
        .psql("create table many as select n, md5(n::text) as t from generate_series(1, 20000) n");
    server.psql("create index on many (n)");
    // A row that the index does not know: no checksum of a page sees that.
    server.psql(
        "update pg_index set indisready = false where indexrelid = 'many_n_idx'::regclass; \
         insert into many values (-1, 'unknown to the index'); \
         update pg_index set indisready = true where indexrelid = 'many_n_idx'::regclass",
    );
    let place = place(&server).await;
    let folder = tempfile::tempdir()?;
    let store = directory(folder.path());
    let manifest = taken(&place, &store, &request(Kind::Physical)).await?;
    let before = left_behind();
    let found = tested(&store, &manifest, &Identities::default()).await?;
    assert!(
        found.problems.iter().any(|it| it.contains("many_n_idx")),
        "{found:?}"
    );
    let (stop, stopped) = watch::channel(false);
    // As somebody who loses patience while pg_amcheck runs.
    let tell = |event| {
        if event == RunEvent::LookingAtTables {
            stop.send_replace(true);
        }
    };
    let result = run_restore_test(
        &store,
        &manifest,
        &Identities::default(),
        None,
        stopped,
        &tell,
    )
    .await;
    assert!(
        matches!(result, Err(RestoreTestError::Interrupted)),
        "{result:?}"
    );
    assert_eq!(left_behind(), before);
    assert_eq!(Catalogue::read(&store).await?.entries.len(), 1);
    Ok(())
}
