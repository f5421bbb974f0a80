//! Whom a Service selects.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;

use crate::engine::WorldError;
use crate::kubernetes::Annotations;
use crate::plan::{CLOSED_BY, ORIGINAL_SELECTOR};
use crate::world::connections::Connections;

/// Gives a Service a selector, and an annotation that remembers another.
pub(in crate::world) async fn select(
    cluster: &Connections,
    service: &str,
    selector: &BTreeMap<String, String>,
    remember: Option<&BTreeMap<String, String>>,
) -> Result<(), WorldError> {
    let value = remember
        .map(serde_json::to_string)
        .transpose()
        .map_err(|error| WorldError::permanent(error.to_string()))?;
    let annotations = Annotations::from([(ORIGINAL_SELECTOR.to_owned(), value)]);
    cluster
        .kube
        .set_service_selector(cluster.namespace(), service, selector, &annotations)
        .await?;
    Ok(())
}

/// Whether a Service is closed, and leads to nobody any more.
pub(in crate::world) async fn is_closed(
    cluster: &Connections,
    service: &str,
) -> Result<bool, WorldError> {
    let now: Option<Service> = cluster.kube.get(cluster.namespace(), service).await?;
    let Some(now) = now else { return Ok(true) };
    let selector = now.spec.and_then(|it| it.selector).unwrap_or_default();
    // The slices follow the selector a little later.
    Ok(selector.contains_key(CLOSED_BY)
        && !cluster
            .kube
            .has_endpoints(cluster.namespace(), service)
            .await?)
}
