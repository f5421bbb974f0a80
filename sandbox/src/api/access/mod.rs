//! Who asks, and what they may do: certificates, tokens, impersonation, RBAC.

mod authentication;
mod bootstrap;
mod identity;
mod kubeconfig;
mod pki;
mod rbac;
mod reviews;
mod tokens;

pub use authentication::{Authenticator, GivenToken};
pub(super) use bootstrap::install as install_roles;
pub use identity::Identity;
pub use kubeconfig::{Credentials, kubeconfig};
pub use pki::{Authority, ClientCertificate};
pub use rbac::Attributes;
pub(super) use rbac::{authorize, forbidden};
pub(super) use reviews::{review, token_request};
pub use tokens::TokenWish;
pub(super) use tokens::{LONGEST as LONGEST_TOKEN, SHORTEST as SHORTEST_TOKEN};
