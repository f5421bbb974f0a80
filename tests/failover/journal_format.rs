//! A journal that a newer pgctl has written is named, and left as it is.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use super::test_cluster::{TestCluster, on_cluster};

impl TestCluster {
    /// Puts a journal there whose format and plan nobody knows yet.
    fn journal_of_a_newer_one(&self) -> Result<ConfigMap> {
        let header = json!({
            "format": 99, "needs": "0.9.0", "id": "quiesce-20300101T000000Z",
            "operation": "quiescing of the cluster", "ended": false,
        });
        let journal = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.record()?,
                "namespace": self.namespace(),
                "labels": {"pgctl.io/cluster": self.name()?},
            },
            "data": {
                "format": header.to_string(),
                "plan": "{\"operation\":{\"kind\":\"quiesce\"}}",
                "entries": "of another kind",
                "later": "a key",
            },
        });
        self.store()
            .add::<ConfigMap>(&serde_json::from_value(journal)?)
    }
}

#[test]
fn the_journal_of_a_newer_pgctl_is_refused_and_left_as_it_is() -> Result<()> {
    on_cluster(1, async |cluster| {
        let before = cluster.journal_of_a_newer_one()?;
        let commands: [&[&str]; 6] = [
            &["history"],
            &["failover", "--to", "replica-0", "--yes"],
            &["failover", "--resume"],
            &["failover", "--abort"],
            &["scale", "2", "--temporary", "--yes"],
            &["restore", "--resume"],
        ];
        for arguments in commands {
            cluster
                .pgctl(arguments)
                .await?
                .exits(3)?
                .says("quiescing of the cluster")?
                .says("format 99")?
                .says("install pgctl 0.9.0 or newer")?;
        }
        cluster
            .pgctl(&["status"])
            .await?
            .says("quiescing of the cluster")?
            .says("install pgctl 0.9.0 or newer")?;
        let journal = cluster.record()?;
        let after: ConfigMap = cluster.store().read(cluster.namespace(), &journal)?;
        ensure!(after == before, "it was changed: {after:?}");
        Ok(())
    })
}
