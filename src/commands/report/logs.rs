//! The logs of a report: of the servers, and of everything that runs for them.

use futures::future::join_all;

use super::piece::Piece;
use super::redaction::Redaction;
use crate::cluster::{Instance, names};
use crate::kubernetes::{Kube, StartedContainer};
use crate::observe::{Observed, end_of_server_log, login};

/// The last lines of each log, and of the one before where there is one.
pub(super) async fn logs(
    kube: &Kube,
    observed: &Observed,
    redaction: &Redaction,
    lines: u32,
) -> Vec<Piece> {
    let (servers, files, others) = futures::join!(
        of_servers(kube, observed, redaction, lines),
        in_files(kube, observed, redaction, lines),
        of_others(kube, observed, redaction, lines),
    );
    [servers, files, others].concat()
}

async fn of_servers(
    kube: &Kube,
    observed: &Observed,
    redaction: &Redaction,
    lines: u32,
) -> Vec<Piece> {
    let snapshot = &observed.snapshot;
    let namespace = &snapshot.cluster.namespace;
    let pods = snapshot.instances.iter().map(Instance::name);
    let wanted = pods.flat_map(|pod| [(pod, false), (pod, true)]);
    let pieces = wanted.map(async |(pod, previous)| {
        let log = kube.last_lines(namespace, pod, lines, previous).await;
        let name = match previous {
            true => format!("logs/{pod}.previous.log"),
            false => format!("logs/{pod}.log"),
        };
        let restarted = snapshot.instance(pod).is_some_and(|it| it.pod.restarts > 0);
        match log {
            // There is none of a container that was never started anew.
            Err(_) if previous && !restarted => None,
            log => Some(Piece::new(
                name,
                log.map(|it| redaction.log(&it))
                    .map_err(|error| error.to_string()),
            )),
        }
    });
    join_all(pieces).await.into_iter().flatten().collect()
}

/// What servers write into files of their own (`logging_collector`).
async fn in_files(
    kube: &Kube,
    observed: &Observed,
    redaction: &Redaction,
    lines: u32,
) -> Vec<Piece> {
    let snapshot = &observed.snapshot;
    let namespace = &snapshot.cluster.namespace;
    let collects = |it: &&Instance| {
        it.facts()
            .is_some_and(|facts| facts.settings.logging_collector)
    };
    let pods = snapshot.instances.iter().filter(collects);
    let pieces = pods.map(Instance::name).map(async |pod| {
        let log = match &observed.credentials {
            Some(credentials) => {
                let login = login(credentials, kube.timeout());
                let log = end_of_server_log(kube, namespace, pod, &login, lines.into()).await;
                log.map_err(|error| error.to_string())
            }
            None => Err("the Secret could not be read".to_owned()),
        };
        let log = log.map(|it| redaction.log(&it.unwrap_or_default()));
        Piece::new(format!("logs/{pod}.files.log"), log)
    });
    join_all(pieces).await
}

/// Of init containers, of what stands beside a server, of poolers, of the archiver, of backups.
async fn of_others(
    kube: &Kube,
    observed: &Observed,
    redaction: &Redaction,
    lines: u32,
) -> Vec<Piece> {
    let snapshot = &observed.snapshot;
    let namespace = &snapshot.cluster.namespace;
    let found = match kube.started_containers(&snapshot.cluster).await {
        Ok(found) => found,
        Err(error) => {
            let name = "logs/ of poolers, Jobs and other containers";
            return vec![Piece::new(name, Err(error.to_string()))];
        }
    };
    let is_server = |it: &StartedContainer| {
        it.container == names::CONTAINER && snapshot.instance(&it.pod).is_some()
    };
    let others = found.into_iter().filter(|it| !is_server(it));
    let wanted = others.flat_map(|it| match it.restarted {
        true => vec![(it.clone(), false), (it, true)],
        false => vec![(it, false)],
    });
    let pieces = wanted.map(async |(it, previous)| {
        let (pod, container) = (it.pod.as_str(), it.container.as_str());
        let log = kube.container_lines(namespace, pod, container, lines, previous);
        let log = log.await.map(|it| redaction.log(&it));
        let ending = if previous { ".previous" } else { "" };
        Piece::new(
            format!("logs/{pod}.{container}{ending}.log"),
            log.map_err(|error| error.to_string()),
        )
    });
    join_all(pieces).await
}
