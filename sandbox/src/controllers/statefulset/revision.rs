//! The history of a StatefulSet's pod template, kept as ControllerRevisions.

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use serde_json::{Value, json};

use super::{hash, owner};
use crate::store::{LabelSelector, Selector, Store, StoreError};

/// The two revisions of a set that matter, with their templates.
pub(super) struct History {
    pub(super) current: ControllerRevision,
    pub(super) update: ControllerRevision,
    all: Vec<ControllerRevision>,
}

/// What a revision remembers: the template, in the form of a patch that puts it back.
fn data(set: &StatefulSet) -> Value {
    let template = set.spec.as_ref().map(|spec| &spec.template);
    let mut template = json!(template);
    if let Some(fields) = template.as_object_mut() {
        fields.insert("$patch".to_owned(), json!("replace"));
    }
    json!({"spec": {"template": template}})
}

/// The template of a revision.
pub(super) fn template(revision: &ControllerRevision) -> Option<PodTemplateSpec> {
    let mut template = revision.data.as_ref()?.0.pointer("/spec/template")?.clone();
    template.as_object_mut()?.remove("$patch");
    serde_json::from_value(template).ok()
}

fn name(revision: &ControllerRevision) -> &str {
    revision.metadata.name.as_deref().unwrap_or("")
}

impl History {
    pub(super) fn current_name(&self) -> &str {
        name(&self.current)
    }

    pub(super) fn update_name(&self) -> &str {
        name(&self.update)
    }

    /// The template that this revision stands for.
    pub(super) fn template(&self, revision: &str) -> Option<PodTemplateSpec> {
        self.all
            .iter()
            .find(|known| name(known) == revision)
            .and_then(template)
    }

    /// Reads the history and adds the present template to it if it is new.
    pub(super) fn load(store: &Store, set: &StatefulSet) -> Result<Self, StoreError> {
        let namespace = set.metadata.namespace.as_deref().unwrap_or("");
        let mut all = store
            .read_all::<ControllerRevision>(Some(namespace), &Selector::everything())?
            .items;
        adopt(store, set, &mut all)?;
        all.retain(|revision| owner::controls(&set.metadata, &revision.metadata));
        all.sort_by_key(|revision| revision.revision);

        let wanted = data(set);
        let next = all.last().map_or(1, |last| last.revision + 1);
        let known = all
            .iter()
            .rposition(|r| r.data.as_ref().is_some_and(|data| data.0 == wanted));
        let update = match known {
            Some(at) if at + 1 == all.len() => all[at].clone(),
            Some(at) => {
                // Rolled back: the old revision becomes the newest.
                let name = name(&all[at]).to_owned();
                let newest =
                    store.modify::<ControllerRevision>(namespace, &name, |r| r.revision = next)?;
                all.remove(at);
                all.push(newest.clone());
                newest
            }
            None => {
                let made = create(store, set, wanted, next)?;
                all.push(made.clone());
                made
            }
        };
        let current = set
            .status
            .as_ref()
            .and_then(|status| status.current_revision.as_deref())
            .and_then(|current| all.iter().find(|revision| name(revision) == current))
            .unwrap_or(&update)
            .clone();
        Ok(Self {
            current,
            update,
            all,
        })
    }

    /// Forgets old revisions that no pod has, beyond `revisionHistoryLimit`.
    pub(super) fn truncate(&self, store: &Store, set: &StatefulSet, live: &[String]) {
        let limit = set.spec.as_ref().and_then(|s| s.revision_history_limit);
        let limit = usize::try_from(limit.unwrap_or(10)).unwrap_or(usize::MAX);
        let namespace = set.metadata.namespace.as_deref().unwrap_or("");
        let is_live = |revision: &&ControllerRevision| {
            let name = name(revision);
            name == self.current_name()
                || name == self.update_name()
                || live.iter().any(|live| live == name)
        };
        let old: Vec<_> = self.all.iter().filter(|r| !is_live(r)).collect();
        for revision in &old[..old.len().saturating_sub(limit)] {
            let options = crate::store::DeleteOptions::default();
            drop(store.remove::<ControllerRevision>(namespace, name(revision), &options));
        }
    }
}

/// Takes over the history that an earlier set of this name left behind.
fn adopt(
    store: &Store,
    set: &StatefulSet,
    revisions: &mut [ControllerRevision],
) -> Result<(), StoreError> {
    let Some(spec) = &set.spec else { return Ok(()) };
    if set.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    let namespace = set.metadata.namespace.as_deref().unwrap_or("");
    let prefix = format!("{}-", set.metadata.name.as_deref().unwrap_or(""));
    let selector = LabelSelector::from_object(&spec.selector)?;
    for revision in revisions {
        let name = name(revision).to_owned();
        if owner::controller(&revision.metadata).is_none()
            && name.starts_with(&prefix)
            && selector.matches_labels(revision.metadata.labels.as_ref())
        {
            let reference = owner::reference::<StatefulSet>(&set.metadata);
            *revision = store.modify::<ControllerRevision>(namespace, &name, |revision| {
                let owners = revision.metadata.owner_references.get_or_insert_default();
                owners.push(reference.clone());
            })?;
        }
    }
    Ok(())
}

fn create(
    store: &Store,
    set: &StatefulSet,
    data: Value,
    revision: i64,
) -> Result<ControllerRevision, StoreError> {
    let set_name = set.metadata.name.as_deref().unwrap_or("");
    let mut collisions = 0;
    loop {
        let hash = hash::of(&data, collisions);
        let mut labels = set
            .spec
            .as_ref()
            .and_then(|spec| spec.template.metadata.as_ref())
            .and_then(|meta| meta.labels.clone())
            .unwrap_or_default();
        labels.insert("controller.kubernetes.io/hash".to_owned(), hash.clone());
        let made = store.add(&ControllerRevision {
            metadata: ObjectMeta {
                name: Some(format!("{set_name}-{hash}")),
                namespace: set.metadata.namespace.clone(),
                labels: Some(labels),
                owner_references: Some(vec![owner::reference::<StatefulSet>(&set.metadata)]),
                ..ObjectMeta::default()
            },
            data: Some(RawExtension(data.clone())),
            revision,
        });
        match made {
            Err(error) if error.is_already_exists() && collisions < 100 => collisions += 1,
            other => return other,
        }
    }
}
