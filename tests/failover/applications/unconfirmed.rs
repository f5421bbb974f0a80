//! A row that only the primary has is not acknowledged, whatever became of the commit that wrote it.

use anyhow::{Result, ensure};

use super::super::test_cluster::{SandboxCluster, eventually};
use super::{Running, rows, said};

impl Running {
    /// While no standby confirms anything, nobody gets on to the next row: also pgx does not, which cancels a commit that
    /// waits for too long, and finds the row then.
    pub(super) async fn none_is_done_without_a_standby(
        &self,
        cluster: &SandboxCluster,
    ) -> Result<()> {
        let Some((go, _)) = self.all.iter().find(|it| it.0 == "go-direct") else {
            return Ok(());
        };
        let primary = cluster.open("primary-0").await?;
        let confirm = async |names: &str| -> Result<()> {
            let names = names.replace('\'', "''");
            let sql = format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'");
            primary.rows(&sql).await?;
            primary.one("SELECT pg_reload_conf()").await.map(drop)
        };
        let before = primary.one("SHOW synchronous_standby_names").await?;
        confirm("nobody").await?;
        let first = self.cut_off(go) + 1;
        self.is_cut_off(go, first).await?;
        let then = rows(cluster).await?;
        // Of two writers: three of one of them.
        self.is_cut_off(go, first + 6).await?;
        let now = rows(cluster).await?;
        confirm(&before).await?;
        for (writer, now) in now {
            let then = then.get(&writer).map_or(0, |it| it.last);
            // One was under way, and is seen once it has been cancelled.
            ensure!(
                now.last <= then + 1,
                "{writer} went from {then} to {now:?} with no standby"
            );
        }
        Ok(())
    }

    async fn is_cut_off(&self, name: &str, times: usize) -> Result<()> {
        eventually("it waits for too long", async || {
            let now = self.cut_off(name);
            ensure!(
                now >= times,
                "{now} of {times}: {}",
                said(&self.folder, name)
            );
            Ok(())
        })
        .await
    }

    /// How often the time of an attempt was up.
    fn cut_off(&self, name: &str) -> usize {
        let text = std::fs::read_to_string(self.folder.join(format!("{name}.err")));
        text.unwrap_or_default()
            .matches("deadline exceeded")
            .count()
    }
}
