//! The log of a container as it comes.

use std::io;
use std::pin::Pin;

use futures::{AsyncBufRead, AsyncReadExt as _};
use jiff::Timestamp;
use kube::api::LogParams;

use super::{Kube, KubeError};
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
        let (api, call) = self.log_request(namespace, pod);
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
}
