//! Sending requests with credentials that are renewed when they run out.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use base64::Engine as _;
use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use kube::{Client, Config};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use tower::{BoxError, Service};

use super::error::LoginError;
use super::source::{Given, Source};
use crate::kubernetes::transport;

/// Credentials are renewed this long before they expire.
const EARLY: SignedDuration = SignedDuration::from_secs(10);

/// However soon they are said to expire (by whose clock?), they are not renewed sooner than this after
/// they were given: the API says when it does not take them any more.
const AT_LEAST: Duration = Duration::from_secs(30);

/// How long a file's token is taken for what the file says: as client-go does.
const FILE_AGE: Duration = Duration::from_secs(50);

/// After a login that failed, another is tried only this much later.
const PAUSE: Duration = Duration::from_secs(5);

/// The way to the API with the credentials of the kubeconfig.
#[derive(Debug, Clone)]
pub(in crate::kubernetes) struct Login(Arc<Shared>);

struct Shared {
    source: Source,
    /// Without any of the credentials that `source` gives.
    config: Config,
    limit: Duration,
    state: Mutex<State>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

struct State {
    given: Given,
    /// Which credentials these are, counted.
    number: u64,
    since: Instant,
    /// They were accepted once, so that a 401 means that they have run out.
    accepted: bool,
    /// They are not accepted any more.
    refused: bool,
    client: Client,
    failed: Option<(Instant, LoginError)>,
}

impl Login {
    /// Logs in.
    ///
    /// # Errors
    /// When there is nothing to log in with, or no client can be made with it.
    pub(in crate::kubernetes) async fn new(
        source: Source,
        config: Config,
        limit: Duration,
    ) -> Result<Self, LoginFailure> {
        let given = source.ask(limit).await.map_err(LoginFailure::Login)?;
        let client = client(&config, &given).map_err(LoginFailure::Client)?;
        let state = State {
            given,
            number: 0,
            since: Instant::now(),
            accepted: false,
            refused: false,
            client,
            failed: None,
        };
        Ok(Self(Arc::new(Shared {
            source,
            config,
            limit,
            state: Mutex::new(state),
        })))
    }

    /// A client whose requests go this way.
    pub(in crate::kubernetes) fn client(&self) -> Client {
        let namespace = self.0.config.default_namespace.clone();
        Client::new(self.clone(), namespace)
    }

    /// The client certificate in PEM that the plugin gave.
    pub(in crate::kubernetes) async fn certificate(&self) -> Option<Vec<u8>> {
        let state = self.0.state.lock().await;
        let (certificate, _) = state.given.identity.as_ref()?;
        Some(certificate.clone().into_bytes())
    }

    /// Whether the next request takes new credentials, because these are not accepted any more.
    pub(in crate::kubernetes) async fn will_renew(&self) -> bool {
        self.0.state.lock().await.refused
    }
}

/// Why there is no client.
#[derive(Debug)]
pub(in crate::kubernetes) enum LoginFailure {
    /// There is nothing to log in with.
    Login(LoginError),
    /// It can't be used to make a connection.
    Client(kube::Error),
}

impl Shared {
    /// What to send a request with; asks for new credentials when these have run out.
    async fn ready(&self) -> Result<(Client, Option<HeaderValue>, u64), LoginError> {
        let mut state = self.state.lock().await;
        if self.source.renews() && self.is_due(&state) {
            if let Some((when, error)) = &state.failed
                && when.elapsed() < PAUSE
            {
                return Err(error.clone());
            }
            match self.renewed().await {
                Ok((given, client)) => {
                    // A new client only for a new certificate: connections are kept.
                    if let Some(client) = client {
                        state.client = client;
                    }
                    state.given = given;
                    state.number += 1;
                    state.since = Instant::now();
                    state.accepted = false;
                    state.refused = false;
                    state.failed = None;
                }
                Err(error) => {
                    state.failed = Some((Instant::now(), error.clone()));
                    return Err(error);
                }
            }
        }
        let header = state.given.header.clone();
        Ok((state.client.clone(), header, state.number))
    }

    fn is_due(&self, state: &State) -> bool {
        if state.refused {
            return true;
        }
        let age = state.since.elapsed();
        let expires = state.given.expires;
        let soon = expires.is_some_and(|at| at.duration_since(Timestamp::now()) < EARLY);
        match self.source {
            Source::File(..) => age >= FILE_AGE,
            _ => soon && age >= AT_LEAST,
        }
    }

    async fn renewed(&self) -> Result<(Given, Option<Client>), LoginError> {
        let given = self.source.ask(self.limit).await?;
        let client = match given.identity {
            Some(_) => Some(
                client(&self.config, &given).map_err(|error| LoginError::Answer {
                    command: self.source_name(),
                    problem: format!("gave a client certificate that can't be used: {error}"),
                    stderr: String::new(),
                })?,
            ),
            None => None,
        };
        Ok((given, client))
    }

    fn source_name(&self) -> String {
        match &self.source {
            Source::Plugin(exec) => exec.command.clone().unwrap_or_default(),
            _ => String::new(),
        }
    }

    /// What the API said to credentials.
    async fn heard(&self, number: u64, status: StatusCode) {
        if !self.source.renews() {
            return;
        }
        let mut state = self.state.lock().await;
        if state.number != number {
            return;
        }
        if status != StatusCode::UNAUTHORIZED {
            state.accepted = true;
        } else if state.accepted {
            state.refused = true;
        }
    }
}

/// A client with the certificate that a plugin gave, else with that of the kubeconfig.
fn client(config: &Config, given: &Given) -> kube::Result<Client> {
    let mut config = config.clone();
    if let Some((certificate, key)) = &given.identity {
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let user = &mut config.auth_info;
        user.client_certificate = None;
        user.client_key = None;
        user.client_certificate_data = Some(encode(certificate));
        user.client_key_data = Some(SecretString::from(encode(key.expose_secret())));
    }
    transport::client(&config)
}

impl Service<Request<Body>> for Login {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let shared = self.0.clone();
        Box::pin(async move {
            let (client, header, number) = shared.ready().await?;
            if let Some(header) = header {
                request.headers_mut().insert(AUTHORIZATION, header);
            }
            let response = client.send(request).await?;
            shared.heard(number, response.status()).await;
            Ok(response)
        })
    }
}
