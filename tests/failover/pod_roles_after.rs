//! After a failover every pod takes its right place by itself: crashed, deleted, or new.

use anyhow::{Result, ensure};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;

use super::test_cluster::{Oracle, TestCluster, eventually, full, on_cluster};

impl TestCluster {
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

    /// It may add pods, and raise what is too low.
    fn autoscaler_takes_none_away(&self) -> Result<()> {
        let name = full("replica-hpa");
        self.store()
            .modify::<HorizontalPodAutoscaler>(self.namespace(), &name, |hpa| {
                if let Some(spec) = &mut hpa.spec {
                    let behavior = spec.behavior.get_or_insert_default();
                    let down = behavior.scale_down.get_or_insert_default();
                    down.select_policy = Some("Disabled".to_owned());
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
    on_cluster(1, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster
            .pgctl(&["failover", "--to", "replica-0", "--yes", "--rejoin"])
            .await?
            .exits(0)?;
        cluster.set_minimum(2)?;
        eventually("the autoscaler adds a pod", async || {
            cluster.uid("replica-1")
        })
        .await?;
        oracle.content(cluster).await?;
        for tail in ["primary-0", "replica-1", "replica-0"] {
            cluster.kill(tail).await?;
            let primary = oracle.content(cluster).await?;
            ensure!(
                primary == "replica-0",
                "after the crash of {tail}: {primary} is primary"
            );
            cluster.replace(tail).await?;
            let primary = oracle.content(cluster).await?;
            ensure!(
                primary == "replica-0",
                "after {tail} was replaced: {primary} is primary"
            );
        }
        cluster.no_stale_slots().await
    })
}

#[test]
fn a_promoted_pod_is_out_of_the_autoscalers_reach_until_failback() -> Result<()> {
    on_cluster(3, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster.all_ready().await?;
        // It may take one away as soon as the minimum allows it, and that one is replica-2.
        cluster.autoscaler_takes_none_away()?;
        cluster.set_minimum(2)?;
        cluster
            .pgctl(&["failover", "--to", "replica-2", "--yes", "--rejoin"])
            .await?
            .exits(0)?;
        ensure!(
            cluster.minimum()? == Some(3),
            "replica-2 could be scaled away"
        );
        oracle.content(cluster).await?;
        cluster.all_ready().await?;
        cluster
            .pgctl(&["failover", "--to", "primary-0", "--yes"])
            .await?
            .exits(0)?;
        ensure!(
            cluster.minimum()? == Some(2),
            "the minimum was not put back"
        );
        oracle.content(cluster).await?;
        Ok(())
    })
}
