//! Whether the nodes are well.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{NotVisible, ObjectKind};
use crate::kubernetes::{Kube, KubeError};

/// Up to this many nodes are asked for one by one; above it a list is cheaper.
const ONE_BY_ONE: usize = 8;

/// Condition `Ready` of each node, by name. Nodes are no part of a namespace: a Role can't allow
/// them, and without a ClusterRole they stay unknown, which is said once.
pub(super) async fn readiness(
    kube: &Kube,
    names: BTreeSet<String>,
) -> (BTreeMap<String, bool>, Option<NotVisible>) {
    let answers = if names.len() > ONE_BY_ONE {
        kube.nodes_ready().await
    } else {
        futures::future::try_join_all(names.into_iter().map(async |name| {
            let ready = kube.node_ready(&name).await?;
            Ok::<_, KubeError>(ready.map(|ready| (name, ready)))
        }))
        .await
        .map(|answers| answers.into_iter().flatten().collect())
    };
    match answers {
        Ok(ready) => (ready, None),
        Err(error) => {
            let unseen = NotVisible {
                what: ObjectKind::Nodes,
                why: error.to_string(),
            };
            (BTreeMap::new(), Some(unseen))
        }
    }
}
