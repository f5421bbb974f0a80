//! The objects that a sandbox starts with.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use serde_json::{Map, Value, json};

use crate::certificates::{CertificateAuthority, Lifetime};
use crate::store::{Resource, Store, by_kind, text};

/// `kubectl kustomize deploy/sandbox`, as it is in the repository.
const BUILT_IN: &str = include_str!("../../deploy/sandbox/rendered.yaml");

/// What `kubectl kustomize deploy/sandbox-pooler` adds to it.
const POOLER: &str = include_str!("../../deploy/sandbox-pooler/rendered.yaml");

/// What the component `tls` changes in the StatefulSets, and its rules of who may come in.
const CERTIFICATE_PATCHES: [&str; 2] = [
    include_str!("../../deploy/components/tls-offered/certificate-patch.yaml"),
    include_str!("../../deploy/components/tls/verify-patch.yaml"),
];
const ENCRYPTED_RULES: &str = include_str!("../../deploy/components/tls/pg_hba-tls.conf");
/// The Secret that the first of them names.
const CERTIFICATE_SECRET: &str = "postgres-tls";

/// The keys of the Secret that the pods read. The sandbox makes up its own values for the last two.
const PASSWORD_KEYS: [&str; 2] = ["postgres-password", "replication-password"];

/// The keys of the poolers' Secret.
const POOLER_KEYS: [&str; 2] = ["pooler-password", "admin-password"];

/// Kubernetes objects, in the order in which they are made.
#[derive(Debug, Clone)]
pub(crate) struct Manifests {
    objects: Vec<(&'static Resource, Value)>,
}

impl Manifests {
    /// Those of the deployment's sandbox overlay.
    ///
    /// # Errors
    /// Never, unless the file in the repository is broken.
    pub(crate) fn built_in() -> Result<Self> {
        Self::parse(BUILT_IN).context("reading the built-in manifests")
    }

    /// The same with the poolers of the deployment's component.
    ///
    /// # Errors
    /// Never, unless a file in the repository is broken.
    pub(crate) fn built_in_with_poolers() -> Result<Self> {
        let mut all = Self::built_in()?;
        let poolers = Self::parse(POOLER).context("reading the built-in poolers")?;
        all.objects.extend(poolers.objects);
        Ok(all)
    }

    /// Those of a YAML (or JSON) file.
    ///
    /// # Errors
    /// When the file cannot be read, or has an object of a kind that the sandbox does not know.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("reading the manifests {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("reading the manifests {}", file.display()))
    }

    /// Those of a text of YAML documents.
    ///
    /// # Errors
    /// When it is no YAML, or has an object of a kind that the sandbox does not know.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut objects = Vec::new();
        // JSON is read as such: YAML's reader refuses what is as large as thousands of objects.
        let documents: Vec<Value> = match serde_json::from_str(text) {
            Ok(one) => vec![one],
            Err(_) => serde_saphyr::from_multiple(text)?,
        };
        for document in documents {
            match document {
                Value::Null => {}
                list if list.get("kind").is_some_and(|kind| kind == "List") => {
                    let items = list.get("items").and_then(Value::as_array);
                    for item in items.into_iter().flatten() {
                        objects.push(known(item.clone())?);
                    }
                }
                object => objects.push(known(object)?),
            }
        }
        if objects.is_empty() {
            bail!("there is no object in it");
        }
        // What others live in comes first, as kubectl and kustomize order them.
        objects.sort_by_key(|(resource, _)| usize::from(resource.kind != "Namespace"));
        Ok(Self { objects })
    }

    /// The namespace of the first object that has one.
    pub(crate) fn namespace(&self) -> &str {
        let namespaced = self
            .objects
            .iter()
            .filter(|(resource, _)| resource.namespaced);
        let mut namespaces = namespaced.map(|(_, object)| text(object, "/metadata/namespace"));
        namespaces
            .find(|name| !name.is_empty())
            .unwrap_or("default")
    }

    /// Moves everything into another namespace.
    #[must_use]
    pub(crate) fn in_namespace(mut self, namespace: &str) -> Self {
        let old = self.namespace().to_owned();
        self.objects.retain(|(resource, object)| {
            resource.kind != "Namespace" || text(object, "/metadata/name") != old
        });
        for (resource, object) in &mut self.objects {
            if resource.namespaced {
                set(object, &["metadata", "namespace"], json!(namespace));
            }
            let subjects = object.get_mut("subjects").and_then(Value::as_array_mut);
            for subject in subjects.into_iter().flatten() {
                if text(subject, "/namespace") == old {
                    set(subject, &["namespace"], json!(namespace));
                }
            }
        }
        self
    }

    /// Sets the number of standbys, and the bounds of their autoscaler so that it leaves them alone:
    /// whoever asks for five wants five.
    #[must_use]
    pub(crate) fn with_replicas(mut self, replicas: u32) -> Self {
        for (resource, object) in &mut self.objects {
            let component = "/metadata/labels/app.kubernetes.io~1component";
            if text(object, component) != "replica" {
                continue;
            }
            match resource.kind {
                "StatefulSet" => set(object, &["spec", "replicas"], json!(replicas)),
                "HorizontalPodAutoscaler" => {
                    let most = object.pointer("/spec/maxReplicas").and_then(Value::as_u64);
                    let most = most.unwrap_or(0).max(u64::from(replicas)).max(1);
                    // An autoscaler's minimum is at least one; at zero replicas it rests anyway.
                    set(object, &["spec", "minReplicas"], json!(replicas.max(1)));
                    set(object, &["spec", "maxReplicas"], json!(most));
                }
                _ => {}
            }
        }
        self
    }

    /// Raises what the autoscalers allow to a load that no machine reaches.
    #[must_use]
    pub(crate) fn without_scaling_by_load(mut self) -> Self {
        let autoscalers = self
            .objects
            .iter_mut()
            .filter(|(resource, _)| resource.kind == "HorizontalPodAutoscaler");
        for (_, object) in autoscalers {
            let metrics = object.pointer_mut("/spec/metrics");
            for metric in metrics.and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(resource) = metric.get_mut("resource") {
                    set(resource, &["target", "averageUtilization"], json!(100_000));
                }
            }
        }
        self
    }

    /// Puts passwords of this sandbox's own into the Secrets that hold PostgreSQL's.
    #[must_use]
    pub(crate) fn with_fresh_passwords(mut self) -> Self {
        for (resource, object) in &mut self.objects {
            if resource.kind != "Secret" {
                continue;
            }
            for key in PASSWORD_KEYS.into_iter().chain(POOLER_KEYS) {
                let password = uuid::Uuid::new_v4().simple().to_string();
                let data = object.get_mut("data").and_then(Value::as_object_mut);
                if let Some(value) = data.and_then(|data| data.get_mut(key)) {
                    *value = json!(encode(&password));
                }
                let plain = object.get_mut("stringData").and_then(Value::as_object_mut);
                if let Some(value) = plain.and_then(|data| data.get_mut(key)) {
                    *value = json!(password);
                }
            }
        }
        self
    }

    /// Gives the servers a certificate of this authority, as the deployment's component does.
    ///
    /// # Errors
    /// When the machine gives no randomness, or a file in the repository is broken.
    pub(crate) fn with_certificates(mut self, authority: &CertificateAuthority) -> Result<Self> {
        let patches: Vec<Value> = CERTIFICATE_PATCHES
            .into_iter()
            .map(serde_saphyr::from_str)
            .collect::<Result<_, _>>()
            .context("reading the component tls")?;
        let namespace = self.namespace().to_owned();
        let mut names = Vec::new();
        for (resource, object) in &mut self.objects {
            let name = text(object, "/metadata/name").to_owned();
            match resource.kind {
                "StatefulSet" if name.contains("-postgres-") => {
                    for patch in &patches {
                        merge(object, patch.get("spec"), &["spec"]);
                    }
                    names.push(format!("*.{name}.{namespace}.svc"));
                }
                "ConfigMap" if name.ends_with("postgres-config") => {
                    set(object, &["data", "pg_hba-tls.conf"], json!(ENCRYPTED_RULES));
                }
                "Service" => names.push(format!("{name}.{namespace}.svc")),
                _ => {}
            }
        }
        let keyed = authority.server(&names, Lifetime::Long)?;
        self.objects.push(known(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": CERTIFICATE_SECRET, "namespace": namespace},
            "stringData": {
                "ca.crt": authority.pem(),
                "tls.crt": keyed.certificate,
                "tls.key": keyed.key,
            },
        }))?);
        Ok(self)
    }

    /// Makes the objects, and the namespaces that they need.
    ///
    /// # Errors
    /// When one is refused; the message names it.
    pub(crate) fn apply(&self, store: &Store) -> Result<()> {
        for (resource, object) in &self.objects {
            let mut object = object.clone();
            fold_string_data(&mut object);
            let mut namespace = text(&object, "/metadata/namespace").to_owned();
            if resource.namespaced && namespace.is_empty() {
                "default".clone_into(&mut namespace);
            }
            let name = text(&object, "/metadata/name").to_owned();
            if resource.namespaced {
                ensure_namespace(store, &namespace)?;
            }
            match store.create(resource, &namespace, object) {
                Err(error) if error.is_already_exists() && resource.kind == "Namespace" => {}
                made => {
                    made.with_context(|| format!("making {} {name}", resource.singular))?;
                }
            }
        }
        Ok(())
    }
}

fn known(object: Value) -> Result<(&'static Resource, Value)> {
    let (version, kind) = (text(&object, "/apiVersion"), text(&object, "/kind"));
    let name = text(&object, "/metadata/name");
    if version.is_empty() || kind.is_empty() {
        bail!("an object without apiVersion and kind: {name:?}");
    }
    let resource = by_kind(version, kind);
    let Some(resource) = resource else {
        bail!("the sandbox has no {kind} in {version} ({name:?})");
    };
    Ok((resource, object))
}

fn ensure_namespace(store: &Store, name: &str) -> Result<()> {
    let namespaces = by_kind("v1", "Namespace").context("namespaces are stored")?;
    match store.create(namespaces, "", json!({"metadata": {"name": name}})) {
        Err(error) if error.is_already_exists() => Ok(()),
        made => made
            .map(drop)
            .with_context(|| format!("making namespace {name}")),
    }
}

fn encode(plain: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(plain)
}

/// `stringData` is for writing only: the API server keeps it as `data`.
fn fold_string_data(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    let Some(plain) = fields.remove("stringData") else {
        return;
    };
    let plain: BTreeMap<String, String> = serde_json::from_value(plain).unwrap_or_default();
    let data = fields.entry("data").or_insert_with(|| json!({}));
    if let Some(data) = data.as_object_mut() {
        data.extend(
            plain
                .into_iter()
                .map(|(key, value)| (key, json!(encode(&value)))),
        );
    }
}

/// Merges what a patch says into the field at `path`: lists by the names in them, as a strategic merge does.
fn merge(object: &mut Value, patch: Option<&Value>, path: &[&str]) {
    let (Some(patch), Some((first, rest))) = (patch, path.split_first()) else {
        return;
    };
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    let field = fields.entry(*first).or_insert(Value::Null);
    match rest.is_empty() {
        true => merge_value(field, patch),
        false => merge(field, Some(patch), rest),
    }
}

fn merge_value(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(fields), Value::Object(patch)) => {
            for (key, value) in patch {
                merge_value(fields.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(items), Value::Array(patch)) => {
            for value in patch {
                let same = |it: &&mut Value| it.get("name") == value.get("name");
                match items.iter_mut().find(same) {
                    Some(item) => merge_value(item, value),
                    None => items.push(value.clone()),
                }
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

/// Sets a field, making the objects on the way to it.
fn set(object: &mut Value, path: &[&str], value: Value) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let mut here = object;
    for parent in parents {
        let Some(fields) = here.as_object_mut() else {
            return;
        };
        here = fields
            .entry(*parent)
            .or_insert_with(|| Value::Object(Map::new()));
    }
    if let Some(fields) = here.as_object_mut() {
        fields.insert((*last).to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Selector;
    use k8s_openapi::api::core::v1::Secret;

    #[test]
    fn the_built_in_manifests_are_taken_as_they_are() -> Result<()> {
        let manifests = Manifests::built_in()?;
        let store = Store::new();
        manifests.apply(&store)?;
        let sets = store.list(by_kind("apps/v1", "StatefulSet").context("stored")?, None);
        assert_eq!(sets.items.len(), 2);
        Ok(())
    }

    #[test]
    fn the_component_with_certificates_changes_what_is_its_own_and_nothing_else() -> Result<()> {
        let authority = CertificateAuthority::generate("test")?;
        let before = Manifests::built_in()?;
        let after = before.clone().with_certificates(&authority)?;
        let store = Store::new();
        after.apply(&store)?;
        let sets = |of: &Manifests| -> Vec<Value> {
            let sets = of.objects.iter();
            let sets = sets.filter(|(resource, _)| resource.kind == "StatefulSet");
            sets.map(|(_, object)| object["spec"]["template"]["spec"].clone())
                .collect()
        };
        for (before, after) in sets(&before).iter().zip(sets(&after)) {
            let count = |of: &Value, list: &str| of[list].as_array().map_or(0, Vec::len);
            assert_eq!(count(&after, "volumes"), count(before, "volumes") + 1);
            assert_eq!(count(&after, "containers"), count(before, "containers"));
            let (before, after) = (&before["containers"][0], &after["containers"][0]);
            assert_eq!(
                count(after, "volumeMounts"),
                count(before, "volumeMounts") + 1
            );
            assert_eq!(count(after, "env"), count(before, "env") + 2);
            assert_eq!(after["command"], before["command"]);
        }
        let namespace = after.namespace();
        let secret = store.read::<Secret>(namespace, CERTIFICATE_SECRET)?;
        let data = secret.data.unwrap_or_default();
        assert_eq!(data["ca.crt"].0, authority.pem().as_bytes());
        assert!(data.contains_key("tls.key") && data.contains_key("tls.crt"));
        Ok(())
    }

    #[test]
    fn passwords_are_never_those_of_the_repository() -> Result<()> {
        let store = Store::new();
        let manifests = Manifests::built_in()?;
        manifests.clone().with_fresh_passwords().apply(&store)?;
        let secrets =
            store.read_all::<Secret>(Some(manifests.namespace()), &Selector::everything())?;
        let data = secrets.items[0].data.clone().unwrap_or_default();
        assert_eq!(data["postgres-user"].0, b"postgres");
        for key in PASSWORD_KEYS {
            let password = String::from_utf8(data[key].0.clone())?;
            assert_eq!(password.len(), 32, "{key}");
            assert!(!BUILT_IN.contains(&password), "{key}");
        }
        assert_ne!(data["postgres-password"], data["replication-password"]);
        Ok(())
    }

    #[test]
    fn another_namespace_takes_everything() -> Result<()> {
        let store = Store::new();
        let manifests = Manifests::built_in()?.in_namespace("elsewhere");
        assert_eq!(manifests.namespace(), "elsewhere");
        manifests.apply(&store)?;
        assert!(manifests.objects.iter().all(|(resource, object)| {
            !resource.namespaced || text(object, "/metadata/namespace") == "elsewhere"
        }));
        Ok(())
    }

    #[test]
    fn five_standbys_stay_five() -> Result<()> {
        let manifests = Manifests::built_in()?.with_replicas(5);
        let numbers: Vec<_> = manifests
            .objects
            .iter()
            .filter_map(|(_, object)| Some(object.pointer("/spec/minReplicas")?.as_u64()))
            .collect();
        assert_eq!(numbers, [Some(5)]);
        Ok(())
    }

    #[test]
    fn what_it_cannot_run_is_refused() {
        let text = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: web}\n";
        let error = Manifests::parse(text).expect_err("no DaemonSets here");
        assert!(error.to_string().contains("DaemonSet"), "{error}");
    }
}
