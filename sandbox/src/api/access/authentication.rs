//! Who asks: client certificate, bearer token or nobody, and on whose behalf.

use axum::http::{HeaderMap, header};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use super::tokens::{Binding, Refusal};
use super::{Authority, Identity, TokenWish};
use crate::api::ApiError;
use crate::store::Store;

struct Token {
    identity: Identity,
    expires: Option<SystemTime>,
    /// What a service account's token depends on.
    binding: Option<Binding>,
}

/// A token that was given out.
#[derive(Clone, Debug)]
pub struct GivenToken {
    /// The token itself.
    pub token: String,
    /// Until when it is good.
    pub expires: jiff::Timestamp,
}

/// Tells who asks.
pub struct Authenticator {
    store: Store,
    authority: Arc<Authority>,
    verifier: Arc<dyn ClientCertVerifier>,
    tokens: RwLock<HashMap<String, Token>>,
}

impl Authenticator {
    pub(in crate::api) fn new(store: Store, authority: Arc<Authority>) -> anyhow::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.der())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
        Ok(Self {
            store,
            authority,
            verifier,
            tokens: RwLock::default(),
        })
    }

    /// A new bearer token for a user. None: it never expires.
    pub fn issue_token(&self, identity: Identity, lifetime: Option<Duration>) -> String {
        let token = format!(
            "sandbox.{}{}",
            uuid::Uuid::new_v4().simple(),
            uuid::Uuid::new_v4().simple()
        );
        self.keep(
            &token,
            Token {
                identity,
                expires: lifetime.map(|l| SystemTime::now() + l),
                binding: None,
            },
        );
        token
    }

    /// A token for a service account, for an audience and a time, bound to an object if that is wished.
    ///
    /// # Errors
    /// When the account or the object is not there, or is not the one that was meant.
    pub fn issue_bound(&self, wish: &TokenWish) -> Result<GivenToken, ApiError> {
        let binding = Binding::of(&self.store, wish).map_err(|refusal| match refusal {
            Refusal::Missing(error) => error.into(),
            Refusal::Object(message) => ApiError::new(409, "Conflict", message),
        })?;
        let now = jiff::Timestamp::now();
        let lifetime = jiff::SignedDuration::try_from(wish.lifetime);
        let expires = lifetime.ok().and_then(|life| now.checked_add(life).ok());
        let given = GivenToken {
            token: binding.token(now, wish.lifetime),
            expires: expires.unwrap_or(jiff::Timestamp::MAX),
        };
        self.keep(
            &given.token,
            Token {
                identity: binding.identity(),
                // One that is too long for a clock never ends.
                expires: SystemTime::now().checked_add(wish.lifetime),
                binding: Some(binding),
            },
        );
        Ok(given)
    }

    fn keep(&self, text: &str, token: Token) {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, t| t.expires.is_none_or(|e| e > SystemTime::now()));
        tokens.insert(text.to_owned(), token);
    }

    /// The verifier for TLS: it takes any certificate, because a real API server answers a bad one with 401 and
    /// not with a broken handshake.
    pub(in crate::api) fn tls(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::new(Lenient(Arc::clone(&self.verifier)))
    }

    /// Who asks, and whether impersonation was used (then `asker` is the real one).
    pub(in crate::api) fn authenticate(
        &self,
        headers: &HeaderMap,
        certificate: Option<&CertificateDer<'static>>,
    ) -> Result<Identity, ApiError> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            let text = value.to_str().map_err(|_| ApiError::unauthorized())?;
            let token = text
                .strip_prefix("Bearer ")
                .ok_or_else(ApiError::unauthorized)?;
            let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
            let found = tokens
                .get(token.trim())
                .filter(|t| t.expires.is_none_or(|e| e > SystemTime::now()))
                .map(|t| (t.identity.clone(), t.binding.clone()));
            drop(tokens);
            return found
                .filter(|(_, binding)| binding.as_ref().is_none_or(|b| b.holds(&self.store)))
                .map(|(identity, _)| identity.authenticated())
                .ok_or_else(ApiError::unauthorized);
        }
        let Some(certificate) = certificate else {
            return Ok(Identity::anonymous());
        };
        self.verifier
            .verify_client_cert(certificate, &[], UnixTime::now())
            .map_err(|_| ApiError::unauthorized())?;
        self.authority
            .holder(certificate)
            .map(Identity::authenticated)
            .ok_or_else(ApiError::unauthorized)
    }

    /// The user of `Impersonate-User` and `Impersonate-Group` headers, if any.
    pub(in crate::api) fn impersonated(headers: &HeaderMap) -> Option<Identity> {
        let user = headers.get("impersonate-user")?.to_str().ok()?.to_owned();
        let mut groups: Vec<String> = headers
            .get_all("impersonate-group")
            .iter()
            .filter_map(|g| g.to_str().ok())
            .map(ToOwned::to_owned)
            .collect();
        let mut parts = user.split(':');
        if let (Some("system"), Some("serviceaccount"), Some(namespace), Some(_), None) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) && groups.is_empty()
        {
            groups = vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
            ];
        }
        Some(Identity { user, groups }.authenticated())
    }
}

#[derive(Debug)]
struct Lenient(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Lenient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[rustls::DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        // Possession of the key is still proven by the handshake's signature; the chain is checked per request.
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
