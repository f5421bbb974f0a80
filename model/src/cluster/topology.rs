//! Which pod is meant to be the primary.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The recorded intent: which pod is primary, and since which term.
///
/// It lives in the ConfigMap `postgres-topology`, which does not exist until the first failover;
/// missing means "pod 0 of the primary StatefulSet", term 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Topology {
    /// Name of the pod that is meant to be primary.
    pub primary: String,
    /// A number that only grows; one more with each change of the primary.
    pub term: u64,
    /// Once recorded, no pod ever runs `initdb` again.
    pub system_identifier: Option<String>,
    /// For how many standbys commits wait, as `pgctl sync set` was told; 0 for none, and nothing
    /// when it was never told.
    #[serde(default)]
    pub synchronous: Option<u32>,
    /// Pods that were primary, or may have been, and whose end nobody has proven: name, and UIDs. The
    /// topology remembers them, because which operations there were may be forgotten: whatever accepts
    /// writes is the pod that it names, or one of these.
    #[serde(default)]
    pub unproven: BTreeMap<String, Vec<String>>,
    /// Where this was read from.
    pub source: TopologySource,
}

impl Topology {
    /// The pod that is to be the primary, by what the start scripts go by, when it is none of these.
    pub fn absent_primary<'a>(&self, mut pods: impl Iterator<Item = &'a str>) -> Option<&str> {
        self.source.config_map()?;
        let is_there = pods.any(|it| it == self.primary);
        (!is_there).then_some(self.primary.as_str())
    }
}

/// Where a [`Topology`] came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "from")]
pub enum TopologySource {
    /// The ConfigMap does not exist: the default holds.
    Default {
        /// What the ConfigMap will be called.
        config_map: String,
    },
    /// The ConfigMap exists.
    Recorded {
        /// `metadata.name` of the ConfigMap.
        config_map: String,
        /// Its `metadata.resourceVersion`, for changes that must not overwrite another's.
        resource_version: String,
    },
    /// The start script of this cluster does not read one.
    Unaware,
}

impl TopologySource {
    /// Name of the ConfigMap, whether it exists or not; none where the start script reads none.
    pub fn config_map(&self) -> Option<&str> {
        match self {
            Self::Default { config_map } | Self::Recorded { config_map, .. } => Some(config_map),
            Self::Unaware => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_primary_without_a_pod_is_missed_where_something_says_which_it_is_to_be() {
        let from = |source| Topology {
            primary: "db-0".to_owned(),
            term: 0,
            system_identifier: None,
            synchronous: None,
            unproven: BTreeMap::new(),
            source,
        };
        let named = from(TopologySource::Default {
            config_map: "db-topology".to_owned(),
        });
        assert_eq!(named.absent_primary(["db-1"].into_iter()), Some("db-0"));
        assert_eq!(named.absent_primary(["db-1", "db-0"].into_iter()), None);
        let unaware = from(TopologySource::Unaware);
        assert_eq!(unaware.absent_primary(["db-1"].into_iter()), None);
    }
}
