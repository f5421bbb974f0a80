//! What happens to objects.

use serde_json::Value;
use std::sync::Arc;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was created.
    Added,
    /// It was changed.
    Modified,
    /// It is gone; the event carries its last state.
    Deleted,
}

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The object after the change (its last state when deleted).
    pub object: Arc<Value>,
    /// The object before the change, to tell when it stops matching a selector.
    pub previous: Option<Arc<Value>>,
    /// The revision that this change made.
    pub revision: u64,
}
