//! The Services and where they really lead.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::GitOps;
use super::names;

/// What a Service is for (label `app.kubernetes.io/component` of the Service, else its selector).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServicePurpose {
    /// The endpoint for writes.
    Write,
    /// The endpoint for reads.
    Read,
    /// Names the pods of a StatefulSet (`clusterIP: None`).
    Headless,
}

/// A Service of the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceFacts {
    /// `metadata.name`.
    pub name: String,
    /// What it is for.
    pub purpose: ServicePurpose,
    /// `spec.clusterIP`; none for a headless one.
    pub cluster_ip: Option<String>,
    /// `spec.ports[0].port`.
    pub port: Option<u16>,
    /// `spec.selector`.
    pub selector: BTreeMap<String, String>,
    /// Annotations of pgctl on it (the remembered selector), by key.
    pub annotations: BTreeMap<String, String>,
    /// Where its EndpointSlices lead.
    pub endpoints: Vec<ServiceEndpoint>,
    /// Who deploys it, when a GitOps tool does.
    pub git_ops: Option<GitOps>,
}

impl ServiceFacts {
    /// The operation that has closed it, when one has.
    pub fn closed_by(&self) -> Option<&str> {
        self.selector.get(names::CLOSED_BY).map(String::as_str)
    }
}

/// One address behind a Service (`discovery.k8s.io/v1` EndpointSlice, `endpoints[]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceEndpoint {
    /// The pod (`targetRef.name`), when it is one.
    pub pod: Option<String>,
    /// IP address that connections are led to.
    pub address: String,
    /// `conditions.ready`: it gets traffic.
    pub ready: bool,
}
