//! An instance in `kind: ClusterStatus`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::behind::{BehindDocument, SlotDocument};
use crate::cluster::{Component, Health, Instance, Role, Snapshot, instance_state, words};

/// A pod and the database in it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct InstanceDocument {
    /// Name of the pod.
    pod: String,
    /// Which StatefulSet it belongs to: `primary` or `replica`.
    component: String,
    /// What its database says it is: `primary`, `standby` or `unknown`.
    role: &'static str,
    /// What it does, in the words of the screen.
    state: String,
    /// Why its database does not answer, when it doesn't.
    reason: Option<String>,
    /// Whether Kubernetes counts it as ready.
    ready: bool,
    /// `status.phase` of the pod.
    phase: String,
    /// Restarts of the database container.
    restarts: u32,
    /// When the pod was made.
    created_at: Option<Timestamp>,
    /// When it was asked to end.
    deleting_since: Option<Timestamp>,
    /// Name of the node that its pod runs on; null before it has one.
    node: Option<String>,
    /// `status.podIP`; null before it has one.
    ip: Option<String>,
    /// Version of PostgreSQL, such as `15.18`.
    version: Option<String>,
    /// System identifier, a decimal.
    system_identifier: Option<String>,
    /// Timeline that it writes or replays; null when the database was not asked.
    timeline: Option<u32>,
    /// Whether it accepts writes.
    writable: Option<bool>,
    /// Where a primary is (flushed).
    flush_lsn: Option<String>,
    /// What a standby has received.
    receive_lsn: Option<String>,
    /// What a standby has replayed.
    replay_lsn: Option<String>,
    /// Whether replay is paused on a standby.
    replay_paused: Option<bool>,
    /// `recovery_min_apply_delay` of a standby, in seconds.
    apply_delay_seconds: Option<f64>,
    /// What replay on a standby waits for (`wait_event_type/wait_event`).
    replay_waits_for: Option<String>,
    /// The pod that it streams from.
    upstream: Option<String>,
    /// `async`, `potential`, `sync` or `quorum`.
    sync_state: Option<&'static str>,
    /// How far a standby is behind.
    lag: Option<BehindDocument>,
    /// Its slot on the sender.
    slot: Option<SlotDocument>,
    /// When PostgreSQL started.
    started_at: Option<Timestamp>,
    /// When the certificate expires that it presents; absent where sessions with it are not encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_expires_at: Option<Timestamp>,
}

impl InstanceDocument {
    pub(super) fn new(snapshot: &Snapshot, health: &Health, instance: &Instance) -> Self {
        let pod = &instance.pod;
        let facts = instance.facts();
        let recovery = facts.and_then(|facts| facts.recovery.as_ref());
        let lag = health.lag.standbys.iter().find(|lag| lag.pod == pod.name);
        Self {
            pod: pod.name.clone(),
            component: match pod.component {
                Component::Primary => "primary".to_owned(),
                Component::Replica => "replica".to_owned(),
            },
            role: match instance.role() {
                Role::Primary => "primary",
                Role::Standby => "standby",
                Role::Unknown => "unknown",
            },
            state: instance_state(snapshot, instance).to_string(),
            reason: lag.and_then(|lag| lag.silent.clone()),
            ready: pod.ready,
            phase: pod.phase.clone(),
            restarts: pod.restarts,
            created_at: pod.created,
            deleting_since: pod.deleting_since,
            node: pod.node.clone(),
            ip: pod.ip.clone(),
            version: facts.map(|facts| words::server_version(facts.version)),
            system_identifier: facts.map(|facts| facts.system_identifier.clone()),
            timeline: facts.map(|facts| facts.timeline.0),
            writable: facts.map(|facts| facts.takes_writes()),
            flush_lsn: facts
                .filter(|_| recovery.is_none())
                .map(|facts| facts.flush_lsn.to_string()),
            receive_lsn: recovery
                .and_then(|recovery| recovery.receive_lsn)
                .map(|lsn| lsn.to_string()),
            replay_lsn: recovery
                .and_then(|recovery| recovery.replay_lsn)
                .map(|lsn| lsn.to_string()),
            replay_paused: recovery.map(|recovery| recovery.replay_paused),
            apply_delay_seconds: recovery.map(|recovery| recovery.apply_delay_seconds),
            replay_waits_for: recovery.and_then(|recovery| recovery.replay_waits_for.clone()),
            upstream: lag.and_then(|lag| lag.upstream.clone()),
            sync_state: lag
                .and_then(|lag| lag.sync_state)
                .map(crate::output::sections::sync_word),
            lag: lag.map(|lag| BehindDocument::from(&lag.behind)),
            slot: lag.and_then(|lag| lag.slot.as_ref()).map(Into::into),
            started_at: facts.map(|facts| facts.started),
            certificate_expires_at: facts
                .and_then(|facts| facts.certificate.as_ref())
                .and_then(|it| it.expires),
        }
    }
}
