//! The kubelet as the API server's way into pods.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use k8s_openapi::api::core::v1::Pod;
use tokio::net::TcpStream;

use super::node::Kubelet;
use super::pod::PodState;
use crate::runtime::{
    Container, ContainerRef, ExecRequest, ExecStreams, Log, LogOptions, OutputStream, PodRuntime,
    RuntimeError,
};

const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

impl Kubelet {
    /// The pod, when its node can be reached.
    fn reach(&self, namespace: &str, pod: &str) -> Result<Arc<PodState>, RuntimeError> {
        let Some(state) = self.pods.named(namespace, pod) else {
            return Err(self.not_here(namespace, pod));
        };
        if self.context.is_up(&state.node) {
            Ok(state)
        } else {
            Err(RuntimeError::NodeDown {
                node: self.context.node_ip(&state.node).unwrap_or_default(),
            })
        }
    }

    /// A pod that no node runs: unknown, or not that far yet.
    fn not_here(&self, namespace: &str, pod: &str) -> RuntimeError {
        match self.context.store.read::<Pod>(namespace, pod) {
            Ok(object) => {
                let spec = object.spec.unwrap_or_default();
                let first = spec.containers.first();
                RuntimeError::Waiting {
                    container: first.map(|c| c.name.clone()).unwrap_or_default(),
                    pod: pod.to_owned(),
                    reason: "PodScheduled".to_owned(),
                }
            }
            Err(_) => RuntimeError::PodNotFound(pod.to_owned()),
        }
    }

    fn running(&self, target: &ContainerRef) -> Result<(Container, String), RuntimeError> {
        let state = self.reach(&target.namespace, &target.pod)?;
        let (index, name) = find(&state, target)?;
        let running = state.slots().get(index).and_then(|s| s.running.clone());
        match running {
            Some(container) => Ok((container, name)),
            None => Err(RuntimeError::NotRunning(name)),
        }
    }

    fn log(&self, target: &ContainerRef, previous: bool) -> Result<Log, RuntimeError> {
        let state = self.reach(&target.namespace, &target.pod)?;
        let (index, container) = find(&state, target)?;
        let pod = target.pod.clone();
        let slots = state.slots();
        let Some(slot) = slots.get(index) else {
            return Err(RuntimeError::NoSuchContainer { container, pod });
        };
        // While a container waits to be started again, its last run is the current one and the previous one at once
        // (`validateContainerLogStatus` in pkg/kubelet/kubelet_pods.go).
        let waits = slot
            .status
            .state
            .as_ref()
            .is_some_and(|s| s.waiting.is_some());
        let log = if previous && !waits {
            slot.previous.clone()
        } else {
            slot.log.clone()
        };
        log.ok_or_else(|| {
            let state = slot.status.state.clone().unwrap_or_default();
            let reason = state.waiting.and_then(|w| w.reason).unwrap_or_default();
            if previous {
                RuntimeError::NoPrevious { container, pod }
            } else {
                RuntimeError::Waiting {
                    container,
                    pod,
                    reason,
                }
            }
        })
    }
}

/// The container's place in the pod and its name.
fn find(state: &PodState, target: &ContainerRef) -> Result<(usize, String), RuntimeError> {
    let pod = state.pod();
    let annotations = pod.metadata.annotations.as_ref();
    let wanted = target
        .container
        .clone()
        .filter(|c| !c.is_empty())
        .or_else(|| annotations?.get(DEFAULT_CONTAINER).cloned());
    let slots = state.slots();
    let mut known = slots.iter().enumerate();
    let found = match &wanted {
        Some(name) => known.find(|(_, s)| s.definition.name == *name),
        None => known.find(|(_, s)| !s.init),
    };
    found
        .map(|(index, slot)| (index, slot.definition.name.clone()))
        .ok_or_else(|| RuntimeError::NoSuchContainer {
            container: wanted.unwrap_or_default(),
            pod: state.name.clone(),
        })
}

fn reading(source: io::Error) -> RuntimeError {
    RuntimeError::Io {
        doing: "reading the log".to_owned(),
        source,
    }
}

impl PodRuntime for Kubelet {
    fn exec(
        &self,
        target: ContainerRef,
        request: ExecRequest,
    ) -> BoxFuture<'_, Result<ExecStreams, RuntimeError>> {
        async move {
            let (container, name) = self.running(&target)?;
            container.exec(&name, request).await
        }
        .boxed()
    }

    fn attach(&self, target: ContainerRef) -> BoxFuture<'_, Result<ExecStreams, RuntimeError>> {
        async move {
            let (container, _) = self.running(&target)?;
            let (stdout, stderr) = container.log().attach().await.map_err(reading)?;
            Ok(ExecStreams {
                stdin: None,
                stdout: Some(stdout),
                stderr: Some(stderr),
                resize: None,
                exit: async move { Ok(container.wait().await.code) }.boxed(),
            })
        }
        .boxed()
    }

    fn logs(
        &self,
        target: ContainerRef,
        options: LogOptions,
    ) -> BoxFuture<'_, Result<OutputStream, RuntimeError>> {
        async move {
            let log = self.log(&target, options.previous)?;
            log.read(options).await.map_err(reading)
        }
        .boxed()
    }

    fn dial(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> BoxFuture<'_, Result<TcpStream, RuntimeError>> {
        let state = self.reach(namespace, pod);
        async move {
            let state = state?;
            let failed = |source| RuntimeError::Dial {
                port,
                pod: state.name.clone(),
                source,
            };
            let ip: Ipv4Addr = state.ip.parse().map_err(io::Error::other).map_err(failed)?;
            TcpStream::connect((ip, port)).await.map_err(failed)
        }
        .boxed()
    }
}
