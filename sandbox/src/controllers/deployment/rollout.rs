//! A Deployment and its ReplicaSets while they are being changed: the counts that every rule is made of.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::share::scaled;
use super::{hash, owner};

/// The label that tells the pods of one template from those of another.
pub(super) const HASH_LABEL: &str = "pod-template-hash";

pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
pub(super) const MOST: &str = "deployment.kubernetes.io/max-replicas";

/// Annotations of the Deployment that its sets do not take over.
const OWN: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    "deployment.kubernetes.io/revision-history",
    DESIRED,
    MOST,
    "deprecated.deployment.rollback.to",
];

/// The sets of a Deployment, and what its strategy allows.
pub(super) struct Rollout<'a> {
    pub(super) deployment: &'a Deployment,
    /// Pods that are wanted.
    pub(super) wanted: i32,
    /// Pods that may be there beyond those.
    pub(super) surge: i32,
    /// Pods of those wanted that may be missing.
    pub(super) unavailable: i32,
    pub(super) rolling: bool,
    /// Oldest first.
    pub(super) sets: Vec<ReplicaSet>,
    /// Which of them has the present template.
    pub(super) new: Option<usize>,
}

impl<'a> Rollout<'a> {
    pub(super) fn of(deployment: &'a Deployment, sets: &[ReplicaSet]) -> Self {
        let spec = deployment.spec.clone().unwrap_or_default();
        let wanted = spec.replicas.unwrap_or(1);
        let strategy = spec.strategy.unwrap_or_default();
        let rolling = strategy.type_.as_deref() != Some("Recreate");
        let limits = strategy.rolling_update.unwrap_or_default();
        let quarter = IntOrString::String("25%".to_owned());
        let (mut surge, mut unavailable) = (0, 0);
        if rolling {
            surge = scaled(&limits.max_surge.unwrap_or(quarter.clone()), wanted, true);
            unavailable = scaled(&limits.max_unavailable.unwrap_or(quarter), wanted, false);
            if surge == 0 && unavailable == 0 {
                // A rollout has to be able to move.
                unavailable = 1;
            }
        }
        let mut sets = sets.to_vec();
        sets.sort_by(|a, b| {
            let age = |set: &ReplicaSet| set.metadata.creation_timestamp.clone();
            age(a).cmp(&age(b)).then_with(|| name(a).cmp(name(b)))
        });
        let template = plain(spec.template);
        let new = sets.iter().position(|set| {
            let spec = set.spec.clone().unwrap_or_default();
            plain(spec.template.unwrap_or_default()) == template
        });
        Self {
            deployment,
            wanted,
            surge,
            unavailable: unavailable.min(wanted),
            rolling,
            sets,
            new,
        }
    }

    /// Those of earlier templates.
    pub(super) fn old(&self) -> Vec<usize> {
        let all = 0..self.sets.len();
        all.filter(|index| Some(*index) != self.new).collect()
    }

    /// Pods that the sets are to have.
    pub(super) fn replicas(&self) -> i32 {
        self.sets.iter().map(replicas).sum()
    }

    /// Pods that are available.
    pub(super) fn available(&self) -> i32 {
        self.sets.iter().map(available).sum()
    }

    /// Gives a set another number of pods.
    pub(super) fn scale(&mut self, index: usize, to: i32) {
        let (wanted, most) = (self.wanted, self.wanted + self.surge);
        let Some(set) = self.sets.get_mut(index) else {
            return;
        };
        set.spec.get_or_insert_default().replicas = Some(to);
        let annotations = set.metadata.annotations.get_or_insert_default();
        annotations.insert(DESIRED.to_owned(), wanted.to_string());
        annotations.insert(MOST.to_owned(), most.to_string());
    }

    /// How many pods the new set may have now (`NewRSNewReplicas` in deployment_util.go).
    pub(super) fn room_for_new(&self) -> i32 {
        let has = self
            .new
            .and_then(|new| self.sets.get(new))
            .map_or(0, replicas);
        if !self.rolling {
            return self.wanted;
        }
        let room = self.wanted + self.surge - self.replicas();
        if room <= 0 {
            return has;
        }
        has + room.min(self.wanted - has)
    }

    /// The highest revision among the sets of earlier templates.
    pub(super) fn last_old_revision(&self) -> i64 {
        let old = self.old();
        let old = old.iter().filter_map(|index| self.sets.get(*index));
        old.map(revision).max().unwrap_or(0)
    }

    /// The set of the present template, to be made.
    pub(super) fn make(&self) -> ReplicaSet {
        let spec = self.deployment.spec.clone().unwrap_or_default();
        let status = self.deployment.status.as_ref();
        let collisions = status.and_then(|s| s.collision_count).unwrap_or(0);
        let mut template = spec.template;
        let hash = hash::of(&json!(template), collisions);
        let labels = &mut template.metadata.get_or_insert_default().labels;
        let labels = labels.get_or_insert_default();
        labels.insert(HASH_LABEL.to_owned(), hash.clone());
        let mut selector = spec.selector;
        let matched = selector.match_labels.get_or_insert_default();
        matched.insert(HASH_LABEL.to_owned(), hash.clone());
        let mut annotations = self.inherited();
        let revision = self.last_old_revision() + 1;
        annotations.insert(REVISION.to_owned(), revision.to_string());
        annotations.insert(DESIRED.to_owned(), self.wanted.to_string());
        let most = self.wanted + self.surge;
        annotations.insert(MOST.to_owned(), most.to_string());
        let meta = &self.deployment.metadata;
        let own = meta.name.as_deref().unwrap_or("");
        ReplicaSet {
            metadata: ObjectMeta {
                name: Some(format!("{own}-{hash}")),
                namespace: meta.namespace.clone(),
                labels: Some(labels.clone()),
                annotations: Some(annotations),
                owner_references: Some(vec![owner::reference::<Deployment>(meta)]),
                ..ObjectMeta::default()
            },
            spec: Some(ReplicaSetSpec {
                min_ready_seconds: spec.min_ready_seconds,
                replicas: Some(self.room_for_new()),
                selector,
                template: Some(template),
            }),
            status: None,
        }
    }

    /// Brings what the new set has of the Deployment up to date; returns the revision.
    pub(super) fn keep_up(&mut self) -> Option<String> {
        let next = self.last_old_revision() + 1;
        let inherited = self.inherited();
        let spec = self.deployment.spec.as_ref();
        let min_ready = spec.and_then(|s| s.min_ready_seconds);
        let set = self.sets.get_mut(self.new?)?;
        let next = revision(set).max(next).to_string();
        let annotations = set.metadata.annotations.get_or_insert_default();
        annotations.extend(inherited);
        annotations.insert(REVISION.to_owned(), next.clone());
        set.spec.get_or_insert_default().min_ready_seconds = min_ready;
        Some(next)
    }

    fn inherited(&self) -> BTreeMap<String, String> {
        let mut annotations = self.deployment.metadata.annotations.clone();
        let annotations = annotations.get_or_insert_default();
        annotations.retain(|key, _| !OWN.contains(&key.as_str()));
        std::mem::take(annotations)
    }
}

/// A template without the label that its hash made.
fn plain(mut template: PodTemplateSpec) -> PodTemplateSpec {
    let meta = template.metadata.get_or_insert_default();
    if let Some(labels) = &mut meta.labels {
        labels.remove(HASH_LABEL);
    }
    meta.creation_timestamp = None;
    template
}

pub(super) fn name(set: &ReplicaSet) -> &str {
    set.metadata.name.as_deref().unwrap_or("")
}

/// Pods that the set is to have.
pub(super) fn replicas(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|s| s.replicas).unwrap_or(0)
}

/// Pods of the set that are available.
pub(super) fn available(set: &ReplicaSet) -> i32 {
    let status = set.status.as_ref();
    status.and_then(|s| s.available_replicas).unwrap_or(0)
}

/// A number among the set's annotations.
pub(super) fn noted(set: &ReplicaSet, key: &str) -> Option<i32> {
    set.metadata.annotations.as_ref()?.get(key)?.parse().ok()
}

fn revision(set: &ReplicaSet) -> i64 {
    noted(set, REVISION).map_or(0, i64::from)
}
