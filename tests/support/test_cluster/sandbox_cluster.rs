//! What a test can do to a sandbox only. The type is the permission: whoever has it was begun with
//! [`on_sandbox`], and what takes it can't be called on a cluster that was given.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use anyhow::Result;
use k8s_openapi::api::core::v1::Secret;
use pgctl_sandbox::Sandbox;
use pgctl_sandbox::certificates::CertificateAuthority;
use pgctl_sandbox::cli::{FaultKind, Scope};

use super::backend::{Backend, new_sandbox, skipped};
use super::cluster::{TestCluster, full, run};

/// A cluster that is a sandbox: with faults, with nodes to lose and disks to fill, with files that
/// can be reached, and with nobody who misses it.
pub(crate) struct SandboxCluster {
    cluster: TestCluster,
    pub(crate) sandbox: Arc<Sandbox>,
}

/// As [`on_cluster`](super::on_cluster), for a test that breaks what only the sandbox can break, or
/// for good. It is skipped, and said so by name, where a cluster was given.
pub(crate) fn on_sandbox(
    standbys: u32,
    test: impl AsyncFnOnce(&SandboxCluster) -> Result<()>,
) -> Result<()> {
    let Some(cluster) = SandboxCluster::start(standbys)? else {
        return Ok(());
    };
    run(test(&cluster))
}

/// As [`on_sandbox`], with the poolers of the deployment.
pub(crate) fn on_sandbox_with_poolers(
    standbys: u32,
    test: impl AsyncFnOnce(&SandboxCluster) -> Result<()>,
) -> Result<()> {
    let Some(cluster) = SandboxCluster::start_with(standbys, true, None)? else {
        return Ok(());
    };
    run(test(&cluster))
}

/// As [`on_sandbox`], where all is encrypted, with certificates of this authority.
pub(crate) fn on_sandbox_with_certificates(
    standbys: u32,
    authority: &Arc<CertificateAuthority>,
    test: impl AsyncFnOnce(&SandboxCluster) -> Result<()>,
) -> Result<()> {
    let authority = Some(Arc::clone(authority));
    let Some(cluster) = SandboxCluster::start_with(standbys, false, authority)? else {
        return Ok(());
    };
    run(test(&cluster))
}

impl SandboxCluster {
    /// None, and said so, where a cluster was given.
    pub(crate) fn start(standbys: u32) -> Result<Option<Self>> {
        Self::start_with(standbys, false, None)
    }

    fn start_with(
        standbys: u32,
        poolers: bool,
        authority: Option<Arc<CertificateAuthority>>,
    ) -> Result<Option<Self>> {
        if skipped() {
            return Ok(None);
        }
        let sandbox = new_sandbox(standbys, poolers, authority)?;
        Ok(Some(Self {
            cluster: TestCluster::on(Backend::Sandbox(Arc::clone(&sandbox)))?,
            sandbox,
        }))
    }

    /// Stops every process of a pod where it is.
    pub(crate) async fn freeze(&self, tail: &str) -> Result<()> {
        let pod = full(tail);
        let scope = Scope { namespace: None };
        self.fault(&FaultKind::Freeze { pod, scope }).await
    }

    /// What a Secret holds, by key.
    pub(crate) fn secret(&self, name: &str) -> Result<BTreeMap<String, String>> {
        let secret = self.store().read::<Secret>(self.namespace(), name)?;
        let data = secret.data.unwrap_or_default();
        data.into_iter()
            .map(|(key, value)| Ok((key, String::from_utf8(value.0)?)))
            .collect()
    }

    /// Ends every fault.
    pub(crate) async fn mend(&self) -> Result<()> {
        self.fault(&FaultKind::Clear).await
    }

    pub(crate) async fn fault(&self, fault: &FaultKind) -> Result<()> {
        self.sandbox.faults().apply(fault).await.map(drop)
    }
}

impl Deref for SandboxCluster {
    type Target = TestCluster;

    fn deref(&self) -> &TestCluster {
        &self.cluster
    }
}
