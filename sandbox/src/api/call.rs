//! One request for objects, as its handler gets it.

use axum::http::HeaderMap;

use super::faults::StreamFaults;
use super::request::{Form, Query, Target};

/// A request whose asker is known and allowed to ask.
pub(super) struct Call {
    pub(super) target: Target,
    pub(super) query: Query,
    pub(super) headers: HeaderMap,
    pub(super) form: Form,
    pub(super) faults: StreamFaults,
}
