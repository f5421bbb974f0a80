//! A template that does not start costs one standby, and nothing else.

use anyhow::{Result, ensure};

use super::test_cluster::{Oracle, full, on_sandbox};
use super::world::BOTH;

#[test]
fn a_broken_image_stops_at_the_first_pod_and_a_mended_template_heals_it() -> Result<()> {
    on_sandbox(3, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let before = cluster.uids()?;
        let good = cluster.images()?["replica-0"].clone();
        cluster.apply_image(&BOTH, "no-such-image:1").await?;
        let said = cluster.rolls_out(&[], 5).await?;
        ensure!(said.contains("does not come back"), "{said}");
        ensure!(
            said.contains("ImagePull") && said.contains("no-such-image:1"),
            "{said}"
        );
        ensure!(said.contains("3 parts were not touched"), "{said}");
        let after = cluster.uids()?;
        for (pod, uid) in &before {
            ensure!(
                (after[pod] == *uid) == (pod != "replica-0"),
                "{pod}: {before:?} {after:?}"
            );
        }
        ensure!(
            cluster.primary().await? == "primary-0",
            "the primary is another one"
        );
        oracle.writes_flow().await?;
        oracle.never_two()?;

        // Once more: nothing else is risked.
        let again = cluster.rolls_out(&[], 3).await?;
        ensure!(again.contains("does not come up"), "{again}");
        ensure!(cluster.uids()? == after, "nothing was to be restarted");

        cluster.apply_image(&BOTH, &good).await?;
        let healed = cluster.rolls_out(&[], 0).await?;
        ensure!(
            healed.contains(&format!("restart {}", full("replica-0"))),
            "{healed}"
        );
        ensure!(healed.contains("1 pod of"), "{healed}");
        cluster.all_have(&good)?;
        oracle.content(cluster).await?;
        Ok(())
    })
}
