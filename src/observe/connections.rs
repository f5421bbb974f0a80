//! Sessions of clients on every server, by state.

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::Timestamp;

use super::asking::{to_be_asked, within};
use super::builder::{Depth, Observed, observe_and_ask};
use super::open::{OpenPod, open};
use crate::kubernetes::{Kube, KubeError, NamespaceScope, Selection};

/// Sessions of clients by pod and state.
pub type Connections = BTreeMap<String, BTreeMap<String, u64>>;

/// Looks at the one cluster of a place, and counts sessions on the way. A pod that does not say is left away.
///
/// # Errors
/// As [`super::observe`].
pub async fn observe_and_count(
    kube: &Kube,
    place: &NamespaceScope,
    selection: &Selection,
    depth: Depth,
) -> Result<(Observed, Connections), KubeError> {
    let taken = Timestamp::now();
    let found = kube.discover_one(place, selection).await?;
    let count = async |pod: OpenPod<'_>| {
        let counting = async { Ok(pod.session.connections_by_state().await?) };
        let counted = within(pod.login.timeout, counting).await;
        Some((pod.pod.name.clone(), counted.ok()?))
    };
    let (observed, counted) = observe_and_ask(kube, &found, taken, depth, &count).await?;
    let counted = counted.into_iter().flatten().flatten().collect();
    Ok((observed, counted))
}

/// Counts the sessions of what was looked at before. A pod that does not say is left away.
pub async fn connections(kube: &Kube, observed: &Observed) -> Connections {
    let namespace = &observed.snapshot.cluster.namespace;
    let asked = join_all(to_be_asked(kube, observed).map(async |(instance, login)| {
        let (pod, login) = (instance.name(), login.ok()?);
        let asking = async {
            let session = open(kube, namespace, pod, &login).await?;
            Ok(session.connections_by_state().await?)
        };
        let answer = within(login.timeout, asking).await;
        Some((pod.to_owned(), answer.ok()?))
    }));
    asked.await.into_iter().flatten().collect()
}
