//! Planning restores: a logical backup into a running primary, a base backup into its volume.

mod common;
mod discard;
mod logical;
mod physical;
mod plan;
#[cfg(test)]
pub(crate) mod tests;

pub use discard::plan_discard;
pub use plan::plan_restore;
