//! What a StatefulSet makes its pods and claims of.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use super::change::call_on;
use super::{Kube, KubeError, Verb};
use crate::cluster::names;

impl Kube {
    /// The StatefulSet.
    ///
    /// # Errors
    /// When there is none of this name, or it can't be read.
    pub(super) async fn template(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<StatefulSet, KubeError> {
        let set: Option<StatefulSet> = self.get(namespace, name).await?;
        set.ok_or_else(|| KubeError::NotFound {
            call: Box::new(call_on::<StatefulSet>(Verb::Get, namespace, name)),
        })
    }
}

/// The template of its data volumes.
///
/// # Errors
/// When it has none; `claim` is what was to be made of it.
pub(super) fn claim_template<'a>(
    set: &'a StatefulSet,
    claim: &str,
) -> Result<&'a PersistentVolumeClaim, KubeError> {
    let mut templates = set
        .spec
        .iter()
        .flat_map(|spec| spec.volume_claim_templates.iter().flatten());
    let named =
        |it: &&PersistentVolumeClaim| it.metadata.name.as_deref() == Some(names::DATA_VOLUME);
    templates.find(named).ok_or_else(|| KubeError::Unexpected {
        doing: format!("making the claim {claim}"),
        reason: format!(
            "the StatefulSet {} has no claim template {}",
            set.metadata.name.as_deref().unwrap_or_default(),
            names::DATA_VOLUME
        ),
    })
}
