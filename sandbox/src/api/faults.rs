//! Faults on demand, for tests of what a client does when the API misbehaves.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::request::Target;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// The answer comes this much later, in milliseconds.
    Delay {
        /// How late the answer is, in milliseconds.
        millis: u64,
    },
    /// The request is refused with a Status and not carried out.
    Fail {
        /// Status of the HTTP answer.
        status: u16,
        /// Message of the Status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The connection breaks before the request is carried out.
    Drop,
    /// The request is carried out, then the connection breaks before the answer.
    LoseAnswer,
    /// An exec, attach, port-forward, log or watch stream breaks after so many bytes from the server.
    Cut {
        /// Bytes of payload that still come through.
        after_bytes: u64,
    },
    /// An exec, attach or port-forward stream breaks after so many bytes from the client.
    CutUpload {
        /// Bytes that still reach the pod.
        after_bytes: u64,
    },
    /// Exec, attach and port-forward streams carry no more than so many bytes in a second, each way.
    Slow {
        /// The most bytes in a second.
        bytes_per_second: u64,
    },
    /// The stdout of an exec ends after so many bytes and the command still reports its own exit code: what
    /// kubernetes/kubernetes#124571 describes.
    Truncate {
        /// Bytes of stdout that still come through.
        after_bytes: u64,
    },
}

/// What faults do to one stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StreamFaults {
    /// It breaks after so many bytes from the server.
    pub(super) cut: Option<u64>,
    /// It breaks after so many bytes from the client.
    pub(super) cut_upload: Option<u64>,
    /// The stdout of an exec ends silently after so many bytes.
    pub(super) truncate: Option<u64>,
    /// Bytes per second, each way.
    pub(super) pace: Option<u64>,
}

/// Which requests a fault hits and how. Empty fields match everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// API verb (`get`, `patch`, …; `exec`, `portforward` and `log` are subresources).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verb: Option<String>,
    /// Plural name, or `plural/subresource`. Without a subresource it matches only the object itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Object name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many more requests it hits. None: until it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Lets so many matching requests through first.
    #[serde(default)]
    pub skip: u64,
    /// What goes wrong.
    pub effect: Effect,
}

impl Fault {
    /// A fault that hits every request until it is narrowed down.
    #[must_use]
    pub fn new(effect: Effect) -> Self {
        Self {
            verb: None,
            resource: None,
            namespace: None,
            name: None,
            count: None,
            skip: 0,
            effect,
        }
    }

    /// Only this verb.
    #[must_use]
    pub fn verb(mut self, verb: &str) -> Self {
        self.verb = Some(verb.to_owned());
        self
    }

    /// Only this resource (`pods`, `pods/exec`).
    #[must_use]
    pub fn resource(mut self, resource: &str) -> Self {
        self.resource = Some(resource.to_owned());
        self
    }

    /// Only the object of this name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    fn hits(&self, target: &Target) -> bool {
        let full = if target.subresource.is_empty() {
            target.resource.clone()
        } else {
            format!("{}/{}", target.resource, target.subresource)
        };
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|w| w == "*" || w == found)
        };
        is(&self.verb, &target.verb)
            && is(&self.resource, &full)
            && is(&self.namespace, &target.namespace)
            && is(&self.name, &target.name)
    }
}

/// Faults of pods and nodes, which only the kubelet can make.
pub trait PodFaults: Send + Sync {
    /// Carries out a request such as `{"pod": {"namespace", "name", "action": "kill"}}` and answers what was done.
    ///
    /// # Errors
    /// What is wrong with the request, or why it can't be done.
    fn apply(
        &self,
        request: serde_json::Value,
    ) -> futures::future::BoxFuture<'_, Result<serde_json::Value, String>>;
}

#[derive(Default)]
struct Inner {
    rules: Mutex<BTreeMap<u64, Fault>>,
    next: AtomicU64,
    connections: tokio::sync::watch::Sender<u64>,
}

/// All faults of one API server. Every clone is the same set.
#[derive(Clone, Default)]
pub struct Faults {
    inner: Arc<Inner>,
}

impl Faults {
    /// Adds a fault and returns its number.
    pub fn add(&self, fault: Fault) -> u64 {
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed) + 1;
        self.inner
            .rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, fault);
        id
    }

    /// Removes a fault; false when there is none of this number.
    pub fn remove(&self, id: u64) -> bool {
        self.inner
            .rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id)
            .is_some()
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.inner
            .rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The faults that still wait for requests.
    #[must_use]
    pub fn list(&self) -> BTreeMap<u64, Fault> {
        self.inner
            .rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Breaks every open connection, streams included, at once.
    pub fn drop_connections(&self) {
        self.inner.connections.send_modify(|n| *n += 1);
    }

    /// Resolves when [`Faults::drop_connections`] is called.
    pub(super) fn dropped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut receiver = self.inner.connections.subscribe();
        receiver.borrow_and_update();
        async move {
            if receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// What hits this request, counted down.
    pub(super) fn take(&self, target: &Target) -> Vec<Effect> {
        let mut rules = self
            .inner
            .rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut effects = Vec::new();
        rules.retain(|_, fault| {
            if !fault.hits(target) {
                return true;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                return true;
            }
            effects.push(fault.effect.clone());
            match &mut fault.count {
                None => true,
                Some(count) => {
                    *count = count.saturating_sub(1);
                    *count > 0
                }
            }
        });
        effects
    }
}
