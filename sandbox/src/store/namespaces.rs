//! Namespaces that are being terminated: nothing new comes into them, and they go when they are empty.

use super::memory::Store;
use super::{Resource, StoreError, metadata, text};

impl Store {
    /// Removes a terminating namespace once nothing is left in it.
    pub(super) fn finish_namespace(&self, namespace: &str) {
        let namespaces = super::of::<k8s_openapi::api::core::v1::Namespace>();
        loop {
            let Ok(object) = self.get(namespaces, "", namespace) else {
                return;
            };
            if text(&object, "/metadata/deletionTimestamp").is_empty()
                || metadata::has_finalizers(&object)
                || super::all()
                    .iter()
                    .any(|r| r.namespaced && !self.list(r, Some(namespace)).items.is_empty())
                || self
                    .swap(namespaces, "", namespace, &object, None)
                    .is_some()
            {
                return;
            }
        }
    }

    /// That objects can be created in it.
    pub(super) fn check_namespace(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
    ) -> Result<(), StoreError> {
        let found = self.get(
            super::of::<k8s_openapi::api::core::v1::Namespace>(),
            "",
            namespace,
        )?;
        if text(&found, "/metadata/deletionTimestamp").is_empty() {
            return Ok(());
        }
        Err(StoreError::Forbidden {
            resource,
            name: name.to_owned(),
            reason: format!(
                "unable to create new content in namespace {namespace} because it is being terminated"
            ),
        })
    }
}
