//! Sessions of clients on every server, by state.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::asking::{to_be_asked, within};
use super::builder::Observed;
use super::open::open;
use crate::kubernetes::Kube;

/// Sessions of clients by pod and state. A pod that does not say is left away.
pub async fn connections(
    kube: &Kube,
    observed: &Observed,
) -> BTreeMap<String, BTreeMap<String, u64>> {
    let namespace = &observed.snapshot.cluster.namespace;
    let asked = join_all(to_be_asked(kube, observed).map(async |(pod, login)| {
        let login = login.ok()?;
        let asking = async {
            let session = open(kube, namespace, pod, &login).await?;
            Ok(session.connections_by_state().await?)
        };
        let answer = within(login.timeout, asking).await;
        Some((pod.to_owned(), answer.ok()?))
    }));
    asked.await.into_iter().flatten().collect()
}
