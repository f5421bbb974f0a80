//! The Lease: one operation at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::cluster::{Live, object_name};
use super::identity::{died_here, who};
use crate::cluster::ClusterId;
use crate::kubernetes::{Claim, HeldLease, Kube, KubeError};
use crate::plan::LockHolder;

/// How long a Lease lives without being renewed.
const DURATION: Duration = Duration::from_secs(15);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(4);
/// Our own clock gives up a little before everybody else's.
const MARGIN: Duration = Duration::from_secs(3);

/// Why the lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("{} runs an operation on this cluster", .0.holder)]
    Held(LockHolder),
    /// The API did not let us.
    #[error(transparent)]
    Kube(#[from] KubeError),
}

/// The lock, while it is ours.
#[derive(Default)]
pub(super) struct Lock {
    state: Mutex<Option<Held>>,
    ours: Arc<AtomicBool>,
    deadline: Arc<std::sync::Mutex<Option<Instant>>>,
}

struct Held {
    lease: Arc<Mutex<Option<HeldLease>>>,
    renewal: JoinHandle<()>,
}

impl Lock {
    pub(super) fn is_ours(&self) -> bool {
        let deadline = self.deadline.lock().ok().and_then(|it| *it);
        self.ours.load(Ordering::Acquire) && deadline.is_some_and(|at| Instant::now() < at)
    }
}

impl Live {
    /// Who has the lock of a cluster; none when it is free, or its holder has died on this machine.
    ///
    /// # Errors
    /// When the Lease can't be read.
    pub async fn lock_holder(
        kube: &Kube,
        cluster: &ClusterId,
    ) -> Result<Option<LockHolder>, KubeError> {
        let name = object_name(cluster);
        let holder = kube.lease_holder(&cluster.namespace, &name).await?;
        Ok(holder
            .filter(|it| !died_here(&it.holder))
            .map(|it| LockHolder {
                holder: it.holder,
                renewed: it.since,
            }))
    }

    /// Takes the lock, and renews it until it is given back.
    ///
    /// With `patience` the expiry of a holder that does not renew any more is waited for.
    ///
    /// # Errors
    /// When somebody else has it, or the API refuses.
    pub async fn take_lock(&self, patience: bool) -> Result<(), LockError> {
        let (name, me) = (self.object_name(), who());
        let give_up = Instant::now() + DURATION + RENEWAL;
        loop {
            let asked = Instant::now();
            let claim = self
                .kube
                .claim_lease(self.namespace(), &name, &me, DURATION)
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
                    .claim_lease(self.namespace(), &name, &holder.holder, DURATION)
                    .await?;
                if let Claim::Ours(lease) = claim {
                    self.kube.release_lease(*lease).await?;
                }
                continue;
            }
            if !patience || Instant::now() >= give_up {
                return Err(LockError::Held(LockHolder {
                    holder: holder.holder,
                    renewed: holder.since,
                }));
            }
            let left = holder.expires.map_or(RENEWAL, |at| {
                Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
            });
            tokio::time::sleep(left.clamp(Duration::from_millis(100), RENEWAL)).await;
        }
    }

    async fn keep(&self, lease: HeldLease, since: Instant) {
        let lease = Arc::new(Mutex::new(Some(lease)));
        self.lock.ours.store(true, Ordering::Release);
        set(&self.lock.deadline, since);
        let (kube, kept) = (self.kube.clone(), Arc::clone(&lease));
        let (ours, deadline) = (Arc::clone(&self.lock.ours), Arc::clone(&self.lock.deadline));
        let renewal = tokio::spawn(async move {
            let mut pause = RENEWAL;
            loop {
                tokio::time::sleep(pause).await;
                let asked = Instant::now();
                let mut held = kept.lock().await;
                let Some(lease) = held.as_mut() else { return };
                match kube.renew_lease(lease).await {
                    Ok(()) => {
                        set(&deadline, asked);
                        pause = RENEWAL;
                    }
                    Err(KubeError::Conflict { .. } | KubeError::NotFound { .. }) => {
                        ours.store(false, Ordering::Release);
                        return;
                    }
                    // The deadline decides, not the error.
                    Err(_) => pause = RENEWAL / 4,
                }
            }
        });
        *self.lock.state.lock().await = Some(Held { lease, renewal });
    }

    /// Gives the lock back.
    pub async fn release_lock(&self) {
        let Some(held) = self.lock.state.lock().await.take() else {
            return;
        };
        held.renewal.abort();
        self.lock.ours.store(false, Ordering::Release);
        if let Some(lease) = held.lease.lock().await.take() {
            // If that fails it expires by itself.
            self.kube.release_lease(lease).await.ok();
        }
    }
}

fn set(deadline: &std::sync::Mutex<Option<Instant>>, renewed: Instant) {
    if let Ok(mut at) = deadline.lock() {
        *at = Some(renewed + DURATION - MARGIN);
    }
}
