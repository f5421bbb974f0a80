//! A backup in a second place: copied from one store to another, or compared.

mod archive;
mod asking;
mod comparison;
mod error;
mod found;
mod places;
mod run;
mod take_over;

pub use asking::Silence;
pub use comparison::{Comparison, CopyState, compare};
pub use error::CopyError;
pub use places::{Proof, two_places};
pub use run::{Copied, CopyWork, copy, would_copy};
