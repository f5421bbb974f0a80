//! What lets pods talk to the API server: each namespace's `default` account and the certificate to trust, and the admission
//! that gives pods their account and its token (plugin/pkg/admission/serviceaccount/admission.go).

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::worker::{Controller, Key};
use crate::store::{Admission, Event, EventKind, Operation, Resource, Store, StoreError, of, text};

/// The ConfigMap of each namespace with the certificate of the API server's authority.
const ROOT_CA: &str = "kube-root-ca.crt";

/// Where containers find their token.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// How long the token of a pod that asks for nothing else lives, in seconds, as in Kubernetes.
const TOKEN_SECONDS: i64 = 3607;

/// Keeps the `default` account and the certificate in every namespace.
pub(super) struct Accounts {
    ca: String,
}

impl Accounts {
    pub(super) fn new(ca: String) -> Self {
        Self { ca }
    }
}

impl Controller for Accounts {
    fn name(&self) -> &'static str {
        "serviceaccount-controller"
    }

    fn watches(&self) -> Vec<&'static Resource> {
        vec![of::<Namespace>(), of::<ServiceAccount>(), of::<ConfigMap>()]
    }

    fn keys(&mut self, _: &Store, resource: &'static Resource, event: &Event) -> Vec<Key> {
        let key = Key::of(event);
        if resource == of::<Namespace>() {
            return vec![Key::new("", &key.name)];
        }
        let ours = matches!(key.name.as_str(), "default" | ROOT_CA);
        // Whoever deletes or changes one gets it back.
        let matters = ours && event.kind != EventKind::Added;
        Vec::from_iter(matters.then(|| Key::new("", &key.namespace)))
    }

    fn reconcile(&mut self, store: &Store, key: &Key) -> Result<Option<Duration>, StoreError> {
        let Some(namespace) = store.read_opt::<Namespace>("", &key.name)? else {
            return Ok(None);
        };
        if namespace.metadata.deletion_timestamp.is_some() {
            return Ok(None);
        }
        let meta = |name: &str| ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(key.name.clone()),
            ..ObjectMeta::default()
        };
        if store
            .read_opt::<ServiceAccount>(&key.name, "default")?
            .is_none()
        {
            store.add(&ServiceAccount {
                metadata: meta("default"),
                ..ServiceAccount::default()
            })?;
        }
        let data = Some([("ca.crt".to_owned(), self.ca.clone())].into());
        match store.read_opt::<ConfigMap>(&key.name, ROOT_CA)? {
            None => drop(store.add(&ConfigMap {
                metadata: meta(ROOT_CA),
                data,
                ..ConfigMap::default()
            })?),
            Some(there) if there.data != data => {
                store.modify::<ConfigMap>(&key.name, ROOT_CA, |map| map.data.clone_from(&data))?;
            }
            Some(_) => {}
        }
        Ok(None)
    }
}

/// Gives new pods their account, and its token where that is wanted.
pub(super) struct AccountOfPods;

impl Admission for AccountOfPods {
    fn admit(
        &self,
        store: &Store,
        resource: &'static Resource,
        operation: Operation,
        object: &mut Value,
        _old: Option<&Value>,
    ) -> Result<(), StoreError> {
        if resource != of::<Pod>() || operation != Operation::Create {
            return Ok(());
        }
        let namespace = text(object, "/metadata/namespace").to_owned();
        let name = match text(object, "/spec/serviceAccountName") {
            "" => "default".to_owned(),
            name => name.to_owned(),
        };
        let account = store.read_opt::<ServiceAccount>(&namespace, &name)?;
        // The default account comes with its namespace, a moment later.
        if account.is_none() && name != "default" {
            return Err(StoreError::Forbidden {
                resource,
                name: text(object, "/metadata/name").to_owned(),
                reason: format!(
                    "error looking up service account {namespace}/{name}: serviceaccount \"{name}\" not found"
                ),
            });
        }
        let of_account = account.and_then(|a| a.automount_service_account_token);
        let own = object
            .pointer("/spec/automountServiceAccountToken")
            .and_then(Value::as_bool);
        let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
            return Ok(());
        };
        spec.insert("serviceAccountName".to_owned(), json!(name));
        spec.insert("serviceAccount".to_owned(), json!(name));
        if own.or(of_account).unwrap_or(true) {
            mount_token(spec);
        }
        Ok(())
    }
}

/// Adds the token to every container that has nothing of its own at its place.
fn mount_token(spec: &mut serde_json::Map<String, Value>) {
    let volume = format!(
        "kube-api-access-{}",
        &uuid::Uuid::new_v4().simple().to_string()[..5]
    );
    let mut needed = false;
    for list in ["initContainers", "containers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let Some(container) = container.as_object_mut() else {
                continue;
            };
            let mounts = container.entry("volumeMounts").or_insert(Value::Null);
            if mounts.is_null() {
                *mounts = json!([]);
            }
            let Some(mounts) = mounts.as_array_mut() else {
                continue;
            };
            if mounts.iter().any(|m| text(m, "/mountPath") == TOKEN_PATH) {
                continue;
            }
            mounts.push(json!({"name": volume, "mountPath": TOKEN_PATH, "readOnly": true}));
            needed = true;
        }
    }
    if !needed {
        return;
    }
    let sources = json!([
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": ROOT_CA, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]);
    let volumes = spec.entry("volumes").or_insert(Value::Null);
    if volumes.is_null() {
        *volumes = json!([]);
    }
    if let Some(volumes) = volumes.as_array_mut() {
        volumes
            .push(json!({"name": volume, "projected": {"defaultMode": 420, "sources": sources}}));
    }
}
