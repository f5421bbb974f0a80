//! `kind: Version`.

use schemars::JsonSchema;
use serde::Serialize;

use super::answers::role_word;
use super::api_version::API_VERSION;
use super::status::ClusterDocument;
use crate::output::version::{ClusterVersions, ServerVersion, Versions};

/// What runs where (`pgctl version -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Version", deny_unknown_fields)]
pub struct VersionDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Version`.
    #[schemars(extend("const" = "Version"))]
    kind: &'static str,
    /// pgctl itself.
    client: ClientDocument,
    /// Kubernetes; null when it was not asked (`--client`).
    kubernetes: Option<KubernetesDocument>,
    /// The clusters of the namespace; null when they were not asked, or `clustersError` says why there are none.
    clusters: Option<Vec<ClusterVersionsDocument>>,
    /// Why no cluster could be asked; null when some were, or nobody was to be.
    clusters_error: Option<String>,
}

/// pgctl itself.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ClientDocument {
    /// As `pgctl --version` has it.
    version: &'static str,
    /// The commit that it was built from; null where whoever built it did not say.
    commit: Option<&'static str>,
    /// Processor and operating system, such as `x86_64-linux`.
    platform: String,
}

/// Kubernetes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct KubernetesDocument {
    /// `gitVersion`; null when it did not say.
    version: Option<String>,
    /// Address of the API server; null when it did not answer.
    server: Option<String>,
    /// Why it did not say; null when it did.
    error: Option<String>,
}

/// A cluster's servers.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ClusterVersionsDocument {
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// The servers, the primary first.
    servers: Vec<ServerVersionDocument>,
}

/// A server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ServerVersionDocument {
    /// Name of its pod.
    pod: String,
    /// `primary`, `standby`, or `unknown` when it did not say.
    role: &'static str,
    /// Version of PostgreSQL, such as `15.18`, as the server says; null when it does not answer.
    version: Option<String>,
    /// The image of its database container, as the pod's spec names it.
    image: Option<String>,
    /// Why it did not answer; null when it did.
    error: Option<String>,
}

impl VersionDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(versions: &Versions) -> Self {
        let client = &versions.client;
        let kubernetes = versions.kubernetes.as_ref().map(|it| KubernetesDocument {
            version: it.as_ref().ok().map(|it| it.version.clone()),
            server: it.as_ref().ok().map(|it| it.server.clone()),
            error: it.as_ref().err().map(ToString::to_string),
        });
        let clusters = versions.clusters.as_ref();
        let found = clusters.and_then(|it| it.as_ref().ok());
        Self {
            api_version: API_VERSION,
            kind: "Version",
            client: ClientDocument {
                version: client.version,
                commit: client.commit,
                platform: client.platform.clone(),
            },
            kubernetes,
            clusters: found.map(|it| it.iter().map(Into::into).collect()),
            clusters_error: clusters
                .and_then(|it| it.as_ref().err())
                .map(ToString::to_string),
        }
    }
}

impl From<&ClusterVersions> for ClusterVersionsDocument {
    fn from(of: &ClusterVersions) -> Self {
        Self {
            cluster: (&of.cluster).into(),
            servers: of.servers.iter().map(Into::into).collect(),
        }
    }
}

impl From<&ServerVersion> for ServerVersionDocument {
    fn from(server: &ServerVersion) -> Self {
        Self {
            pod: server.pod.clone(),
            role: role_word(server.role),
            version: server.version.as_ref().ok().cloned(),
            image: server.image.clone(),
            error: server.version.as_ref().err().map(ToString::to_string),
        }
    }
}
