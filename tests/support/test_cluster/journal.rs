//! How far an operation has come, by its journal.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;

use super::cluster::{TestCluster, eventually};

impl TestCluster {
    /// The entries of the journal, with the id of their operation before them; empty before the
    /// first.
    pub(crate) fn journal(&self) -> String {
        let map = self
            .record()
            .and_then(|name| self.store().read::<ConfigMap>(self.namespace(), &name));
        let data = map.ok().and_then(|map| map.data).unwrap_or_default();
        let read = |key: &str| data.get(key).map_or("", String::as_str);
        let plan: serde_json::Value = serde_json::from_str(read("plan")).unwrap_or_default();
        format!("{} {}", plan["id"], read("entries"))
    }

    /// The operation after that of this journal has begun the step.
    pub(crate) async fn began(&self, before: &str, step: &str) -> Result<()> {
        let id = before.split(' ').next().unwrap_or_default();
        let words = format!("\"event\":\"began\",\"step\":\"{step}\"");
        eventually("the step", async || {
            let now = self.journal();
            ensure!(
                (id == "null" || !now.starts_with(id)) && now.contains(&words),
                "{step} has not begun: {now}"
            );
            Ok(())
        })
        .await
    }
}
