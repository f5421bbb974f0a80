//! Buckets that fail.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use pgctl::backup::catalogue::Catalogue;
use pgctl::backup::format::{Identities, Kind};
use pgctl::backup::store::{Store, StoreError, StoredFile};
use pgctl::backup::take::TakeError;

use crate::common::{place, problems, request, server, taken};
use crate::support::S3Server;

const ID: &str = "default_postgres_20261125T140000Z_logical_0a1b";

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
    let patience = std::time::Duration::from_secs(1);
    let store: Arc<dyn Store> = Arc::new(s3.store_with_patience("p", patience));
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
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_back_after_a_while_costs_no_backup() -> anyhow::Result<()> {
    let s3 = S3Server::start().await;
    let store = s3.store("p");
    let written = tokio::task::spawn_blocking(move || {
        let unfinished = store.begin(ID)?;
        let mut file = unfinished.create("a.dump")?;
        // More than the repetitions of one request: it is waited for.
        s3.busy_for(9);
        let content = vec![7; 17 << 20];
        file.write_all(&content)?;
        file.finish()?;
        let file = StoredFile {
            name: "a.dump".to_owned(),
            bytes: 17 << 20,
        };
        unfinished.commit(&[file], b"{}")?;
        assert_eq!(s3.still_busy_for(), 0);
        let mut read = Vec::new();
        store.open(ID, "a.dump")?.read_to_end(&mut read)?;
        assert!(read == content, "{} bytes", read.len());
        // Whoever comes first is not made to wait.
        s3.busy_for(u64::MAX);
        const OTHER: &str = "default_postgres_20261125T140000Z_logical_0a1c";
        let error = store.begin(OTHER).err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| text.contains("503")));
        assert!(s3.still_busy_for() >= u64::MAX - 7);
        anyhow::Ok(())
    });
    written.await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_is_read_to_its_end_however_often_the_connection_breaks()
-> anyhow::Result<()> {
    let s3 = S3Server::start().await;
    let content: Vec<u8> = (0_u32..25 << 20).flat_map(u32::to_le_bytes).collect();
    {
        let store = s3.store("p");
        let content = content.clone();
        tokio::task::spawn_blocking(move || {
            let unfinished = store.begin(ID)?;
            let mut file = unfinished.create("a.dump")?;
            file.write_all(&content).map_err(anyhow::Error::from)?;
            file.finish()?;
            unfinished.commit(&[], b"{}")?;
            anyhow::Ok(())
        })
        .await??;
    }
    s3.connections_break_after(9 << 20);
    // A client of its own: it has no connections yet.
    let store = s3.store("p");
    let read = tokio::task::spawn_blocking(move || {
        let mut read = Vec::new();
        store.open(ID, "a.dump")?.read_to_end(&mut read)?;
        anyhow::Ok(read)
    })
    .await??;
    assert!(read == content, "{} bytes of {}", read.len(), content.len());
    Ok(())
}
