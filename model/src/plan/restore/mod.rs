//! Planning restores: a logical backup into a running primary, a base backup into its volume.

mod common;
mod discard;
#[cfg(any(test, feature = "testing"))]
pub mod fixture;
mod logical;
mod physical;
mod plan;
#[cfg(test)]
mod tests;

pub use discard::plan_discard;
pub use plan::plan_restore;
