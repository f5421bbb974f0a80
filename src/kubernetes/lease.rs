//! The Lease that makes sure that one operation runs at a time.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Api;
use kube::api::PostParams;

use super::change::call_on;
use super::{Kube, KubeError, Verb};

/// What asking for a lease came to.
#[derive(Debug)]
pub enum Claim {
    /// It is ours until it expires.
    Ours(Box<HeldLease>),
    /// Somebody else has it.
    Taken(LeaseHolder),
}

/// Who has a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseHolder {
    /// `spec.holderIdentity`.
    pub holder: String,
    /// `spec.acquireTime`, by the holder's clock.
    pub since: Option<Timestamp>,
    /// `spec.renewTime`, by the holder's clock.
    pub renewed: Option<Timestamp>,
    /// `metadata.resourceVersion`: another one whenever the holder renews it.
    pub version: String,
}

impl LeaseHolder {
    /// Whether it was renewed within `duration`, if the holder's clock and this one agree. When not,
    /// only watching it tells.
    pub fn seems_alive(&self, now: Timestamp, duration: Duration) -> bool {
        let Some(renewed) = self.renewed else {
            return false;
        };
        let off = now.duration_since(renewed).unsigned_abs();
        off <= duration
    }
}

/// A lease that is ours.
#[derive(Debug)]
pub struct HeldLease {
    namespace: String,
    name: String,
    lease: Lease,
}

impl Kube {
    /// Who has a lease; none when nobody has. Whether the holder is alive is not looked at.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn lease_holder(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<LeaseHolder>, KubeError> {
        let lease: Option<Lease> = self.get(namespace, name).await?;
        Ok(lease.as_ref().and_then(holder))
    }

    /// Takes a lease that is free or already held by `me`. One that somebody else has is taken only in
    /// the version `unrenewed`: that in which the caller has seen it for longer than it lasts, by its
    /// own clock. The times in it are by the holder's clock, and decide nothing (as in client-go's
    /// `leaderelection.go`: "observedTime").
    ///
    /// # Errors
    /// When the API refuses. Losing a race is no error but [`Claim::Taken`].
    pub async fn claim_lease(
        &self,
        namespace: &str,
        name: &str,
        me: &str,
        duration: Duration,
        unrenewed: Option<&str>,
    ) -> Result<Claim, KubeError> {
        let mut lost = None;
        // Each round ends in the lease, in its holder, or in a lost race after which to look again.
        for _ in 0..5 {
            let now = Timestamp::now();
            let found: Option<Lease> = self.get(namespace, name).await?;
            let current = found.as_ref().and_then(holder);
            if let Some(current) = current
                && current.holder != me
                && unrenewed != Some(current.version.as_str())
            {
                return Ok(Claim::Taken(current));
            }
            let fresh = found.is_none();
            let mut lease = found.unwrap_or_else(|| Lease {
                metadata: ObjectMeta {
                    name: Some(name.to_owned()),
                    ..ObjectMeta::default()
                },
                spec: None,
            });
            let transitions = lease
                .spec
                .as_ref()
                .and_then(|spec| spec.lease_transitions)
                .map_or(0, |count| count.saturating_add(1));
            lease.spec = Some(LeaseSpec {
                holder_identity: Some(me.to_owned()),
                acquire_time: Some(MicroTime(now)),
                renew_time: Some(MicroTime(now)),
                lease_duration_seconds: Some(seconds(duration)),
                lease_transitions: Some(transitions),
                ..LeaseSpec::default()
            });
            let stored = if fresh {
                self.create_lease(namespace, name, &lease).await
            } else {
                self.replace_lease(namespace, name, &lease).await
            };
            match stored {
                Ok(lease) => {
                    return Ok(Claim::Ours(Box::new(HeldLease {
                        namespace: namespace.to_owned(),
                        name: name.to_owned(),
                        lease,
                    })));
                }
                Err(KubeError::AlreadyExists { .. } | KubeError::Conflict { .. }) => {}
                // It may be ours by now: the next look tells.
                Err(error) if error.outcome_unknown() => lost = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(lost.unwrap_or_else(|| KubeError::Unexpected {
            doing: format!("taking the lease {name}"),
            reason: "others kept changing it".to_owned(),
        }))
    }

    /// Renews a lease that is ours.
    ///
    /// # Errors
    /// [`KubeError::Conflict`] or [`KubeError::NotFound`] when it is not ours any more: stop.
    pub async fn renew_lease(&self, held: &mut HeldLease) -> Result<(), KubeError> {
        let mut lease = held.lease.clone();
        if let Some(spec) = &mut lease.spec {
            spec.renew_time = Some(MicroTime(Timestamp::now()));
        }
        match self
            .replace_lease(&held.namespace, &held.name, &lease)
            .await
        {
            Ok(renewed) => held.lease = renewed,
            Err(conflict @ KubeError::Conflict { .. }) => {
                // An answer that got lost looks the same as somebody else's change: look whose it is.
                let me = lease.spec.and_then(|spec| spec.holder_identity);
                let now: Option<Lease> = self.get(&held.namespace, &held.name).await?;
                let ours = now.filter(|now| {
                    now.spec.as_ref().and_then(|it| it.holder_identity.clone()) == me
                });
                held.lease = ours.ok_or(conflict)?;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Gives a lease back. One that is not ours any more needs nothing.
    ///
    /// # Errors
    /// When the API refuses: it then expires by itself.
    pub async fn release_lease(&self, held: HeldLease) -> Result<(), KubeError> {
        let mut lease = held.lease;
        if let Some(spec) = &mut lease.spec {
            // As client-go releases: nobody holds it, and it expires at once.
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
        }
        match self
            .replace_lease(&held.namespace, &held.name, &lease)
            .await
        {
            Ok(_) | Err(KubeError::Conflict { .. } | KubeError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn create_lease(
        &self,
        namespace: &str,
        name: &str,
        lease: &Lease,
    ) -> Result<Lease, KubeError> {
        let api: Api<Lease> = Api::namespaced(self.client(), namespace);
        let call = call_on::<Lease>(Verb::Create, namespace, name);
        let params = PostParams::default();
        self.write(&call, || api.create(&params, lease)).await
    }

    async fn replace_lease(
        &self,
        namespace: &str,
        name: &str,
        lease: &Lease,
    ) -> Result<Lease, KubeError> {
        let api: Api<Lease> = Api::namespaced(self.client(), namespace);
        let call = call_on::<Lease>(Verb::Update, namespace, name);
        let params = PostParams::default();
        self.write(&call, || api.replace(name, &params, lease))
            .await
    }
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs().max(1)).unwrap_or(i32::MAX)
}

/// Who holds a lease; none when nobody does.
fn holder(lease: &Lease) -> Option<LeaseHolder> {
    let spec = lease.spec.as_ref()?;
    let holder = spec.holder_identity.clone().filter(|id| !id.is_empty())?;
    Some(LeaseHolder {
        holder,
        since: spec.acquire_time.as_ref().map(|time| time.0),
        renewed: spec.renew_time.as_ref().map(|time| time.0),
        version: lease.metadata.resource_version.clone().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(who: &str, renewed: &str) -> Lease {
        serde_json::from_value(
            serde_json::json!({"metadata": {"name": "x", "resourceVersion": "7"}, "spec": {
            "holderIdentity": who, "leaseDurationSeconds": 30, "renewTime": renewed}}),
        )
        .expect("a Lease")
    }

    #[test]
    fn whose_clock_is_far_off_is_not_taken_for_alive_or_dead() {
        let held = lease("anna@laptop", "2026-01-01T00:00:30.000000Z");
        let held = holder(&held).expect("held");
        assert_eq!(
            (held.holder.as_str(), held.version.as_str()),
            ("anna@laptop", "7")
        );
        let seems_alive = |now: &str| {
            let now = now.parse().expect("a time");
            held.seems_alive(now, Duration::from_secs(15))
        };
        assert!(seems_alive("2026-01-01T00:00:40Z"));
        assert!(seems_alive("2026-01-01T00:00:20Z"));
        assert!(!seems_alive("2026-01-01T00:00:46Z"));
        assert!(!seems_alive("2025-12-29T00:00:30Z"));
    }

    #[test]
    fn a_released_lease_is_nobodys() {
        assert_eq!(holder(&lease("", "2026-01-01T00:00:00.000000Z")), None);
    }
}
