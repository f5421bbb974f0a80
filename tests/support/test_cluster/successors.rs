//! Pods that go, and those that come after them.

use anyhow::{Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use pgctl_sandbox::store::DeleteOptions;

use super::cluster::{TestCluster, eventually, full};

impl TestCluster {
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

    /// Waits until no pod has this name.
    pub(crate) async fn gone(&self, tail: &str) -> Result<()> {
        eventually("the pod is gone", async || {
            let pod: Option<Pod> = self.store().read_opt(self.namespace(), &full(tail))?;
            match pod {
                None => Ok(()),
                Some(pod) => bail!("{tail} is there, as {:?}", pod.metadata.uid),
            }
        })
        .await
    }
}
