//! `kind: LagReport`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::behind::{BehindDocument, SlotDocument};
use super::status::ClusterDocument;
use crate::cluster::{CatchUp, LagCheck, LagStage, Reference, Snapshot, StandbyLag, StandbyRate};
use crate::output::LagView;

/// A stage of the way of WAL.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct StageDocument {
    /// Position in the WAL, as `0/3000028`; null when unknown.
    lsn: Option<String>,
    /// Bytes that are missing there.
    bytes: Option<u64>,
    /// Seconds behind there, where they are measured.
    seconds: Option<f64>,
}

impl From<&LagStage> for StageDocument {
    fn from(stage: &LagStage) -> Self {
        Self {
            lsn: stage.lsn.map(|lsn| lsn.to_string()),
            bytes: stage.bytes,
            seconds: stage.seconds,
        }
    }
}

/// What lag is measured against.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ReferenceDocument {
    /// Name of the pod that it is measured against.
    pod: String,
    /// Position in the WAL, as `0/3000028`.
    lsn: String,
    /// Whether it is the primary; otherwise the standby that has received the most.
    is_primary: bool,
}

impl From<&Reference> for ReferenceDocument {
    fn from(reference: &Reference) -> Self {
        Self {
            pod: reference.pod.clone(),
            lsn: reference.lsn.to_string(),
            is_primary: reference.is_primary,
        }
    }
}

/// The sender's view of a standby.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct SenderDocument {
    /// Pod that sends.
    pod: Option<String>,
    /// `pg_stat_replication.state`.
    state: String,
    /// `async`, `potential`, `sync` or `quorum`.
    sync_state: Option<&'static str>,
    /// Sent.
    sent: StageDocument,
    /// Written to the standby's operating system.
    written: StageDocument,
    /// On the standby's disk.
    flushed: StageDocument,
    /// Visible to readers.
    replayed: StageDocument,
}

/// The standby's own view.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ReceiverDocument {
    /// The sender's position as last told to it.
    told_lsn: Option<String>,
    /// On its disk.
    flushed: StageDocument,
    /// Visible to its readers.
    replayed: StageDocument,
    /// Replay is paused.
    paused: bool,
}

/// The pace of a standby.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct PaceDocument {
    /// Bytes per second received.
    received_bytes_per_second: Option<f64>,
    /// Bytes per second replayed.
    replayed_bytes_per_second: Option<f64>,
    /// `done`, `keeping`, `in`, `never`, `stalled` or `unknown`.
    catch_up: &'static str,
    /// Seconds until it has caught up, with `in`.
    catch_up_seconds: Option<f64>,
}

impl From<&StandbyRate> for PaceDocument {
    fn from(rate: &StandbyRate) -> Self {
        let (catch_up, catch_up_seconds) = match rate.catch_up {
            CatchUp::Done => ("done", Some(0.0)),
            CatchUp::Keeping => ("keeping", None),
            CatchUp::In(seconds) => ("in", Some(seconds)),
            CatchUp::Never => ("never", None),
            CatchUp::Stalled => ("stalled", None),
            CatchUp::Unknown => ("unknown", None),
        };
        Self {
            received_bytes_per_second: rate.received,
            replayed_bytes_per_second: rate.replayed,
            catch_up,
            catch_up_seconds,
        }
    }
}

/// One standby.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct StandbyDocument {
    /// Name of the standby's pod.
    pod: String,
    /// Why its database does not answer, when it doesn't.
    reason: Option<String>,
    /// It is on another timeline or of another system: distances mean nothing.
    diverged: bool,
    /// How far its readers are behind, all views taken together.
    behind: BehindDocument,
    /// The check of `--max-lag`: `within`, `exceeded` or `unknown`; null without one.
    check: Option<&'static str>,
    /// The sender's view; null when nobody streams to it.
    sender: Option<SenderDocument>,
    /// Its own view; null when it does not answer.
    receiver: Option<ReceiverDocument>,
    /// Its slot on the sender.
    slot: Option<SlotDocument>,
    /// Its pace; null when only one look was taken.
    pace: Option<PaceDocument>,
}

impl StandbyDocument {
    fn new(view: &LagView<'_>, standby: &StandbyLag) -> Self {
        let pace = view
            .rates
            .and_then(|rates| rates.standbys.iter().find(|rate| rate.pod == standby.pod));
        Self {
            pod: standby.pod.clone(),
            reason: standby.silent.clone(),
            diverged: standby.diverged,
            behind: (&standby.behind).into(),
            check: view
                .limit
                .map(|limit| match limit.check(view.report, standby) {
                    LagCheck::Within => "within",
                    LagCheck::Exceeded => "exceeded",
                    LagCheck::Unknown => "unknown",
                }),
            sender: standby.stream.as_ref().map(|state| SenderDocument {
                pod: standby.upstream.clone(),
                state: state.clone(),
                sync_state: standby.sync_state.map(crate::output::sections::sync_word),
                sent: (&standby.sent).into(),
                written: (&standby.written).into(),
                flushed: (&standby.flushed).into(),
                replayed: (&standby.replayed).into(),
            }),
            receiver: standby.silent.is_none().then(|| ReceiverDocument {
                told_lsn: standby.told.map(|lsn| lsn.to_string()),
                flushed: (&standby.received_here).into(),
                replayed: (&standby.replayed_here).into(),
                paused: standby.paused,
            }),
            slot: standby.slot.as_ref().map(Into::into),
            pace: pace.map(Into::into),
        }
    }
}

/// The lag of every standby (`pgctl lag -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "LagReport", deny_unknown_fields)]
pub struct LagReportDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `LagReport`.
    #[schemars(extend("const" = "LagReport"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// When the looking began.
    taken_at: Timestamp,
    /// What lag is measured against; null when no database answers.
    reference: Option<ReferenceDocument>,
    /// Time between the two looks; null when only one was taken.
    sample_seconds: Option<f64>,
    /// WAL that the primary writes, in bytes per second.
    produced_bytes_per_second: Option<f64>,
    /// The limit of the check, as `--max-lag` takes it; null without one.
    max_lag: Option<String>,
    /// Every pod but the primary.
    standbys: Vec<StandbyDocument>,
}

impl LagReportDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(snapshot: &Snapshot, view: &LagView<'_>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "LagReport",
            cluster: (&snapshot.cluster).into(),
            taken_at: snapshot.taken,
            reference: view.report.reference.as_ref().map(Into::into),
            sample_seconds: view.rates.map(|rates| rates.sample_seconds),
            produced_bytes_per_second: view.rates.and_then(|rates| rates.produced),
            max_lag: view.limit.map(ToString::to_string),
            standbys: view
                .report
                .standbys
                .iter()
                .map(|standby| StandbyDocument::new(view, standby))
                .collect(),
        }
    }
}
