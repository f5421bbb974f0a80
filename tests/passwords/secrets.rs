//! What the Secret holds, and where else it must not be.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use pgctl_sandbox::store::Selector;

use crate::test_cluster::{SandboxCluster, full};

pub(crate) const SUPERUSER: &str = "postgres-password";
pub(crate) const REPLICATION: &str = "replication-password";

/// The Secret's values by key.
pub(crate) fn secret(cluster: &SandboxCluster) -> Result<BTreeMap<String, String>> {
    let secret: Secret = cluster.store().read(cluster.namespace(), &full("secret"))?;
    let data = secret.data.context("a Secret without data")?;
    let text = |value: Vec<u8>| String::from_utf8(value).context("a Secret that is no text");
    data.into_iter()
        .map(|(key, value)| Ok((key, text(value.0)?)))
        .collect()
}

/// Nothing is on its way.
pub(crate) fn is_settled(cluster: &SandboxCluster) -> Result<()> {
    let keys: Vec<String> = secret(cluster)?.into_keys().collect();
    ensure!(
        keys == [SUPERUSER, "postgres-user", REPLICATION],
        "{keys:?} are in the Secret"
    );
    Ok(())
}

/// The password is in no ConfigMap, and in no file of the sandbox's logs.
pub(crate) fn is_nowhere_else(cluster: &SandboxCluster, password: &str) -> Result<()> {
    let maps = cluster
        .store()
        .read_all::<ConfigMap>(Some(cluster.namespace()), &Selector::everything())?;
    for map in maps.items {
        let text = format!("{:?}", map.data);
        let name = map.metadata.name.unwrap_or_default();
        ensure!(!text.contains(password), "it is in ConfigMap {name}");
    }
    let mut folders = vec![cluster.sandbox.folder().to_path_buf()];
    while let Some(folder) = folders.pop() {
        // A pod's files go with it.
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let kind = entry.file_type().ok();
            if kind.is_some_and(|it| it.is_dir()) {
                folders.push(path);
            } else if kind.is_some_and(|it| it.is_file()) && is_a_log(&path) {
                let text = fs::read(&path).unwrap_or_default();
                let found = text
                    .windows(password.len())
                    .any(|it| it == password.as_bytes());
                ensure!(!found, "it is in {}", path.display());
            }
        }
    }
    Ok(())
}

fn is_a_log(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.contains("log") || path.to_string_lossy().contains("/logs/")
}

/// It is in no command line on this machine.
pub(crate) fn is_in_no_command_line(password: &str) -> Result<()> {
    for entry in fs::read_dir("/proc")?.flatten() {
        let Ok(line) = fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let found = line
            .windows(password.len())
            .any(|it| it == password.as_bytes());
        ensure!(!found, "it is in {}", String::from_utf8_lossy(&line));
    }
    Ok(())
}
