//! A pod that could become primary, as it was judged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::{Check, CheckVerdict};
use crate::cluster::Lsn;

/// A pod that could become primary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// Name of its pod.
    pub pod: String,
    /// Whether nothing stands in the way.
    pub eligible: bool,
    /// How far its WAL goes.
    pub position: Option<Lsn>,
    /// Bytes behind the primary (or behind the standby that is furthest ahead); none when unknown.
    pub lag_bytes: Option<u64>,
    /// Whether commits wait for it.
    pub synchronous: bool,
    /// What was checked about it.
    pub checks: Vec<Check>,
}

impl Candidate {
    /// Why it is not eligible, or what is to be known about it; empty when all is well.
    pub fn why(&self) -> Vec<&str> {
        let of = |verdict| {
            self.checks
                .iter()
                .filter(move |check| check.verdict == verdict)
                .map(|check| check.reason.as_str())
        };
        if self.eligible {
            of(CheckVerdict::Warn).collect()
        } else {
            of(CheckVerdict::Refuse).collect()
        }
    }
}
