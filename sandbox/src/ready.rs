//! When is a sandbox ready: every standby streams, and every pod is ready.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, bail};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Endpoints, Event, Pod, Service};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::encryption::Anybody;
use crate::environment::Login;
use crate::runtime::{ContainerRef, LogOptions, PodRuntime};
use crate::store::{Selector, Store, of};

/// How often a condition is looked at that no event announces.
const POLL: Duration = Duration::from_millis(50);

/// What is still missing, or nothing.
struct Missing(Vec<String>);

/// Waits until everything in the namespace is ready and every standby streams.
///
/// # Errors
/// When that takes longer than `timeout`; the message says what is missing, with the last lines of
/// the logs of pods that are not ready.
pub(crate) async fn wait(
    store: &Store,
    runtime: &dyn PodRuntime,
    namespace: &str,
    timeout: Duration,
) -> Result<()> {
    let end = Instant::now() + timeout;
    let mut changes = store.changes();
    loop {
        changes.borrow_and_update();
        let missing = look(store, namespace).await;
        if missing.0.is_empty() {
            return Ok(());
        }
        if Instant::now() >= end {
            let why = explain(store, runtime, namespace).await;
            bail!(
                "not ready after {} s: {}{why}",
                timeout.as_secs(),
                missing.0.join("; ")
            );
        }
        // Replication starts without any change of an object.
        drop(tokio::time::timeout(POLL, changes.changed()).await);
    }
}

async fn look(store: &Store, namespace: &str) -> Missing {
    let mut missing = Vec::new();
    let sets = store.read_all::<StatefulSet>(Some(namespace), &Selector::everything());
    let sets = sets.map(|list| list.items).unwrap_or_default();
    let mut standbys = 0;
    for set in &sets {
        let name = set.metadata.name.as_deref().unwrap_or("");
        let wanted = set.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1);
        let status = set.status.clone().unwrap_or_default();
        let ready = status.ready_replicas.unwrap_or(0);
        if ready < wanted || status.observed_generation != set.metadata.generation {
            missing.push(format!("{ready} of {wanted} pods of {name} are ready"));
        }
        if component(set) == Some("replica") {
            standbys += i64::from(wanted);
        }
    }
    missing.extend(unavailable(store, namespace));
    // The pods become ready a little after they stream: asking before that only costs.
    if missing.is_empty() && standbys > 0 {
        match streaming(store, namespace).await {
            Ok(count) if count >= standbys => {}
            Ok(count) => missing.push(format!("{count} of {standbys} standbys are streaming")),
            Err(error) => missing.push(format!("the primary does not answer: {error:#}")),
        }
    }
    if missing.is_empty() {
        missing.extend(refusing(store, namespace).await);
    }
    Missing(missing)
}

/// Deployments that lack pods.
fn unavailable(store: &Store, namespace: &str) -> Vec<String> {
    let all = store.read_all::<Deployment>(Some(namespace), &Selector::everything());
    let all = all.map(|list| list.items).unwrap_or_default();
    let lacks = |deployment: Deployment| {
        let name = deployment.metadata.name.unwrap_or_default();
        let wanted = deployment.spec.and_then(|s| s.replicas).unwrap_or(1);
        let status = deployment.status.unwrap_or_default();
        let has = status.available_replicas.unwrap_or(0);
        let seen = status.observed_generation == deployment.metadata.generation;
        (has < wanted || !seen).then(|| format!("{has} of {wanted} pods of {name} are available"))
    };
    all.into_iter().filter_map(lacks).collect()
}

/// Services that have ready pods and do not lead to them yet: the proxy takes its time.
async fn refusing(store: &Store, namespace: &str) -> Vec<String> {
    let services = store.read_all::<Service>(Some(namespace), &Selector::everything());
    let services = services.map(|list| list.items).unwrap_or_default();
    let mut refusing = Vec::new();
    for service in services {
        let name = service.metadata.name.unwrap_or_default();
        let spec = service.spec.unwrap_or_default();
        let ip = spec.cluster_ip.and_then(|ip| ip.parse::<Ipv4Addr>().ok());
        let selects = spec.selector.is_some_and(|selector| !selector.is_empty());
        let port = spec.ports.iter().flatten().next();
        let port = port.and_then(|port| u16::try_from(port.port).ok());
        if let (Some(ip), Some(port), true) =
            (ip, port, selects && has_ready(store, namespace, &name))
            && TcpStream::connect((ip, port)).await.is_err()
        {
            refusing.push(format!("the Service {name} does not lead anywhere yet"));
        }
    }
    refusing
}

fn has_ready(store: &Store, namespace: &str, service: &str) -> bool {
    let endpoints = store.read_opt::<Endpoints>(namespace, service);
    let subsets = endpoints.ok().flatten().and_then(|it| it.subsets);
    let mut subsets = subsets.into_iter().flatten();
    subsets.any(|subset| subset.addresses.is_some_and(|list| !list.is_empty()))
}

fn component(set: &StatefulSet) -> Option<&str> {
    let labels = set.metadata.labels.as_ref()?;
    labels
        .get("app.kubernetes.io/component")
        .map(String::as_str)
}

/// Asks the primary how many standbys it streams to.
async fn streaming(store: &Store, namespace: &str) -> Result<i64> {
    let labels = [(
        "app.kubernetes.io/component".to_owned(),
        "primary".to_owned(),
    )];
    let pods = store.read_all::<Pod>(Some(namespace), &Selector::labels(&labels.into()))?;
    let address = pods
        .items
        .iter()
        .find_map(|pod| pod.status.as_ref()?.pod_ip.clone());
    let Some(address) = address else {
        bail!("the primary has no address yet");
    };
    let login = Login::read(store, namespace)?;
    let mut config = tokio_postgres::Config::new();
    config
        .host(address)
        .port(5432)
        .user(login.user)
        .password(login.password)
        .dbname("postgres")
        .application_name("pgctl-sandbox")
        .connect_timeout(Duration::from_secs(2));
    let (client, connection) = config.connect(Anybody::new()?).await?;
    let connection = tokio::spawn(connection);
    let sql = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name !~ 'basebackup'";
    let row = client.query_one(sql, &[]).await;
    connection.abort();
    Ok(row?.get(0))
}

/// What the pods that are not ready have to say, for a person.
async fn explain(store: &Store, runtime: &dyn PodRuntime, namespace: &str) -> String {
    let mut text = String::new();
    let pods = store.read_all::<Pod>(Some(namespace), &Selector::everything());
    for pod in pods.map(|list| list.items).unwrap_or_default() {
        let conditions = pod
            .status
            .iter()
            .flat_map(|s| s.conditions.iter().flatten());
        if conditions
            .into_iter()
            .any(|c| c.type_ == "Ready" && c.status == "True")
        {
            continue;
        }
        let name = pod.metadata.name.unwrap_or_default();
        let phase = pod
            .status
            .and_then(|status| status.phase)
            .unwrap_or_default();
        text.push_str(&format!("\n\n{name} ({phase}):"));
        for line in last_lines(runtime, namespace, &name).await.lines() {
            text.push_str("\n  ");
            text.extend(line.chars().filter(|c| !c.is_control() || *c == '\t'));
        }
        let events = store.read_all::<Event>(Some(namespace), &Selector::everything());
        for event in events.map(|list| list.items).unwrap_or_default() {
            if event.type_.as_deref() == Some("Warning")
                && event.involved_object.name.as_deref() == Some(&name)
            {
                let reason = event.reason.unwrap_or_default();
                let message = event.message.unwrap_or_default();
                text.push_str(&format!("\n  {reason}: {}", message.trim_end()));
            }
        }
    }
    if store.list(of::<Pod>(), Some(namespace)).items.is_empty() {
        text.push_str("\n\nno pod was made");
    }
    text
}

async fn last_lines(runtime: &dyn PodRuntime, namespace: &str, pod: &str) -> String {
    let target = ContainerRef {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        container: None,
    };
    let options = LogOptions {
        tail_lines: Some(12),
        ..LogOptions::default()
    };
    let mut text = String::new();
    match runtime.logs(target, options).await {
        Ok(stream) => {
            let mut stream = stream.take(16 * 1024);
            let read = stream.read_to_string(&mut text);
            drop(tokio::time::timeout(Duration::from_secs(2), read).await);
        }
        Err(error) => text = error.to_string(),
    }
    text
}
