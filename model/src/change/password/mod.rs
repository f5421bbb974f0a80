//! Another password for a role: which of those that the Secret holds counts at each moment, and what comes next.
//!
//! PostgreSQL has one password for a role, the Secret is another place, and it reaches the pods a minute late. So the
//! Secret holds two for as long as they may differ, and everybody tries both. Where the change stands is read from the
//! Secret and the servers alone: whoever comes later goes on, or goes back, from wherever it was left.

mod facts;
mod proposal;
mod step;
#[cfg(test)]
mod tests;

pub use facts::{PasswordFacts, PasswordOwner, PodPassword, StoredPassword};
pub use proposal::{PasswordGround, propose_password_change};
pub use step::{PasswordStep, PasswordWay, next_password_step};
