//! The tokens of service accounts: for whom, for which audience, until when, and bound to which object.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use k8s_openapi::api::core::v1::{Pod, Secret, ServiceAccount};
use serde_json::{Value, json};
use std::time::Duration;

use super::Identity;
use crate::store::{Resource, Store, of, text};

/// The API server's own audience, and the issuer of its tokens.
pub(super) const API_AUDIENCE: &str = "https://kubernetes.default.svc.cluster.local";

/// The shortest and the longest life of a token that can be asked for, in seconds.
pub(in crate::api) const SHORTEST: u64 = 600;
pub(in crate::api) const LONGEST: u64 = 1 << 32;

/// A token that is wished for.
#[derive(Clone, Debug, Default)]
pub struct TokenWish {
    /// Namespace of the account.
    pub namespace: String,
    /// Name of the account.
    pub account: String,
    /// Who is to accept it; empty for the API server.
    pub audiences: Vec<String>,
    /// How long it is to live.
    pub lifetime: Duration,
    /// The object with which it ends: its kind (`Pod` or `Secret`), name, and uid where that is known.
    pub bound_to: Option<(String, String, Option<String>)>,
}

/// What a token is good for.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    namespace: String,
    account: (String, String),
    audiences: Vec<String>,
    object: Option<(&'static Resource, String, String)>,
}

/// Why no token is given.
pub(super) enum Refusal {
    /// The account or the object is not there.
    Missing(crate::store::StoreError),
    /// The object can't be one that a token is bound to, or is another one than was meant.
    Object(String),
}

impl Binding {
    /// Looks up what the wish names.
    pub(super) fn of(store: &Store, wish: &TokenWish) -> Result<Self, Refusal> {
        let namespace = &wish.namespace;
        let account = store
            .get(of::<ServiceAccount>(), namespace, &wish.account)
            .map_err(Refusal::Missing)?;
        let object = match &wish.bound_to {
            None => None,
            Some((kind, name, uid)) => {
                let resource = match kind.as_str() {
                    "Pod" => of::<Pod>(),
                    "Secret" => of::<Secret>(),
                    other => {
                        return Err(Refusal::Object(format!(
                            "cannot bind token for serviceaccount to object of type {other}"
                        )));
                    }
                };
                let found = store
                    .get(resource, namespace, name)
                    .map_err(Refusal::Missing)?;
                let has = text(&found, "/metadata/uid").to_owned();
                if let Some(uid) = uid.as_ref().filter(|uid| **uid != has) {
                    return Err(Refusal::Object(format!(
                        "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
                    )));
                }
                if resource == of::<Pod>()
                    && text(&found, "/spec/serviceAccountName") != wish.account
                {
                    return Err(Refusal::Object(format!(
                        "cannot bind token for serviceaccount \"{}\" to pod running with different serviceaccount name.",
                        wish.account
                    )));
                }
                Some((resource, name.clone(), has))
            }
        };
        let audiences = match wish.audiences.as_slice() {
            [] => vec![API_AUDIENCE.to_owned()],
            some => some.to_vec(),
        };
        Ok(Self {
            namespace: namespace.clone(),
            account: (
                wish.account.clone(),
                text(&account, "/metadata/uid").to_owned(),
            ),
            audiences,
            object,
        })
    }

    pub(super) fn identity(&self) -> Identity {
        Identity::service_account(&self.namespace, &self.account.0)
    }

    /// Whether the account and the object are still those that the token was given for, and it is for this server.
    pub(super) fn holds(&self, store: &Store) -> bool {
        let same = |resource: &'static Resource, name: &str, uid: &str| {
            let found = store.get(resource, &self.namespace, name);
            found.is_ok_and(|object| text(&object, "/metadata/uid") == uid)
        };
        self.audiences.iter().any(|a| a == API_AUDIENCE)
            && same(of::<ServiceAccount>(), &self.account.0, &self.account.1)
            && self
                .object
                .as_ref()
                .is_none_or(|(resource, name, uid)| same(resource, name, uid))
    }

    /// A JSON Web Token with the claims that Kubernetes' have. The server knows its tokens by heart, so that the place of the
    /// signature holds what nobody can guess.
    pub(super) fn token(&self, issued: jiff::Timestamp, lifetime: Duration) -> String {
        let mut own = json!({
            "namespace": self.namespace,
            "serviceaccount": {"name": self.account.0, "uid": self.account.1},
        });
        if let Some((resource, name, uid)) = &self.object {
            own[resource.singular] = json!({"name": name, "uid": uid});
        }
        let now = issued.as_second();
        let claims = json!({
            "iss": API_AUDIENCE, "aud": self.audiences, "iat": now, "nbf": now,
            "exp": now.saturating_add(i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX)),
            "jti": uuid::Uuid::new_v4().to_string(),
            "sub": self.identity().user, "kubernetes.io": own,
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let secret: Vec<u8> = (0..4)
            .flat_map(|_| uuid::Uuid::new_v4().into_bytes())
            .collect();
        format!(
            "{}.{}.{}",
            part(&json!({"alg": "RS256", "kid": "pgctl-sandbox"})),
            part(&claims),
            URL_SAFE_NO_PAD.encode(secret)
        )
    }
}
