//! How a session is encrypted, and by what a server proves that it is the one.
//!
//! Every stream runs inside the API server's TLS, which knows the pod and the node. Beyond that goes what a certificate proves: that
//! what answers in the pod has the key of this very server. Where an authority is known, nothing less is taken.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

use super::SqlError;
use super::channel::Channel;
use super::verifier::{Anybody, AtAnyTime};
use crate::certificate::{Validity, validity, vouching};
use crate::cluster::words::shell_word;

/// With this packet a client asks for TLS (PostgreSQL documentation, section 55.7 "Message Formats", `SSLRequest`). The
/// server answers with one byte.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// What pgctl verifies; libpq takes more.
const KNOWN_KEYS: &str =
    "pgctl takes ECDSA on P-256 and P-384, and RSA from 2048 bits on, with CA:FALSE";

/// How sessions are encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Encryption {
    /// No authority is known: what a server demands, and otherwise not.
    #[default]
    AsDemanded,
    /// Encrypted, and nothing is said of with whom. For what demands it where no authority is known, and where the one that is meant
    /// can't be read: the stream itself is inside the API server's TLS, so that is no less than a plain session has. A login is bound
    /// to it where the server offers that.
    Unverified,
    /// The server proves by a certificate of this authority who it is.
    Verified(Authority),
}

/// Who has signed the certificates of a cluster's servers.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    namespace: String,
    secret: String,
    certificates: Arc<[u8]>,
    server: Option<String>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("secret", &self.secret)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// The certificates (PEM) of the key `ca.crt` of a Secret.
    pub fn new(namespace: &str, secret: &str, certificates: &[u8]) -> Self {
        Self {
            namespace: namespace.to_owned(),
            secret: secret.to_owned(),
            certificates: certificates.into(),
            server: None,
        }
    }

    /// The certificates, as they are in the Secret (PEM).
    pub fn certificates(&self) -> &[u8] {
        &self.certificates
    }

    /// Whether what a server has presented (DER) counts now, the authority's own certificate included, as libpq has it. What can't be
    /// made out is taken to.
    pub fn counts(&self, presented: &[Vec<u8>], now: Timestamp) -> bool {
        let trusted = CertificateDer::pem_slice_iter(&self.certificates).flatten();
        let trusted: Vec<Vec<u8>> = trusted.map(|it| it.as_ref().to_vec()).collect();
        let counts = |it: Validity| it.from <= now && now <= it.to;
        let own = presented.first().and_then(|it| validity(it));
        own.is_none_or(counts) && vouching(presented, &trusted).is_none_or(counts)
    }

    fn not_trusted(&self, reason: String, why: Option<&CertificateError>) -> SqlError {
        SqlError::NotTrusted {
            reason,
            expired: why.and_then(expired),
            other_authority: why.is_some_and(is_of_another),
            secret: self.secret.clone(),
            look: format!(
                "kubectl -n {} get secret {} -o jsonpath='{{.data.tls\\.crt}}' | base64 -d | openssl x509 -noout -text",
                shell_word(&self.namespace),
                shell_word(&self.secret)
            ),
        }
    }

    fn roots(&self) -> Result<RootCertStore, SqlError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&self.certificates) {
            let added = certificate.map(|it| roots.add(it));
            if !matches!(added, Ok(Ok(()))) {
                return Err(self.not_trusted("its key ca.crt can't be read".to_owned(), None));
            }
        }
        match roots.is_empty() {
            true => Err(self.not_trusted("its key ca.crt holds no certificate".to_owned(), None)),
            false => Ok(roots),
        }
    }
}

impl Encryption {
    /// The same, to the server whose certificate has to have this name.
    #[must_use]
    pub fn to_server(&self, name: &str) -> Self {
        match self {
            Self::Verified(authority) => Self::Verified(Authority {
                server: Some(name.to_owned()),
                ..authority.clone()
            }),
            other => other.clone(),
        }
    }
}

/// Why a stream could not be made ready for a session.
#[derive(Debug)]
pub(super) enum NotBegun {
    /// It broke.
    Broken(io::Error),
    /// What answers is no PostgreSQL.
    Foreign(u8),
    /// What was agreed on is not enough.
    Error(SqlError),
}

impl From<io::Error> for NotBegun {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<SqlError> for NotBegun {
    fn from(error: SqlError) -> Self {
        Self::Error(error)
    }
}

impl NotBegun {
    /// Said by somebody who knows no other reason.
    pub(super) fn said(self, doing: &str) -> SqlError {
        match self {
            Self::Error(error) => error,
            Self::Foreign(byte) => foreign(byte),
            Self::Broken(error) => SqlError::Lost {
                doing: doing.to_owned(),
                reason: error.to_string(),
            },
        }
    }
}

pub(super) fn foreign(byte: u8) -> SqlError {
    SqlError::NotPostgres {
        reason: format!(
            "it answers a request for encryption with \"{}\"",
            [byte].escape_ascii()
        ),
    }
}

/// Encrypts a stream, as far as that is wanted. The server has been sent nothing else yet.
pub(super) async fn begin<S>(mut stream: S, how: &Encryption) -> Result<Channel<S>, NotBegun>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if *how == Encryption::AsDemanded {
        return Ok(Channel::Plain(stream));
    }
    stream.write_all(&SSL_REQUEST).await?;
    stream.flush().await?;
    match stream.read_u8().await? {
        b'S' => {}
        b'N' => {
            let secret = match how {
                Encryption::Verified(authority) => authority.secret.clone(),
                Encryption::AsDemanded | Encryption::Unverified => String::new(),
            };
            return Err(SqlError::NoEncryption { secret }.into());
        }
        // An error, before there is anything that it could be bound to: whose words these are nobody knows.
        b'E' => return Err(not_agreed("it answers a request for encryption with an error").into()),
        other => return Err(NotBegun::Foreign(other)),
    }
    // Not before: whoever does not encrypt needs none, and an authority that can't be read is no matter of his.
    let (config, name) = match how {
        Encryption::Verified(authority) => (verified(authority)?, server_name(authority)?),
        // It is sent to nobody: an address is in no SNI.
        Encryption::AsDemanded | Encryption::Unverified => (unverified()?, nobody()),
    };
    let connector = TlsConnector::from(Arc::new(config));
    match connector.connect(name, stream).await {
        Ok(stream) => Ok(Channel::Encrypted(Box::new(stream))),
        Err(error) => Err(handshake_error(error, how)),
    }
}

fn unexpected(reason: &str) -> SqlError {
    SqlError::Unexpected {
        doing: "connecting".to_owned(),
        reason: reason.to_owned(),
    }
}

/// Said by who answers, of a session that was not begun.
fn not_agreed(reason: &str) -> SqlError {
    SqlError::NotAgreed {
        reason: reason.to_owned(),
    }
}

fn nobody() -> ServerName<'static> {
    IpAddr::V4(Ipv4Addr::LOCALHOST).into()
}

fn server_name(authority: &Authority) -> Result<ServerName<'static>, SqlError> {
    let name = authority.server.clone();
    let name = name.ok_or_else(|| unexpected("it is not known what its certificate is to name"))?;
    let bad = |_| unexpected("its name can't be in a certificate");
    ServerName::try_from(name).map_err(bad)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn verified(authority: &Authority) -> Result<ClientConfig, SqlError> {
    let roots = Arc::new(authority.roots()?);
    let provider = provider();
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
    let verifier = verifier.build();
    let verifier = verifier.map_err(|error| unexpected(&error.to_string()))?;
    config(provider, Arc::new(AtAnyTime(verifier)))
}

fn unverified() -> Result<ClientConfig, SqlError> {
    let provider = provider();
    let anybody = Arc::new(Anybody(Arc::clone(&provider)));
    config(provider, anybody)
}

fn config(
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, SqlError> {
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| unexpected(&error.to_string()))?;
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(builder.with_no_client_auth())
}

fn handshake_error(error: io::Error, how: &Encryption) -> NotBegun {
    let inner = error.get_ref();
    let Some(tls) = inner.and_then(|it| it.downcast_ref::<rustls::Error>()) else {
        return NotBegun::Broken(error);
    };
    match (tls, how) {
        (rustls::Error::InvalidCertificate(why), Encryption::Verified(authority)) => {
            let reason = why_not(why, authority.server.as_deref().unwrap_or_default());
            authority.not_trusted(reason, Some(why)).into()
        }
        // Whoever has said that he encrypts, and then does not agree on how, runs. One that knows no signature that pgctl knows says
        // nothing more than that.
        (rustls::Error::AlertReceived(alert), _) => not_agreed(&format!(
            "encrypting: it breaks off with {alert:?}; {KNOWN_KEYS} (docs/runbooks/tls.md)"
        ))
        .into(),
        (other, _) => not_agreed(&format!("encrypting: {other}")).into(),
    }
}

fn expired(why: &CertificateError) -> Option<Timestamp> {
    match why {
        CertificateError::ExpiredContext { not_after, .. } => timestamp(not_after),
        _ => None,
    }
}

/// Whether another authority has signed it. (One of the same name has another key.)
fn is_of_another(why: &CertificateError) -> bool {
    matches!(
        why,
        CertificateError::UnknownIssuer | CertificateError::BadSignature
    )
}

fn timestamp(time: &UnixTime) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(time.as_secs()).ok()?).ok()
}

/// Why a certificate proves nothing, in words. The clock is named where it is what was compared with: it may be ours that is wrong.
fn why_not(why: &CertificateError, server: &str) -> String {
    let moment = |time: &UnixTime| timestamp(time).map_or("?".to_owned(), |it| it.to_string());
    match why {
        CertificateError::Expired => "it has expired".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => format!(
            "it expired at {}, and the clock here says {}",
            moment(not_after),
            moment(time)
        ),
        CertificateError::NotValidYet => "it is not valid yet".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "it is valid from {} on, and the clock here says {}",
            moment(not_before),
            moment(time)
        ),
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "another authority than ca.crt has signed it".to_owned()
        }
        CertificateError::NotValidForName => format!("it does not name {server}"),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names = match presented.is_empty() {
                // A name in the subject alone does not count (RFC 6125).
                true => "nobody (only subjectAltName counts)".to_owned(),
                false => presented
                    .iter()
                    .map(|it| bare(it))
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            format!("it does not name {server}, but {names}")
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            format!("its signature is of no known kind: {KNOWN_KEYS}")
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for a server".to_owned()
        }
        // The library says it in words only: a certificate of an authority that is presented as a server's, for one.
        other => format!("{other} ({KNOWN_KEYS})"),
    }
}

/// `a.b` of `DnsName("a.b")`, as the library writes them.
fn bare(name: &str) -> &str {
    let inner = name.strip_prefix("DnsName(\"");
    inner.and_then(|it| it.strip_suffix("\")")).unwrap_or(name)
}
