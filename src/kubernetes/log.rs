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
        let recent = LogParams {
            since_seconds: Some(seconds.max(1).into()),
            ..LogParams::default()
        };
        self.log(namespace, pod, recent).await
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
        self.log(namespace, pod, previous).await
    }

    /// The last lines of the database container's log, with their times; with `previous` of the one
    /// before it.
    ///
    /// # Errors
    /// When the API refuses, or there is no such log.
    pub async fn last_lines(
        &self,
        namespace: &str,
        pod: &str,
        lines: u32,
        previous: bool,
    ) -> Result<String, KubeError> {
        self.container_lines(namespace, pod, names::CONTAINER, lines, previous)
            .await
    }

    /// The same of any container of a pod.
    ///
    /// # Errors
    /// When the API refuses, or there is no such log.
    pub async fn container_lines(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        lines: u32,
        previous: bool,
    ) -> Result<String, KubeError> {
        let params = LogParams {
            container: Some(container.to_owned()),
            tail_lines: Some(lines.into()),
            timestamps: true,
            previous,
            ..LogParams::default()
        };
        self.log(namespace, pod, params).await
    }

    /// What `params` ask for of the log of a container, the database's unless they name another: of a log
    /// that nobody counts the lines of, the last 200.
    async fn log(
        &self,
        namespace: &str,
        pod: &str,
        params: LogParams,
    ) -> Result<String, KubeError> {
        const LINES: i64 = 200;
        let (api, call) = self.log_request(namespace, pod);
        let params = LogParams {
            container: params.container.or(Some(names::CONTAINER.to_owned())),
            tail_lines: params.tail_lines.or(Some(LINES)),
            ..params
        };
        self.read(&call, || api.logs(pod, &params)).await
    }

    /// The pods of a namespace, and what it is called to read the log of one.
    pub(super) fn log_request(&self, namespace: &str, pod: &str) -> (Api<Pod>, Call) {
        let call = Call::new(Verb::Get, "", "pods/log")
            .named(pod)
            .within(namespace);
        (Api::namespaced(self.client(), namespace), call)
    }
}
