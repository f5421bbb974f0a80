//! Clients of poolers that wait while the primary moves.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::try_join_all;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::cluster::PoolerPod;
use crate::engine::WorldError;
use crate::kubernetes::{HoldStage, PoolerHold};
use crate::plan::{Action, OnFailure, OperationFinding, Plan};
use crate::world::connections::Connections;
use crate::world::failover::released_clients::{
    HEARS, Released, ends_of_pauses, left_paused, let_go, still_paused,
};

/// How long the script there waits for the console before it holds (`console_says` in `common.sh`).
const CONSOLE_SAYS: Duration = Duration::from_secs(2);

/// The poolers that this process holds.
#[derive(Default)]
pub(in crate::world) struct HeldClients(Mutex<Holding>);

#[derive(Default)]
struct Holding {
    holds: Vec<PoolerHold>,
    /// When they were told to let their clients wait.
    since: Option<Instant>,
    /// Whether this process has tried to, and that was told.
    tried: bool,
    /// Why they were not held any more, or not again, when the primary was stopped.
    lost: Option<String>,
    /// Names of the poolers that were left alone, paused by hand as they were.
    left_alone: Vec<String>,
    /// Databases that somebody had paused by hand, each alone, when it was planned, by the pooler.
    databases: BTreeMap<String, Vec<String>>,
    /// Names of those that were resumed after the others were pinned: they may have been led to the candidate.
    resumed: Vec<String>,
    /// What there is to tell of those that were released, beside what was found.
    untold: Option<String>,
}

/// What a plan says of the hold.
#[derive(Clone, Copy)]
pub(in crate::world) struct WantedHold<'a> {
    /// Names of the poolers that were there to be held when it was planned.
    pub(in crate::world) poolers: &'a [String],
    /// The primary.
    pub(in crate::world) primary: &'a str,
    /// How long transactions may take.
    pub(in crate::world) limit: Duration,
    /// Names of the poolers that somebody had paused by hand.
    pub(in crate::world) paused: &'a [String],
    /// Databases that somebody had paused by hand, each alone, by the pooler.
    pub(in crate::world) databases: &'a BTreeMap<String, Vec<String>>,
}

/// The hold of a plan, and whether it is required.
fn wanted(plan: &Plan) -> Option<(WantedHold<'_>, bool)> {
    plan.steps.iter().find_map(|step| {
        let Action::HoldClients {
            poolers,
            primary,
            limit_seconds,
            paused,
            paused_databases,
        } = &step.action
        else {
            return None;
        };
        let wanted = WantedHold {
            poolers,
            primary,
            limit: Duration::from_secs((*limit_seconds).into()),
            paused,
            databases: paused_databases,
        };
        Some((wanted, step.on_failure == OnFailure::Stop))
    })
}

impl Holding {
    /// Every pooler for writes that there is by now, and that nobody has paused by hand, is pinned to the primary and ready to
    /// hold; of those that are, nothing changes. Poolers come and go while an operation is planned and prepared.
    async fn gather(
        &mut self,
        cluster: &Connections,
        wanted: WantedHold<'_>,
    ) -> Result<(), WorldError> {
        let mut pods = cluster.kube.poolers(&cluster.id).await?;
        pods.retain(PoolerPod::can_hold);
        // One that is held by now is paused by this.
        let paused = |it: &&PoolerPod| wanted.paused.contains(&it.name) && !self.has(&it.name);
        let paused: Vec<PoolerPod> = pods.iter().filter(paused).cloned().collect();
        // Nobody else is asked: what is paused only by now may be held by an earlier try, for three more seconds.
        let still = still_paused(cluster, &paused).await;
        pods.retain(|it| !still.contains(&it.name));
        let before = std::mem::replace(&mut self.left_alone, still);
        let ended = |it: &String| pods.iter().any(|pod| pod.name == *it);
        self.resumed.extend(before.into_iter().filter(ended));
        let names: Vec<String> = pods.into_iter().map(|it| it.name).collect();
        self.holds.retain(|it| {
            it.is_at(&HoldStage::Started) && names.iter().any(|name| name == it.pod())
        });
        let missing: Vec<&String> = names
            .iter()
            .filter(|name| !self.holds.iter().any(|it| it.pod() == name.as_str()))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let addresses = cluster
            .kube
            .pod_addresses(cluster.namespace(), wanted.primary);
        let origin = addresses.await?.into_iter().next().unwrap_or_default();
        let each = missing.into_iter().map(async |pod| {
            let begun = cluster
                .kube
                .hold_pooler(cluster.namespace(), pod, &origin)
                .await;
            let mut hold = begun.map_err(|error| not_held(pod, &error.to_string()))?;
            let pinned = hold.reaches(&HoldStage::Pinned, HEARS).await;
            pinned.map_err(|why| not_held(pod, &why))?;
            Ok::<PoolerHold, WorldError>(hold)
        });
        self.holds.extend(try_join_all(each).await?);
        Ok(())
    }

    async fn hold(
        &mut self,
        cluster: &Connections,
        wanted: WantedHold<'_>,
    ) -> Result<(), WorldError> {
        self.databases.clone_from(wanted.databases);
        // All are ready before the first waits.
        self.gather(cluster, wanted).await?;
        self.since = Some(Instant::now());
        let each = self.holds.iter_mut().map(async |hold| {
            hold.hold();
            let held = hold.reaches(&HoldStage::Held, HEARS + CONSOLE_SAYS).await;
            held.map_err(|why| not_held(hold.pod(), &why))?;
            let drained = hold.reaches(&HoldStage::Drained, wanted.limit).await;
            drained.map_err(|why| {
                let why = format!("transactions there have not ended ({why})");
                not_held(hold.pod(), &why)
            })
        });
        try_join_all(each).await.map(drop)
    }

    /// As it is after a try that did not work. Dropped, the poolers let go.
    fn given_up(&mut self, lost: Option<String>) -> Self {
        Self {
            tried: true,
            lost,
            left_alone: std::mem::take(&mut self.left_alone),
            databases: std::mem::take(&mut self.databases),
            resumed: std::mem::take(&mut self.resumed),
            ..Self::default()
        }
    }

    /// Whether this pooler is pinned, or held, by now.
    fn has(&self, name: &str) -> bool {
        let mut holds = self.holds.iter();
        holds.any(|it| it.pod() == name && it.is_at(&HoldStage::Started))
    }

    /// Whether nobody begins a transaction anywhere.
    fn holds(&self) -> bool {
        !self.holds.is_empty() && self.holds.iter().all(|it| it.is_at(&HoldStage::Drained))
    }
}

impl HeldClients {
    /// Before the write Service leads to the candidate: poolers go to the primary itself from here on.
    pub(in crate::world) async fn pin(&self, cluster: &Connections, plan: &Plan) {
        if let Some((wanted, _)) = wanted(plan) {
            // Who can't be is told of by the step that holds.
            self.0.lock().await.gather(cluster, wanted).await.ok();
        }
    }

    /// Holds the clients of all poolers, or of none.
    pub(in crate::world) async fn hold(
        &self,
        cluster: &Connections,
        wanted: WantedHold<'_>,
    ) -> Result<(), WorldError> {
        let mut holding = self.0.lock().await;
        let held = holding.hold(cluster, wanted).await;
        if held.is_err() {
            *holding = holding.given_up(None);
        }
        holding.tried = true;
        held
    }

    /// Right before the primary is stopped: whether they are still held. Whoever resumes holds them anew.
    ///
    /// # Errors
    /// When they can't be, that was required, and the primary goes on.
    pub(in crate::world) async fn still_held(
        &self,
        cluster: &Connections,
        plan: &Plan,
    ) -> Result<(), WorldError> {
        let Some((wanted, required)) = wanted(plan) else {
            return Ok(());
        };
        let mut holding = self.0.lock().await;
        let given_up = holding.tried && holding.holds.is_empty();
        if holding.holds() || given_up {
            return Ok(());
        }
        // One that is stopped already has no transactions that could end.
        if cluster.connect(wanted.primary).await.is_err() {
            holding.left_alone = wanted.paused.to_vec();
            holding.databases.clone_from(wanted.databases);
            // Where all were paused by hand nobody was to be held.
            if !wanted.poolers.is_empty() {
                holding.lost = Some("the primary was stopped already".to_owned());
            }
            return Ok(());
        }
        let Err(error) = holding.hold(cluster, wanted).await else {
            return Ok(());
        };
        *holding = holding.given_up(Some(error.reason.clone()));
        match required {
            true => Err(WorldError::permanent(error.reason)),
            false => Ok(()),
        }
    }

    /// Lets them look for the way to the new primary, which is found while other things are done.
    pub(in crate::world) async fn look_for(&self, cluster: &Connections, primary: &str) {
        let holding = self.0.lock().await;
        if holding.holds.is_empty() {
            return;
        }
        // What is missed here is asked for once more before they are released.
        let addresses = cluster.kube.pod_addresses(cluster.namespace(), primary);
        if let Ok(addresses) = addresses.await {
            holding.holds.iter().for_each(|hold| hold.lead(&addresses));
        }
    }

    /// Lets them go on: when their way leads to the primary, and at the end of the time in any case; without one, where they
    /// were. Those of another process have gone on by themselves. What is to be told beside it, [`Self::told`] tells.
    pub(in crate::world) async fn release(
        &self,
        cluster: &Connections,
        primary: Option<&str>,
        limit: Duration,
    ) -> Result<Vec<OperationFinding>, WorldError> {
        let taken = std::mem::take(&mut *self.0.lock().await);
        // Nothing has moved: dropped, they go on where they were.
        let Some(primary) = primary else {
            return Ok(Vec::new());
        };
        let Holding {
            holds,
            since,
            lost,
            left_alone,
            databases,
            resumed,
            ..
        } = taken;
        let mut released = match (lost, since) {
            (Some(why), _) => {
                drop(holds);
                let why = format!(
                    "clients were not held while the primary moved, and may have seen errors: {why}"
                );
                Released {
                    told: vec![why],
                    ..Released::default()
                }
            }
            (None, None) => {
                drop(holds);
                Released::default()
            }
            (None, Some(since)) => let_go(cluster, holds, since, primary, limit).await,
        };
        let pauses = ends_of_pauses(cluster, resumed, &left_alone, &released.paused).await;
        released.told.extend(pauses);
        released.told.extend(left_paused(cluster, databases).await);
        let untold = (!released.told.is_empty()).then(|| released.told.join("; "));
        self.0.lock().await.untold = untold;
        Ok(released.findings)
    }

    /// What there is to tell of those that were released last, once.
    ///
    /// # Errors
    /// That, when there is something.
    pub(in crate::world) async fn told(&self) -> Result<(), WorldError> {
        match self.0.lock().await.untold.take() {
            Some(why) => Err(WorldError::permanent(why)),
            None => Ok(()),
        }
    }

    /// Lets go of them all at once, without a word.
    pub(in crate::world) fn drop_all(&self) {
        if let Ok(mut holding) = self.0.try_lock() {
            *holding = Holding::default();
        }
    }
}

fn not_held(pod: &str, why: &str) -> WorldError {
    WorldError::permanent(format!("the clients of {pod} can't be held: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_to_be_told_is_told_once() {
        let held = HeldClients::default();
        held.0.lock().await.untold = Some("why".to_owned());
        let error = held.told().await.expect_err("there is something");
        assert_eq!(error.reason, "why");
        assert!(held.told().await.is_ok());
    }
}
