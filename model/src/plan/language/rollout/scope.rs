//! The restart of one standby.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::request::RolloutRequest;
use crate::plan::language::objects::PodRef;

/// A standby's pod is deleted, and made anew from its StatefulSet's template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestartScope {
    /// The standby's pod that goes, by name and UID.
    pub pod: PodRef,
    /// The revision of the template that the new pod is made from.
    pub revision: String,
    /// The image of the database container before.
    pub image_before: Option<String>,
    /// The image of the database container in the template.
    pub image: Option<String>,
    /// The rollout that it is a part of: whoever goes on with this one goes on with that.
    pub rollout: RolloutRequest,
}

impl fmt::Display for RestartScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(node) = &self.rollout.node {
            return write!(f, "move of {} away from {node}", self.pod.name);
        }
        write!(f, "restart of {}", self.pod.name)?;
        match (&self.image_before, &self.image) {
            (Some(before), Some(image)) if before != image => {
                write!(f, " with {image} instead of {before}")
            }
            _ => write!(f, " from revision {}", self.revision),
        }
    }
}
