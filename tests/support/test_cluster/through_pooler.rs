//! Applications that come through a pooler.

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::{Pod, Service};
use pgctl_sandbox::store::Selector;
use tokio::net::TcpStream;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::cluster::{PATIENCE, full};
use super::sandbox_cluster::SandboxCluster;

/// Where a Service of a pooler leads from.
fn service(cluster: &SandboxCluster, tail: &str) -> Result<String> {
    let service: Service = cluster.store().read(cluster.namespace(), &full(tail))?;
    let address = service.spec.and_then(|it| it.cluster_ip);
    address.context("a Service without an address")
}

/// An application, which sets nothing in its session.
pub(crate) struct Application {
    client: Client,
}

/// What an application has to know to get in.
pub(crate) struct WayIn {
    address: String,
    config: Config,
}

impl WayIn {
    fn new(address: String, (role, password): (&str, &str), database: &str) -> Self {
        let mut config = Config::new();
        config.user(role).password(password).dbname(database);
        Self { address, config }
    }

    pub(crate) async fn connect(&self) -> Result<Application> {
        let connecting = async {
            let stream = TcpStream::connect((self.address.as_str(), 5432)).await?;
            let (client, connection) = self.config.connect_raw(stream, NoTls).await?;
            tokio::spawn(async move { drop(connection.await) });
            anyhow::Ok(client)
        };
        let client = tokio::time::timeout(PATIENCE, connecting).await??;
        Ok(Application { client })
    }
}

impl Application {
    pub(crate) async fn connect(
        cluster: &SandboxCluster,
        tail: &str,
        login: (&str, &str),
        database: &str,
    ) -> Result<Self> {
        let way = WayIn::new(service(cluster, tail)?, login, database);
        way.connect().await
    }

    /// Of the role `app` to the database `shop`, which the test has made (`pgctl users create`).
    pub(crate) fn way_of_shop(cluster: &SandboxCluster, tail: &str) -> Result<WayIn> {
        let name = format!("{}-user-app", cluster.name()?);
        let secret = cluster.secret(&name)?;
        let login = ("app", secret["password"].as_str());
        Ok(WayIn::new(service(cluster, tail)?, login, "shop"))
    }

    /// The same, and in.
    pub(crate) async fn of_shop(cluster: &SandboxCluster, tail: &str) -> Result<Self> {
        Self::way_of_shop(cluster, tail)?.connect().await
    }

    /// Whether its session has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The first value of an answer.
    pub(crate) async fn one(&self, sql: &str) -> Result<String> {
        let asking = self.client.simple_query(sql);
        let messages = tokio::time::timeout(PATIENCE, asking).await??;
        let row = messages.iter().find_map(|it| match it {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        Ok(row.unwrap_or_default())
    }
}

/// The pods of a pooler, with how often their containers were started again.
pub(crate) fn poolers(cluster: &SandboxCluster, component: &str) -> Result<Vec<(String, i32)>> {
    let store = cluster.store();
    let all = store.read_all::<Pod>(Some(cluster.namespace()), &Selector::everything())?;
    let of = all.items.into_iter().filter(|pod| {
        let labels = pod.metadata.labels.as_ref();
        let label = labels.and_then(|it| it.get("app.kubernetes.io/component"));
        label.is_some_and(|it| it == component) && pod.metadata.deletion_timestamp.is_none()
    });
    Ok(of
        .map(|pod| {
            let statuses = pod.status.and_then(|it| it.container_statuses);
            let restarts = statuses.into_iter().flatten().map(|it| it.restart_count);
            (pod.metadata.name.unwrap_or_default(), restarts.sum())
        })
        .collect())
}
