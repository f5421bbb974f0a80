//! Standbys on their way to serving reads: where each is, and what keeps it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::apps::v1::StatefulSet;
use tokio::time::Instant;

use crate::cluster::names;
use crate::cluster::{
    ContainerState, DatabaseFacts, PodFacts, StartDecision, StartReason, ordinal_of,
};
use crate::engine::{ErrorKind, WorldError};
use crate::events::StandbyStage;
use crate::kubernetes::Annotations;
use crate::observe::why_held_back;
use crate::plan::{Plan, ServingGoal};
use crate::world::connections::Connections;
use crate::world::failover::topology::request_clone;
use crate::world::reasons::reasons;
use crate::world::reporting::Reporting;

/// How often the standbys are looked at.
const POLL: Duration = Duration::from_millis(400);

/// How long a primary may be silent: then there is a failover to be done, and this must not stand in
/// its way.
const SILENCE: Duration = Duration::from_secs(20);

/// Where each of the pods is.
pub(in crate::world) async fn stages(
    cluster: &Connections,
    goal: &ServingGoal,
) -> Result<BTreeMap<String, StandbyStage>, WorldError> {
    let facts = cluster.session(&goal.upstream).await?.facts().await?;
    let reads = match &goal.service {
        Some(service) => Some(
            cluster
                .kube
                .ready_endpoints(cluster.namespace(), service)
                .await?,
        ),
        None => None,
    };
    let looking = goal.pods.iter().map(async |pod| {
        let now = cluster.kube.pod(cluster.namespace(), pod).await?;
        let at = stage(
            cluster,
            pod,
            now.as_ref(),
            &facts,
            reads.as_deref(),
            goal.max_lag_bytes,
        )
        .await;
        Ok::<_, WorldError>((pod.clone(), at))
    });
    join_all(looking).await.into_iter().collect()
}

async fn stage(
    cluster: &Connections,
    name: &str,
    pod: Option<&PodFacts>,
    primary: &DatabaseFacts,
    reads: Option<&[String]>,
    max_lag_bytes: u64,
) -> StandbyStage {
    let Some(pod) = pod.filter(|pod| pod.deleting_since.is_none()) else {
        return StandbyStage::Absent;
    };
    if let Some(why) = &pod.unschedulable {
        return StandbyStage::Unschedulable { why: why.clone() };
    }
    match &pod.container {
        ContainerState::Running { .. } => {}
        ContainerState::Waiting { reason, .. } => return waiting(pod, reason),
        _ => return StandbyStage::Starting { why: String::new() },
    }
    let sender = primary
        .senders
        .iter()
        .find(|it| it.application_name == name && it.is_streaming());
    if let Some(sender) = sender {
        let behind = sender
            .replay_lsn
            .map(|at| primary.flush_lsn.bytes_since(at))
            .filter(|bytes| *bytes <= max_lag_bytes);
        return match behind {
            None => StandbyStage::Behind {
                bytes: sender
                    .replay_lsn
                    .map(|at| primary.flush_lsn.bytes_since(at)),
            },
            Some(_) if !pod.ready => StandbyStage::NotReady,
            Some(_) if reads.is_some_and(|it| !it.iter().any(|to| to == name)) => {
                StandbyStage::NoReads
            }
            Some(_) => StandbyStage::Serving,
        };
    }
    let copy = format!("{name}-clone");
    if let Some(copy) = primary
        .base_backups
        .iter()
        .find(|it| it.application_name == copy)
    {
        let percent = copy
            .total_bytes
            .filter(|total| *total > 0)
            .map(|total| (copy.streamed_bytes.saturating_mul(100) / total).min(100));
        return StandbyStage::Copying {
            percent: percent.and_then(|it| u32::try_from(it).ok()),
        };
    }
    match why_held_back(&cluster.kube, cluster.namespace(), name).await {
        Some(StartDecision::Waiting { reason, message }) => StandbyStage::Held { reason, message },
        _ => StandbyStage::Starting { why: String::new() },
    }
}

/// That the pods are still wanted: a number that an autoscaler has taken back brings none of them.
async fn still_wanted(
    cluster: &Connections,
    plan: &Plan,
    goal: &ServingGoal,
) -> Result<(), WorldError> {
    let Some(stateful_set) = plan.operation.scales() else {
        return Ok(());
    };
    let now: Option<StatefulSet> = cluster.kube.get(cluster.namespace(), stateful_set).await?;
    let replicas = now.map_or(0, |it| it.spec.and_then(|it| it.replicas).unwrap_or(1));
    let replicas = u32::try_from(replicas).unwrap_or(0);
    let beyond =
        |pod: &&String| ordinal_of(stateful_set, pod).is_some_and(|ordinal| ordinal >= replicas);
    let gone: Vec<&str> = goal
        .pods
        .iter()
        .filter(beyond)
        .map(String::as_str)
        .collect();
    if gone.is_empty() {
        return Ok(());
    }
    Err(WorldError::permanent(format!(
        "{stateful_set} was set to {replicas} meanwhile, by an autoscaler or somebody else: {} will not come",
        gone.join(", ")
    )))
}

/// Where each of the pods is, told of, or why that can't be said now.
///
/// # Errors
/// When they are not wanted any more: nothing is left to wait for.
async fn wanted_stages(
    cluster: &Connections,
    reporting: &Reporting,
    plan: &Plan,
    goal: &ServingGoal,
) -> Result<Result<BTreeMap<String, StandbyStage>, WorldError>, WorldError> {
    let (stages, wanted) = futures::join!(
        told_stages(cluster, reporting, plan, goal),
        still_wanted(cluster, plan, goal)
    );
    match wanted {
        Err(error) if error.kind == ErrorKind::Permanent => Err(error),
        Ok(()) | Err(_) => Ok(stages),
    }
}

/// Waits until every pod serves, and tells of each step that one of them makes.
pub(in crate::world) async fn await_serving(
    cluster: &Connections,
    reporting: &Reporting,
    plan: &Plan,
    goal: &ServingGoal,
    limit: Duration,
) -> Result<(), WorldError> {
    let mut patience = Patience::new(limit);
    loop {
        let stages = wanted_stages(cluster, reporting, plan, goal).await?;
        if let Ok(stages) = &stages
            && stages.values().all(|stage| *stage == StandbyStage::Serving)
        {
            return Ok(());
        }
        if patience.ends(stages.is_ok()) {
            return Err(WorldError::permanent(match stages {
                Ok(stages) => {
                    let late: Vec<String> = stages
                        .iter()
                        .filter(|(_, stage)| **stage != StandbyStage::Serving)
                        .map(|(pod, _)| pod.clone())
                        .collect();
                    let mut text = unfinished(&stages, limit);
                    for (pod, reason) in reasons(cluster, &late).await {
                        text += &format!("; {pod}: {reason}");
                    }
                    text
                }
                Err(error) => error.reason,
            }));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Asks for a fresh copy where the start script says that nothing else helps; is done when
/// every pod has found its way.
pub(in crate::world) async fn mend_volumes(
    cluster: &Connections,
    reporting: &Reporting,
    plan: &Plan,
    goal: &ServingGoal,
    config_map: &str,
    request: &str,
    limit: Duration,
) -> Result<(), WorldError> {
    let mut patience = Patience::new(limit);
    let mut asked: BTreeSet<String> = BTreeSet::new();
    loop {
        let stages = wanted_stages(cluster, reporting, plan, goal).await?;
        for (pod, stage) in stages.iter().flatten() {
            if let StandbyStage::Held { reason, .. } = stage
                && StartReason::of(reason).is_some_and(StartReason::needs_copy)
                && !asked.contains(pod)
            {
                request_clone(cluster, config_map, pod, request).await?;
                let value = Some(request.to_owned());
                let annotations = Annotations::from([(names::COPY_REQUEST.to_owned(), value)]);
                cluster
                    .kube
                    .annotate_pod(cluster.namespace(), pod, &annotations)
                    .await?;
                asked.insert(pod.clone());
            }
        }
        let on_its_way = |(pod, stage): (&String, &StandbyStage)| {
            asked.contains(pod)
                || matches!(
                    stage,
                    StandbyStage::Serving
                        | StandbyStage::NotReady
                        | StandbyStage::NoReads
                        | StandbyStage::Behind { .. }
                        | StandbyStage::Copying { .. }
                )
        };
        if let Ok(stages) = &stages
            && stages.iter().all(on_its_way)
        {
            return Ok(());
        }
        if patience.ends(stages.is_ok()) {
            return Err(WorldError::permanent(match stages {
                Ok(stages) => unfinished(&stages, limit),
                Err(error) => error.reason,
            }));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The stages, after each one that is new was told.
async fn told_stages(
    cluster: &Connections,
    reporting: &Reporting,
    plan: &Plan,
    goal: &ServingGoal,
) -> Result<BTreeMap<String, StandbyStage>, WorldError> {
    let now = stages(cluster, goal).await?;
    reporting.stages(plan, &now).await;
    Ok(now)
}

/// How long is waited: to the limit while the primary answers, and not for long when it does not.
struct Patience {
    deadline: Instant,
    answered: Instant,
}

impl Patience {
    fn new(limit: Duration) -> Self {
        let now = Instant::now();
        Self {
            deadline: now + limit,
            answered: now,
        }
    }

    fn ends(&mut self, answers: bool) -> bool {
        let now = Instant::now();
        if answers {
            self.answered = now;
        }
        now >= self.deadline || now >= self.answered + SILENCE
    }
}

/// A container that waits to start (again): for what Kubernetes says, or because its start script
/// has refused.
fn waiting(pod: &PodFacts, kubernetes: &str) -> StandbyStage {
    let ended = pod.last_termination.as_ref();
    match ended.and_then(|it| it.decision.clone()) {
        Some(StartDecision::Refused { reason, message }) => StandbyStage::Held { reason, message },
        _ => StandbyStage::Starting {
            why: kubernetes.to_owned(),
        },
    }
}

fn unfinished(stages: &BTreeMap<String, StandbyStage>, limit: Duration) -> String {
    let each: Vec<String> = stages
        .iter()
        .filter(|(_, stage)| **stage != StandbyStage::Serving)
        .map(|(pod, stage)| format!("{pod}: {stage}"))
        .collect();
    format!("after {} s: {}", limit.as_secs(), each.join("; "))
}
