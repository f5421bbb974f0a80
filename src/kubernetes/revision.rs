//! The templates that a StatefulSet has had, and giving it another one.

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::change::call_on;
use super::facts::{database_container, same_template};
use super::{Call, Kube, KubeError, Verb};
use crate::cluster::names;

/// A template that a StatefulSet has, or has had.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownTemplate {
    /// Name of its ControllerRevision.
    pub revision: String,
    /// Its number: the newest has the highest.
    pub number: i64,
    /// The image of the database container.
    pub image: Option<String>,
    /// What makes the StatefulSet's template this one: a strategic merge patch, as its controller has stored it.
    pub patch: Value,
}

impl Kube {
    /// All templates that are known of a StatefulSet, the newest first.
    ///
    /// # Errors
    /// When they may not be listed, or the API does not answer.
    pub async fn known_templates(
        &self,
        namespace: &str,
        stateful_set: &str,
    ) -> Result<Vec<KnownTemplate>, KubeError> {
        let api: Api<ControllerRevision> = Api::namespaced(self.client(), namespace);
        let call = Call::new(Verb::List, "apps", "controllerrevisions").within(namespace);
        let params = kube::api::ListParams::default();
        let list = self.read(&call, || api.list(&params)).await?;
        let owned = list.items.into_iter().filter(|it| is_of(it, stateful_set));
        let mut known: Vec<KnownTemplate> = owned.filter_map(known_template).collect();
        known.sort_by_key(|it| std::cmp::Reverse(it.number));
        Ok(known)
    }

    /// Changes the template of a StatefulSet, if it is still the one of this revision; whether it was.
    ///
    /// # Errors
    /// When the API refuses, or does not answer.
    pub async fn change_template(
        &self,
        namespace: &str,
        stateful_set: &str,
        seen: &str,
        patch: &Value,
    ) -> Result<bool, KubeError> {
        let found: Option<StatefulSet> = self.get(namespace, stateful_set).await?;
        let Some(version) = found.and_then(|set| {
            let status = set.status?;
            let is_seen = status.observed_generation == set.metadata.generation
                && status.update_revision.as_deref() == Some(seen);
            set.metadata.resource_version.filter(|_| is_seen)
        }) else {
            return Ok(false);
        };
        let api: Api<StatefulSet> = Api::namespaced(self.client(), namespace);
        let call = call_on::<StatefulSet>(Verb::Patch, namespace, stateful_set);
        let mut body = patch.clone();
        body["metadata"] = json!({"resourceVersion": version});
        let patch = Patch::Strategic(&body);
        let params = PatchParams::default();
        let written = self.write(&call, || api.patch(stateful_set, &params, &patch));
        match written.await {
            Ok(_) => Ok(true),
            // Its status changes often: that is no reason to give up.
            Err(KubeError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The patch that gives the database container of a StatefulSet's template another image; none when there is no such StatefulSet.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn image_patch(
        &self,
        namespace: &str,
        stateful_set: &str,
        image: &str,
    ) -> Result<Option<Value>, KubeError> {
        let found: Option<StatefulSet> = self.get(namespace, stateful_set).await?;
        Ok(found.and_then(|set| {
            let pod = set.spec?.template.spec?;
            let container = database_container(&pod)?.name.clone();
            Some(json!({"spec": {"template": {"spec": {"containers":
                [{"name": container, "image": image}]}}}}))
        }))
    }

    /// Whether the template of a StatefulSet is what a patch of [`Kube::known_templates`] or
    /// [`Kube::image_patch`] makes of it, and its controller has seen that.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn template_is(
        &self,
        namespace: &str,
        stateful_set: &str,
        patch: &Value,
    ) -> Result<bool, KubeError> {
        let found: Option<StatefulSet> = self.get(namespace, stateful_set).await?;
        Ok(found.is_some_and(|set| {
            let seen = set.status.as_ref().and_then(|it| it.observed_generation);
            seen == set.metadata.generation && same_template(&set, patch)
        }))
    }
}

fn is_of(revision: &ControllerRevision, stateful_set: &str) -> bool {
    let owners = revision.metadata.owner_references.iter().flatten();
    owners
        .into_iter()
        .any(|it| it.kind == "StatefulSet" && it.name == stateful_set)
}

fn known_template(revision: ControllerRevision) -> Option<KnownTemplate> {
    let patch = revision.data?.0;
    let containers = patch
        .pointer("/spec/template/spec/containers")?
        .as_array()?;
    let named = containers.iter().find(|it| it["name"] == names::CONTAINER);
    let image = named.or_else(|| containers.first())?["image"].as_str();
    Some(KnownTemplate {
        revision: revision.metadata.name?,
        number: revision.revision,
        image: image.map(str::to_owned),
        patch,
    })
}
