//! What these tests change and see past `pgctl`.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetUpdateStrategy};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use pgctl_sandbox::store::DeleteOptions;

use super::test_cluster::{SandboxCluster, TestCluster, full, slot};

/// An autoscaler's bounds, and what pgctl has noted on it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) bounds: (i32, i32),
    pub(crate) notes: Vec<String>,
}

impl TestCluster {
    pub(crate) fn delete_autoscaler(&self) -> Result<()> {
        let options = DeleteOptions::default();
        self.store().remove::<HorizontalPodAutoscaler>(
            self.namespace(),
            &full("replica-hpa"),
            &options,
        )?;
        Ok(())
    }

    pub(crate) fn autoscaler(&self) -> Result<Seen> {
        let hpa: HorizontalPodAutoscaler =
            self.store().read(self.namespace(), &full("replica-hpa"))?;
        let spec = hpa.spec.context("an autoscaler without spec")?;
        let annotations = hpa.metadata.annotations.unwrap_or_default();
        Ok(Seen {
            bounds: (spec.min_replicas.unwrap_or(1), spec.max_replicas),
            notes: annotations
                .into_iter()
                .filter(|(key, _)| key.starts_with("pgctl.io/"))
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
        })
    }

    /// Somebody else gives it other bounds.
    #[cfg(feature = "failpoints")]
    pub(crate) fn set_bounds(&self, min: i32, max: i32) -> Result<()> {
        let name = full("replica-hpa");
        self.store()
            .modify::<HorizontalPodAutoscaler>(self.namespace(), &name, |hpa| {
                let spec = hpa.spec.get_or_insert_default();
                (spec.min_replicas, spec.max_replicas) = (Some(min), max);
            })?;
        Ok(())
    }

    /// Its bounds are these, and nothing is remembered.
    pub(crate) fn bounds_are(&self, min: i32, max: i32) -> Result<()> {
        let seen = self.autoscaler()?;
        let wanted = Seen {
            bounds: (min, max),
            notes: Vec::new(),
        };
        ensure!(seen == wanted, "the autoscaler is {seen:?}");
        Ok(())
    }

    /// Whether the claim of a pod exists and is to stay.
    pub(crate) fn has_volume(&self, tail: &str) -> Result<bool> {
        let name = format!("data-{}", full(tail));
        let claim = self
            .store()
            .read_opt::<PersistentVolumeClaim>(self.namespace(), &name)?;
        Ok(claim.is_some_and(|it| it.metadata.deletion_timestamp.is_none()))
    }

    /// No server has a slot for this pod.
    pub(crate) async fn is_forgotten(&self, tail: &str) -> Result<()> {
        for pod in self.pods()? {
            let server = super::test_cluster::tail_of(&pod);
            let count = format!(
                "SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{}'",
                slot(tail)
            );
            let rows = self.sql(&server, &count).await?;
            ensure!(rows[0][0] == "0", "{server} still has a slot for {tail}");
        }
        Ok(())
    }

    /// It is refused, for this reason.
    pub(crate) async fn refuses(&self, arguments: &[&str], why: &str) -> Result<()> {
        let run = self.pgctl(arguments).await?.exits(3)?;
        run.says(why)?.says("nothing was changed").map(drop)
    }

    /// `synchronous_standby_names` of a pod.
    pub(crate) async fn names(&self, tail: &str) -> Result<String> {
        self.open(tail)
            .await?
            .one("SHOW synchronous_standby_names")
            .await
    }
}

impl SandboxCluster {
    /// Where the bytes of a pod's volume are.
    pub(crate) fn volume(&self, tail: &str) -> Result<std::path::PathBuf> {
        let name = format!("data-{}", full(tail));
        let claim: PersistentVolumeClaim = self.store().read(self.namespace(), &name)?;
        let volume = claim.spec.and_then(|spec| spec.volume_name);
        let volume: PersistentVolume =
            self.store().read("", &volume.context("it is not bound")?)?;
        let path = volume.spec.and_then(|spec| spec.host_path);
        Ok(path.context("no path")?.path.into())
    }

    /// The replica StatefulSet requests no CPU any more; its pods stay as they are.
    pub(crate) fn request_no_cpu(&self) -> Result<()> {
        self.change_replicas(|set| {
            let spec = set.spec.get_or_insert_default();
            let pod = spec.template.spec.get_or_insert_default();
            for container in &mut pod.containers {
                let resources = container.resources.get_or_insert_default();
                for amounts in [&mut resources.requests, &mut resources.limits] {
                    amounts.get_or_insert_default().remove("cpu");
                }
            }
        })
    }

    /// Changes the replica StatefulSet so that pods of before stay as they are.
    pub(crate) fn change_replicas(&self, change: impl Fn(&mut StatefulSet)) -> Result<()> {
        let name = full("replica");
        self.store()
            .modify::<StatefulSet>(self.namespace(), &name, |set| {
                let spec = set.spec.get_or_insert_default();
                spec.update_strategy = Some(StatefulSetUpdateStrategy {
                    type_: Some("OnDelete".to_owned()),
                    ..StatefulSetUpdateStrategy::default()
                });
                change(set);
            })?;
        Ok(())
    }
}
