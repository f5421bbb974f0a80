//! Where a Service leads right now.

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::ListParams;

use super::{Call, Kube, KubeError, Verb};
use crate::cluster::names;

impl Kube {
    /// The pods that get a Service's traffic, sorted: endpoints that are ready.
    ///
    /// # Errors
    /// When its EndpointSlices can't be listed.
    pub async fn ready_endpoints(
        &self,
        namespace: &str,
        service: &str,
    ) -> Result<Vec<String>, KubeError> {
        let slices = self.slices(namespace, service).await?;
        let mut pods: Vec<String> = slices
            .into_iter()
            .flat_map(|slice| slice.endpoints)
            // Unknown is to be taken for ready (EndpointConditions).
            .filter(|it| it.conditions.as_ref().and_then(|c| c.ready).unwrap_or(true))
            .filter_map(|it| it.target_ref?.name)
            .collect();
        pods.sort();
        pods.dedup();
        Ok(pods)
    }

    /// Whether anything is behind the Service: what is not ready and terminates still gets
    /// connections when there is nothing else (KEP-1669, "proxy terminating endpoints").
    ///
    /// # Errors
    /// When the API does not answer, or refuses.
    pub async fn has_endpoints(&self, namespace: &str, service: &str) -> Result<bool, KubeError> {
        let slices = self.slices(namespace, service).await?;
        Ok(slices.iter().any(|slice| !slice.endpoints.is_empty()))
    }

    async fn slices(
        &self,
        namespace: &str,
        service: &str,
    ) -> Result<Vec<EndpointSlice>, KubeError> {
        let api: Api<EndpointSlice> = Api::namespaced(self.client(), namespace);
        let call = Call::new(Verb::List, "discovery.k8s.io", "endpointslices").within(namespace);
        let params = ListParams::default().labels(&format!("{}={service}", names::SLICE_SERVICE));
        Ok(self.read(&call, || api.list(&params)).await?.items)
    }
}
