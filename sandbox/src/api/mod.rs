//! The sandbox's API server: the Kubernetes wire protocol over the [`Store`](crate::store::Store).

mod access;
mod admin;
mod discovery;
mod dispatch;
mod error;
mod faults;
mod feed;
mod fields;
mod managed;
mod openapi;
mod patch;
mod protobuf;
mod read;
mod request;
mod server;
mod shape;
mod streams;
mod subresources;
mod table;
mod validation;
mod write;

pub use access::{
    Attributes, Authenticator, Authority, ClientCertificate, Credentials, Identity, kubeconfig,
};
pub use error::ApiError;
pub use faults::{Effect, Fault, Faults, PodFaults};
pub use server::{Server, ServerConfig};
