//! The selector of the write Service.

use std::collections::BTreeMap;

use crate::cluster::{Component, ServiceFacts};

/// Annotation of the write Service: its selector before pgctl pointed it at a pod, as JSON.
pub const ORIGINAL_SELECTOR: &str = "pgctl.io/original-selector";

/// Label that the StatefulSet controller gives to every pod (Kubernetes documentation, "Pod Name
/// Label").
pub const POD_NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";

/// Label that says which StatefulSet a pod comes from.
pub const COMPONENT_LABEL: &str = "app.kubernetes.io/component";

type Selector = BTreeMap<String, String>;

/// The selector that leads to `pod`, and the one to remember for the way back (none: forget it).
///
/// The manifests' own selector comes back as soon as the primary is back home, so that a GitOps
/// tool has nothing left to complain about.
pub(crate) fn write_selector(
    service: &ServiceFacts,
    pod: &str,
    component: Component,
) -> (Selector, Option<Selector>) {
    let remembered: Option<Selector> = service
        .annotations
        .get(ORIGINAL_SELECTOR)
        .and_then(|json| serde_json::from_str(json).ok());
    let original = remembered.unwrap_or_else(|| service.selector.clone());
    let leads_home = original.get(COMPONENT_LABEL).map(String::as_str) == Some("primary")
        && !original.contains_key(POD_NAME_LABEL);
    if component == Component::Primary && leads_home {
        return (original, None);
    }
    let mut selector = original.clone();
    selector.remove(COMPONENT_LABEL);
    selector.insert(POD_NAME_LABEL.to_owned(), pod.to_owned());
    (selector, Some(original))
}
