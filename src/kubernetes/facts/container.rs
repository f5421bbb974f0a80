//! Which container of a pod is the database's.

use k8s_openapi::api::core::v1::{Container, PodSpec};

use crate::cluster::names;

/// The container of the database; of a template that names it otherwise, the first.
pub(crate) fn database_container(spec: &PodSpec) -> Option<&Container> {
    let containers = &spec.containers;
    let named = containers.iter().find(|it| it.name == names::CONTAINER);
    named.or_else(|| containers.first())
}
