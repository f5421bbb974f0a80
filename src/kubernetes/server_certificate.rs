//! The Secret with the servers' certificate, and with the authority that has signed it.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{KeyToPath, Pod, PodSpec, Secret, Volume};
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
    /// When what is in the Secret was changed last (`metadata.managedFields`); none when that is not written there.
    pub changed: Option<Timestamp>,
}

impl ServerCertificate {
    /// The certificate itself, as a server presents it (DER); none when the Secret has none that can be read.
    pub fn der(&self) -> Option<Vec<u8>> {
        let certificate = CertificateDer::from_pem_slice(&self.certificate).ok()?;
        Some(certificate.as_ref().to_vec())
    }

    /// Who has signed it (DER), as far as that can be read.
    pub fn authorities(&self) -> Vec<Vec<u8>> {
        let all = CertificateDer::pem_slice_iter(&self.authority).flatten();
        all.map(|it| it.as_ref().to_vec()).collect()
    }
}

/// Where the certificate of a pod's database comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// Out of a Secret.
    Secret {
        /// `metadata.name`.
        name: String,
        /// Key of who has signed it.
        authority: String,
        /// Key of the certificate itself.
        certificate: String,
    },
    /// Out of what has no file of who has signed it, as far as pgctl can see.
    Elsewhere {
        /// What that is, in words.
        place: String,
    },
}

/// What the database container of a pod has where the start script looks for a certificate; none when it has nothing there.
pub(super) fn certificate_source(spec: &PodSpec) -> Option<CertificateSource> {
    let container = database_container(spec)?;
    let variables = container.env.as_deref()?;
    let variable = variables
        .iter()
        .find(|it| it.name == names::ENV_CERTIFICATE)?;
    let folder = variable.value.as_deref().filter(|it| !it.is_empty())?;
    let is_there = |path: &str| path.trim_end_matches('/') == folder.trim_end_matches('/');
    let mounts = container.volume_mounts.as_deref().unwrap_or_default();
    let mount = mounts.iter().find(|it| is_there(&it.mount_path));
    let mut volumes = spec.volumes.as_deref().unwrap_or_default().iter();
    let volume = mount.and_then(|mount| volumes.find(|it| it.name == mount.name));
    let elsewhere = || CertificateSource::Elsewhere {
        place: match volume {
            Some(volume) => format!("the volume {:?}", volume.name),
            None => format!("the folder {folder:?}"),
        },
    };
    Some(volume.and_then(in_secret).unwrap_or_else(elsewhere))
}

/// The Secret of a volume (or of a projected one's sources) that has the file of the authority in it.
fn in_secret(volume: &Volume) -> Option<CertificateSource> {
    let alone = volume.secret.as_ref();
    let alone = alone.and_then(|it| Some((it.secret_name.as_ref()?, it.items.as_deref())));
    let projected = volume.projected.as_ref();
    let projected = projected.and_then(|it| it.sources.as_deref());
    let projected = projected.unwrap_or_default().iter();
    let projected = projected.filter_map(|it| it.secret.as_ref());
    let projected = projected.map(|it| (&it.name, it.items.as_deref()));
    let mut secrets = alone.into_iter().chain(projected);
    secrets.find_map(|(name, items)| {
        Some(CertificateSource::Secret {
            name: name.clone(),
            authority: key_of(names::KEY_AUTHORITY, items)?,
            // The other one may be another Secret's: it is only compared with what is presented.
            certificate: key_of(names::KEY_CERTIFICATE, items)
                .unwrap_or_else(|| names::KEY_CERTIFICATE.to_owned()),
        })
    })
}

/// The key that becomes this file. Without a choice each key is a file of its name.
fn key_of(file: &str, items: Option<&[KeyToPath]>) -> Option<String> {
    match items {
        None | Some([]) => Some(file.to_owned()),
        Some(items) => {
            let item = items.iter().find(|it| it.path == file)?;
            Some(item.key.clone())
        }
    }
}

fn from_secret(
    secret: &Secret,
    namespace: &str,
    name: &str,
    (authority, certificate): (&str, &str),
) -> Result<ServerCertificate, String> {
    let data = |key: &str| {
        let data = secret.data.as_ref()?;
        data.get(key).map(|value| value.0.clone())
    };
    let trusted = data(authority).filter(|it| !it.is_empty());
    let trusted = trusted.ok_or_else(|| {
        format!("has no key {authority:?}: nobody can tell whether a certificate is right")
    })?;
    let found = ServerCertificate {
        namespace: namespace.to_owned(),
        secret: name.to_owned(),
        authority: trusted,
        certificate: data(certificate).unwrap_or_default(),
        changed: changed(secret),
    };
    match found.authorities().is_empty() {
        true => Err(format!("holds no certificate under {authority:?}")),
        false => Ok(found),
    }
}

/// When somebody changed its contents last.
fn changed(secret: &Secret) -> Option<Timestamp> {
    let changes = secret.metadata.managed_fields.iter().flatten();
    let of_data = changes.filter(|it| {
        let fields = it.fields_v1.as_ref().map(|it| &it.0);
        fields.is_some_and(|it| it.get("f:data").is_some())
    });
    of_data.filter_map(|it| Some(it.time.as_ref()?.0)).max()
}

impl Kube {
    /// Reads who has signed the servers' certificates.
    ///
    /// # Errors
    /// When the Secret is missing, names no authority, or may not be read.
    pub(super) async fn server_certificate(
        &self,
        namespace: &str,
        source: &CertificateSource,
    ) -> Result<ServerCertificate, KubeError> {
        let (name, authority, certificate) = match source {
            CertificateSource::Secret {
                name,
                authority,
                certificate,
            } => (name, authority, certificate),
            CertificateSource::Elsewhere { place } => {
                let place = place.clone();
                return Err(KubeError::NoAuthority { place });
            }
        };
        let bad = |problem: String| KubeError::BadCertificate {
            secret: name.clone(),
            namespace: namespace.to_owned(),
            problem,
        };
        let secret: Option<Secret> = self.get(namespace, name).await?;
        let secret = secret.ok_or_else(|| bad("does not exist".to_owned()))?;
        from_secret(&secret, namespace, name, (authority, certificate)).map_err(bad)
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
        Ok(spec.and_then(certificate_source).is_some())
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
                {
                    "name": "postgres",
                    "env": [{"name": "PG_TLS_DIR", "value": "/etc/postgresql-tls"}],
                    "volumeMounts": [{"name": "certificate", "mountPath": path}],
                },
            ],
            "volumes": [volume, {"name": "other", "secret": {"secretName": "of-another"}}],
        }))
        .expect("a pod")
    }

    fn out_of(name: &str, authority: &str, certificate: &str) -> Option<CertificateSource> {
        Some(CertificateSource::Secret {
            name: name.to_owned(),
            authority: authority.to_owned(),
            certificate: certificate.to_owned(),
        })
    }

    #[test]
    fn the_certificate_is_what_the_database_has_where_its_start_script_looks() {
        let secret = json!({"secret": {"secretName": "postgres-tls-x7"}});
        let found = |path: &str| certificate_source(&spec(path, secret.clone()));
        let expected = out_of("postgres-tls-x7", "ca.crt", "tls.crt");
        assert_eq!(found("/etc/postgresql-tls"), expected);
        assert_eq!(found("/etc/postgresql-tls/"), expected);
        let mut other = spec("/etc/postgresql-tls", secret.clone());
        other.containers[1].env = None;
        assert_eq!(certificate_source(&other), None, "it is somebody's own");
        let place = "the folder \"/etc/postgresql-tls\"".to_owned();
        assert_eq!(
            found("/etc/elsewhere"),
            Some(CertificateSource::Elsewhere { place })
        );
    }

    #[test]
    fn whatever_becomes_the_file_of_the_authority_is_found_and_a_volume_without_is_not_passed_over()
    {
        let found =
            |volume: serde_json::Value| certificate_source(&spec("/etc/postgresql-tls", volume));
        let renamed =
            json!([{"key": "root.pem", "path": "ca.crt"}, {"key": "own.pem", "path": "tls.crt"}]);
        assert_eq!(
            found(json!({"secret": {"secretName": "s", "items": renamed}})),
            out_of("s", "root.pem", "own.pem")
        );
        let pair =
            json!([{"key": "tls.crt", "path": "tls.crt"}, {"key": "tls.key", "path": "tls.key"}]);
        assert_eq!(
            found(json!({"projected": {"sources": [
                {"secret": {"name": "pair", "items": pair}},
                {"secret": {"name": "authority", "items": renamed}},
            ]}})),
            out_of("authority", "root.pem", "own.pem")
        );
        let elsewhere = Some(CertificateSource::Elsewhere {
            place: "the volume \"certificate\"".to_owned(),
        });
        for volume in [
            json!({"configMap": {"name": "c"}}),
            json!({"csi": {"driver": "csi.cert-manager.io"}}),
            json!({"projected": {"sources": [{"secret": {"name": "pair", "items": pair}}, {"configMap": {"name": "c"}}]}}),
        ] {
            assert_eq!(found(volume), elsewhere);
        }
    }

    #[test]
    fn a_change_of_what_else_a_secret_says_of_itself_is_none_of_its_contents() {
        let secret: Secret = serde_json::from_value(json!({"metadata": {"managedFields": [
            {"manager": "a", "time": "2026-01-02T03:04:05Z", "fieldsV1": {"f:data": {"f:tls.crt": {}}}},
            {"manager": "b", "time": "2025-01-02T03:04:05Z", "fieldsV1": {"f:data": {"f:ca.crt": {}}}},
            {"manager": "c", "time": "2026-05-02T03:04:05Z", "fieldsV1": {"f:metadata": {}}},
        ]}}))
        .expect("a Secret");
        assert_eq!(changed(&secret), "2026-01-02T03:04:05Z".parse().ok());
    }

    #[test]
    fn without_an_authority_there_is_nothing_to_verify_with() {
        let of = |data: serde_json::Value| {
            let secret = serde_json::from_value(json!({"data": data})).expect("a Secret");
            from_secret(&secret, "n", "s", ("ca.crt", "tls.crt"))
        };
        // A PEM of "a", and "b", in base64.
        let pem =
            "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCllRPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";
        let found = of(json!({"ca.crt": pem, "tls.crt": "Yg==", "tls.key": "Yw=="}));
        let found = found.expect("complete");
        assert_eq!(found.authorities(), [b"a".to_vec()]);
        assert_eq!(found.certificate, b"b");
        assert_eq!(found.changed, None);
        assert!(of(json!({"tls.crt": "Yg=="})).is_err_and(|it| it.contains("\"ca.crt\"")));
        assert!(of(json!({"ca.crt": ""})).is_err());
        assert!(of(json!({"ca.crt": "YQ=="})).is_err_and(|it| it.contains("no certificate")));
    }
}
