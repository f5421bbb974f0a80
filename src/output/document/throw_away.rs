//! Throw-away servers beside a cluster.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::ThrowAwayFacts;

/// A throw-away server (`pgctl restore --into`). It is none of the cluster's instances.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct ThrowAwayDocument {
    /// The name that it was given; commands take `restored-NAME` for its pod.
    name: String,
    /// How it is, in words.
    state: String,
    /// Its pod; null when there is none.
    pod: Option<String>,
    /// Whether that is ready.
    ready: bool,
    /// Its PersistentVolumeClaim; null when there is none, or claims could not be listed.
    claim: Option<String>,
    /// What the claim has, or what it asks for while it has nothing.
    capacity_bytes: Option<u64>,
    /// When the first of it was made, or its making was begun.
    created_at: Option<Timestamp>,
    /// Id of the operation that makes it and has not ended.
    unfinished_operation: Option<String>,
}

impl From<&ThrowAwayFacts> for ThrowAwayDocument {
    fn from(server: &ThrowAwayFacts) -> Self {
        let claim = server.claim.as_ref();
        Self {
            name: server.name.clone(),
            state: server.state(),
            pod: server.pod.as_ref().map(|it| it.name.clone()),
            ready: server.answers(),
            claim: claim.map(|it| it.name.clone()),
            capacity_bytes: claim.and_then(|it| it.bytes),
            created_at: server.since,
            unfinished_operation: server.unfinished.as_ref().map(|it| it.id.clone()),
        }
    }
}
