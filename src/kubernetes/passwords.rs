//! Changing passwords in the cluster's Secret.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::facts::database_container;
use super::{CredentialsSource, Found, Kube, KubeError};
use crate::change::PasswordOwner;

/// The Secret with the passwords, as it was read.
#[derive(Debug, Clone)]
pub struct SecretPasswords {
    /// Its `resourceVersion`: nobody else's change is overwritten.
    version: Option<String>,
    /// Who writes it, when that is not an operator.
    pub owner: Option<PasswordOwner>,
    /// Its values that are text, by key. They are never shown.
    values: BTreeMap<String, SecretString>,
}

impl SecretPasswords {
    /// The value of a key; none when there is none, or nothing in it.
    pub fn value(&self, key: &str) -> Option<&SecretString> {
        let value = self.values.get(key);
        value.filter(|it| !it.expose_secret().is_empty())
    }
}

impl Kube {
    /// Reads the Secret with the passwords.
    ///
    /// # Errors
    /// When it is not there, or may not be read.
    pub async fn secret_passwords(
        &self,
        source: &CredentialsSource,
    ) -> Result<SecretPasswords, KubeError> {
        let secret = self.secret(source).await?;
        let data = secret.data.iter().flatten();
        let values = data.filter_map(|(key, value)| {
            let text = String::from_utf8(value.0.clone()).ok()?;
            Some((key.clone(), SecretString::from(text)))
        });
        Ok(SecretPasswords {
            version: secret.metadata.resource_version.clone(),
            owner: owner(&secret),
            values: values.collect(),
        })
    }

    /// Sets keys of the Secret, or takes them out where there is no value, in one change.
    ///
    /// # Errors
    /// [`KubeError::Conflict`] when somebody has changed it since it was read, or the API refuses.
    pub async fn change_secret(
        &self,
        source: &CredentialsSource,
        read: &SecretPasswords,
        changes: &[(String, Option<SecretString>)],
    ) -> Result<(), KubeError> {
        let data: serde_json::Map<String, Value> = changes
            .iter()
            .map(|(key, value)| {
                let encoded = value
                    .as_ref()
                    .map(|it| BASE64_STANDARD.encode(it.expose_secret()));
                (key.clone(), json!(encoded))
            })
            .collect();
        let body = json!({
            "metadata": {"resourceVersion": read.version},
            "data": data,
        });
        self.merge::<Secret>(&source.namespace, &source.secret, &body)
            .await
            .map(drop)
    }
}

/// Whose object it is, by its owner and by what the controllers leave on it.
fn owner(secret: &Secret) -> Option<PasswordOwner> {
    let owners = secret.metadata.owner_references.iter().flatten();
    let kinds: Vec<&str> = owners.map(|it| it.kind.as_str()).collect();
    let marked = |prefix: &str| {
        let labels = secret.labels().keys().chain(secret.annotations().keys());
        labels.into_iter().any(|it| it.starts_with(prefix))
    };
    let patched = "sealedsecrets.bitnami.com/";
    if kinds.contains(&"ExternalSecret") || marked("reconcile.external-secrets.io/") {
        Some(PasswordOwner::ExternalSecrets)
    } else if kinds.contains(&"SealedSecret") || marked(patched) {
        Some(PasswordOwner::SealedSecrets)
    } else {
        None
    }
}

impl Found {
    /// Where each pod has this Secret as files, by the name of the pod; not those that have it not.
    pub fn secret_mounts(&self, secret: &str) -> BTreeMap<String, String> {
        let pods = self.pods.iter();
        pods.filter_map(|pod| Some((pod.name_any(), mount(pod, secret)?)))
            .collect()
    }
}

fn mount(pod: &Pod, secret: &str) -> Option<String> {
    let spec = pod.spec.as_ref()?;
    let mut volumes = spec.volumes.iter().flatten();
    let volume = volumes.find(|it| {
        let source = it.secret.as_ref();
        source.is_some_and(|it| it.secret_name.as_deref() == Some(secret) && it.items.is_none())
    })?;
    let mounts = database_container(spec)?.volume_mounts.as_ref()?;
    let mut mounts = mounts.iter();
    // A subPath is never renewed.
    let mount = mounts.find(|it| it.name == volume.name && it.sub_path.is_none())?;
    Some(mount.mount_path.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_a_controller_is_known() {
        let of = |metadata: Value| {
            let secret = serde_json::from_value(json!({"metadata": metadata}));
            owner(&secret.expect("a Secret"))
        };
        let owned = |kind: &str| json!({"ownerReferences": [{"apiVersion": "x/v1", "kind": kind, "name": "s", "uid": "u"}]});
        assert_eq!(of(json!({})), None);
        assert_eq!(
            of(owned("ExternalSecret")),
            Some(PasswordOwner::ExternalSecrets)
        );
        assert_eq!(
            of(owned("SealedSecret")),
            Some(PasswordOwner::SealedSecrets)
        );
        let hash = json!({"annotations": {"reconcile.external-secrets.io/data-hash": "x"}});
        assert_eq!(of(hash), Some(PasswordOwner::ExternalSecrets));
    }

    #[test]
    fn only_files_that_follow_the_secret_count() {
        let pod = |volume: Value, mount: Value| -> Pod {
            serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": {
                "volumes": [volume],
                "containers": [{"name": "postgres", "volumeMounts": [mount]}]}}))
            .expect("a pod")
        };
        let volume = json!({"name": "v", "secret": {"secretName": "s"}});
        let there = pod(volume.clone(), json!({"name": "v", "mountPath": "/x/"}));
        assert_eq!(mount(&there, "s").as_deref(), Some("/x"));
        assert_eq!(mount(&there, "other"), None);
        let path = json!({"name": "v", "mountPath": "/x", "subPath": "k"});
        assert_eq!(mount(&pod(volume, path), "s"), None);
    }
}
