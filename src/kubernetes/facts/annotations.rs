//! What pgctl has remembered on an object.

use std::collections::BTreeMap;

use crate::cluster::names;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The annotations of pgctl, by their whole key.
pub(super) fn pgctl_annotations(metadata: &ObjectMeta) -> BTreeMap<String, String> {
    metadata
        .annotations
        .iter()
        .flatten()
        .filter(|(key, _)| key.starts_with(names::PGCTL_PREFIX))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
