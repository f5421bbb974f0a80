//! Writing a ConfigMap in which a cluster's records are.

use std::collections::BTreeMap;

use crate::cluster::{ClusterId, names};
use crate::kubernetes::{Kube, KubeError, StoredMap};

/// Puts `data` into the ConfigMap of this name, which was read as `map`; none: there was none, and it is
/// made.
///
/// # Errors
/// When somebody else has written it since ([`KubeError::Conflict`], [`KubeError::AlreadyExists`]), or it
/// can't be stored.
pub(super) async fn write_map(
    kube: &Kube,
    cluster: &ClusterId,
    name: &str,
    map: Option<&StoredMap>,
    data: &BTreeMap<String, String>,
) -> Result<StoredMap, KubeError> {
    let namespace = &cluster.namespace;
    match map {
        Some(map) => kube.replace_map(namespace, name, map, data).await,
        None => {
            let labels = BTreeMap::from([
                (names::MANAGED_BY.to_owned(), "pgctl".to_owned()),
                (names::CLUSTER.to_owned(), cluster.name.clone()),
            ]);
            kube.create_map(namespace, name, &labels, data).await
        }
    }
}
