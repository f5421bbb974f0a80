//! The topology ConfigMap: the fence.

use std::collections::BTreeMap;

use futures::future::{join_all, try_join_all};

use crate::cluster::names;
use crate::engine::WorldError;
use crate::kubernetes::{Annotations, KubeError, StoredMap, unproven};
use crate::plan::PodRef;
use crate::world::connections::Connections;

/// Records the primary under a term, and with the same write whose end is to be proven from then
/// on; and annotates the pods with the term: their kubelets then bring the change into the running
/// pods at once, instead of within a minute or two.
pub(in crate::world) async fn write_topology(
    cluster: &Connections,
    config_map: &str,
    primary: &str,
    term: u64,
    system: &str,
    owing: &[String],
) -> Result<(), WorldError> {
    let who: Vec<String> = owing.iter().cloned().chain([primary.to_owned()]).collect();
    let before = present(cluster, &who).await?;
    change_topology(cluster, config_map, |data| {
        let stored = term_in(data);
        if stored > term {
            return Err(WorldError::replaced(format!(
                "{config_map} is at term {stored} already: somebody else has changed the primary"
            )));
        }
        let named = data.get(names::TOPOLOGY_PRIMARY).map_or("", |it| it.trim());
        if stored == term && !named.is_empty() && named != primary {
            return Err(WorldError::replaced(format!(
                "{config_map} names {named} in term {term} already"
            )));
        }
        data.insert(names::TOPOLOGY_PRIMARY.to_owned(), primary.to_owned());
        data.insert(names::TOPOLOGY_TERM.to_owned(), term.to_string());
        if !system.is_empty() {
            data.insert(names::TOPOLOGY_SYSTEM.to_owned(), system.to_owned());
        }
        owe(data, primary, &before);
        Ok(())
    })
    .await?;
    // One that was replaced between the look and the write may have read what was there before.
    let after = present(cluster, &who).await?;
    if after.iter().any(|pod| !before.contains(pod)) {
        change_topology(cluster, config_map, |data| {
            if term_in(data) == term {
                owe(data, primary, &after);
            }
            Ok(())
        })
        .await?;
    }
    let annotations = Annotations::from([(names::TERM.to_owned(), Some(term.to_string()))]);
    let annotated = join_all(cluster.pods.iter().map(|pod| {
        cluster
            .kube
            .annotate_pod(cluster.namespace(), pod, &annotations)
    }));
    for result in annotated.await {
        match result {
            // A pod that is gone has no old topology. Who may not annotate pays with a minute or two.
            Ok(()) | Err(KubeError::NotFound { .. } | KubeError::Forbidden { .. }) => {}
            // A container that is restarted takes a topology at the annotated term for fresh
            // (`deploy/base/scripts/start.sh`): a change is not made before all pods know of it.
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Takes out that the end of these pods is to be proven.
pub(in crate::world) async fn settle_proofs(
    cluster: &Connections,
    config_map: &str,
    pods: &[String],
) -> Result<(), WorldError> {
    change_topology(cluster, config_map, |data| {
        for pod in pods {
            data.remove(&names::unproven_key(pod));
        }
        Ok(())
    })
    .await
}

pub(in crate::world) async fn proofs_are_settled(
    cluster: &Connections,
    config_map: &str,
    pods: &[String],
) -> Result<bool, WorldError> {
    let stored = cluster
        .kube
        .stored_map(cluster.namespace(), config_map)
        .await?;
    Ok(stored.is_none_or(|it| {
        let left = unproven(&it.data);
        !pods.iter().any(|pod| left.contains_key(pod))
    }))
}

/// The pods of these names that exist now.
pub(in crate::world) async fn present(
    cluster: &Connections,
    names: &[String],
) -> Result<Vec<PodRef>, WorldError> {
    let looking = names
        .iter()
        .map(|name| cluster.kube.pod(cluster.namespace(), name));
    let found = try_join_all(looking).await?;
    Ok(found
        .into_iter()
        .flatten()
        .map(|pod| PodRef {
            name: pod.name,
            uid: pod.uid,
        })
        .collect())
}

/// Leaves a request for a fresh copy where the start script of the pod looks for it.
pub(in crate::world) async fn request_clone(
    cluster: &Connections,
    config_map: &str,
    pod: &str,
    request: &str,
) -> Result<(), WorldError> {
    change_topology(cluster, config_map, |data| {
        data.insert(names::clone_key(pod), request.to_owned());
        Ok(())
    })
    .await
}

pub(in crate::world) async fn change_topology(
    cluster: &Connections,
    config_map: &str,
    change: impl Fn(&mut BTreeMap<String, String>) -> Result<(), WorldError>,
) -> Result<(), WorldError> {
    let stored = cluster
        .kube
        .stored_map(cluster.namespace(), config_map)
        .await?;
    let mut data = stored
        .as_ref()
        .map(|it| it.data.clone())
        .unwrap_or_default();
    change(&mut data)?;
    match stored {
        Some(map) if map.data == data => {}
        Some(map) => {
            cluster
                .kube
                .replace_map(cluster.namespace(), config_map, &map, &data)
                .await?;
        }
        None => {
            let labels = BTreeMap::from([(names::MANAGED_BY.to_owned(), "pgctl".to_owned())]);
            cluster
                .kube
                .create_map(cluster.namespace(), config_map, &labels, &data)
                .await?;
        }
    }
    Ok(())
}

pub(in crate::world) async fn topology_is(
    cluster: &Connections,
    config_map: &str,
    primary: &str,
    term: u64,
) -> Result<bool, WorldError> {
    let stored = cluster
        .kube
        .stored_map(cluster.namespace(), config_map)
        .await?;
    Ok(stored.is_some_and(|StoredMap { data, .. }| {
        term_in(&data) == term
            && data.get(names::TOPOLOGY_PRIMARY).map(|it| it.trim()) == Some(primary)
    }))
}

/// Fails when the topology has gone on: another change of the primary has taken the place of the
/// one that waits for this.
pub(in crate::world) async fn not_gone_on(
    cluster: &Connections,
    config_map: &str,
    primary: &str,
    term: u64,
) -> Result<(), WorldError> {
    let stored = cluster
        .kube
        .stored_map(cluster.namespace(), config_map)
        .await?;
    let Some(StoredMap { data, .. }) = stored else {
        return Ok(());
    };
    let now = term_in(&data);
    let named = data.get(names::TOPOLOGY_PRIMARY).map_or("", |it| it.trim());
    if now > term || (now == term && named != primary) {
        return Err(WorldError::replaced(format!(
            "{config_map} names {named} in term {now}, and this operation was for {primary} in term {term}"
        )));
    }
    Ok(())
}

pub(in crate::world) async fn clone_is_requested(
    cluster: &Connections,
    config_map: &str,
    pod: &str,
    request: &str,
) -> Result<bool, WorldError> {
    let stored = cluster
        .kube
        .stored_map(cluster.namespace(), config_map)
        .await?;
    Ok(stored
        .is_some_and(|it| it.data.get(&names::clone_key(pod)).map(String::as_str) == Some(request)))
}

/// Adds these pods to those whose end is to be proven. The pod that is named primary is no such pod:
/// whoever wants another has to prove its end in any case. What an earlier pod of its name owes stays.
fn owe(data: &mut BTreeMap<String, String>, primary: &str, pods: &[PodRef]) {
    let mut owing = unproven(data);
    for pod in pods {
        let uids = owing.entry(pod.name.clone()).or_default();
        uids.retain(|it| *it != pod.uid);
        if pod.name != primary {
            uids.push(pod.uid.clone());
        }
    }
    for (name, uids) in owing {
        match uids.is_empty() {
            true => data.remove(&names::unproven_key(&name)),
            false => data.insert(names::unproven_key(&name), uids.join(" ")),
        };
    }
}

fn term_in(data: &BTreeMap<String, String>) -> u64 {
    data.get(names::TOPOLOGY_TERM)
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}
