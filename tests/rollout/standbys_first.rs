//! A new template reaches the pods: the standbys one at a time, the primary last.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use super::test_cluster::{Oracle, eventually, full, on_sandbox};
use super::world::BOTH;

const NEW: &str = "postgres:17.6";

#[test]
fn a_new_image_reaches_the_standbys_first_and_the_primary_last() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let before = cluster.uids()?;
        cluster
            .pgctl(&["rollout", "--yes"])
            .await?
            .exits(0)?
            .says("Nothing to do")?;
        cluster.apply_image(&BOTH, NEW).await?;
        // Applying it restarts nothing; status says what does.
        cluster
            .pgctl(&["status"])
            .await?
            .exits(0)?
            .says("3 pods run an older revision")?
            .says("rollout")?;
        let plan = cluster
            .pgctl(&["rollout", "--dry-run", "-o", "json"])
            .await?;
        let document = plan.exits(0)?.json()?;
        let parts: Vec<&str> = document["parts"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|part| part["part"].as_str())
            .collect();
        ensure!(parts == ["restart", "restart", "hand-over"], "{document:#}");
        ensure!(cluster.uids()? == before, "a dry run restarts nothing");

        cluster.rolls_out(&[], 0).await?;
        cluster.all_have(NEW)?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "replica-0", "{primary} is the primary");
        let after = cluster.uids()?;
        ensure!(after.keys().eq(before.keys()), "{after:?}");
        ensure!(
            before.iter().all(|(pod, uid)| after[pod] != *uid),
            "each pod is another one: {before:?} {after:?}"
        );
        let again = cluster.rolls_out(&[], 0).await?;
        ensure!(again.contains("Nothing to do"), "{again}");
        ensure!(cluster.uids()? == after, "nothing was to be done");
        let history = cluster.pgctl(&["history"]).await?.exits(0)?;
        let history = history.says(&format!("restart of {}", full("replica-1")))?;
        history.says("switchover from")?;
        Ok(())
    })
}

#[test]
fn every_pod_is_restarted_and_the_role_goes_back() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        let before = cluster.uids()?;
        let alone = cluster
            .rolls_out(&["--restart", "--pod", "replica-1"], 0)
            .await?;
        ensure!(alone.contains("1 pod of"), "{alone}");
        let changed: BTreeSet<String> = changed(&before, &cluster.uids()?);
        ensure!(
            changed == BTreeSet::from(["replica-1".to_owned()]),
            "{changed:?}"
        );

        cluster.rolls_out(&["--restart", "--back"], 0).await?;
        let primary = oracle.content(cluster).await?;
        ensure!(primary == "primary-0", "{primary} is the primary");
        let after = cluster.uids()?;
        ensure!(
            self::changed(&before, &after).len() == 3,
            "{before:?} {after:?}"
        );
        Ok(())
    })
}

fn changed(
    before: &std::collections::BTreeMap<String, String>,
    after: &std::collections::BTreeMap<String, String>,
) -> BTreeSet<String> {
    let is_new = |(pod, uid): &(&String, &String)| before.get(*pod) != Some(*uid);
    after
        .iter()
        .filter(is_new)
        .map(|(pod, _)| pod.clone())
        .collect()
}

#[test]
fn a_standby_that_is_added_in_the_middle_confuses_nobody() -> Result<()> {
    on_sandbox(2, async |cluster| {
        let oracle = Oracle::start(cluster).await?;
        cluster.apply_image(&BOTH, NEW).await?;
        let mut running = cluster.begin(&["rollout", "--yes"])?;
        running.says("Part 1 of 3").await?;
        cluster.at_least(3)?;
        let said = running.ends_well().await?;
        ensure!(said.contains("Part 3 of 3"), "{said}");
        eventually("the new standby", async || cluster.uid("replica-2")).await?;
        oracle.content(cluster).await?;
        cluster.all_have(NEW)
    })
}
