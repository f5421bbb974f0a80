//! Logging in to the Kubernetes API with what the kubeconfig says: a token, a file with one, a
//! password, or a credential plugin (`user.exec`). kube does this, too, but it runs a plugin several
//! times over, for as long as it likes, prints its answer in errors, and panics on a token that no
//! header can carry. So it gets only what is left: certificates and whom to impersonate.

mod error;
mod plugin;
mod service;
mod source;
#[cfg(test)]
mod tests;

pub use error::LoginError;
pub(super) use service::{Login, LoginFailure};
pub(super) use source::Source;
