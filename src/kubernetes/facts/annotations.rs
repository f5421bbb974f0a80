//! What pgctl has remembered on an object.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::kubernetes::labels;

/// The annotations of pgctl, by their whole key.
pub(super) fn pgctl_annotations(metadata: &ObjectMeta) -> BTreeMap<String, String> {
    metadata
        .annotations
        .iter()
        .flatten()
        .filter(|(key, _)| key.starts_with(labels::PGCTL_PREFIX))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
