//! What pods need to talk to the API server: where it is, and the tokens of their accounts.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Pod, ServiceAccountTokenProjection};

use crate::api::{Authenticator, TokenWish};

/// The longest that a token is kept before another is asked for.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The API server, as pods see it.
pub(super) struct ApiAccess {
    pub(super) address: SocketAddr,
    issuer: Arc<Authenticator>,
    given: Mutex<HashMap<Wanted, Given>>,
}

/// Which token: pod, audience, seconds.
#[derive(PartialEq, Eq, Hash)]
struct Wanted {
    pod: String,
    audience: Option<String>,
    seconds: Option<i64>,
}

struct Given {
    token: String,
    since: Instant,
    lifetime: Duration,
}

impl Given {
    /// When four fifths of its life are over, or a day (pkg/kubelet/token/token_manager.go).
    fn is_stale(&self) -> bool {
        self.since.elapsed() >= (self.lifetime * 4 / 5).min(LONGEST)
    }
}

impl ApiAccess {
    pub(super) fn new(address: SocketAddr, issuer: Arc<Authenticator>) -> Self {
        Self {
            address,
            issuer,
            given: Mutex::default(),
        }
    }

    /// The token that a volume of the pod is to have now. The error is for a `FailedMount` event.
    pub(super) fn token(
        &self,
        pod: &Pod,
        source: &ServiceAccountTokenProjection,
    ) -> Result<String, String> {
        let wanted = Wanted {
            pod: pod.metadata.uid.clone().unwrap_or_default(),
            audience: source.audience.clone(),
            seconds: source.expiration_seconds,
        };
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = given.get(&wanted).filter(|known| !known.is_stale()) {
            return Ok(known.token.clone());
        }
        let account = pod
            .spec
            .as_ref()
            .and_then(|s| s.service_account_name.clone())
            .unwrap_or_else(|| "default".to_owned());
        let seconds = source.expiration_seconds.unwrap_or(3600);
        let lifetime = Duration::from_secs(u64::try_from(seconds).unwrap_or(3600));
        let wish = TokenWish {
            namespace: pod.metadata.namespace.clone().unwrap_or_default(),
            account,
            audiences: source.audience.iter().cloned().collect(),
            lifetime,
            bound_to: Some((
                "Pod".to_owned(),
                pod.metadata.name.clone().unwrap_or_default(),
                pod.metadata.uid.clone(),
            )),
        };
        let token = self
            .issuer
            .issue_bound(&wish)
            .map_err(|e| format!("failed to fetch token: {}", e.message))?
            .token;
        let fresh = Given {
            token: token.clone(),
            since: Instant::now(),
            lifetime,
        };
        given.insert(wanted, fresh);
        Ok(token)
    }

    /// Forgets the tokens of a pod that is gone.
    pub(super) fn forget(&self, pod: &str) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.retain(|wanted, _| wanted.pod != pod);
    }
}
