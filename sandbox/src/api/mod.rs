//! The sandbox's API server: the Kubernetes wire protocol over the [`Store`](crate::store::Store).

mod access;
mod admin;
mod call;
mod discovery;
mod dispatch;
mod error;
mod event_versions;
mod faults;
mod fields;
mod managed;
mod openapi;
mod patch;
mod protobuf;
mod read;
mod request;
mod response;
mod server;
mod streams;
mod subresources;
mod table;
mod validation;
mod watch;
mod write;

pub use access::{
    Attributes, Authenticator, Authority, ClientCertificate, Credentials, GivenToken, Identity,
    TokenWish, kubeconfig,
};
pub use error::ApiError;
pub use faults::{Effect, Fault, Faults, PodFaults};
pub use server::{Server, ServerConfig};
