//! After a failover every pod takes its right place by itself: crashed, deleted, or new.

use anyhow::{Result, ensure};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use pgctl_sandbox::store::DeleteOptions;

use super::lab::{Lab, Oracle, eventually, full, on_cluster};

impl Lab {
    /// Deletes a pod and waits until another has its name.
    pub(crate) async fn replace(&self, tail: &str) -> Result<()> {
        let before = self.uid(tail)?;
        let options = DeleteOptions::default();
        self.store()
            .remove::<Pod>(self.namespace(), &full(tail), &options)?;
        eventually("the pod's successor", async || {
            ensure!(self.uid(tail)? != before, "{tail} is still the old one");
            Ok(())
        })
        .await
    }

    fn set_minimum(&self, minimum: i32) -> Result<()> {
        let name = full("replica-hpa");
        self.store()
            .modify::<HorizontalPodAutoscaler>(self.namespace(), &name, |hpa| {
                if let Some(spec) = &mut hpa.spec {
                    spec.min_replicas = Some(minimum);
                }
            })?;
        Ok(())
    }

    fn minimum(&self) -> Result<Option<i32>> {
        let hpa: HorizontalPodAutoscaler =
            self.store().read(self.namespace(), &full("replica-hpa"))?;
        Ok(hpa.spec.and_then(|spec| spec.min_replicas))
    }
}

#[test]
fn pods_come_back_in_their_right_role_and_a_new_one_clones_from_the_new_primary() -> Result<()> {
    on_cluster(1, async |lab| {
        let oracle = Oracle::start(lab).await?;
        lab.pgctl(&["failover", "--to", "replica-0", "--yes", "--rejoin"])
            .await?
            .exits(0)?;
        lab.set_minimum(2)?;
        eventually("the autoscaler adds a pod", async || lab.uid("replica-1")).await?;
        oracle.content(lab).await?;
        for tail in ["primary-0", "replica-1", "replica-0"] {
            lab.kill(tail).await?;
            let primary = oracle.content(lab).await?;
            ensure!(
                primary == "replica-0",
                "after the crash of {tail}: {primary} is primary"
            );
            lab.replace(tail).await?;
            let primary = oracle.content(lab).await?;
            ensure!(
                primary == "replica-0",
                "after {tail} was replaced: {primary} is primary"
            );
        }
        lab.no_stale_slots().await
    })
}

#[test]
fn a_promoted_pod_is_out_of_the_autoscalers_reach_until_failback() -> Result<()> {
    on_cluster(3, async |lab| {
        let oracle = Oracle::start(lab).await?;
        lab.set_minimum(2)?;
        lab.pgctl(&["failover", "--to", "replica-2", "--yes", "--rejoin"])
            .await?
            .exits(0)?;
        ensure!(lab.minimum()? == Some(3), "replica-2 could be scaled away");
        oracle.content(lab).await?;
        lab.pgctl(&["failover", "--to", "primary-0", "--yes"])
            .await?
            .exits(0)?;
        ensure!(lab.minimum()? == Some(2), "the minimum was not put back");
        oracle.content(lab).await?;
        Ok(())
    })
}
