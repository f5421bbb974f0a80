//! Binds every volume claim at once to a volume of its own, as a provisioner with
//! `volumeBindingMode: Immediate` does. Where the bytes live is the kubelet's affair.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    HostPathVolumeSource, PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimStatus,
    PersistentVolumeSpec, PersistentVolumeStatus,
};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use super::events::{EventType, Recorder, reference};
use super::worker::{Controller, Key};
use crate::store::{DeleteOptions, Event, Resource, Selector, Store, StoreError, of};

/// The class that the sandbox's claims get.
pub const STORAGE_CLASS: &str = "standard";

/// Marks the class of claims that name none.
const IS_DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";

/// Adds the default class, unless there is one of this name.
pub(super) fn add_class(store: &Store) {
    let added = store.add(&StorageClass {
        metadata: ObjectMeta {
            name: Some(STORAGE_CLASS.to_owned()),
            annotations: Some([(IS_DEFAULT.to_owned(), "true".to_owned())].into()),
            ..ObjectMeta::default()
        },
        provisioner: "pgctl-sandbox".to_owned(),
        reclaim_policy: Some("Delete".to_owned()),
        volume_binding_mode: Some("Immediate".to_owned()),
        ..StorageClass::default()
    });
    // It is there already: whoever made it meant it.
    drop(added);
}

fn default_class(store: &Store) -> Result<Option<String>, StoreError> {
    let classes = store.read_all::<StorageClass>(None, &Selector::everything())?;
    let is_default = |class: &StorageClass| {
        let annotations = class.metadata.annotations.as_ref();
        annotations.is_some_and(|a| a.get(IS_DEFAULT).is_some_and(|value| value == "true"))
    };
    let default = classes.items.into_iter().find(is_default);
    Ok(default.and_then(|class| class.metadata.name))
}

/// The controller.
pub(super) struct Claims {
    events: Recorder,
    volumes: PathBuf,
}

impl Claims {
    /// `volumes` is the folder in which each volume gets a folder.
    pub(super) fn new(store: &Store, volumes: PathBuf) -> Self {
        Self {
            events: Recorder::new(store, "persistentvolume-controller"),
            volumes,
        }
    }

    /// Gives a claim that names no class the default one (Kubernetes does so, too, when a default
    /// class appears after the claim), and binds it.
    fn bind(&self, store: &Store, claim: &PersistentVolumeClaim) -> Result<(), StoreError> {
        let namespace = claim.metadata.namespace.as_deref().unwrap_or("");
        let name = claim.metadata.name.as_deref().unwrap_or("");
        let uid = claim.metadata.uid.as_deref().unwrap_or("");
        let spec = claim.spec.clone().unwrap_or_default();
        let volume = match &spec.volume_name {
            Some(volume) if !volume.is_empty() => volume.clone(),
            _ => format!("pvc-{uid}"),
        };
        let class = match spec.storage_class_name {
            Some(class) => Some(class),
            None => default_class(store)?,
        };
        let capacity = spec.resources.and_then(|resources| resources.requests);
        if store.read_opt::<PersistentVolume>("", &volume)?.is_none() {
            store.add(&PersistentVolume {
                metadata: ObjectMeta {
                    name: Some(volume.clone()),
                    annotations: Some(
                        [(
                            "pv.kubernetes.io/provisioned-by".to_owned(),
                            "pgctl-sandbox".to_owned(),
                        )]
                        .into(),
                    ),
                    ..ObjectMeta::default()
                },
                spec: Some(PersistentVolumeSpec {
                    access_modes: spec.access_modes.clone(),
                    capacity: capacity.clone(),
                    claim_ref: Some(reference(&json!(claim))),
                    host_path: Some(HostPathVolumeSource {
                        path: self.volumes.join(&volume).display().to_string(),
                        type_: Some("DirectoryOrCreate".to_owned()),
                    }),
                    persistent_volume_reclaim_policy: Some("Delete".to_owned()),
                    storage_class_name: class.clone(),
                    volume_mode: Some("Filesystem".to_owned()),
                    ..PersistentVolumeSpec::default()
                }),
                status: Some(PersistentVolumeStatus {
                    phase: Some("Bound".to_owned()),
                    ..PersistentVolumeStatus::default()
                }),
            })?;
            let message = format!("Successfully provisioned volume {volume}");
            let reason = "ProvisioningSucceeded";
            self.events
                .event(&json!(claim), EventType::Normal, reason, &message);
        }
        store.modify::<PersistentVolumeClaim>(namespace, name, |claim| {
            let spec = claim.spec.get_or_insert_default();
            spec.volume_name = Some(volume.clone());
            spec.storage_class_name.clone_from(&class);
            claim.status = Some(PersistentVolumeClaimStatus {
                phase: Some("Bound".to_owned()),
                access_modes: spec.access_modes.clone(),
                capacity: capacity.clone(),
                ..PersistentVolumeClaimStatus::default()
            });
            let annotations = claim.metadata.annotations.get_or_insert_default();
            for key in [
                "pv.kubernetes.io/bind-completed",
                "pv.kubernetes.io/bound-by-controller",
            ] {
                annotations.insert(key.to_owned(), "yes".to_owned());
            }
        })?;
        Ok(())
    }

    /// A volume whose claim is gone goes, and its bytes with it (reclaim policy Delete).
    fn reclaim(&self, store: &Store, volume: &PersistentVolume) -> Result<(), StoreError> {
        let Some(spec) = &volume.spec else {
            return Ok(());
        };
        let Some(claim_ref) = &spec.claim_ref else {
            return Ok(());
        };
        let (namespace, name) = (&claim_ref.namespace, &claim_ref.name);
        let claim = store.read_opt::<PersistentVolumeClaim>(
            namespace.as_deref().unwrap_or(""),
            name.as_deref().unwrap_or(""),
        )?;
        if claim.is_some_and(|claim| claim.metadata.uid == claim_ref.uid) {
            return Ok(());
        }
        let volume_name = volume.metadata.name.as_deref().unwrap_or("");
        if spec.persistent_volume_reclaim_policy.as_deref() != Some("Delete") {
            store.modify::<PersistentVolume>("", volume_name, |volume| {
                let status = volume.status.get_or_insert_default();
                status.phase = Some("Released".to_owned());
            })?;
            return Ok(());
        }
        store.remove::<PersistentVolume>("", volume_name, &DeleteOptions::default())?;
        let path = self.volumes.join(volume_name);
        // Megabytes of files: not on the loop that reconciles.
        std::thread::spawn(move || std::fs::remove_dir_all(path));
        Ok(())
    }
}

impl Controller for Claims {
    fn name(&self) -> &'static str {
        "persistentvolume-controller"
    }

    fn watches(&self) -> Vec<&'static Resource> {
        vec![of::<PersistentVolumeClaim>(), of::<PersistentVolume>()]
    }

    fn keys(&mut self, store: &Store, resource: &'static Resource, event: &Event) -> Vec<Key> {
        let key = Key::of(event);
        if resource == of::<PersistentVolume>() {
            return vec![key];
        }
        // A claim that is gone leaves a volume to look at.
        let volume = crate::store::text(&event.object, "/spec/volumeName");
        let gone = store.get(resource, &key.namespace, &key.name).is_err();
        if gone && !volume.is_empty() {
            return vec![Key::new("", volume)];
        }
        vec![key]
    }

    fn reconcile(&mut self, store: &Store, key: &Key) -> Result<Option<Duration>, StoreError> {
        if key.namespace.is_empty() {
            if let Some(volume) = store.read_opt::<PersistentVolume>("", &key.name)? {
                self.reclaim(store, &volume)?;
            }
            return Ok(None);
        }
        let claim = store.read_opt::<PersistentVolumeClaim>(&key.namespace, &key.name)?;
        if let Some(claim) = claim {
            let status = claim.status.as_ref();
            let bound = status.and_then(|s| s.phase.as_deref()) == Some("Bound");
            if !bound && claim.metadata.deletion_timestamp.is_none() {
                self.bind(store, &claim)?;
            }
        }
        Ok(None)
    }
}
