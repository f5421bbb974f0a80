//! Whether every standby that the StatefulSets ask for follows the primary, and has what it has.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail, ensure};

use super::cluster::{TestCluster, eventually, full};

impl TestCluster {
    /// Waits until one pod accepts writes, as many others stream from it as are wanted, and each
    /// of them has replayed everything that was written before this was called.
    pub(crate) async fn all_stream(&self) -> Result<String> {
        let primary = eventually("a primary", async || self.primary().await).await?;
        let position = self
            .open(&primary)
            .await?
            .one("SELECT pg_current_wal_lsn()")
            .await?;
        eventually("every wanted standby streams", async || {
            self.streams_from(&primary, &position).await
        })
        .await?;
        Ok(primary)
    }

    async fn streams_from(&self, primary: &str, position: &str) -> Result<()> {
        let pods: BTreeSet<String> = self
            .pods()?
            .into_iter()
            .filter_map(|pod| pod.metadata.name)
            .filter(|name| *name != full(primary))
            .collect();
        let wanted = self
            .wanted_pods()?
            .checked_sub(1)
            .context("no pod is wanted")?;
        ensure!(
            pods.len() == wanted,
            "{wanted} standbys are wanted, there are: {pods:?}"
        );
        let rows = self
            .sql(
                primary,
                "SELECT r.application_name, r.state, r.replay_lsn, s.slot_name \
                 FROM pg_stat_replication r \
                 LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid",
            )
            .await?;
        let mut behind = Vec::new();
        for pod in &pods {
            let row = rows
                .iter()
                .find(|row| row[0] == *pod && row[1] == "streaming");
            let Some(row) = row else {
                bail!("{pod} does not stream from {primary}: {rows:?}");
            };
            ensure!(
                row[3] == pod.replace('-', "_"),
                "{pod} streams through the slot {:?}",
                row[3]
            );
            if lsn(&row[2])? < lsn(position)? {
                behind.push(format!("{pod} at {}", row[2]));
            }
        }
        ensure!(
            behind.is_empty(),
            "not at {position} yet: {}",
            behind.join(", ")
        );
        Ok(())
    }

    /// No slot holds WAL for nobody: each physical slot on every pod is in use, or waits on a
    /// standby without holding anything back for a pod that does not exist.
    pub(crate) async fn no_stale_slots(&self) -> Result<()> {
        let names: BTreeSet<String> = self
            .pods()?
            .iter()
            .filter_map(|pod| pod.metadata.name.as_ref())
            .map(|name| name.replace('-', "_"))
            .collect();
        let primary = self.primary().await?;
        eventually("no slot is left over", async || {
            for pod in self.pods()? {
                let tail = super::cluster::tail_of(&pod);
                let rows = self
                    .sql(&tail, "SELECT slot_name, active FROM pg_replication_slots")
                    .await?;
                for row in rows {
                    ensure!(
                        tail == primary && names.contains(&row[0]) && row[1] == "t",
                        "slot {} is left on {tail} (active: {})",
                        row[0],
                        row[1]
                    );
                }
            }
            Ok(())
        })
        .await
    }
}

/// A position in the WAL as a number.
pub(crate) fn lsn(text: &str) -> Result<u64> {
    let (high, low) = text
        .split_once('/')
        .with_context(|| format!("{text:?} is no LSN"))?;
    Ok(u64::from_str_radix(high, 16)? << 32 | u64::from_str_radix(low, 16)?)
}
