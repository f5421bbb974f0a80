//! A server with data, and backups of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt as _;
use pgctl::backup::catalogue::{Catalogue, verify};
use pgctl::backup::format::{Identities, Kind, Manifest, Verification};
use pgctl::backup::store::{DirectoryStore, Store, StoreError};
use pgctl::backup::take::{
    OriginalNames, Reconnect, SourcePod, TakeError, TakeRequest, TransferProgress,
    application_name, take,
};
use pgctl::backup::tools::ToolLocation;
use pgctl::cluster::ClusterId;
use pgctl::postgres::Session;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::support::{Server, eventually};

/// A server with what dumps get wrong: odd names, large objects, roles with passwords.
pub(crate) fn server() -> Server {
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

pub(crate) async fn place(server: &Server) -> SourcePod {
    let login = Server::login();
    SourcePod {
        cluster: ClusterId {
            namespace: "n".to_owned(),
            name: "c".to_owned(),
        },
        pod: "c-primary-0".to_owned(),
        role: "primary".to_owned(),
        tool_location: ToolLocation::Here {
            host: "127.0.0.1".to_owned(),
            port: server.port(),
            forward: None,
        },
        session: server.session().await,
        user: login.user,
        password: login.password,
        reconnect: Some(reconnect(server.port())),
    }
}

fn reconnect(port: u16) -> Reconnect {
    Arc::new(move || {
        async move {
            let stream = TcpStream::connect(("127.0.0.1", port)).await;
            let stream = stream.map_err(|error| error.to_string())?;
            let opened = Session::connect(stream, std::future::ready(None), &Server::login()).await;
            opened.map_err(|error| error.to_string())
        }
        .boxed()
    })
}

pub(crate) fn request(kind: Kind) -> TakeRequest {
    TakeRequest {
        kind,
        database: None,
        compression: None,
        jobs: 2,
        rate: None,
        label: Some("a label".to_owned()),
        recipients: Vec::new(),
        original_names: OriginalNames::default(),
    }
}

pub(crate) async fn taken(
    place: &SourcePod,
    store: &Arc<dyn Store>,
    request: &TakeRequest,
) -> Result<Manifest, TakeError> {
    let (_keep, stop) = watch::channel(false);
    let progress = Arc::new(TransferProgress::default());
    take(
        place,
        store,
        request,
        application_name(),
        progress,
        stop,
        &|event| {
            if let pgctl::events::RunEvent::Warning { message: text } = event {
                eprintln!("warning: {text}");
            }
        },
    )
    .await
}

/// Takes a backup; as soon as more than so many bytes have arrived `disturbance` comes on top.
pub(crate) async fn disturbed(
    place: &SourcePod,
    store: &Arc<dyn Store>,
    request: &TakeRequest,
    bytes: u64,
    disturbance: impl Future<Output = ()>,
) -> Result<Manifest, TakeError> {
    let (_keep, stop) = watch::channel(false);
    let progress = Arc::new(TransferProgress::default());
    let taking = take(
        place,
        store,
        request,
        application_name(),
        Arc::clone(&progress),
        stop,
        &|_| {},
    );
    let disturbing = async {
        eventually("something has arrived", async || {
            (progress.received() > bytes).then_some(())
        })
        .await;
        disturbance.await;
    };
    futures::join!(taking, disturbing).0
}

/// A new key of age: whom to encrypt for, and the file that reads it.
pub(crate) fn new_key(folder: &Path) -> anyhow::Result<(String, PathBuf)> {
    let key = age::x25519::Identity::generate();
    let file = folder.join("key");
    let secret = key.to_string();
    std::fs::write(&file, age::secrecy::ExposeSecret::expose_secret(&secret))?;
    Ok((key.to_public().to_string(), file))
}

pub(crate) fn directory(folder: &Path) -> Arc<dyn Store> {
    Arc::new(DirectoryStore::new(&folder.join("store")).expect("a path"))
}

/// What verifying the newest backup of a store finds.
pub(crate) async fn verified(
    store: &Arc<dyn Store>,
    keys: &Identities,
) -> Result<Verification, StoreError> {
    let catalogue = Catalogue::read(store).await.expect("the store can be read");
    let entry = catalogue.entries.last().expect("there is a backup").clone();
    let (store, keys) = (Arc::clone(store), keys.clone());
    tokio::task::spawn_blocking(move || verify(store.as_ref(), &entry, &keys, &|_| {}))
        .await
        .expect("no panic")
}

/// What is wrong with the newest backup of a store.
pub(crate) async fn problems(store: &Arc<dyn Store>, keys: &Identities) -> Vec<String> {
    let found = verified(store, keys).await;
    found.expect("the store can be read").problems
}

pub(crate) async fn is_empty(store: &Arc<dyn Store>) -> bool {
    let catalogue = Catalogue::read(store).await.expect("the store can be read");
    catalogue.entries.is_empty() && catalogue.partial.is_empty()
}
