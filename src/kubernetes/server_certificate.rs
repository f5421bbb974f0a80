//! The Secret with the servers' certificate, and with the authority that has signed it.

use k8s_openapi::api::core::v1::{Pod, PodSpec, Secret};
use kube::ResourceExt as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::facts::database_container;
use super::{Kube, KubeError};
use crate::cluster::names;

/// By what the servers of a cluster prove who they are. Their key is not in here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCertificate {
    /// `metadata.namespace` of the Secret.
    pub namespace: String,
    /// `metadata.name` of the Secret.
    pub secret: String,
    /// Who has signed it (PEM).
    pub authority: Vec<u8>,
    /// The certificate itself (PEM); empty when the Secret has none.
    pub certificate: Vec<u8>,
}

impl ServerCertificate {
    /// The certificate itself, as a server presents it (DER); none when the Secret has none that can be read.
    pub fn der(&self) -> Option<Vec<u8>> {
        let certificate = CertificateDer::from_pem_slice(&self.certificate).ok()?;
        Some(certificate.as_ref().to_vec())
    }
}

/// Name of the Secret that the database container of a pod has where the start script looks for a certificate; none when it
/// has none there.
pub(super) fn certificate_secret(spec: &PodSpec) -> Option<String> {
    let mounts = database_container(spec)?.volume_mounts.as_deref()?;
    let place = |path: &str| path.trim_end_matches('/') == names::CERTIFICATE_FOLDER;
    let mount = mounts.iter().find(|it| place(&it.mount_path))?;
    let volumes = spec.volumes.as_deref()?;
    let volume = volumes.iter().find(|it| it.name == mount.name)?;
    volume.secret.as_ref()?.secret_name.clone()
}

fn from_secret(secret: &Secret, namespace: &str, name: &str) -> Result<ServerCertificate, String> {
    let data = |key: &str| {
        let data = secret.data.as_ref()?;
        data.get(key).map(|value| value.0.clone())
    };
    let authority = data(names::KEY_AUTHORITY).filter(|it| !it.is_empty());
    Ok(ServerCertificate {
        namespace: namespace.to_owned(),
        secret: name.to_owned(),
        authority: authority.ok_or_else(|| {
            format!(
                "has no key {:?}: nobody can tell whether a certificate is right",
                names::KEY_AUTHORITY
            )
        })?,
        certificate: data(names::KEY_CERTIFICATE).unwrap_or_default(),
    })
}

impl Kube {
    /// Reads the certificates of a Secret.
    ///
    /// # Errors
    /// When it is missing, names no authority, or may not be read.
    pub async fn server_certificate(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<ServerCertificate, KubeError> {
        let bad = |problem: String| KubeError::BadCertificate {
            secret: name.to_owned(),
            namespace: namespace.to_owned(),
            problem,
        };
        let secret: Option<Secret> = self.get(namespace, name).await?;
        let secret = secret.ok_or_else(|| bad("does not exist".to_owned()))?;
        from_secret(&secret, namespace, name).map_err(bad)
    }

    /// Whether the server of a pod has a certificate, as it runs now: its template may be another by now. False of a pod
    /// that is gone, and of a throw-away server.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn has_certificate(&self, namespace: &str, pod: &str) -> Result<bool, KubeError> {
        let pod: Option<Pod> = self.get(namespace, pod).await?;
        // A throw-away server is made after the template, and serves no network: it uses none.
        let used = pod.filter(|it| !it.labels().contains_key(names::THROW_AWAY));
        let spec = used.as_ref().and_then(|it| it.spec.as_ref());
        Ok(spec.and_then(certificate_secret).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(path: &str, volume: serde_json::Value) -> PodSpec {
        let mut volume = volume;
        volume["name"] = json!("certificate");
        serde_json::from_value(json!({
            "containers": [
                {"name": "exporter", "volumeMounts": [{"name": "other", "mountPath": "/etc/postgresql-tls"}]},
                {"name": "postgres", "volumeMounts": [{"name": "certificate", "mountPath": path}]},
            ],
            "volumes": [volume, {"name": "other", "secret": {"secretName": "of-another"}}],
        }))
        .expect("a pod")
    }

    #[test]
    fn the_certificate_is_what_the_database_has_where_its_start_script_looks() {
        let secret = json!({"secret": {"secretName": "postgres-tls-x7"}});
        let found = |path: &str| certificate_secret(&spec(path, secret.clone()));
        assert_eq!(
            found("/etc/postgresql-tls").as_deref(),
            Some("postgres-tls-x7")
        );
        assert_eq!(
            found("/etc/postgresql-tls/").as_deref(),
            Some("postgres-tls-x7")
        );
        assert_eq!(found("/etc/elsewhere"), None);
        let map = json!({"configMap": {"name": "c"}});
        assert_eq!(certificate_secret(&spec("/etc/postgresql-tls", map)), None);
    }

    #[test]
    fn without_an_authority_there_is_nothing_to_verify_with() {
        let of = |data: serde_json::Value| {
            let secret = serde_json::from_value(json!({"data": data})).expect("a Secret");
            from_secret(&secret, "n", "s")
        };
        // "a" and "b" in base64.
        let found = of(json!({"ca.crt": "YQ==", "tls.crt": "Yg==", "tls.key": "Yw=="}));
        let found = found.expect("complete");
        assert_eq!(
            (found.authority, found.certificate),
            (b"a".to_vec(), b"b".to_vec())
        );
        assert!(of(json!({"tls.crt": "Yg=="})).is_err_and(|it| it.contains("\"ca.crt\"")));
        assert!(of(json!({"ca.crt": ""})).is_err());
    }
}
