//! The return of a pod that was restarted: made from the right template, streaming, caught up and ready; or why it does
//! not come.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use tokio::time::Instant;

use crate::cluster::{ContainerState, PodFacts, StartReason};
use crate::engine::WorldError;
use crate::events::StandbyStage;
use crate::plan::{Plan, PodRef, ServingGoal};
use crate::world::connections::Connections;
use crate::world::reasons::reasons;
use crate::world::reporting::Reporting;
use crate::world::scaling::serving::stages;

/// How often it is looked at.
const POLL: Duration = Duration::from_millis(300);

/// How long the primary may be silent: then there is a failover to be done, and this must not stand in its way.
const SILENCE: Duration = Duration::from_secs(20);

/// How long something that hardly mends itself may last until nobody waits for it any more. The kubelet tries to pull
/// an image again after 10, 20 and 40 seconds.
const HARDLY: Duration = Duration::from_secs(45);

/// How long what can't mend itself may last: only a look at an old state would show it for a moment.
const NEVER: Duration = Duration::from_secs(5);

/// So often a container may end by itself until nobody waits for it any more.
const CRASHES: u32 = 3;

/// What is waited for.
pub(in crate::world) struct Wanted<'a> {
    /// The pod of before.
    pub(in crate::world) pod: &'a PodRef,
    /// What the new one is to be made from.
    pub(in crate::world) revision: &'a str,
    /// Where it is to come to.
    pub(in crate::world) goal: ServingGoal,
}

/// That one pod streams and is ready.
pub(in crate::world) fn goal_of(pod: &PodRef, upstream: &str, max_lag_bytes: u64) -> ServingGoal {
    ServingGoal {
        upstream: upstream.to_owned(),
        service: None,
        pods: vec![pod.name.clone()],
        max_lag_bytes,
    }
}

/// Whether it is back, or is not to come.
pub(in crate::world) async fn is_restarted(
    cluster: &Connections,
    pod: &PodRef,
    revision: &str,
    upstream: &str,
    max_lag_bytes: u64,
) -> Result<bool, WorldError> {
    let now = cluster.kube.pod(cluster.namespace(), &pod.name).await?;
    let Some(now) = now else {
        return Ok(!is_wanted(cluster, &pod.name).await?);
    };
    if now.uid == pod.uid || now.revision.as_deref() != Some(revision) {
        return Ok(false);
    }
    let stages = stages(cluster, &goal_of(pod, upstream, max_lag_bytes)).await?;
    Ok(stages.values().all(|it| *it == StandbyStage::Serving))
}

/// Waits until it is back, and tells of each step that it makes. Ends early when it can't come.
pub(in crate::world) async fn await_restarted(
    cluster: &Connections,
    reporting: &Reporting,
    plan: &Plan,
    wanted: &Wanted<'_>,
    limit: Duration,
) -> Result<(), WorldError> {
    let name = &wanted.pod.name;
    let begun = Instant::now();
    let mut answered = begun;
    let mut trouble: Option<(Trouble, Instant)> = None;
    loop {
        let pod = cluster.kube.pod(cluster.namespace(), name).await;
        let seen = match pod {
            Ok(pod) => look(cluster, reporting, plan, wanted, pod.as_ref()).await,
            Err(error) => Err(error.into()),
        };
        let now = Instant::now();
        let last = match seen {
            Ok(Seen::Back) => return Ok(()),
            Ok(Seen::Trouble(found)) => {
                answered = now;
                let since = match trouble.take() {
                    Some((before, since)) if before.kind == found.kind => since,
                    _ => now,
                };
                if now >= since + found.kind.patience() {
                    let why = why(cluster, name, found.words).await;
                    let words = format!("{name} does not come back: {why}");
                    return Err(WorldError::permanent(words));
                }
                let words = found.words.clone();
                trouble = Some((found, since));
                words
            }
            Ok(Seen::OnItsWay(words)) => {
                answered = now;
                trouble = None;
                words
            }
            Err(error) => error.reason,
        };
        if now >= begun + limit {
            let why = why(cluster, name, last).await;
            let words = format!("{name} is not back after {} s: {why}", limit.as_secs());
            return Err(WorldError::permanent(words));
        }
        if now >= answered + SILENCE {
            return Err(WorldError::permanent(last));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// What status would say of it, or else what was seen.
async fn why(cluster: &Connections, pod: &str, seen: String) -> String {
    let known = reasons(cluster, &[pod.to_owned()]).await;
    known.get(pod).cloned().unwrap_or(seen)
}

/// What a look at the pod has shown.
enum Seen {
    Back,
    OnItsWay(String),
    Trouble(Trouble),
}

/// Something that keeps it from coming back.
struct Trouble {
    kind: TroubleKind,
    words: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TroubleKind {
    /// It may still mend itself.
    Hardly,
    /// Somebody has to do something.
    Never,
    /// It was tried often enough.
    Enough,
}

impl TroubleKind {
    const fn patience(self) -> Duration {
        match self {
            Self::Hardly => HARDLY,
            Self::Never => NEVER,
            Self::Enough => Duration::ZERO,
        }
    }
}

async fn look(
    cluster: &Connections,
    reporting: &Reporting,
    plan: &Plan,
    wanted: &Wanted<'_>,
    pod: Option<&PodFacts>,
) -> Result<Seen, WorldError> {
    let Some(pod) = pod else {
        return Ok(match is_wanted(cluster, &wanted.pod.name).await? {
            true => Seen::OnItsWay("its pod does not exist yet".to_owned()),
            false => Seen::Back,
        });
    };
    if pod.uid == wanted.pod.uid {
        return Ok(Seen::OnItsWay("it is still being stopped".to_owned()));
    }
    let made_from = pod.revision.as_deref().unwrap_or_default();
    if made_from != wanted.revision {
        return Ok(Seen::Trouble(Trouble {
            kind: TroubleKind::Never,
            words: format!(
                "it was made from revision {made_from}, and not from {}: the template was changed meanwhile",
                wanted.revision
            ),
        }));
    }
    let stages = stages(cluster, &wanted.goal).await?;
    reporting.stages(plan, &stages).await;
    let Some(stage) = stages.into_values().next() else {
        return Ok(Seen::Back);
    };
    Ok(match (&stage, hopeless(pod, &stage)) {
        (StandbyStage::Serving, _) => Seen::Back,
        (_, Some((kind, words))) => Seen::Trouble(Trouble { kind, words }),
        (stage, None) => Seen::OnItsWay(stage.to_string()),
    })
}

/// Whether it can hardly, or never, come back by itself as it is.
fn hopeless(pod: &PodFacts, stage: &StandbyStage) -> Option<(TroubleKind, String)> {
    if let StandbyStage::Held { reason, .. } = stage
        && matches!(
            StartReason::of(reason),
            Some(
                StartReason::BadCertificate
                    | StartReason::BadSettings
                    | StartReason::MissingLibrary
            )
        )
    {
        return Some((TroubleKind::Hardly, stage.to_string()));
    }
    if pod.restarts >= CRASHES && !pod.ready {
        let words = format!("its container has ended {} times", pod.restarts);
        return Some((TroubleKind::Enough, words));
    }
    let ContainerState::Waiting { reason, message } = &pod.container else {
        return None;
    };
    let kind = match reason.as_str() {
        "InvalidImageName" | "ErrImageNeverPull" => TroubleKind::Never,
        "ErrImagePull"
        | "ImagePullBackOff"
        | "CreateContainerConfigError"
        | "CreateContainerError"
        | "RunContainerError" => TroubleKind::Hardly,
        _ => return None,
    };
    Some((
        kind,
        match message.as_str() {
            "" => reason.clone(),
            message => format!("{reason} ({message})"),
        },
    ))
}

/// Whether its StatefulSet still wants it: an autoscaler may have taken it away.
async fn is_wanted(cluster: &Connections, pod: &str) -> Result<bool, WorldError> {
    let Some((set, ordinal)) = pod.rsplit_once('-') else {
        return Ok(true);
    };
    let set: Option<StatefulSet> = cluster.kube.get(cluster.namespace(), set).await?;
    let replicas = set.map_or(0, |it| it.spec.and_then(|it| it.replicas).unwrap_or(1));
    Ok(ordinal.parse::<i32>().is_ok_and(|it| it < replicas))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::{healthy, replica};

    fn pod(change: impl FnOnce(&mut PodFacts)) -> PodFacts {
        let snapshot = healthy(1);
        let instance = snapshot.instance(&replica(0)).expect("it is there");
        let mut pod = instance.pod.clone();
        pod.ready = false;
        change(&mut pod);
        pod
    }

    fn waits(reason: &str) -> PodFacts {
        pod(|pod| {
            pod.container = ContainerState::Waiting {
                reason: reason.to_owned(),
                message: "no such image".to_owned(),
            };
        })
    }

    fn kind(pod: &PodFacts) -> Option<TroubleKind> {
        let stage = StandbyStage::Starting { why: String::new() };
        hopeless(pod, &stage).map(|it| it.0)
    }

    #[test]
    fn a_pod_that_only_takes_its_time_is_no_trouble() {
        assert_eq!(kind(&waits("ContainerCreating")), None);
        assert_eq!(kind(&waits("CrashLoopBackOff")), None);
        assert_eq!(kind(&pod(|_| ())), None);
    }

    #[test]
    fn what_hardly_mends_itself_is_told_from_what_never_does() {
        assert_eq!(kind(&waits("ImagePullBackOff")), Some(TroubleKind::Hardly));
        assert_eq!(kind(&waits("InvalidImageName")), Some(TroubleKind::Never));
        let crashed = pod(|pod| pod.restarts = CRASHES);
        assert_eq!(kind(&crashed), Some(TroubleKind::Enough));
        let (_, words) = hopeless(&waits("ErrImagePull"), &StandbyStage::Absent).expect("trouble");
        assert_eq!(words, "ErrImagePull (no such image)");
    }
}
