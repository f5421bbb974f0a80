//! The log of a container as it comes.

use std::io;
use std::pin::Pin;

use futures::{AsyncBufRead, AsyncReadExt as _};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;

use super::{Call, Kube, KubeError, Verb};
use crate::cluster::names;

/// What of a log is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogRange {
    /// The last lines only.
    pub tail: Option<u64>,
    /// What was written since, by the node's clock; the API counts whole seconds.
    pub since: Option<Timestamp>,
    /// Of the container before this one.
    pub previous: bool,
    /// What is yet to come, too.
    pub follow: bool,
}

/// A log that is being read: lines that begin with their time.
pub struct LogStream {
    body: Pin<Box<dyn AsyncBufRead + Send>>,
}

impl LogStream {
    /// Reads on; 0 at the end.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer).await
    }
}

/// Which run of a pod's container there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRun {
    /// `metadata.uid`: another pod of the same name has another one.
    pub uid: String,
    /// How often the database container was started again.
    pub restarts: i32,
}

impl Kube {
    /// Opens the log of the database container of a pod.
    ///
    /// # Errors
    /// When the API refuses, the pod is not there, or has no such log (yet).
    pub async fn log_stream(
        &self,
        namespace: &str,
        pod: &str,
        range: LogRange,
    ) -> Result<LogStream, KubeError> {
        let api: Api<Pod> = Api::namespaced(self.client(), namespace);
        let call = Call::new(Verb::Get, "", "pods/log")
            .named(pod)
            .within(namespace);
        let params = LogParams {
            container: Some(names::CONTAINER.to_owned()),
            follow: range.follow,
            previous: range.previous,
            tail_lines: range
                .tail
                .map(|lines| i64::try_from(lines).unwrap_or(i64::MAX)),
            since_time: range.since,
            timestamps: true,
            ..LogParams::default()
        };
        let body = self.read(&call, || api.log_stream(pod, &params)).await?;
        Ok(LogStream {
            body: Box::pin(body),
        })
    }

    /// Which run of its container a pod is in; none when there is no such pod.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn container_run(
        &self,
        namespace: &str,
        pod: &str,
    ) -> Result<Option<ContainerRun>, KubeError> {
        let found: Option<Pod> = self.get(namespace, pod).await?;
        Ok(found.map(|pod| {
            let statuses = pod.status.and_then(|it| it.container_statuses);
            let ours = statuses
                .into_iter()
                .flatten()
                .find(|it| it.name == names::CONTAINER);
            ContainerRun {
                uid: pod.metadata.uid.unwrap_or_default(),
                restarts: ours.map_or(0, |it| it.restart_count),
            }
        }))
    }
}
