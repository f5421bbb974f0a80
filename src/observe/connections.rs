//! Sessions of clients on every server, by state.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::builder::Observed;
use super::open::{OpenError, login, open};
use crate::cluster::Instance;
use crate::kubernetes::Kube;

/// Sessions of clients by pod and state. A pod that does not say is left away.
pub async fn connections(
    kube: &Kube,
    observed: &Observed,
) -> BTreeMap<String, BTreeMap<String, u64>> {
    let Some(credentials) = &observed.credentials else {
        return BTreeMap::new();
    };
    let login = login(credentials, kube.timeout());
    let namespace = &observed.snapshot.cluster.namespace;
    let instances = observed.snapshot.instances.iter();
    let answering = instances.filter(|it| it.facts().is_some());
    let asked = join_all(answering.map(Instance::name).map(async |pod| {
        let asking = async {
            let session = open(kube, namespace, pod, &login).await?;
            Ok::<_, OpenError>(session.connections().await?)
        };
        let answer = tokio::time::timeout(login.timeout, asking).await;
        Some((pod.to_owned(), answer.ok()?.ok()?))
    }));
    asked.await.into_iter().flatten().collect()
}
