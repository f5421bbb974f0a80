//! A cluster that was given is left as it was found, also when the test has failed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service};
use kube::core::ObjectMeta;
use pgctl_sandbox::store::{DeleteOptions, Selector, Stored};

use super::backend::prefix;
use super::cluster::{TestCluster, full};
use super::server_state::ServerState;

/// What tests change in a cluster, as it was before.
pub(super) struct AsFound {
    /// The tail of the primary's name.
    pub(super) primary: String,
    /// Whether commits wait for a standby.
    pub(super) synchronous: bool,
    /// Databases, and tables of the database `postgres`.
    pub(super) databases: BTreeSet<String>,
    pub(super) tables: BTreeSet<String>,
    autoscalers: Vec<HorizontalPodAutoscaler>,
    sets: BTreeMap<String, StatefulSet>,
    pub(super) servers: ServerState,
    claims: BTreeSet<String>,
    selectors: BTreeMap<String, Option<BTreeMap<String, String>>>,
    settings: BTreeMap<String, Option<BTreeMap<String, String>>>,
    secrets: BTreeMap<String, Option<BTreeMap<String, ByteString>>>,
}

/// The statement that gives the names in [`AsFound::databases`].
pub(super) const DATABASES: &str = "SELECT datname FROM pg_database WHERE NOT datistemplate";

/// The statement that gives the names in [`AsFound::tables`].
pub(super) const TABLES: &str = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";

impl TestCluster {
    /// Looks at what tests change.
    pub(super) async fn look(&self) -> Result<AsFound> {
        let primary = self.primary().await?;
        let names = async |sql: &str| -> Result<BTreeSet<String>> {
            let rows = self.sql(&primary, sql).await?;
            Ok(rows.into_iter().flatten().collect())
        };
        let autoscalers = self.own::<HorizontalPodAutoscaler>()?;
        let sets = self.own::<StatefulSet>()?.into_iter();
        let services = self.own::<Service>()?.into_iter();
        let maps = self.own::<ConfigMap>()?.into_iter();
        let maps = maps.filter(|map| {
            let data = map.data.as_ref();
            data.is_some_and(|data| data.contains_key("postgresql.conf"))
        });
        let secrets = self.own::<Secret>()?.into_iter();
        Ok(AsFound {
            databases: names(DATABASES).await?,
            tables: names(TABLES).await?,
            synchronous: names("SHOW synchronous_standby_names").await? != [String::new()].into(),
            servers: self.look_into_servers(&primary).await?,
            claims: self.names_of_claims()?,
            primary,
            autoscalers,
            sets: sets.map(|it| (name(&it), it)).collect(),
            selectors: services
                .map(|it| (name(&it), it.spec.and_then(|spec| spec.selector)))
                .collect(),
            settings: maps.map(|it| (name(&it), it.data)).collect(),
            secrets: secrets.map(|it| (name(&it), it.data)).collect(),
        })
    }

    /// The objects of a kind that belong to the deployment.
    fn own<T: Stored>(&self) -> Result<Vec<T>> {
        let all = self
            .store()
            .read_all::<T>(Some(self.namespace()), &Selector::everything())?;
        let own = |it: &T| name(it).starts_with(prefix());
        Ok(all.items.into_iter().filter(own).collect())
    }

    /// The names of the claims of its pods.
    fn names_of_claims(&self) -> Result<BTreeSet<String>> {
        let all = self
            .store()
            .read_all::<PersistentVolumeClaim>(Some(self.namespace()), &Selector::everything())?;
        let names = all.items.iter().map(name);
        Ok(names.filter(|name| name.contains(prefix())).collect())
    }

    /// Volumes that pods of a test have left go, once no pod has them.
    pub(super) fn remove_new_claims(&self, found: &AsFound) -> Result<()> {
        for name in self.names_of_claims()?.difference(&found.claims) {
            self.store().remove::<PersistentVolumeClaim>(
                self.namespace(),
                name,
                &DeleteOptions::default(),
            )?;
        }
        Ok(())
    }

    /// Passwords and settings are those of before. `pgctl` works again.
    pub(super) fn put_back_access(&self, found: &AsFound) -> Result<()> {
        for (name, data) in &found.secrets {
            self.store()
                .modify::<Secret>(self.namespace(), name, |it| it.data.clone_from(data))?;
        }
        for (name, data) in &found.settings {
            self.store()
                .modify::<ConfigMap>(self.namespace(), name, |it| it.data.clone_from(data))?;
        }
        Ok(())
    }

    /// Numbers, templates, autoscalers and Services are those of before.
    pub(super) fn put_back_objects(&self, found: &AsFound) -> Result<()> {
        for autoscaler in &found.autoscalers {
            self.put_back_autoscaler(autoscaler)?;
        }
        for (name, set) in &found.sets {
            // Numbers, what pgctl has noted, and the pods' own template.
            let before = set.spec.clone().unwrap_or_default();
            self.store()
                .modify::<StatefulSet>(self.namespace(), name, |it| {
                    let annotations = &set.metadata.annotations;
                    it.metadata.annotations.clone_from(annotations);
                    let spec = it.spec.get_or_insert_default();
                    spec.replicas = before.replicas;
                    spec.template.clone_from(&before.template);
                })?;
        }
        for (name, selector) in &found.selectors {
            self.store()
                .modify::<Service>(self.namespace(), name, |it| {
                    let spec = it.spec.get_or_insert_default();
                    spec.selector.clone_from(selector);
                })?;
        }
        Ok(())
    }

    fn put_back_autoscaler(&self, found: &HorizontalPodAutoscaler) -> Result<()> {
        let name = name(found);
        let there = self
            .store()
            .read_opt::<HorizontalPodAutoscaler>(self.namespace(), &name)?;
        if there.is_none() {
            self.store().add(&HorizontalPodAutoscaler {
                metadata: ObjectMeta {
                    name: found.metadata.name.clone(),
                    namespace: found.metadata.namespace.clone(),
                    labels: found.metadata.labels.clone(),
                    annotations: found.metadata.annotations.clone(),
                    ..ObjectMeta::default()
                },
                spec: found.spec.clone(),
                status: None,
            })?;
            return Ok(());
        }
        self.store()
            .modify::<HorizontalPodAutoscaler>(self.namespace(), &name, |it| {
                it.spec.clone_from(&found.spec);
                let annotations = &found.metadata.annotations;
                it.metadata.annotations.clone_from(annotations);
            })?;
        Ok(())
    }
}

impl Drop for TestCluster {
    /// After a panic: at least nobody else's passwords, bounds and numbers are a test's.
    fn drop(&mut self) {
        if let Some(found) = self.found.take() {
            let done = self
                .put_back_access(&found)
                .and_then(|()| self.put_back_objects(&found))
                .with_context(|| format!("{} is not as it was found", full("…")));
            if let Err(error) = done {
                eprintln!("{error:#}");
            }
        }
    }
}

fn name<T: Stored>(object: &T) -> String {
    object.metadata().name.clone().unwrap_or_default()
}
