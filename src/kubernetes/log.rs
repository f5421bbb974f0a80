//! What a container has written lately.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;

use super::{Call, Kube, KubeError, Verb};
use crate::cluster::names;

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
        self.log(
            namespace,
            pod,
            &LogParams {
                since_seconds: Some(seconds.max(1).into()),
                ..LogParams::default()
            },
        )
        .await
    }

    /// The last lines of the database container that ended last: of the one before this one, or of
    /// this one, when it does not run.
    ///
    /// # Errors
    /// When the API refuses, or the pod has no such log.
    pub async fn last_log(
        &self,
        namespace: &str,
        pod: &str,
        runs_again: bool,
    ) -> Result<String, KubeError> {
        let previous = LogParams {
            previous: runs_again,
            ..LogParams::default()
        };
        self.log(namespace, pod, &previous).await
    }

    async fn log(
        &self,
        namespace: &str,
        pod: &str,
        params: &LogParams,
    ) -> Result<String, KubeError> {
        const LINES: i64 = 200;
        let api: Api<Pod> = Api::namespaced(self.client(), namespace);
        let call = Call::new(Verb::Get, "", "pods/log")
            .named(pod)
            .within(namespace);
        let params = LogParams {
            container: Some(names::CONTAINER.to_owned()),
            tail_lines: Some(LINES),
            ..params.clone()
        };
        self.read(&call, || api.logs(pod, &params)).await
    }
}
