//! The shipped Roles: the operator's alone is enough for all of it, the viewer's for nothing of it.

use anyhow::Result;

use super::test_cluster::{OPERATOR, Oracle, VIEWER, on_sandbox};

#[test]
fn the_viewer_is_refused_before_the_first_change_and_the_operator_can_do_all_of_it() -> Result<()> {
    on_sandbox(1, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster.grant(VIEWER, "vera")?;
        cluster.grant(OPERATOR, "olga")?;
        let (vera, olga) = (
            cluster.kubeconfig_of("vera")?,
            cluster.kubeconfig_of("olga")?,
        );
        let mut arguments = vec!["failover", "--to", "replica-0", "--rejoin", "--kubeconfig"];
        let dry_run = [arguments.as_slice(), &[vera.as_str(), "--dry-run"]].concat();
        cluster.refuses(&dry_run, "patch").await?;
        let refused = [arguments.as_slice(), &[vera.as_str(), "--yes"]].concat();
        cluster.refuses(&refused, "patch").await?;
        arguments.extend([olga.as_str(), "--yes"]);
        cluster.pgctl(&arguments).await?.exits(0)?;
        oracle.content(cluster).await?;
        cluster
            .pgctl(&[
                "failover",
                "--to",
                "primary-0",
                "--yes",
                "--kubeconfig",
                &olga,
            ])
            .await?
            .exits(0)?;
        oracle.content(cluster).await?;
        cluster
            .pgctl(&["history", "--kubeconfig", &vera])
            .await?
            .exits(0)?
            .says("primary-0")?;
        Ok(())
    })
}
