//! The parts of the first line.

use super::out_of_reach::silent_primary;
use super::state::{InstanceState, instance_state};
use crate::cluster::{Behind, ClusterId, LagReport, Snapshot, Timeline};

/// What the first line says, beside the verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Headline {
    /// The cluster, by namespace and name.
    pub cluster: ClusterId,
    /// `server_version_num` of the primary, else the lowest of any server.
    pub version: Option<u32>,
    /// The primary's timeline, else the highest of any standby.
    pub timeline: Option<Timeline>,
    /// The primary's pod, when there is exactly one.
    pub primary: Option<String>,
    /// The pod that is meant to be primary and does not answer, though it is alive.
    pub silent_primary: Option<String>,
    /// Standbys that stream from the primary now.
    pub streaming: u32,
    /// Standbys that there should be.
    pub wanted: u32,
    /// The standby that is furthest behind; none when no standby's lag is known.
    pub worst_lag: Option<(String, Behind)>,
}

impl Headline {
    pub(super) fn of(snapshot: &Snapshot, lag: &LagReport) -> Self {
        let primary = snapshot.primary();
        let facts = || snapshot.instances.iter().filter_map(|i| i.facts());
        let version = primary
            .and_then(|primary| primary.facts())
            .or_else(|| facts().min_by_key(|facts| facts.version))
            .map(|facts| facts.version);
        let timeline = primary
            .and_then(|primary| primary.facts())
            .or_else(|| facts().max_by_key(|facts| facts.timeline))
            .map(|facts| facts.timeline);
        Self {
            cluster: snapshot.cluster.clone(),
            version,
            timeline,
            primary: primary.map(|primary| primary.name().to_owned()),
            silent_primary: silent_primary(snapshot).map(|it| it.name().to_owned()),
            streaming: streaming(snapshot),
            wanted: snapshot.standbys_wanted(),
            worst_lag: lag
                .worst()
                .map(|standby| (standby.pod.clone(), standby.behind)),
        }
    }
}

/// How many standbys stream (paused ones do).
pub(super) fn streaming(snapshot: &Snapshot) -> u32 {
    let streams =
        |state: &InstanceState| matches!(state, InstanceState::Streaming | InstanceState::Paused);
    let count = snapshot
        .instances
        .iter()
        .filter(|instance| streams(&instance_state(snapshot, instance)))
        .count();
    u32::try_from(count).unwrap_or(u32::MAX)
}
