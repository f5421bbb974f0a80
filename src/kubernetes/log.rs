//! What a container has written lately.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;

use super::{Call, Kube, KubeError, Verb, labels};

impl Kube {
    /// The last lines that the database container of a pod has written within so many seconds.
    ///
    /// # Errors
    /// When the API refuses, or the pod has no log.
    pub async fn recent_log(
        &self,
        namespace: &str,
        pod: &str,
        seconds: u32,
    ) -> Result<String, KubeError> {
        const LINES: i64 = 200;
        let api: Api<Pod> = Api::namespaced(self.client(), namespace);
        let call = Call::new(Verb::Get, "", "pods/log")
            .named(pod)
            .within(namespace);
        let params = LogParams {
            container: Some(labels::CONTAINER.to_owned()),
            since_seconds: Some(seconds.max(1).into()),
            tail_lines: Some(LINES),
            ..LogParams::default()
        };
        self.read(&call, || api.logs(pod, &params)).await
    }
}
