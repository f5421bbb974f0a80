//! Stands where the kubelet will be: a value of this type cannot exist.

use futures::future::BoxFuture;
use tokio::net::TcpStream;

use crate::api::PodFaults;
use crate::controllers::{PodUsage, Usage};
use crate::runtime::{
    ContainerRef, ExecRequest, ExecStreams, LogOptions, OutputStream, PodRuntime, RuntimeError,
};

pub(crate) enum Kubelet {}

type Answer<'a, T> = BoxFuture<'a, Result<T, RuntimeError>>;

impl PodRuntime for Kubelet {
    fn exec(&self, _: ContainerRef, _: ExecRequest) -> Answer<'_, ExecStreams> {
        match *self {}
    }
    fn attach(&self, _: ContainerRef) -> Answer<'_, ExecStreams> {
        match *self {}
    }
    fn logs(&self, _: ContainerRef, _: LogOptions) -> Answer<'_, OutputStream> {
        match *self {}
    }
    fn dial(&self, _: &str, _: &str, _: u16) -> Answer<'_, TcpStream> {
        match *self {}
    }
}

impl PodFaults for Kubelet {
    fn apply(
        &self,
        _: serde_json::Value,
    ) -> BoxFuture<'_, Result<serde_json::Value, String>> {
        match *self {}
    }
}

impl Usage for Kubelet {
    fn usage(&self, _: &str, _: &str) -> Option<PodUsage> {
        match *self {}
    }
}
