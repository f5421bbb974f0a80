//! Connections to pods through the API server, for clusters whose pods this machine does not reach.

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{ListParams, Portforwarder};
use kube::{Api, Client};
use tokio::io::DuplexStream;

const PORT: u16 = 5432;

/// The way to every pod of a namespace.
#[derive(Clone)]
pub(crate) struct Forwards {
    pods: Api<Pod>,
    slices: Api<EndpointSlice>,
}

impl Forwards {
    pub(crate) fn new(client: &Client, namespace: &str) -> Self {
        Self {
            pods: Api::namespaced(client.clone(), namespace),
            slices: Api::namespaced(client.clone(), namespace),
        }
    }

    /// A stream to `pod/NAME`, or to a pod behind `service/NAME`. It lives as long as the second.
    pub(crate) async fn open(&self, address: &str) -> Result<(DuplexStream, Portforwarder)> {
        let pod = match address.split_once('/') {
            Some(("service", service)) => self.behind(service).await?,
            Some((_, pod)) => pod.to_owned(),
            None => address.to_owned(),
        };
        let mut forwarder = self.pods.portforward(&pod, &[PORT]).await?;
        let stream = forwarder.take_stream(PORT).context("no stream")?;
        Ok((stream, forwarder))
    }

    /// A ready pod that the Service leads to.
    async fn behind(&self, service: &str) -> Result<String> {
        let of_service = format!("kubernetes.io/service-name={service}");
        let of_service = ListParams::default().labels(&of_service);
        let slices = self.slices.list(&of_service).await?;
        let endpoints = slices.items.into_iter().flat_map(|it| it.endpoints);
        endpoints
            .filter(|endpoint| {
                endpoint
                    .conditions
                    .as_ref()
                    .is_none_or(|it| it.ready != Some(false))
            })
            .find_map(|endpoint| endpoint.target_ref?.name)
            .with_context(|| format!("the Service {service} leads nowhere"))
    }
}
