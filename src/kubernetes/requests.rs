//! Sending requests to the Kubernetes API: how long one may take, when it is asked again, and what its
//! failure means.

use std::future::Future;
use std::time::Duration;

use kube::core::Status;

use super::error::{broke_off, chain, innermost, namespace_is_missing, tls_error};
use super::{Call, Kube, KubeError, LoginError};

/// Pauses between the attempts of a request that may be repeated.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(900),
];

impl Kube {
    /// A request that changes nothing: asked again when the API server is busy or in transition.
    pub(crate) async fn read<T, F, Fut>(&self, call: &Call, request: F) -> Result<T, KubeError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = kube::Result<T>>,
    {
        self.attempts(call, request, |error| match error {
            // 500 is how "etcdserver: leader changed" and "request timed out" arrive.
            kube::Error::Api(status) => matches!(status.code, 429 | 500 | 502 | 503 | 504),
            other => broke_off(other),
        })
        .await
    }

    /// A request that changes something. It is asked again only on 429, which the API server
    /// answers before it looks at the request; anything else may have been carried out, and the
    /// caller has to look.
    pub(crate) async fn write<T, F, Fut>(&self, call: &Call, request: F) -> Result<T, KubeError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = kube::Result<T>>,
    {
        self.attempts(
            call,
            request,
            |error| matches!(error, kube::Error::Api(status) if status.code == 429),
        )
        .await
    }

    /// A request that changes something and is made once: where 429 is an answer, and not that the API server is busy.
    pub(crate) async fn once<T>(
        &self,
        call: &Call,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, KubeError> {
        match tokio::time::timeout(self.timeout(), request).await {
            Ok(result) => result.map_err(|error| KubeError::of(error, call, self)),
            Err(_) => Err(KubeError::TimedOut {
                doing: call.to_string(),
                after: self.timeout(),
            }),
        }
    }

    async fn attempts<T, F, Fut>(
        &self,
        call: &Call,
        request: F,
        again: fn(&kube::Error) -> bool,
    ) -> Result<T, KubeError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = kube::Result<T>>,
    {
        let all = async {
            for pause in PAUSES {
                match request().await {
                    Err(error) if again(&error) => tokio::time::sleep(pause).await,
                    // Nothing was carried out, and the next one has other credentials.
                    Err(kube::Error::Api(status))
                        if status.code == 401 && self.will_renew().await => {}
                    other => return other,
                }
            }
            request().await
        };
        match tokio::time::timeout(self.timeout(), all).await {
            Ok(result) => result.map_err(|error| KubeError::of(error, call, self)),
            Err(_) => Err(KubeError::TimedOut {
                doing: call.to_string(),
                after: self.timeout(),
            }),
        }
    }
}

/// What the API says, with the causes of a 429: which disruption budget does not let a pod go.
fn with_causes(status: &Status) -> String {
    let causes = status.details.iter().flat_map(|it| &it.causes);
    let causes = causes.filter(|it| status.code == 429 && !it.message.is_empty());
    causes.fold(status.message.clone(), |message, cause| {
        format!("{message} {}", cause.message)
    })
}

impl KubeError {
    /// Makes out what kube's error means for this call.
    pub(crate) fn of(error: kube::Error, call: &Call, kube: &Kube) -> Self {
        let status = match error {
            kube::Error::Api(status) => status,
            other => return Self::of_transport(&other, call, kube),
        };
        let call = Box::new(call.clone());
        match status.code {
            401 => kube.unauthorized(status.message),
            403 => Self::Forbidden {
                call,
                message: status.message,
            },
            404 if namespace_is_missing(&status) => Self::NoSuchNamespace {
                namespace: call.namespace.clone().unwrap_or_default(),
                server: kube.server().to_owned(),
            },
            404 => Self::NotFound { call },
            409 if status.is_already_exists() => Self::AlreadyExists { call },
            409 => Self::Conflict {
                call,
                message: status.message,
            },
            code => Self::Api {
                call,
                code,
                message: with_causes(&status),
                reason: status.reason,
            },
        }
    }

    /// An error below HTTP: TLS, TCP, credentials that could not be made.
    fn of_transport(error: &kube::Error, call: &Call, kube: &Kube) -> Self {
        let server = kube.server().to_owned();
        let context = kube.context().to_owned();
        if let Some(tls) = tls_error(error) {
            return Self::of_tls(tls, kube);
        }
        let reason = innermost(error);
        match error {
            kube::Error::Auth(_) => Self::Unauthorized {
                server,
                context,
                reason,
            },
            kube::Error::Service(_) | kube::Error::HyperError(_) => {
                // What gives requests their credentials is a service around kube's own.
                if let Some(login) = chain(error).find_map(|e| e.downcast_ref::<LoginError>()) {
                    return Self::LoginFailed {
                        server,
                        context,
                        error: Box::new(login.clone()),
                    };
                }
                Self::Unreachable {
                    server,
                    reason,
                    context,
                }
            }
            kube::Error::UpgradeConnection(_) => Self::StreamLost {
                doing: call.to_string(),
                reason,
            },
            _ => Self::Unexpected {
                doing: call.to_string(),
                reason,
            },
        }
    }

    fn of_tls(tls: &rustls::Error, kube: &Kube) -> Self {
        use rustls::{AlertDescription, CertificateError};
        let server = kube.server().to_owned();
        let reason = tls.to_string();
        match tls {
            rustls::Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            ) => Self::ServerCertificateExpired { server, reason },
            rustls::Error::InvalidCertificate(_) => Self::ServerCertificateInvalid {
                server,
                reason,
                context: kube.context().to_owned(),
            },
            // A proxy before the API server may check client certificates in the handshake.
            rustls::Error::AlertReceived(
                AlertDescription::CertificateExpired
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateRequired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied,
            ) => kube.unauthorized(reason),
            _ => Self::Unreachable {
                server,
                reason,
                context: kube.context().to_owned(),
            },
        }
    }
}
