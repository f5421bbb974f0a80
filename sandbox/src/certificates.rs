//! Authorities and the certificates that they sign, for servers that are to prove who they are.

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, date_time_ymd,
};

/// Signs certificates.
pub struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct KeyedCertificate {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PEM.
    pub key: String,
}

/// From when to when a certificate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// From long ago for as long as a test may run.
    Long,
    /// It ended years ago.
    Expired,
    /// It begins in years.
    NotYet,
    /// To the beginning of this day: year, month, day.
    Until(i32, u8, u8),
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateAuthority")
            .finish_non_exhaustive()
    }
}

impl CertificateAuthority {
    /// A new authority of this name with a new key.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn generate(name: &str) -> Result<Self> {
        Self::with_key(name, KeyPair::generate())
    }

    /// The same, whose signatures have no digest of their own (Ed25519).
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn generate_without_digest(name: &str) -> Result<Self> {
        Self::with_key(name, KeyPair::generate_for(&PKCS_ED25519))
    }

    fn with_key(name: &str, key: Result<KeyPair, rcgen::Error>) -> Result<Self> {
        let (issuer, certificate) = authority(name, key)?;
        Ok(Self {
            issuer,
            certificate,
        })
    }

    /// The authority's own certificate, PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A certificate for a server of these names.
    ///
    /// # Errors
    /// When a name can't be in one, or the machine gives no randomness.
    pub fn server(&self, names: &[String], lifetime: Lifetime) -> Result<KeyedCertificate> {
        let params = CertificateParams::new(names.to_vec());
        let mut params = params.context("naming the server certificate")?;
        let name = names.first().map_or("postgres", String::as_str);
        // Longer ones are refused there (RFC 5280, appendix A.1).
        let name = name.get(..64).unwrap_or(name);
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        match lifetime {
            Lifetime::Long => {}
            Lifetime::Expired => {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2021, 1, 1);
            }
            Lifetime::NotYet => {
                params.not_before = date_time_ymd(2090, 1, 1);
                params.not_after = date_time_ymd(2095, 1, 1);
            }
            Lifetime::Until(year, month, day) => {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(year, month, day);
            }
        }
        let key = KeyPair::generate().context("generating the server key")?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .context("signing the server certificate")?;
        Ok(KeyedCertificate {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// Who signs under this name and with this key, and the certificate of that.
///
/// # Errors
/// When the machine gives no randomness.
pub(crate) fn authority(
    name: &str,
    key: Result<KeyPair, rcgen::Error>,
) -> Result<(Issuer<'static, KeyPair>, rcgen::Certificate)> {
    let key = key.context("generating the key of the certificate authority")?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let certificate = params
        .self_signed(&key)
        .context("signing the certificate of the authority")?;
    Ok((Issuer::new(params, key), certificate))
}
