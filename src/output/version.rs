//! `pgctl version`: what runs where.

use super::answers::role_word;
use super::plain::plain;
use super::screen::{Screen, Tone};
use super::table::{Column, Table, normal};
use crate::cluster::{ClusterId, NoAnswer, Role};
use crate::failure::Failure;

/// All versions, as far as they could be asked.
#[derive(Debug, Clone)]
pub struct Versions {
    /// Of pgctl.
    pub client: ClientVersion,
    /// Of Kubernetes, or why it did not say; none when it was not asked.
    pub kubernetes: Option<Result<KubernetesVersion, Failure>>,
    /// Of the clusters of the namespace, or why there are none; none when nobody was asked.
    pub clusters: Option<Result<Vec<ClusterVersions>, Failure>>,
}

/// Of pgctl.
#[derive(Debug, Clone)]
pub struct ClientVersion {
    /// As `pgctl --version` has it.
    pub version: &'static str,
    /// The commit that it was built from, where whoever built it said so (`PGCTL_COMMIT`).
    pub commit: Option<&'static str>,
    /// What it was built for: processor and operating system, such as `x86_64-linux`.
    pub platform: String,
}

impl ClientVersion {
    /// Of this very program.
    pub fn of_this_program() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("PGCTL_COMMIT").filter(|it| !it.is_empty()),
            platform: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        }
    }
}

/// Of Kubernetes.
#[derive(Debug, Clone)]
pub struct KubernetesVersion {
    /// `gitVersion`, such as `v1.33.0`.
    pub version: String,
    /// Address of the API server.
    pub server: String,
}

/// Of a cluster's servers.
#[derive(Debug, Clone)]
pub struct ClusterVersions {
    /// Which cluster.
    pub cluster: ClusterId,
    /// Its servers, the primary first.
    pub servers: Vec<ServerVersion>,
}

/// Of a server.
#[derive(Debug, Clone)]
pub struct ServerVersion {
    /// Name of its pod.
    pub pod: String,
    /// What it is, as it says.
    pub role: Role,
    /// The image of its database container, as the pod's spec names it.
    pub image: Option<String>,
    /// Of PostgreSQL, such as `15.18`, as the server itself says; or why it did not.
    pub version: Result<String, NoAnswer>,
}

/// Width of the names before the versions.
const NAMES: usize = "Kubernetes  ".len();

/// The version of pgctl and nothing else.
pub fn version_answer(versions: &Versions) -> String {
    format!("{}\n", versions.client.version)
}

/// A line for each program, then the servers of each cluster.
pub fn version_screen(versions: &Versions, screen: &Screen) -> String {
    let client = &versions.client;
    let commit = client.commit.map(|it| format!(", commit {it}"));
    let own = format!(
        "{}{}, {}",
        client.version,
        commit.unwrap_or_default(),
        client.platform
    );
    let mut lines = vec![line("pgctl", &own, screen)];
    match &versions.kubernetes {
        None => {}
        Some(Ok(it)) => {
            let said = format!("{} at {}", it.version, it.server);
            lines.push(line("Kubernetes", &said, screen));
        }
        Some(Err(failure)) => lines.push(unasked("Kubernetes", failure, screen)),
    }
    match &versions.clusters {
        None => {}
        Some(Ok(clusters)) => {
            let said = clusters
                .iter()
                .map(|it| line("PostgreSQL", &sum(it), screen));
            lines.extend(said);
            lines.extend(clusters.iter().map(|it| format!("\n{}", table(it, screen))));
        }
        Some(Err(failure)) => lines.push(unasked("PostgreSQL", failure, screen)),
    }
    lines.join("\n") + "\n"
}

fn line(name: &str, said: &str, screen: &Screen) -> String {
    let width = NAMES;
    screen.wrap(&plain(&format!("{name:<width$}{said}")), NAMES)
}

fn unasked(name: &str, failure: &Failure, screen: &Screen) -> String {
    let mut text = line(name, &format!("not known: {failure}"), screen);
    text = screen.paint(Tone::Warning, &text);
    for next in &failure.next {
        let next = screen.given.suggestion(next);
        text += &format!("\n{}next: {next}", " ".repeat(NAMES));
    }
    text
}

/// `15.18 on 2 of 3 servers of shop/main, 15.17 on 1`.
fn sum(cluster: &ClusterVersions) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for version in cluster
        .servers
        .iter()
        .filter_map(|it| it.version.as_deref().ok())
    {
        match counts.iter_mut().find(|(known, _)| *known == version) {
            Some((_, count)) => *count += 1,
            None => counts.push((version, 1)),
        }
    }
    let (id, all) = (&cluster.cluster, cluster.servers.len());
    let servers = if all == 1 { "server" } else { "servers" };
    let Some(((first, count), others)) = counts.split_first() else {
        return format!("not known: none of the {all} {servers} of {id} answers");
    };
    let others = others
        .iter()
        .map(|(version, count)| format!(", {version} on {count}"));
    format!(
        "{first} on {count} of {all} {servers} of {id}{}",
        others.collect::<String>()
    )
}

fn table(cluster: &ClusterVersions, screen: &Screen) -> String {
    let mut table = Table::new(&[
        Column::kept("POD"),
        Column::ranked("ROLE", 1),
        Column::kept("POSTGRESQL"),
        Column::ranked("IMAGE", 2),
    ]);
    for it in &cluster.servers {
        let version = match &it.version {
            Ok(version) => normal(version),
            Err(why) => (format!("not known: {why}"), Tone::Warning),
        };
        table.row([
            normal(&it.pod),
            normal(match it.role {
                Role::Unknown => "?",
                role => role_word(role),
            }),
            version,
            normal(it.image.as_deref().unwrap_or("-")),
        ]);
    }
    table.draw(screen)
}
