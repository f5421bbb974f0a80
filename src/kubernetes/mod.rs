//! The adapter to Kubernetes: finding a cluster, looking at it, and the few changes that guided
//! operations make. Nothing here decides anything.

mod call;
mod certificate;
mod client;
mod discovery;
mod error;
mod facts;
mod forward;
mod found;
pub mod labels;
mod list;
mod node;
mod secret;

pub use call::{Call, Verb};
pub use client::{ConnectOptions, Kube};
pub use discovery::{Found, Place, Selection};
pub use error::KubeError;
pub use forward::Forward;
pub use secret::{Credentials, CredentialsSource};
