//! One request to the Kubernetes API: what it is called in messages and in RBAC, how long it may
//! take, and when it is asked again.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::error::broke_off;
use super::{Kube, KubeError};

/// A verb of the Kubernetes API, as RBAC spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Read one object.
    Get,
    /// Read many.
    List,
    /// Follow changes.
    Watch,
    /// Make an object (or a stream, for `pods/exec` and `pods/portforward`).
    Create,
    /// Replace an object.
    Update,
    /// Change part of an object.
    Patch,
    /// Remove an object.
    Delete,
}

impl Verb {
    /// As in a Role's `verbs`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    const fn gerund(self) -> &'static str {
        match self {
            Self::Get => "reading",
            Self::List => "listing",
            Self::Watch => "watching",
            Self::Create => "creating",
            Self::Update => "updating",
            Self::Patch => "patching",
            Self::Delete => "deleting",
        }
    }
}

/// What a request does to which object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Call {
    /// The verb.
    pub verb: Verb,
    /// The API group, empty for the core group.
    pub group: &'static str,
    /// The resource in the plural, with a subresource after a slash (`pods/exec`).
    pub resource: &'static str,
    /// Name of the object; none when it is about many.
    pub name: Option<String>,
    /// Its namespace; none for all namespaces or a resource that has none.
    pub namespace: Option<String>,
}

impl Call {
    /// About all objects of a resource, everywhere.
    pub fn new(verb: Verb, group: &'static str, resource: &'static str) -> Self {
        Self {
            verb,
            group,
            resource,
            name: None,
            namespace: None,
        }
    }

    /// About the object of this name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// In this namespace.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// The Role of `deploy/rbac` that allows it: `pgctl-viewer` may look (which takes streams into
    /// the pods, too), `pgctl-operator` may change.
    pub fn role(&self) -> &'static str {
        match (self.verb, self.resource) {
            (Verb::Get | Verb::List | Verb::Watch, _) | (_, "pods/portforward" | "pods/exec") => {
                "pgctl-viewer"
            }
            _ => "pgctl-operator",
        }
    }
}

impl fmt::Display for Call {
    /// `patching statefulsets/scale postgres-primary in namespace staging`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.verb, self.resource) {
            (_, "pods/exec") => f.write_str("running a command in pod")?,
            (_, "pods/portforward") => f.write_str("forwarding a port of pod")?,
            (verb, resource) => write!(f, "{} {resource}", verb.gerund())?,
        }
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        if let Some(namespace) = &self.namespace {
            write!(f, " in namespace {namespace}")?;
        }
        Ok(())
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_reads_like_a_sentence() {
        let call = Call::new(Verb::Patch, "apps", "statefulsets/scale")
            .named("postgres-primary")
            .within("staging");
        assert_eq!(
            call.to_string(),
            "patching statefulsets/scale postgres-primary in namespace staging"
        );
        assert_eq!(call.role(), "pgctl-operator");
    }

    #[test]
    fn looking_needs_only_the_viewer() {
        assert_eq!(Call::new(Verb::List, "", "pods").role(), "pgctl-viewer");
        assert_eq!(
            Call::new(Verb::Create, "", "pods/portforward").role(),
            "pgctl-viewer"
        );
        assert_eq!(
            Call::new(Verb::Create, "", "leases").role(),
            "pgctl-operator"
        );
    }
}
