//! Clients of poolers that wait while the primary moves.

use std::time::Duration;

use futures::future::{join_all, try_join_all};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::cluster::PoolerPod;
use crate::engine::WorldError;
use crate::kubernetes::{HoldStage, PoolerHold};
use crate::plan::{Action, OnFailure, OperationFinding, Plan};
use crate::world::connections::Connections;

/// How long a pooler may take to hear of something: its start script wakes up for it.
const HEARS: Duration = Duration::from_secs(3);

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
}

/// What the plan says of the hold: the primary, how long transactions may take, and whether it is required.
fn wanted(plan: &Plan) -> Option<(&str, Duration, bool)> {
    plan.steps.iter().find_map(|step| {
        let Action::HoldClients {
            primary,
            limit_seconds,
            ..
        } = &step.action
        else {
            return None;
        };
        let limit = Duration::from_secs((*limit_seconds).into());
        Some((primary.as_str(), limit, step.on_failure == OnFailure::Stop))
    })
}

impl Holding {
    /// Every pooler for writes that there is by now is pinned to the primary and ready to hold; of those that are, nothing
    /// changes. Poolers come and go while an operation is planned and prepared.
    async fn gather(&mut self, cluster: &Connections, primary: &str) -> Result<(), WorldError> {
        let pods = cluster.kube.poolers(&cluster.id).await?;
        let names: Vec<String> = pods
            .into_iter()
            .filter(PoolerPod::can_hold)
            .map(|it| it.name)
            .collect();
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
        let addresses = cluster.kube.pod_addresses(cluster.namespace(), primary);
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
        primary: &str,
        limit: Duration,
    ) -> Result<(), WorldError> {
        // All are ready before the first waits.
        self.gather(cluster, primary).await?;
        self.since = Some(Instant::now());
        let each = self.holds.iter_mut().map(async |hold| {
            hold.hold();
            let held = hold.reaches(&HoldStage::Held, HEARS).await;
            held.map_err(|why| not_held(hold.pod(), &why))?;
            let drained = hold.reaches(&HoldStage::Drained, limit).await;
            drained.map_err(|why| {
                let why = format!("transactions there have not ended ({why})");
                not_held(hold.pod(), &why)
            })
        });
        try_join_all(each).await.map(drop)
    }

    /// Whether nobody begins a transaction anywhere.
    fn holds(&self) -> bool {
        !self.holds.is_empty() && self.holds.iter().all(|it| it.is_at(&HoldStage::Drained))
    }
}

impl HeldClients {
    /// Before the write Service leads to the candidate: poolers go to the primary itself from here on.
    pub(in crate::world) async fn pin(&self, cluster: &Connections, plan: &Plan) {
        if let Some((primary, ..)) = wanted(plan) {
            // Who can't be is told of by the step that holds.
            self.0.lock().await.gather(cluster, primary).await.ok();
        }
    }

    /// Holds the clients of all poolers, or of none.
    pub(in crate::world) async fn hold(
        &self,
        cluster: &Connections,
        primary: &str,
        limit: Duration,
    ) -> Result<(), WorldError> {
        let mut holding = self.0.lock().await;
        let held = holding.hold(cluster, primary, limit).await;
        if held.is_err() {
            // Dropped, they let go.
            *holding = Holding::default();
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
        let Some((primary, limit, required)) = wanted(plan) else {
            return Ok(());
        };
        let mut holding = self.0.lock().await;
        let given_up = holding.tried && holding.holds.is_empty();
        if holding.holds() || given_up {
            return Ok(());
        }
        // One that is stopped already has no transactions that could end.
        if cluster.connect(primary).await.is_err() {
            holding.lost = Some("the primary was stopped already".to_owned());
            return Ok(());
        }
        let Err(error) = holding.hold(cluster, primary, limit).await else {
            return Ok(());
        };
        *holding = Holding {
            tried: true,
            lost: Some(error.reason.clone()),
            ..Holding::default()
        };
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
    /// were. Those of another process have gone on by themselves.
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
        if let Some(why) = taken.lost {
            return Err(WorldError::permanent(format!(
                "clients were not held while the primary moved, and may have seen errors: {why}"
            )));
        }
        let Some(since) = taken.since else {
            return Ok(Vec::new());
        };
        let mut holds = taken.holds;
        let addresses = cluster
            .kube
            .pod_addresses(cluster.namespace(), primary)
            .await
            .unwrap_or_default();
        let each = holds.iter_mut().map(async |hold| {
            if !hold.is_at(&HoldStage::Led) {
                hold.lead(&addresses);
            }
            let led = hold.reaches(&HoldStage::Led, limit).await;
            hold.release();
            // Dropped without an answer it lets go as well.
            let released = hold.reaches(&HoldStage::Released, HEARS).await;
            let why = led.and(released).err()?;
            Some(format!("{}: {why}", hold.pod()))
        });
        let failed: Vec<String> = join_all(each).await.into_iter().flatten().collect();
        if !failed.is_empty() {
            return Err(WorldError::permanent(format!(
                "clients go on, and whether they get to {primary} is not known: {}",
                failed.join("; ")
            )));
        }
        Ok(vec![OperationFinding::ClientsHeld {
            seconds: since.elapsed().as_secs_f64(),
            poolers: holds.iter().map(|it| it.pod().to_owned()).collect(),
        }])
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
