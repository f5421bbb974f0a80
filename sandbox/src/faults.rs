//! Everything that can be broken on demand, in one place: the API server's faults and the kubelet's.

use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Effect, Fault, Faults as ApiFaults, PodFaults};
use crate::cli::{CutStream, FaultKind, Scope};
use crate::environment;
use crate::kubelet::Kubelet;
use crate::store::{Store, of};

/// The faults of one sandbox. Every clone is the same set.
#[derive(Clone)]
pub struct Faults {
    store: Store,
    api: ApiFaults,
    pods: Option<Arc<dyn PodFaults>>,
    namespace: String,
}

impl Faults {
    pub(crate) fn new(
        store: Store,
        api: ApiFaults,
        pods: Option<Arc<dyn PodFaults>>,
        namespace: String,
    ) -> Self {
        Self {
            store,
            api,
            pods,
            namespace,
        }
    }

    /// The faults of the API server, finer than [`Faults::apply`] can make them.
    pub fn api(&self) -> &ApiFaults {
        &self.api
    }

    /// Shell commands that point libpq programs at the write Service.
    pub(crate) fn environment(&self) -> Result<String> {
        environment::exports(&self.store, &self.namespace)
    }

    /// Breaks (or mends) something and says what was done.
    ///
    /// # Errors
    /// When there is no such pod or node, or the kubelet cannot do it.
    pub async fn apply(&self, fault: &FaultKind) -> Result<String> {
        match fault {
            FaultKind::Kill { pod, scope } => self.pod(pod, scope, "kill", "killed").await,
            FaultKind::Freeze { pod, scope } => self.pod(pod, scope, "freeze", "frozen").await,
            FaultKind::Unfreeze { pod, scope } => {
                self.pod(pod, scope, "unfreeze", "unfrozen").await
            }
            FaultKind::LateVolumes { pod, scope } => {
                let done = "does not see what changes in its ConfigMaps and Secrets";
                self.pod(pod, scope, "keep-volumes", done).await
            }
            FaultKind::FillDisk {
                pod,
                percent,
                scope,
            } => {
                let namespace = scope.namespace.as_deref().unwrap_or(&self.namespace);
                let name = self.find_pod(namespace, pod)?;
                let disk = json!({"namespace": namespace, "name": name, "percent": percent});
                self.ask(json!({"disk": disk})).await?;
                Ok(format!(
                    "the volume of pod {namespace}/{name} looks {percent} % full"
                ))
            }
            FaultKind::NodeNotReady { node } => self.node(node, "not-ready", "NotReady").await,
            FaultKind::NodeReady { node } => self.node(node, "ready", "Ready").await,
            FaultKind::Cut {
                stream,
                after,
                upload,
                pod,
                count,
            } => {
                let resources: &[&str] = match stream {
                    CutStream::Exec => &["pods/exec", "pods/attach"],
                    CutStream::PortForward => &["pods/portforward"],
                };
                for resource in resources {
                    let after_bytes = *after;
                    let cut = if *upload {
                        Effect::CutUpload { after_bytes }
                    } else {
                        Effect::Cut { after_bytes }
                    };
                    let mut fault = Fault::new(cut).resource(resource);
                    fault.name.clone_from(pod);
                    fault.count = *count;
                    self.api.add(fault);
                }
                let which = resources.join(" and ");
                Ok(format!(
                    "streams of {which} will be cut after {after} bytes"
                ))
            }
            FaultKind::Slow { bytes_per_second } => {
                for resource in ["pods/exec", "pods/attach", "pods/portforward"] {
                    let slow = Effect::Slow {
                        bytes_per_second: *bytes_per_second,
                    };
                    self.api.add(Fault::new(slow).resource(resource));
                }
                Ok(format!(
                    "streams carry {bytes_per_second} bytes per second, each way"
                ))
            }
            FaultKind::Api {
                verb,
                resource,
                fail,
                delay,
                count,
            } => {
                let mut said = Vec::new();
                let add = |effect| {
                    let mut fault = Fault::new(effect);
                    fault.verb.clone_from(verb);
                    fault.resource.clone_from(resource);
                    fault.count = *count;
                    self.api.add(fault);
                };
                if let Some(delay) = delay {
                    let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                    add(Effect::Delay { millis });
                    said.push(format!("wait {millis} ms"));
                }
                if let Some(status) = *fail {
                    let message = None;
                    add(Effect::Fail { status, message });
                    said.push(format!("answer {status}"));
                }
                if said.is_empty() {
                    bail!("nothing to do: give --fail or --delay");
                }
                let verb = verb.as_deref().unwrap_or("all requests");
                let of = resource
                    .as_deref()
                    .map(|r| format!(" {r}"))
                    .unwrap_or_default();
                Ok(format!("{verb}{of} will {}", said.join(" and ")))
            }
            FaultKind::Clear => {
                self.api.clear();
                if self.pods.is_some() {
                    self.ask(json!({"clear": {}})).await?;
                }
                Ok("no faults any more".to_owned())
            }
        }
    }

    async fn pod(&self, pod: &str, scope: &Scope, action: &str, done: &str) -> Result<String> {
        let namespace = scope.namespace.as_deref().unwrap_or(&self.namespace);
        let name = self.find_pod(namespace, pod)?;
        let request = json!({"pod": {"namespace": namespace, "name": name, "action": action}});
        self.ask(request).await?;
        Ok(format!("pod {namespace}/{name} {done}"))
    }

    /// A pod by its name or any unambiguous tail of it.
    fn find_pod(&self, namespace: &str, wanted: &str) -> Result<String> {
        let pods = self
            .store
            .list(of::<k8s_openapi::api::core::v1::Pod>(), Some(namespace))
            .items;
        let names: Vec<&str> = pods
            .iter()
            .map(|pod| crate::store::text(pod, "/metadata/name"))
            .collect();
        if names.contains(&wanted) {
            return Ok(wanted.to_owned());
        }
        let tail = format!("-{wanted}");
        let matching: Vec<&&str> = names.iter().filter(|name| name.ends_with(&tail)).collect();
        match matching.as_slice() {
            [one] => Ok((**one).to_owned()),
            [] => bail!(
                "no pod {wanted:?} in namespace {namespace}; there are: {}",
                names.join(", ")
            ),
            _ => bail!(
                "{wanted:?} could be any of several pods: {}",
                names.join(", ")
            ),
        }
    }

    async fn node(&self, node: &str, action: &str, state: &str) -> Result<String> {
        self.ask(json!({"node": {"name": node, "action": action}}))
            .await?;
        Ok(format!("node {node} is {state}"))
    }

    async fn ask(&self, request: Value) -> Result<Value> {
        let pods = self.pods.as_ref();
        let pods = pods.ok_or_else(|| anyhow!("this sandbox runs no pods: it is the API alone"))?;
        pods.apply(request).await.map_err(|why| anyhow!(why))
    }
}

/// What `/sandbox/v1/faults/pods` takes; the command line asks for the same.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum PodFault {
    Pod {
        namespace: String,
        name: String,
        action: PodAction,
    },
    Node {
        name: String,
        action: NodeAction,
    },
    Disk {
        namespace: String,
        name: String,
        percent: u8,
    },
    /// All nodes come back, frozen pods go on, and disks are as full as they are.
    Clear {},
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PodAction {
    Kill,
    Freeze,
    Unfreeze,
    KeepVolumes,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum NodeAction {
    NotReady,
    Ready,
}

impl PodFaults for Kubelet {
    fn apply(&self, request: Value) -> BoxFuture<'_, Result<Value, String>> {
        Box::pin(async move {
            let fault: PodFault = serde_json::from_value(request).map_err(|e| e.to_string())?;
            let done = match fault {
                PodFault::Pod {
                    namespace,
                    name,
                    action,
                } => match action {
                    PodAction::Kill => self.kill_pod(&namespace, &name),
                    PodAction::Freeze => self.freeze_pod(&namespace, &name),
                    PodAction::Unfreeze => self.unfreeze_pod(&namespace, &name),
                    PodAction::KeepVolumes => self.keep_volumes(&namespace, &name),
                },
                PodFault::Node { name, action } => match action {
                    NodeAction::NotReady => self.cut_node(&name),
                    NodeAction::Ready => self.restore_node(&name),
                },
                PodFault::Disk {
                    namespace,
                    name,
                    percent,
                } => self.fill_disk(&namespace, &name, percent),
                PodFault::Clear {} => self.mend(),
            };
            done.map(|()| json!({})).map_err(|error| error.to_string())
        })
    }
}
