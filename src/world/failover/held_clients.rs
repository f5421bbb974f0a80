//! Clients of poolers that wait while the primary moves.

use std::time::Duration;

use futures::future::{join_all, try_join_all};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::engine::WorldError;
use crate::kubernetes::{HoldStage, PoolerHold};
use crate::plan::OperationFinding;
use crate::world::connections::Connections;

/// How long a pooler may take to hear of it: the command is started in its pod, and its start script wakes up.
const HEARS: Duration = Duration::from_secs(5);

/// The poolers that this process holds.
#[derive(Default)]
pub(in crate::world) struct HeldClients(Mutex<Holding>);

#[derive(Default)]
struct Holding {
    holds: Vec<PoolerHold>,
    since: Option<Instant>,
}

impl HeldClients {
    /// Holds the clients of all these poolers, or of none.
    pub(in crate::world) async fn hold(
        &self,
        cluster: &Connections,
        poolers: &[String],
        primary: &str,
        limit: Duration,
    ) -> Result<(), WorldError> {
        let addresses = cluster.kube.pod_addresses(cluster.namespace(), primary);
        let origin = addresses.await?.into_iter().next().unwrap_or_default();
        let mut holding = self.0.lock().await;
        // Of an attempt that was cut off.
        *holding = Holding::default();
        let since = Instant::now();
        let each = poolers.iter().map(async |pod| {
            let failed = |why: String| WorldError::permanent(not_held(pod, &why));
            let begun = cluster
                .kube
                .hold_pooler(cluster.namespace(), pod, &origin)
                .await;
            let mut hold = begun.map_err(|error| failed(error.to_string()))?;
            hold.reaches(&HoldStage::Held, HEARS)
                .await
                .map_err(failed)?;
            let drained = hold.reaches(&HoldStage::Drained, limit).await;
            drained.map_err(|why| {
                let why = format!("transactions there have not ended ({why})");
                failed(why)
            })?;
            Ok::<PoolerHold, WorldError>(hold)
        });
        // Whoever fails ends the others: they are dropped, and let go.
        let holds = try_join_all(each).await?;
        *holding = Holding {
            holds,
            since: Some(since),
        };
        Ok(())
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
        let Holding { mut holds, since } = std::mem::take(&mut *self.0.lock().await);
        let Some(since) = since else {
            return Ok(Vec::new());
        };
        // Nothing has moved: dropped, they go on where they were.
        let Some(primary) = primary else {
            return Ok(Vec::new());
        };
        let addresses = cluster
            .kube
            .pod_addresses(cluster.namespace(), primary)
            .await
            .unwrap_or_default();
        let each = holds.iter_mut().map(async |hold| {
            hold.lead(&addresses);
            let led = hold.reaches(&HoldStage::Led, limit).await;
            hold.release();
            // Dropped without an answer it lets go as well.
            let released = hold.reaches(&HoldStage::Released, HEARS).await;
            let why = led.and(released).err()?;
            Some(format!("{}: {why}", hold.pod()))
        });
        let failed: Vec<String> = join_all(each).await.into_iter().flatten().collect();
        let held = OperationFinding::ClientsHeld {
            seconds: since.elapsed().as_secs_f64(),
            poolers: holds.iter().map(|it| it.pod().to_owned()).collect(),
        };
        if failed.is_empty() {
            return Ok(vec![held]);
        }
        Err(WorldError::permanent(format!(
            "clients go on, and whether they get to {primary} is not known: {}",
            failed.join("; ")
        )))
    }

    /// Lets go of them all at once, without a word.
    pub(in crate::world) fn drop_all(&self) {
        if let Ok(mut holding) = self.0.try_lock() {
            *holding = Holding::default();
        }
    }
}

fn not_held(pod: &str, why: &str) -> String {
    format!("the clients of {pod} can't be held: {why}")
}
