//! The Lease: one operation at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::cluster::ClusterId;
use crate::engine::WorldError;
use crate::kubernetes::{Claim, HeldLease, Kube, KubeError, LeaseHolder};
use crate::plan::LockHolder;
use crate::world::record::identity::{RecordOf, died_here, object_name, who};

/// How long a Lease lives without being renewed.
const DURATION: Duration = Duration::from_secs(15);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(4);
/// Our own clock gives up a little before everybody else's.
const MARGIN: Duration = Duration::from_secs(3);
/// How often the Lease of a holder who may be dead is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long the API may be away in the middle of an operation. While it is, nobody else can take over.
const PATIENCE: Duration = Duration::from_secs(600);

/// Why the lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("{}", .0)]
    Held(LockHolder),
    /// The API did not let us.
    #[error(transparent)]
    Kube(#[from] KubeError),
}

/// The lock of a cluster, and whether it is ours.
pub struct Lock {
    kube: Kube,
    cluster: ClusterId,
    of: RecordOf,
    state: Mutex<Option<Held>>,
    ours: Arc<AtomicBool>,
    renewed: Arc<std::sync::Mutex<Option<Renewed>>>,
}

/// When it was renewed. `Instant` stands still while a machine sleeps (CLOCK_MONOTONIC on Linux), the
/// time of day may be set: whichever has gone further counts.
#[derive(Debug, Clone, Copy)]
struct Renewed(Instant, Timestamp);

impl Renewed {
    fn now() -> Self {
        Self(Instant::now(), Timestamp::now())
    }

    fn age(self) -> Duration {
        let by_day = Timestamp::now().duration_since(self.1);
        let by_day = Duration::try_from(by_day).unwrap_or_default();
        self.0.elapsed().max(by_day)
    }
}

struct Held {
    lease: Arc<Mutex<Option<HeldLease>>>,
    renewal: JoinHandle<()>,
}

/// Who has the lock of a cluster, as far as one look tells; none when it is free, its holder has
/// died on this machine, or may be dead: [`Lock::take`] watches such a one before it decides.
///
/// # Errors
/// When the Lease can't be read.
pub async fn lock_holder(
    kube: &Kube,
    cluster: &ClusterId,
    of: RecordOf,
) -> Result<Option<LockHolder>, KubeError> {
    let name = object_name(cluster, of);
    let holder = kube.lease_holder(&cluster.namespace, &name).await?;
    Ok(holder
        .filter(|it| !died_here(&it.holder) && it.seems_alive(Timestamp::now(), DURATION))
        .map(|it| holder_of(it, cluster, of)))
}

impl Lock {
    /// The lock of this cluster, which is not ours yet.
    pub(in crate::world) fn new(kube: Kube, cluster: ClusterId, of: RecordOf) -> Self {
        Self {
            kube,
            cluster,
            of,
            state: Mutex::default(),
            ours: Arc::default(),
            renewed: Arc::default(),
        }
    }

    pub(in crate::world) fn is_ours(&self) -> bool {
        let renewed = self.renewed.lock().ok().and_then(|it| *it);
        !self.is_lost() && renewed.is_some_and(|it| it.age() < DURATION - MARGIN)
    }

    /// Whether somebody else has changed the Lease, or taken it away.
    fn is_lost(&self) -> bool {
        !self.ours.load(Ordering::Acquire)
    }

    /// Takes the lock, and renews it until it is given back. One whose holder does not renew it for as
    /// long as it lasts, by this machine's own clock, is taken over: what the holder's clock said does
    /// not count. With `patience` that is waited for whatever its times say.
    ///
    /// # Errors
    /// When somebody else has it, or the API refuses.
    pub async fn take(&self, patience: bool) -> Result<(), LockError> {
        let (name, me) = (object_name(&self.cluster, self.of), who());
        let mut watched: Option<(LeaseHolder, Instant)> = None;
        loop {
            let asked = Renewed::now();
            let unrenewed = watched
                .as_ref()
                .filter(|(_, since)| since.elapsed() > DURATION)
                .map(|(holder, _)| holder.version.as_str());
            let claim = self
                .kube
                .claim_lease(&self.cluster.namespace, &name, &me, DURATION, unrenewed)
                .await?;
            let holder = match claim {
                Claim::Ours(lease) => {
                    self.keep(*lease, asked).await;
                    return Ok(());
                }
                Claim::Taken(holder) => holder,
            };
            if died_here(&holder.holder) {
                // In the name of the dead, only to give it back.
                let claim = self
                    .kube
                    .claim_lease(
                        &self.cluster.namespace,
                        &name,
                        &holder.holder,
                        DURATION,
                        None,
                    )
                    .await?;
                if let Claim::Ours(lease) = claim {
                    self.kube.release_lease(*lease).await?;
                }
                continue;
            }
            let lives = match &watched {
                // He has renewed it since, or somebody else has taken it.
                Some((before, _)) => before.version != holder.version,
                None => !patience && holder.seems_alive(Timestamp::now(), DURATION),
            };
            if lives {
                return Err(LockError::Held(holder_of(holder, &self.cluster, self.of)));
            }
            watched.get_or_insert_with(|| (holder, Instant::now()));
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the lock was renewed again, when that was not possible for a while. That it has
    /// expired is no loss: it is renewed only as we have left it, so that whoever has had it in between
    /// makes that fail.
    pub(in crate::world) async fn regain(&self) -> Result<(), WorldError> {
        let since = Instant::now();
        loop {
            if self.is_ours() {
                return Ok(());
            }
            if self.is_lost() {
                return Err(WorldError::lost_lock(
                    "somebody else has taken the lock: the operation is not ours any more",
                ));
            }
            if since.elapsed() > PATIENCE {
                return Err(WorldError::lost_lock(format!(
                    "the Kubernetes API was away for more than {} s, and the lock could not be renewed",
                    PATIENCE.as_secs()
                )));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn keep(&self, lease: HeldLease, since: Renewed) {
        let lease = Arc::new(Mutex::new(Some(lease)));
        self.ours.store(true, Ordering::Release);
        set(&self.renewed, since);
        let (kube, kept) = (self.kube.clone(), Arc::clone(&lease));
        let (ours, renewed) = (Arc::clone(&self.ours), Arc::clone(&self.renewed));
        let renewal = tokio::spawn(async move {
            let mut pause = RENEWAL;
            loop {
                tokio::time::sleep(pause).await;
                let asked = Renewed::now();
                let mut held = kept.lock().await;
                let Some(lease) = held.as_mut() else { return };
                match kube.renew_lease(lease).await {
                    Ok(()) => {
                        set(&renewed, asked);
                        pause = RENEWAL;
                    }
                    Err(KubeError::Conflict { .. } | KubeError::NotFound { .. }) => {
                        ours.store(false, Ordering::Release);
                        return;
                    }
                    // The age decides, not the error.
                    Err(_) => pause = RENEWAL / 4,
                }
            }
        });
        *self.state.lock().await = Some(Held { lease, renewal });
    }

    /// Gives the lock back.
    pub async fn release(&self) {
        let Some(held) = self.state.lock().await.take() else {
            return;
        };
        held.renewal.abort();
        self.ours.store(false, Ordering::Release);
        if let Some(lease) = held.lease.lock().await.take() {
            // If that fails it expires by itself.
            self.kube.release_lease(lease).await.ok();
        }
    }
}

fn set(at: &std::sync::Mutex<Option<Renewed>>, renewed: Renewed) {
    if let Ok(mut at) = at.lock() {
        *at = Some(renewed);
    }
}

fn holder_of(it: LeaseHolder, cluster: &ClusterId, of: RecordOf) -> LockHolder {
    LockHolder {
        holder: it.holder,
        since: it.since,
        renewed: it.renewed,
        lease: object_name(cluster, of),
        namespace: cluster.namespace.clone(),
    }
}
