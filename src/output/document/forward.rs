//! `kind: PortForward`.

use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::status::ClusterDocument;
use crate::cluster::Snapshot;
use crate::output::Forwarded;

/// A local port that leads to the cluster (`pgctl port-forward -o json`: a line, once it is open).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "PortForward", deny_unknown_fields)]
pub struct PortForwardDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `PortForward`.
    #[schemars(extend("const" = "PortForward"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// Address of this machine.
    address: String,
    /// Port of this machine.
    port: u16,
    /// `write`, `read`, or the name of a pod.
    destination: String,
    /// Names of the pods that it leads to when it is opened; none when there is nowhere to lead to yet.
    pods: Vec<String>,
    /// What libpq takes, without the password.
    connection_string: String,
    /// The command that prints the password; null when nobody knows where it is.
    password_command: Option<String>,
}

impl PortForwardDocument {
    /// Of a port that leads to a cluster.
    pub fn new(snapshot: &Snapshot, forwarded: &Forwarded) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "PortForward",
            cluster: ClusterDocument::from(&snapshot.cluster),
            address: forwarded.address.ip().to_string(),
            port: forwarded.address.port(),
            destination: forwarded.destination.clone(),
            pods: forwarded.pods.clone(),
            connection_string: forwarded.connection_string(),
            password_command: forwarded.password_command.clone(),
        }
    }
}
