//! The certificate authority of one sandbox.

use anyhow::Context;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::Identity;
use crate::certificates::authority;

/// Signs the certificates of the server and of its users, and remembers whom it gave one.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
    issued: Mutex<HashMap<Vec<u8>, Identity>>,
}

/// A client certificate with its key, in PEM.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PEM.
    pub key: String,
}

impl Authority {
    /// A new authority with a new key.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn generate() -> anyhow::Result<Self> {
        let (issuer, certificate) = authority("pgctl-sandbox-ca", KeyPair::generate())?;
        Ok(Self {
            issuer,
            certificate,
            issued: Mutex::default(),
        })
    }

    /// The authority's own certificate, PEM, as a kubeconfig carries it.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub(in crate::api) fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// A certificate for the server at this address.
    pub(in crate::api) fn server(
        &self,
        address: IpAddr,
    ) -> anyhow::Result<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
        let names = [
            address.to_string(),
            "localhost".to_owned(),
            "kubernetes".to_owned(),
            "kubernetes.default.svc".to_owned(),
        ];
        let mut params = CertificateParams::new(names).context("naming the server certificate")?;
        params
            .distinguished_name
            .push(DnType::CommonName, "kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().context("generating the server key")?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .context("signing the server certificate")?;
        Ok((
            certificate.der().clone(),
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        ))
    }

    /// A client certificate for this user. With `expired` it ended years ago, for tests of that message.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn client(&self, identity: &Identity, expired: bool) -> anyhow::Result<ClientCertificate> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, identity.user.as_str());
        if let Some(group) = identity.groups.first() {
            params
                .distinguished_name
                .push(DnType::OrganizationName, group.as_str());
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().context("generating a client key")?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .context("signing a client certificate")?;
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.insert(certificate.der().to_vec(), identity.clone());
        Ok(ClientCertificate {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// Whom this certificate was given to.
    pub(super) fn holder(&self, certificate: &CertificateDer<'_>) -> Option<Identity> {
        self.issued
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(certificate.as_ref())
            .cloned()
    }
}
