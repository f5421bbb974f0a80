//! The real kubectl, as the administrator of a sandbox.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::sandbox_cluster::SandboxCluster;

impl SandboxCluster {
    /// Runs it in the cluster's namespace; what it said, on either stream.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let (variable, kubeconfig) = self.environment();
        let output = Command::new("kubectl")
            .args(["-n", self.namespace()])
            .args(arguments)
            .env(variable, kubeconfig)
            .output()
            .context("running kubectl")?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        ensure!(
            output.status.success(),
            "kubectl {}: {said}",
            arguments.join(" ")
        );
        Ok(said)
    }

    /// Writes an overlay into a folder of its own, for `kubectl kustomize` and `apply -k`. `DEPLOY` in it is the folder
    /// `deploy`, as kustomize takes it: from where the overlay is.
    pub(crate) fn overlay(&self, kustomization: &str) -> Result<PathBuf> {
        let folder = self.folder().join("overlay");
        std::fs::create_dir_all(&folder)?;
        // Where it really is: kustomize goes up from there.
        let folder = folder.canonicalize()?;
        let up = "../".repeat(folder.components().count().saturating_sub(1));
        let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");
        let deploy = format!("{up}{}", deploy.trim_start_matches('/'));
        let text = kustomization.replace("DEPLOY", &deploy);
        std::fs::write(folder.join("kustomization.yaml"), text)?;
        Ok(folder)
    }
}
