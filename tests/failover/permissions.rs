//! The shipped Roles: the operator's alone is enough for all of it, the viewer's for nothing of it.

use anyhow::Result;

use super::lab::{OPERATOR, Oracle, VIEWER, on_sandbox};

#[test]
fn the_viewer_is_refused_before_the_first_change_and_the_operator_can_do_all_of_it() -> Result<()> {
    on_sandbox(1, async |lab| {
        let oracle = Oracle::start(lab).await?;
        lab.grant(VIEWER, "vera")?;
        lab.grant(OPERATOR, "olga")?;
        let (vera, olga) = (lab.kubeconfig_of("vera")?, lab.kubeconfig_of("olga")?);
        let mut arguments = vec!["failover", "--to", "replica-0", "--rejoin", "--kubeconfig"];
        let dry_run = [arguments.as_slice(), &[vera.as_str(), "--dry-run"]].concat();
        lab.refuses(&dry_run, "patch").await?;
        let refused = [arguments.as_slice(), &[vera.as_str(), "--yes"]].concat();
        lab.refuses(&refused, "patch").await?;
        arguments.extend([olga.as_str(), "--yes"]);
        lab.pgctl(&arguments).await?.exits(0)?;
        oracle.content(lab).await?;
        lab.pgctl(&[
            "failover",
            "--to",
            "primary-0",
            "--yes",
            "--kubeconfig",
            &olga,
        ])
        .await?
        .exits(0)?;
        oracle.content(lab).await?;
        lab.pgctl(&["history", "--kubeconfig", &vera])
            .await?
            .exits(0)?
            .says("primary-0")?;
        Ok(())
    })
}
