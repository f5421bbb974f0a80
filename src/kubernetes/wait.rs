//! Waiting until a pod is as it should be, by watching it.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};

use super::facts::pod_facts;
use super::{Call, Kube, KubeError, Verb};
use crate::cluster::PodFacts;

/// How often the pod is looked at beside the watch: one whose connection is half open says nothing, and
/// ends only with the time limit.
const LOOK: Duration = Duration::from_secs(1);

/// Pause before a watch that broke is begun anew.
const PAUSE: Duration = Duration::from_millis(200);

impl Kube {
    /// What a pod's object says now; none when it does not exist.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn pod(&self, namespace: &str, name: &str) -> Result<Option<PodFacts>, KubeError> {
        let pod: Option<Pod> = self.get(namespace, name).await?;
        Ok(pod.as_ref().and_then(|pod| pod_facts(pod, None)))
    }

    /// Watches the pod of this name until `done` says something of it (none: it does not exist),
    /// and gives that back. A watch that is cut, or a server that is away for a while, is begun
    /// anew with a fresh look: nothing is missed but what came and went in between.
    ///
    /// # Errors
    /// When the time is up, or pods may not be listed or watched.
    pub async fn wait_for_pod<T>(
        &self,
        namespace: &str,
        name: &str,
        doing: &str,
        limit: Duration,
        mut done: impl FnMut(Option<&PodFacts>) -> Option<T>,
    ) -> Result<T, KubeError> {
        let watching = async {
            loop {
                match self.watch_once(namespace, name, &mut done).await {
                    Ok(Some(result)) => return Ok(result),
                    Err(error) if error.is_forbidden() => return Err(error),
                    Ok(None) | Err(_) => tokio::time::sleep(PAUSE).await,
                }
            }
        };
        match tokio::time::timeout(limit, watching).await {
            Ok(result) => result,
            Err(_) => Err(KubeError::TimedOut {
                doing: doing.to_owned(),
                after: limit,
            }),
        }
    }

    /// One list and one watch from there; none when the watch ended.
    async fn watch_once<T>(
        &self,
        namespace: &str,
        name: &str,
        done: &mut impl FnMut(Option<&PodFacts>) -> Option<T>,
    ) -> Result<Option<T>, KubeError> {
        let api: Api<Pod> = Api::namespaced(self.client(), namespace);
        let fields = format!("metadata.name={name}");
        let call = Call::new(Verb::List, "", "pods").within(namespace);
        let params = ListParams::default().fields(&fields);
        let list = self.read(&call, || api.list(&params)).await?;
        let now = list.items.first().and_then(|pod| pod_facts(pod, None));
        if let Some(result) = done(now.as_ref()) {
            return Ok(Some(result));
        }
        let from = list.metadata.resource_version.unwrap_or_default();
        let call = Call::new(Verb::Watch, "", "pods").within(namespace);
        let params = WatchParams::default().fields(&fields);
        // Its beginning may hang just as its events may.
        let opening = async {
            let events = self.read(&call, || api.watch(&params, &from)).await?;
            Ok(events.map_err(|error| KubeError::of(error, &call, self)))
        };
        let mut events = stream::once(opening).try_flatten().boxed();
        loop {
            let event = match tokio::time::timeout(LOOK, events.try_next()).await {
                Ok(event) => event?,
                Err(_) => {
                    let now = self.pod(namespace, name).await?;
                    if let Some(result) = done(now.as_ref()) {
                        return Ok(Some(result));
                    }
                    continue;
                }
            };
            let Some(event) = event else {
                return Ok(None);
            };
            let result = match &event {
                WatchEvent::Added(pod) | WatchEvent::Modified(pod) => {
                    done(pod_facts(pod, None).as_ref())
                }
                // The last state of it may hold what was waited for (how its container ended).
                WatchEvent::Deleted(pod) => {
                    done(pod_facts(pod, None).as_ref()).or_else(|| done(None))
                }
                WatchEvent::Bookmark(_) => None,
                // 410 Gone and the like: look anew.
                WatchEvent::Error(_) => return Ok(None),
            };
            if result.is_some() {
                return Ok(result);
            }
        }
    }
}
