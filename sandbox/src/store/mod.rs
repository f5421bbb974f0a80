//! The sandbox's object storage: what etcd and the generic registry are to a real API server.
//!
//! Everything is held in memory as JSON in its canonical (typed) form. The API server, the kubelet and the
//! controllers share one [`Store`].

mod defaults;
mod deletion;
mod error;
mod event;
mod memory;
mod metadata;
mod namespaces;
mod resources;
mod selectors;
#[cfg(test)]
mod tests;
mod typed;
mod watch;
mod writing;

pub use defaults::defaults;
pub use deletion::{DeleteOptions, Preconditions, Propagation};
pub use error::{Cause, StoreError};
pub use event::{Event, EventKind};
pub use memory::{Admission, List, Operation, Store};
pub use metadata::{meta, now, text};
pub use resources::{Resource, all, by_kind, by_plural, of};
pub use selectors::{FieldSelector, LabelSelector, Selector, SelectorError};
pub use typed::{Stored, TypedList, TypedWatch};
pub use watch::Watch;
pub use writing::Write;
