//! An event as a line of `--events`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::RunEvent;

/// A line of `--events`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "Event")]
pub struct EventLine {
    /// `pgctl/v1`.
    #[schemars(extend("const" = "pgctl/v1"))]
    api_version: &'static str,
    /// `Event`.
    #[schemars(extend("const" = "Event"))]
    kind: &'static str,
    /// When it was told.
    at: Timestamp,
    /// Id of the operation; none before there is one, and for what is no guided operation.
    operation: Option<String>,
    /// The event itself, its fields beside these.
    #[serde(flatten)]
    event: RunEvent,
}

impl EventLine {
    /// An event, told now.
    pub fn new(event: RunEvent, operation: Option<String>, at: Timestamp) -> Self {
        Self {
            api_version: "pgctl/v1",
            kind: "Event",
            at,
            operation,
            event,
        }
    }
}
