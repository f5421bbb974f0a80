//! The selector of the write Service.

use std::collections::BTreeMap;

use crate::cluster::{Component, ServiceFacts};
use crate::plan::language::OperationId;

pub use crate::cluster::names::{
    CLOSED_BY, COMPONENT as COMPONENT_LABEL, ORIGINAL_SELECTOR, POD_NAME as POD_NAME_LABEL,
};

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
    let original = original(service);
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

/// The selector that leads to nothing, so that new connections are refused at once (kube-proxy rejects
/// those to a Service without endpoints), and the one to remember for the way back.
pub(crate) fn closed_selector(
    service: &ServiceFacts,
    operation: &OperationId,
) -> (Selector, Selector) {
    let original = original(service);
    let mut selector = original.clone();
    selector.insert(CLOSED_BY.to_owned(), operation.0.clone());
    (selector, original)
}

/// The selector of before pgctl pointed the Service at a pod, or at nothing.
fn original(service: &ServiceFacts) -> Selector {
    let remembered = remembered_selector(service);
    let mut original = remembered.unwrap_or_else(|| service.selector.clone());
    original.remove(CLOSED_BY);
    original
}

/// The selector of the read Service with a primary of this component, and the one to remember.
///
/// At home reads go to the replica StatefulSet, and never to the primary. When the primary is one of its pods, they go
/// to both: the former primary serves, too. None for a selector that is not the manifests' own.
pub(crate) fn read_selector(
    service: &ServiceFacts,
    primary: Component,
) -> Option<(Selector, Option<Selector>)> {
    let original = remembered_selector(service).unwrap_or_else(|| service.selector.clone());
    if original.get(COMPONENT_LABEL).map(String::as_str) != Some("replica") {
        return None;
    }
    match primary {
        Component::Primary => Some((original, None)),
        Component::Replica => {
            let mut selector = original.clone();
            selector.remove(COMPONENT_LABEL);
            // Whatever else there is in the namespace is not to be selected.
            (!selector.is_empty()).then_some((selector, Some(original)))
        }
    }
}

/// The selector that the Service's annotation remembers.
pub(crate) fn remembered_selector(service: &ServiceFacts) -> Option<Selector> {
    let json = service.annotations.get(ORIGINAL_SELECTOR)?;
    serde_json::from_str(json).ok()
}

/// The selector of before, of a Service for reads that leads to pods of the primary StatefulSet, too,
/// as it does while the primary is one of the replicas; none when it leads to the replicas alone.
pub(crate) fn replicas_alone(service: &ServiceFacts) -> Option<Selector> {
    let alone = |it: &Selector| it.get(COMPONENT_LABEL).map(String::as_str) == Some("replica");
    let before = remembered_selector(service)?;
    (!alone(&service.selector) && alone(&before)).then_some(before)
}
