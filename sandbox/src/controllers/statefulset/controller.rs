//! Carries out what a StatefulSet's plan says.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{
    ControllerRevision, StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy as Retention,
};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use serde_json::json;

use super::claiming::claim;
use super::events::{EventType, Recorder};
use super::plan::{Action, Revisions, ordinal_of, plan};
use super::revision::History;
use super::worker::{Controller, Key};
use super::{owner, pod};
use crate::store::{
    DeleteOptions, Event, LabelSelector, Resource, Selector, Store, StoreError, of, text,
};

/// The StatefulSet controller.
pub(in crate::controllers) struct StatefulSets {
    events: Recorder,
}

impl StatefulSets {
    pub(in crate::controllers) fn new(store: &Store) -> Self {
        Self {
            events: Recorder::new(store, "statefulset-controller"),
        }
    }
}

impl Controller for StatefulSets {
    fn name(&self) -> &'static str {
        "statefulset-controller"
    }

    fn watches(&self) -> Vec<&'static Resource> {
        vec![
            of::<StatefulSet>(),
            of::<Pod>(),
            of::<ControllerRevision>(),
            of::<PersistentVolumeClaim>(),
        ]
    }

    fn keys(&mut self, store: &Store, resource: &'static Resource, event: &Event) -> Vec<Key> {
        let key = Key::of(event);
        if resource == of::<StatefulSet>() {
            return vec![key];
        }
        if resource == of::<PersistentVolumeClaim>() {
            // A claim that went may be missed by a pending pod.
            let sets = store.list(of::<StatefulSet>(), Some(&key.namespace)).items;
            let names = sets.iter().map(|set| text(set, "/metadata/name"));
            return names
                .filter(|name| key.name.contains(&format!("-{name}-")))
                .map(|name| Key::new(&key.namespace, name))
                .collect();
        }
        let set = owner::references(&event.object)
            .iter()
            .find(|owner| text(owner, "/kind") == "StatefulSet")
            .map(|owner| text(owner, "/name").to_owned())
            // An orphan may be adopted by the set that would have given it its name.
            .or_else(|| key.name.rsplit_once('-').map(|(set, _)| set.to_owned()));
        set.map(|set| Key::new(&key.namespace, &set))
            .into_iter()
            .collect()
    }

    fn reconcile(&mut self, store: &Store, key: &Key) -> Result<Option<Duration>, StoreError> {
        let Some(set) = store.read_opt::<StatefulSet>(&key.namespace, &key.name)? else {
            return Ok(None);
        };
        let pods = claim_pods(store, &set)?;
        let history = History::load(store, &set)?;
        let revisions = Revisions {
            current: history.current_name(),
            update: history.update_name(),
            collisions: set
                .status
                .as_ref()
                .and_then(|s| s.collision_count)
                .unwrap_or(0),
        };
        let plan = plan(&set, revisions, &pods, Timestamp::now());
        // Deletions and creations first: a status that comes a moment late harms nobody.
        for action in &plan.actions {
            self.carry_out(store, &set, &history, action)?;
        }
        store.modify::<StatefulSet>(&key.namespace, &key.name, |now| {
            if now.metadata.uid == set.metadata.uid {
                now.status = Some(plan.status.clone());
            }
        })?;
        retain_claims(store, &set)?;
        let label = super::plan::REVISION_LABEL;
        let live = pods
            .iter()
            .filter_map(|pod| pod.metadata.labels.as_ref()?.get(label).cloned());
        history.truncate(store, &set, &live.collect::<Vec<_>>());
        Ok(plan.recheck)
    }
}

impl StatefulSets {
    fn carry_out(
        &self,
        store: &Store,
        set: &StatefulSet,
        history: &History,
        action: &Action,
    ) -> Result<(), StoreError> {
        match action {
            Action::Create { ordinal, revision } => {
                self.ensure_claims(store, set, *ordinal)?;
                let template = history.template(revision).unwrap_or_default();
                let pod = pod::build(set, template, revision, *ordinal);
                let name = pod.metadata.name.clone().unwrap_or_default();
                match store.add(&pod) {
                    // A pod of this name that is not ours: try again when it goes.
                    Err(error) if error.is_already_exists() => Err(error),
                    made => self.record(set, "create", &name, made.map(drop)),
                }
            }
            Action::Delete { name, uid } => {
                let namespace = set.metadata.namespace.as_deref().unwrap_or("");
                let options = DeleteOptions::of_uid(Some(uid.clone()));
                match store.delete(of::<Pod>(), namespace, name, &options) {
                    Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
                    done => self.record(set, "delete", name, done.map(drop)),
                }
            }
            Action::EnsureClaims { ordinal } => self.ensure_claims(store, set, *ordinal),
        }
    }

    fn ensure_claims(
        &self,
        store: &Store,
        set: &StatefulSet,
        ordinal: i32,
    ) -> Result<(), StoreError> {
        let namespace = set.metadata.namespace.as_deref().unwrap_or("");
        let set_name = set.metadata.name.as_deref().unwrap_or("");
        for (_, claim) in pod::claims(set, ordinal) {
            let name = claim.metadata.name.as_deref().unwrap_or("");
            if let Some(there) = store.read_opt::<PersistentVolumeClaim>(namespace, name)? {
                // As createPersistentVolumeClaims in stateful_pod_control.go: no pod before it is gone.
                if there.metadata.deletion_timestamp.is_some() {
                    return Err(StoreError::Malformed(format!(
                        "pvc {name} is being deleted"
                    )));
                }
                continue;
            }
            let made = store.add(&claim);
            let message = match &made {
                Ok(_) => format!(
                    "create Claim {name} Pod {set_name}-{ordinal} in StatefulSet {set_name} success"
                ),
                Err(error) => format!(
                    "create Claim {name} for Pod {set_name}-{ordinal} in StatefulSet {set_name} failed error: {error}"
                ),
            };
            self.tell(set, "Create", made.is_ok(), &message);
            made?;
        }
        Ok(())
    }

    fn record(
        &self,
        set: &StatefulSet,
        verb: &str,
        pod: &str,
        done: Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let set_name = set.metadata.name.as_deref().unwrap_or("");
        let title = if verb == "create" { "Create" } else { "Delete" };
        let message = match &done {
            Ok(()) => format!("{verb} Pod {pod} in StatefulSet {set_name} successful"),
            Err(error) => {
                format!("{verb} Pod {pod} in StatefulSet {set_name} failed error: {error}")
            }
        };
        self.tell(set, title, done.is_ok(), &message);
        done
    }

    fn tell(&self, set: &StatefulSet, title: &str, fine: bool, message: &str) {
        if fine {
            let reason = format!("Successful{title}");
            self.events
                .event(&json!(set), EventType::Normal, &reason, message);
        } else {
            let reason = format!("Failed{title}");
            self.events
                .event(&json!(set), EventType::Warning, &reason, message);
        }
    }
}

/// The set's pods: those that its selector matches and that have a name which it gives.
fn claim_pods(store: &Store, set: &StatefulSet) -> Result<Vec<Pod>, StoreError> {
    let set_name = set.metadata.name.as_deref().unwrap_or("");
    let Some(spec) = &set.spec else {
        return Ok(Vec::new());
    };
    let selector = LabelSelector::from_object(&spec.selector)?;
    claim::<StatefulSet, Pod>(store, &set.metadata, |meta| {
        selector.matches_labels(meta.labels.as_ref())
            && ordinal_of(set_name, meta.name.as_deref().unwrap_or("")).is_some()
    })
}

/// Applies `persistentVolumeClaimRetentionPolicy`: a claim that shall go is owned by what takes it
/// along. By default claims stay, whatever happens to the set.
fn retain_claims(store: &Store, set: &StatefulSet) -> Result<(), StoreError> {
    let namespace = set.metadata.namespace.as_deref().unwrap_or("");
    let set_name = set.metadata.name.as_deref().unwrap_or("");
    let Some(spec) = &set.spec else { return Ok(()) };
    let policy = spec.persistent_volume_claim_retention_policy.clone();
    let Retention {
        when_deleted,
        when_scaled,
    } = policy.unwrap_or_default();
    let with_set = when_deleted.as_deref() == Some("Delete");
    let with_pod = when_scaled.as_deref() == Some("Delete");
    let first = spec.ordinals.as_ref().and_then(|o| o.start).unwrap_or(0);
    let wanted = first..first.saturating_add(spec.replicas.unwrap_or(1));
    let claims =
        store.read_all::<PersistentVolumeClaim>(Some(namespace), &Selector::everything())?;
    for claim in claims.items {
        let name = claim.metadata.name.as_deref().unwrap_or("");
        let ordinal = spec
            .volume_claim_templates
            .iter()
            .flatten()
            .find_map(|template| {
                let volume = template.metadata.name.as_deref()?;
                ordinal_of(set_name, name.strip_prefix(volume)?.strip_prefix('-')?)
            });
        let Some(ordinal) = ordinal else { continue };
        let mut owners = claim.metadata.owner_references.clone().unwrap_or_default();
        let before = owners.clone();
        owners.retain(|owner| !matches!(owner.kind.as_str(), "StatefulSet" | "Pod"));
        if with_pod && !wanted.contains(&ordinal) {
            // The pod that is too many takes its claim along; one that is gone has doomed it.
            let pod = store.read_opt::<Pod>(namespace, &format!("{set_name}-{ordinal}"))?;
            let Some(pod) = pod else { continue };
            let mut owner = owner::reference::<Pod>(&pod.metadata);
            (owner.controller, owner.block_owner_deletion) = (None, None);
            owners.push(owner);
        } else if with_set {
            let mut owner = owner::reference::<StatefulSet>(&set.metadata);
            owner.block_owner_deletion = None;
            owners.push(owner);
        }
        if owners != before {
            store.modify::<PersistentVolumeClaim>(namespace, name, |claim| {
                claim.metadata.owner_references = Some(owners.clone());
            })?;
        }
    }
    Ok(())
}
