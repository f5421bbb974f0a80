//! What can go wrong with the Kubernetes API, in sentences that an operator can act on.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::{Call, LoginError};
use crate::cluster::ClusterId;
use crate::cluster::words::shell_word;

/// Why something asked of the Kubernetes API did not work.
#[derive(Debug, thiserror::Error)]
pub enum KubeError {
    /// There is nothing that says where the API is.
    #[error(
        "no kubeconfig found: {} does not exist, and this is not a pod with a service account", looked.display()
    )]
    NoConfig {
        /// The first place that was looked at.
        looked: PathBuf,
    },
    /// The kubeconfig can't be used.
    #[error("the kubeconfig {file} can't be used: {reason}")]
    BadConfig {
        /// Path of the kubeconfig.
        file: String,
        /// What is wrong in it.
        reason: String,
    },
    /// There is nothing to log in with: a login has expired, or what makes it does not work.
    #[error("the login to {server} failed (context {context}): {error}")]
    LoginFailed {
        /// Address of the API server.
        server: String,
        /// The context in use.
        context: String,
        /// What the plugin or the token's source said.
        error: Box<LoginError>,
    },
    /// No such context.
    #[error(
        "the kubeconfig {file} has no context {context:?}; it has: {}",
        list(known)
    )]
    NoSuchContext {
        /// Path of the kubeconfig.
        file: String,
        /// What was asked for.
        context: String,
        /// Contexts that there are.
        known: Vec<String>,
    },
    /// The API server can't be reached.
    #[error("the Kubernetes API at {server} can't be reached: {reason} (context {context})")]
    Unreachable {
        /// Address of the API server.
        server: String,
        /// The last error below HTTP: of the name, the socket or TLS.
        reason: String,
        /// The context in use.
        context: String,
    },
    /// The API server's certificate has expired.
    #[error("the certificate of the Kubernetes API at {server} has expired: {reason}")]
    ServerCertificateExpired {
        /// Address of the API server.
        server: String,
        /// In the words of the TLS library.
        reason: String,
    },
    /// The API server's certificate is not trusted.
    #[error(
        "the certificate of the Kubernetes API at {server} is not trusted: {reason} (context {context})"
    )]
    ServerCertificateInvalid {
        /// Address of the API server.
        server: String,
        /// In the words of the TLS library.
        reason: String,
        /// The context in use.
        context: String,
    },
    /// The client certificate in the kubeconfig has expired.
    #[error("your client certificate for {server} expired at {expired} (context {context})")]
    ClientCertificateExpired {
        /// Address of the API server.
        server: String,
        /// When (`notAfter`).
        expired: Timestamp,
        /// The context in use.
        context: String,
    },
    /// The API server does not know who is asking.
    #[error(
        "the Kubernetes API at {server} does not accept your credentials (context {context}): {reason}"
    )]
    Unauthorized {
        /// Address of the API server.
        server: String,
        /// The context in use.
        context: String,
        /// In the words of the other side.
        reason: String,
    },
    /// The API server knows who is asking, and does not allow it.
    #[error("not allowed: {} {}{}{}: {message}",
        call.verb.as_str(), group_dot(call),
        call.name.as_ref().map(|n| format!(" {n:?}")).unwrap_or_default(),
        call.namespace.as_ref().map_or_else(|| " in all namespaces".to_owned(), |n| format!(" in namespace {n:?}")))]
    Forbidden {
        /// The request that was answered so.
        call: Box<Call>,
        /// In the words of the other side.
        message: String,
    },
    /// There is no such namespace.
    #[error("there is no namespace {namespace:?} on {server}")]
    NoSuchNamespace {
        /// The namespace as it was asked for.
        namespace: String,
        /// Address of the API server.
        server: String,
    },
    /// There is no such object.
    #[error("{call}: there is none of that name")]
    NotFound {
        /// The request that was answered so.
        call: Box<Call>,
    },
    /// Somebody else changed (or made) the object in between.
    #[error("{call}: somebody else changed it in between: {message}")]
    Conflict {
        /// The request that was answered so.
        call: Box<Call>,
        /// What the API said.
        message: String,
    },
    /// An object of that name exists already.
    #[error("{call}: it exists already")]
    AlreadyExists {
        /// The request that was answered so.
        call: Box<Call>,
    },
    /// No answer in time. Something asked for may still be carried out.
    #[error("{doing}: no answer within {} s", after.as_secs_f64())]
    TimedOut {
        /// What was being done, in words.
        doing: String,
        /// How long was waited.
        after: Duration,
    },
    /// No cluster there.
    #[error("no PostgreSQL cluster found: looked for StatefulSets labelled {selector} in {place}")]
    NoCluster {
        /// The label selector.
        selector: String,
        /// `namespace "staging"`, or `all namespaces`.
        place: String,
    },
    /// Clusters there, and none of the name that was given.
    #[error("there is no cluster {given:?} in {place}; there are: {}", list(there))]
    NoSuchCluster {
        /// `--cluster`.
        given: String,
        /// `namespace "staging"`, or `all namespaces`.
        place: String,
        /// Those that there are, the nearest by name first.
        there: Vec<ClusterId>,
    },
    /// Several clusters there, and none was chosen.
    #[error("several PostgreSQL clusters found: {}", list(clusters))]
    SeveralClusters {
        /// All that were found, to choose from.
        clusters: Vec<ClusterId>,
    },
    /// The Secret lacks what is needed.
    #[error("the Secret {secret:?} in namespace {namespace:?} {problem}")]
    BadSecret {
        /// `metadata.name` of the Secret.
        secret: String,
        /// `metadata.namespace`.
        namespace: String,
        /// `has no key "postgres-password"`.
        problem: String,
    },
    /// The Secret by which servers prove who they are lacks what is needed.
    #[error(
        "the Secret {secret:?} in namespace {namespace:?} with the servers' certificate {problem}"
    )]
    BadCertificate {
        /// `metadata.name` of the Secret.
        secret: String,
        /// `metadata.namespace`.
        namespace: String,
        /// `does not exist`.
        problem: String,
    },
    /// Nothing says who has signed the servers' certificates.
    #[error(
        "the servers' certificate comes out of {place}, and no Secret in it becomes the file ca.crt: pgctl can't tell who has signed it (docs/runbooks/tls.md)"
    )]
    NoAuthority {
        /// The volume or the folder, in words.
        place: String,
    },
    /// A stream (exec, port-forward, watch) broke off.
    #[error("{doing}: the connection was lost: {reason}")]
    StreamLost {
        /// What it was for.
        doing: String,
        /// How the stream ended.
        reason: String,
    },
    /// A command in a container failed.
    #[error("{doing}: exit code {code}{}", said(stderr))]
    CommandFailed {
        /// What it was for.
        doing: String,
        /// Its exit code (-1 when it could not be started).
        code: i32,
        /// What it said on stderr (its end).
        stderr: String,
    },
    /// An answer that makes no sense.
    #[error("{doing}: {reason}")]
    Unexpected {
        /// What was being done, in words.
        doing: String,
        /// What came in its place, in words.
        reason: String,
    },
    /// Anything else that the API said no to.
    #[error("{call}: {message} (HTTP {code} {reason})")]
    Api {
        /// The request that was answered so.
        call: Box<Call>,
        /// Status of the HTTP answer.
        code: u16,
        /// Kubernetes' word for it, in CamelCase.
        reason: String,
        /// Kubernetes' sentence for people.
        message: String,
    },
}

fn list<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

fn said(stderr: &str) -> String {
    match stderr.trim() {
        "" => String::new(),
        text => format!(": {text}"),
    }
}

fn status_of(cluster: &ClusterId) -> String {
    let (namespace, name) = (shell_word(&cluster.namespace), shell_word(&cluster.name));
    format!("pgctl -n {namespace} --cluster {name} status")
}

fn group_dot(call: &Call) -> String {
    match call.group {
        "" => call.resource.to_owned(),
        group => match call.resource.split_once('/') {
            Some((resource, sub)) => format!("{resource}.{group}/{sub}"),
            None => format!("{}.{group}", call.resource),
        },
    }
}

impl KubeError {
    /// What to do or type next.
    pub fn advice(&self) -> String {
        match self {
            Self::NoConfig { .. } => "set KUBECONFIG, or give --kubeconfig FILE".to_owned(),
            Self::BadConfig { .. } => {
                "mend the file (kubectl config view), or give another with --kubeconfig FILE"
                    .to_owned()
            }
            Self::LoginFailed { error, .. } => error.advice(),
            Self::NoSuchContext { .. } => "choose one with --context NAME".to_owned(),
            Self::Unreachable { .. } => {
                "check the network, the VPN and the context: kubectl cluster-info".to_owned()
            }
            Self::ServerCertificateExpired { .. } => {
                "renew it on the control plane (kubeadm certs renew apiserver, where kubeadm set \
                 it up), or set this machine's clock right"
                    .to_owned()
            }
            Self::ServerCertificateInvalid { .. } => {
                "check certificate-authority in the kubeconfig".to_owned()
            }
            Self::ClientCertificateExpired { .. } | Self::Unauthorized { .. } => {
                "log in again, or get a new kubeconfig".to_owned()
            }
            Self::Forbidden { call, .. } => {
                format!("ask for the Role {} (deploy/rbac)", call.role())
            }
            Self::NoSuchNamespace { .. } => {
                "give another with -n, or list them: kubectl get namespaces".to_owned()
            }
            Self::Conflict { .. } => "look again before going on: pgctl status".to_owned(),
            Self::NoCluster { .. } => {
                "look elsewhere with -n NAMESPACE or -A, or for another label with --selector"
                    .to_owned()
            }
            Self::NoSuchCluster { there, .. } => match there.first() {
                Some(nearest) => format!("the nearest name: {}", status_of(nearest)),
                None => "list them all: pgctl status -A".to_owned(),
            },
            Self::SeveralClusters { clusters } => match clusters.first() {
                Some(first) => format!(
                    "choose one with --cluster NAME and -n NAMESPACE: {}",
                    status_of(first)
                ),
                None => "choose one with --cluster NAME and -n NAMESPACE".to_owned(),
            },
            Self::BadSecret { .. } => "name another Secret with --secret NAME".to_owned(),
            Self::BadCertificate {
                secret, namespace, ..
            } => format!(
                "see what it has, and mend it (docs/runbooks/tls.md): kubectl -n {} describe secret {}",
                shell_word(namespace),
                shell_word(secret)
            ),
            Self::NoAuthority { .. } => {
                "mount a Secret that has ca.crt (docs/runbooks/tls.md)".to_owned()
            }
            Self::NotFound { .. } => {
                "see what there is (pgctl status), and try once more".to_owned()
            }
            Self::AlreadyExists { .. } => "see who has made it: pgctl status".to_owned(),
            Self::TimedOut { .. } => "try once more, or give it longer: --timeout 60s".to_owned(),
            Self::StreamLost { .. } => {
                "see whether the pod and its node are well: pgctl status".to_owned()
            }
            Self::CommandFailed { .. } | Self::Unexpected { .. } => {
                "see how the pods are: pgctl status".to_owned()
            }
            Self::Api { code, .. } => match code {
                429 | 500.. => "the API server is busy or ill: try once more".to_owned(),
                _ => "see what the API server objects to: kubectl get events --all-namespaces"
                    .to_owned(),
            },
        }
    }

    /// Whether the object is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether the API said no for lack of permission.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Forbidden { .. })
    }

    /// Whether the request may have been carried out although it failed: look before repeating it.
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::StreamLost { .. } | Self::Unreachable { .. } => true,
            Self::Api { code, .. } => *code >= 500,
            _ => false,
        }
    }
}

/// `namespaces "x" not found`, which the API says when something is made in a namespace that is
/// not there (NamespaceLifecycle admission).
pub(super) fn namespace_is_missing(status: &kube::core::Status) -> bool {
    status
        .details
        .as_ref()
        .is_some_and(|details| details.kind == "namespaces")
}

pub(super) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        // An io::Error made from another error hides it from source().
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
        Some(error)
    })
}

/// Whether a connection broke off on the way: asked anew it may well work. One that could not be made
/// at all (refused, no such host, a certificate) will not.
pub(super) fn broke_off(error: &kube::Error) -> bool {
    use std::io::ErrorKind;
    chain(error).any(|error| {
        let by_io = error.downcast_ref::<std::io::Error>().is_some_and(|error| {
            matches!(
                error.kind(),
                ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
                    | ErrorKind::UnexpectedEof
            )
        });
        let by_http = error
            .downcast_ref::<hyper::Error>()
            .is_some_and(|error| error.is_incomplete_message() || error.is_canceled());
        by_io || by_http
    })
}

pub(super) fn tls_error(error: &kube::Error) -> Option<&rustls::Error> {
    chain(error).find_map(|error| error.downcast_ref::<rustls::Error>())
}

/// The cause at the bottom, which says what the layers above only repeat.
pub(super) fn innermost(error: &kube::Error) -> String {
    chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::Verb;

    #[test]
    fn forbidden_names_verb_resource_and_role() {
        let error = KubeError::Forbidden {
            call: Box::new(
                Call::new(Verb::Patch, "apps", "statefulsets/scale")
                    .named("postgres-primary")
                    .within("staging"),
            ),
            message: "User \"bob\" cannot patch".to_owned(),
        };
        assert_eq!(
            error.to_string(),
            "not allowed: patch statefulsets.apps/scale \"postgres-primary\" in namespace \
             \"staging\": User \"bob\" cannot patch"
        );
        assert_eq!(
            error.advice(),
            "ask for the Role pgctl-operator (deploy/rbac)"
        );
    }
}
