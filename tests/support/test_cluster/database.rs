//! Connections straight to a server, past `pgctl`: what a test believes must not come through the
//! code that it tests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Secret;
use pgctl_sandbox::encryption::Anybody;
use pgctl_sandbox::store::Selector;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, SimpleQueryMessage};

use super::backend::Backend;
use super::forward::Forwards;

/// For those who watch a server: an answer that takes longer counts as silence (frozen, or cut off).
const SILENT: Limits = Limits {
    connecting: Duration::from_secs(2),
    answering: Duration::from_secs(2),
};
/// For a test's own statements. Only ever reached by a hang: a busy machine takes its time to copy
/// a database.
const HANGS: Limits = Limits {
    connecting: Duration::from_secs(240),
    answering: Duration::from_secs(300),
};

/// How long a server is waited for.
#[derive(Clone, Copy)]
struct Limits {
    connecting: Duration,
    answering: Duration,
}

/// What a test sets on roles and databases is not for the one who looks.
const OWN_SETTINGS: &str = "-c role=none -c default_transaction_read_only=off \
     -c default_transaction_isolation=read\\ committed -c default_transaction_deferrable=off \
     -c idle_session_timeout=0 -c idle_in_transaction_session_timeout=0 -c lock_timeout=0 \
     -c statement_timeout=0 -c DateStyle=ISO -c search_path=public -c synchronous_commit=on \
     -c session_preload_libraries= -c local_preload_libraries= -c exit_on_error=off \
     -c session_replication_role=origin -c default_tablespace= -c temp_tablespaces= -c temp_file_limit=-1 \
     -c debug_print_plan=off -c debug_print_rewritten=off \
     -c client_min_messages=warning -c bytea_output=hex -c standard_conforming_strings=on";

/// The superuser, from the cluster's Secret, and the way to the servers.
#[derive(Clone)]
pub(crate) struct Login {
    user: String,
    password: String,
    /// None where this machine reaches the pods themselves.
    forwards: Option<Forwards>,
    /// Whether the servers have certificates.
    encrypts: bool,
}

impl Login {
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    pub(crate) fn read(backend: &Backend) -> Result<Self> {
        let secrets = backend
            .objects()
            .read_all::<Secret>(Some(backend.namespace()), &Selector::everything())?;
        let encrypts = secrets.items.iter().any(|secret| {
            let data = secret.data.as_ref();
            data.is_some_and(|it| it.contains_key("ca.crt") && it.contains_key("tls.crt"))
        });
        let data = secrets
            .items
            .into_iter()
            .filter_map(|secret| secret.data)
            .find(|data| data.contains_key("postgres-password"))
            .context("no Secret has the key postgres-password")?;
        let text = |key: &str| {
            let value = data.get(key).with_context(|| format!("no key {key}"))?;
            String::from_utf8(value.0.clone()).context("a Secret that is no text")
        };
        let forwards = backend
            .client()
            .map(|client| Forwards::new(client, backend.namespace()));
        Ok(Self {
            user: text("postgres-user")?,
            password: text("postgres-password")?,
            forwards,
            encrypts,
        })
    }
}

impl Login {
    /// Whether servers are reached through the API.
    pub(crate) fn forwards(&self) -> bool {
        self.forwards.is_some()
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }
}

/// A session that ends when it is dropped.
pub(crate) struct Database {
    client: Client,
    limits: Limits,
    connection: JoinHandle<()>,
}

impl Database {
    /// Connects to an address: an IP on the sandbox, `pod/NAME` or `service/NAME` elsewhere.
    pub(crate) async fn open(address: &str, login: &Login) -> Result<Self> {
        Self::open_within(HANGS, address, login).await
    }

    /// As [`Self::open`], for a watcher: a server that does not answer soon is silent, and each
    /// answer on this connection, too.
    pub(crate) async fn watch(address: &str, login: &Login) -> Result<Self> {
        Self::open_within(SILENT, address, login).await
    }

    /// As [`Self::open`], and never gives up by itself.
    pub(crate) async fn arrive(address: &str, login: &Login) -> Result<Self> {
        Self::connect(HANGS, address, login).await
    }

    /// Connects to a database, runs SQL there, and gives the rows.
    pub(crate) async fn ask(
        address: &str,
        login: &Login,
        database: &str,
        sql: &str,
    ) -> Result<Vec<Vec<String>>> {
        let asking = Self::connect_to(database, HANGS, address, login);
        let session = tokio::time::timeout(HANGS.connecting, asking).await??;
        session.rows(sql).await
    }

    async fn open_within(limits: Limits, address: &str, login: &Login) -> Result<Self> {
        tokio::time::timeout(limits.connecting, Self::connect(limits, address, login))
            .await
            .with_context(|| format!("{address} is silent"))?
            .with_context(|| format!("connecting to {address}"))
    }

    async fn connect(limits: Limits, address: &str, login: &Login) -> Result<Self> {
        Self::connect_to("postgres", limits, address, login).await
    }

    async fn connect_to(
        database: &str,
        limits: Limits,
        address: &str,
        login: &Login,
    ) -> Result<Self> {
        // PostgreSQL 17 and newer has one more, which older ones don't let anybody in with.
        static NEWER: AtomicBool = AtomicBool::new(true);
        if NEWER.load(Ordering::Relaxed) {
            let newer = format!("{OWN_SETTINGS} -c transaction_timeout=0");
            let connected = Self::connect_with(&newer, database, limits, address, login).await;
            let error = connected.as_ref().err();
            let error = error.and_then(|it| it.downcast_ref::<tokio_postgres::Error>());
            let code = error.and_then(tokio_postgres::Error::code);
            if code != Some(&SqlState::UNDEFINED_OBJECT) {
                return connected;
            }
            NEWER.store(false, Ordering::Relaxed);
        }
        Self::connect_with(OWN_SETTINGS, database, limits, address, login).await
    }

    /// Connects as an application does: as another role, with what is set on it.
    pub(crate) async fn open_as(
        address: &str,
        login: &Login,
        (role, password): (&str, &str),
        database: &str,
    ) -> Result<Self> {
        let login = Login {
            user: role.to_owned(),
            password: password.to_owned(),
            forwards: login.forwards.clone(),
            encrypts: login.encrypts,
        };
        Self::connect_with("", database, HANGS, address, &login).await
    }

    async fn connect_with(
        options: &str,
        database: &str,
        limits: Limits,
        address: &str,
        login: &Login,
    ) -> Result<Self> {
        let mut config = Config::new();
        config
            .user(&login.user)
            .password(&login.password)
            .dbname(database)
            .application_name("oracle")
            .options(options)
            .ssl_mode(match login.encrypts {
                // Which it does not while certificates are taken from it.
                true => SslMode::Prefer,
                false => SslMode::Disable,
            });
        let anybody = Anybody::new()?;
        // The connection's end shows in the client.
        let (client, connection) = match &login.forwards {
            None => {
                let stream = TcpStream::connect((address, 5432)).await?;
                let (client, connection) = config.connect_raw(stream, anybody).await?;
                (client, tokio::spawn(async move { drop(connection.await) }))
            }
            Some(forwards) => {
                let (stream, forwarder) = forwards.open(address).await?;
                let (client, connection) = config.connect_raw(stream, anybody).await?;
                let carried = async move {
                    drop(connection.await);
                    drop(forwarder);
                };
                (client, tokio::spawn(carried))
            }
        };
        Ok(Self {
            client,
            limits,
            connection,
        })
    }

    /// Runs SQL in one message and gives the rows as text.
    pub(crate) async fn rows(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        let asking = self.client.simple_query(sql);
        let messages = tokio::time::timeout(self.limits.answering, asking)
            .await
            .with_context(|| format!("no answer to {sql}"))?
            .with_context(|| format!("running {sql}"))?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows
            .map(|row| {
                // What is no UTF-8 is nothing that a test asks for; it may be among what it lists.
                let text = |i| row.try_get(i).unwrap_or(Some("\u{fffd}"));
                let fields = (0..row.len()).map(|i| text(i).unwrap_or_default().to_owned());
                fields.collect()
            })
            .collect())
    }

    /// The first column of the first row.
    pub(crate) async fn one(&self, sql: &str) -> Result<String> {
        let rows = self.rows(sql).await?;
        let first = rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next());
        first.with_context(|| format!("no row for {sql}"))
    }

    /// For statements whose outcome must be told apart.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
