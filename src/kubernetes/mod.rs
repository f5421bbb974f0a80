//! The adapter to Kubernetes: finding a cluster, looking at it, and the few changes that guided
//! operations make. Nothing here decides anything.

mod access;
mod argo;
mod call;
mod certificate;
mod change;
mod client;
mod config_map;
mod deployed;
mod discovery;
mod endpoints;
mod error;
mod event;
mod exec;
mod facts;
mod forward;
mod found;
mod lease;
mod list;
mod log;
mod log_stream;
mod login;
mod node;
mod proxy;
mod raw;
mod requests;
mod secret;
mod surroundings;
mod volume_pod;
mod wait;

pub use call::{Call, Verb};
pub use change::Annotations;
pub use client::{ConnectOptions, Kube, contexts};
pub use config_map::StoredMap;
pub use discovery::{Found, NamespaceScope, Selection};
pub use error::KubeError;
pub use event::Regarding;
pub use exec::Output;
pub(crate) use exec::exit_code;
pub use facts::{start_decision, unproven};
pub use forward::Forward;
pub use lease::{Claim, HeldLease, LeaseHolder};
pub use log_stream::{ContainerRun, LogRange, LogStream};
pub use login::LoginError;
pub use secret::{Credentials, CredentialsSource};
