//! `kind: Tuning`.

use schemars::JsonSchema;
use serde::Serialize;

use super::API_VERSION;
use super::status::ClusterDocument;
use crate::cluster::{ClusterId, TuneAdvice};
use crate::output::tune::TuneView;

/// Settings that would fit better (`pgctl tune -o json`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Tuning", deny_unknown_fields)]
pub struct TuneDocument {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Tuning`.
    #[schemars(extend("const" = "Tuning"))]
    kind: &'static str,
    /// Namespace and name of the cluster.
    cluster: ClusterDocument,
    /// Name of the pod whose server it is compared with: the primary's, where it answers; null when none does.
    pod: Option<String>,
    /// Memory limit of its container; null without one.
    memory_bytes: Option<u64>,
    /// CPU limit of its container, in cores; null without one.
    cpus: Option<f64>,
    /// Size of its data volume.
    volume_bytes: Option<u64>,
    /// How many standbys there may be at most.
    standbys: u32,
    /// What is proposed; what is near enough is not here.
    settings: Vec<AdviceDocument>,
    /// The pods that do not answer.
    silent: Vec<SilentDocument>,
}

/// A pod that does not answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct SilentDocument {
    /// Its name.
    pod: String,
    /// Why, in words.
    reason: String,
}

/// A setting that would fit better.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct AdviceDocument {
    /// Its name.
    name: String,
    /// What the server goes by, with its unit.
    now: String,
    /// What is proposed, as it is written in a file.
    proposed: String,
    /// Why, in words.
    reason: String,
    /// Where that is from: an address.
    source: &'static str,
    /// Whether it takes a restart.
    restart: bool,
    /// The key of the deployment's ConfigMap that has it; null when none has.
    file: Option<String>,
    /// Number of the line there, from 1.
    line: Option<u32>,
}

impl TuneDocument {
    /// What `-o json` and `-o yaml` print of it.
    pub fn new(cluster: &ClusterId, view: &TuneView) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Tuning",
            cluster: cluster.into(),
            pod: Some(view.pod.clone()).filter(|it| !it.is_empty()),
            memory_bytes: view.facts.memory_bytes,
            cpus: view.facts.cpus,
            volume_bytes: view.facts.volume_bytes,
            standbys: view.facts.standbys,
            settings: view.advice.iter().map(Into::into).collect(),
            silent: view
                .silent
                .iter()
                .map(|(pod, reason)| SilentDocument {
                    pod: pod.clone(),
                    reason: reason.clone(),
                })
                .collect(),
        }
    }
}

impl From<&TuneAdvice> for AdviceDocument {
    fn from(it: &TuneAdvice) -> Self {
        let place = it.deployed.as_ref();
        Self {
            name: it.name.clone(),
            now: it.now.clone(),
            proposed: it.proposed.clone(),
            reason: it.reason.clone(),
            source: it.source,
            restart: it.restart,
            file: place.map(|it| it.key.clone()),
            line: place.map(|it| it.line),
        }
    }
}
