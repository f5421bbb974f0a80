//! Finding clusters by label: one list per kind of object, however many clusters there are.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::serde::de::DeserializeOwned;
use kube::{Api, Resource};

use super::facts::keep_owners;
use super::list::PAGE;
use super::server_certificate::certificate_source;
use super::{Call, CredentialsSource, Kube, KubeError, Verb};
use crate::cluster::names;
use crate::cluster::{ClusterId, Component, NotVisible, ObjectKind, nearness};

/// ConfigMaps per page: each may have a megabyte.
const PAGE_OF_CONFIG_MAPS: u32 = 100;

/// A topology is a few lines; so many bytes of a ConfigMap are more than that.
const SMALL_CONFIG_MAP: usize = 4096;

/// The selector that every object fits.
pub(super) const EVERYTHING: &str = "";

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceScope {
    /// In one namespace.
    Namespace(String),
    /// In all of them (`-A`).
    AllNamespaces,
}

impl std::fmt::Display for NamespaceScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Namespace(name) => write!(f, "namespace {name:?}"),
            Self::AllNamespaces => f.write_str("all namespaces"),
        }
    }
}

/// What to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// `--selector`: instead of [`names::DEFAULT_SELECTOR`].
    pub selector: Option<String>,
    /// `--cluster`: value of the label [`names::INSTANCE`].
    pub cluster: Option<String>,
    /// `--secret`: name of the Secret, instead of the one that the pod template names.
    pub secret: Option<String>,
}

impl Selection {
    /// The label selector that is sent to the API.
    pub fn label_selector(&self) -> String {
        let base = self.selector.as_deref().unwrap_or(names::DEFAULT_SELECTOR);
        match &self.cluster {
            Some(cluster) => format!("{base},{}={cluster}", names::INSTANCE),
            None => base.to_owned(),
        }
    }
}

/// The objects of one cluster, as the API gave them.
#[derive(Debug, Clone)]
pub struct Found {
    /// The cluster, by namespace and name.
    pub id: ClusterId,
    /// Primary first.
    pub stateful_sets: Vec<StatefulSet>,
    /// Every pod of it, of both StatefulSets.
    pub pods: Vec<Pod>,
    /// Its Services, headless ones too.
    pub services: Vec<Service>,
    /// Where the Services lead.
    pub slices: Vec<EndpointSlice>,
    /// Autoscalers that scale one of its StatefulSets.
    pub autoscalers: Vec<HorizontalPodAutoscaler>,
    /// Claims, also of pods that are gone.
    pub claims: Vec<PersistentVolumeClaim>,
    /// The ConfigMaps that record topologies.
    pub config_maps: Vec<ConfigMap>,
    /// What could not be listed, and why.
    pub unseen: Vec<NotVisible>,
    /// Where the superuser's credentials are; none when no pod template says so.
    pub credentials: Option<CredentialsSource>,
}

impl Found {
    fn new(id: ClusterId) -> Self {
        Self {
            id,
            stateful_sets: Vec::new(),
            pods: Vec::new(),
            services: Vec::new(),
            slices: Vec::new(),
            autoscalers: Vec::new(),
            claims: Vec::new(),
            config_maps: Vec::new(),
            unseen: Vec::new(),
            credentials: None,
        }
    }
}

/// Which StatefulSet an object belongs to: by label, else by the end of its name.
pub(crate) fn component_of(metadata: &ObjectMeta) -> Option<Component> {
    let label = metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(names::COMPONENT));
    match label.map(String::as_str) {
        Some("primary") => Some(Component::Primary),
        Some("replica") => Some(Component::Replica),
        _ => {
            let name = metadata.name.as_deref().unwrap_or_default();
            let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
            if name.ends_with("primary") {
                Some(Component::Primary)
            } else if name.ends_with("replica") {
                Some(Component::Replica)
            } else {
                None
            }
        }
    }
}

pub(super) fn cluster_of(metadata: &ObjectMeta) -> ClusterId {
    ClusterId {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get(names::INSTANCE))
            .cloned()
            // Unlabelled objects of a namespace are taken for one cluster.
            .unwrap_or_else(|| names::NAME_POSTGRES.to_owned()),
    }
}

impl Kube {
    /// Every cluster in a place, sorted.
    ///
    /// # Errors
    /// When StatefulSets or pods can't be listed, the namespace does not exist, or no cluster is
    /// there. Other kinds that can't be listed are noted in [`Found::unseen`].
    pub async fn discover(
        &self,
        place: &NamespaceScope,
        selection: &Selection,
    ) -> Result<Vec<Found>, KubeError> {
        let selector = selection.label_selector();
        let (sets, pods, services, slices, autoscalers, claims, config_maps) = futures::join!(
            self.all::<StatefulSet>(place, &selector, "apps", "statefulsets"),
            self.all::<Pod>(place, &selector, "", "pods"),
            self.all::<Service>(place, &selector, "", "services"),
            self.all::<EndpointSlice>(place, &selector, "discovery.k8s.io", "endpointslices"),
            // All of them: one that somebody else has made (`kubectl autoscale`, KEDA) lacks the label,
            // and scales all the same.
            self.all::<HorizontalPodAutoscaler>(
                place,
                EVERYTHING,
                "autoscaling",
                "horizontalpodautoscalers"
            ),
            self.all::<PersistentVolumeClaim>(place, &selector, "", "persistentvolumeclaims"),
            self.config_maps(place, &selector),
        );
        let mut clusters: BTreeMap<ClusterId, Found> = BTreeMap::new();
        for set in sets? {
            let id = cluster_of(set.meta());
            let found = clusters.entry(id.clone()).or_insert_with(|| Found::new(id));
            found.stateful_sets.push(set);
        }
        if clusters.is_empty() {
            return Err(self.nothing_found(place, selection).await);
        }
        let mut unseen = Vec::new();
        sort_in(&mut clusters, pods?, |found| &mut found.pods);
        let services = seen(services, ObjectKind::Services, &mut unseen);
        sort_in(&mut clusters, services, |found| &mut found.services);
        let slices = seen(slices, ObjectKind::EndpointSlices, &mut unseen);
        sort_in(&mut clusters, slices, |found| &mut found.slices);
        let claims = seen(claims, ObjectKind::Volumes, &mut unseen);
        sort_in(&mut clusters, claims, |found| &mut found.claims);
        let config_maps = seen(config_maps, ObjectKind::ConfigMaps, &mut unseen);
        sort_in(&mut clusters, config_maps, |found| &mut found.config_maps);
        for autoscaler in seen(autoscalers, ObjectKind::Autoscalers, &mut unseen) {
            let mut governed = clusters.values_mut();
            if let Some(found) = governed.find(|found| governs(&autoscaler, found)) {
                found.autoscalers.push(autoscaler);
            }
        }
        Ok(clusters
            .into_values()
            .map(|mut found| {
                found.stateful_sets.sort_by_key(|set| {
                    (component_of(set.meta()).is_none(), component_of(set.meta()))
                });
                found.unseen.clone_from(&unseen);
                found.credentials = found.stateful_sets.iter().find_map(|set| {
                    let template = &set.spec.as_ref()?.template;
                    let over = selection.secret.as_deref();
                    CredentialsSource::from_template(template, &found.id.namespace, over)
                });
                if let Some(source) = &mut found.credentials {
                    // While they are given one, the first may not have it yet.
                    source.certificate = found.stateful_sets.iter().find_map(|set| {
                        let template = &set.spec.as_ref()?.template;
                        certificate_source(template.spec.as_ref()?)
                    });
                }
                found
            })
            .collect())
    }

    /// The one cluster in a place.
    ///
    /// # Errors
    /// As [`Kube::discover`], and when there are several.
    pub async fn discover_one(
        &self,
        place: &NamespaceScope,
        selection: &Selection,
    ) -> Result<Found, KubeError> {
        let mut found = self.discover(place, selection).await?;
        match found.len() {
            1 => Ok(found.remove(0)),
            _ => Err(KubeError::SeveralClusters {
                clusters: found.into_iter().map(|found| found.id).collect(),
            }),
        }
    }

    /// All objects of a kind in a place, page by page.
    pub(super) async fn all<K>(
        &self,
        place: &NamespaceScope,
        selector: &str,
        group: &'static str,
        resource: &'static str,
    ) -> Result<Vec<K>, KubeError>
    where
        K: Resource<Scope = kube::core::NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + std::fmt::Debug,
        K::DynamicType: Default,
    {
        self.all_those(place, selector, (group, resource), PAGE, |_| true)
            .await
    }

    /// The ConfigMaps of the clusters in a place. Of all namespaces only those that may be a topology are
    /// kept: the scripts and settings of a thousand clusters are a hundred megabytes. Another that is needed
    /// is asked for by name ([`Kube::config_map`]).
    async fn config_maps(
        &self,
        place: &NamespaceScope,
        selector: &str,
    ) -> Result<Vec<ConfigMap>, KubeError> {
        let (page, most) = match place {
            NamespaceScope::Namespace(_) => (PAGE, usize::MAX),
            NamespaceScope::AllNamespaces => (PAGE_OF_CONFIG_MAPS, SMALL_CONFIG_MAP),
        };
        let kind = ("", "configmaps");
        self.all_those(place, selector, kind, page, |map: &ConfigMap| {
            let data = || map.data.iter().flatten();
            let size: usize = data().map(|(_, value)| value.len()).sum();
            size <= most || data().any(|(key, _)| key == names::TOPOLOGY_PRIMARY)
        })
        .await
    }

    /// All objects of a kind in a place that are wanted, page by page. Who has last written which field
    /// (`managedFields`, half of an object) is left out but for what tells whether the object is as it was applied.
    async fn all_those<K>(
        &self,
        place: &NamespaceScope,
        selector: &str,
        (group, resource): (&'static str, &'static str),
        page: u32,
        wanted: impl Fn(&K) -> bool,
    ) -> Result<Vec<K>, KubeError>
    where
        K: Resource<Scope = kube::core::NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + std::fmt::Debug,
        K::DynamicType: Default,
    {
        let call = Call::new(Verb::List, group, resource);
        let (api, call): (Api<K>, Call) = match place {
            NamespaceScope::Namespace(namespace) => (
                Api::namespaced(self.client(), namespace),
                call.within(namespace),
            ),
            NamespaceScope::AllNamespaces => (Api::all(self.client()), call),
        };
        let is_deployed = matches!(
            resource,
            "statefulsets" | "services" | "horizontalpodautoscalers"
        );
        let kept = |object: &mut K| {
            match is_deployed {
                true => keep_owners(object.meta_mut()),
                false => object.meta_mut().managed_fields = None,
            }
            wanted(object)
        };
        self.list_those(&api, &call, selector, page, kept).await
    }

    /// A namespace that does not exist lists as empty: ask for it before saying "no cluster".
    async fn nothing_found(&self, place: &NamespaceScope, selection: &Selection) -> KubeError {
        if let NamespaceScope::Namespace(namespace) = place {
            let api: Api<Namespace> = Api::all(self.client());
            let call = Call::new(Verb::Get, "", "namespaces").named(namespace);
            if let Err(KubeError::NotFound { .. } | KubeError::NoSuchNamespace { .. }) =
                self.read(&call, || api.get(namespace)).await
            {
                return KubeError::NoSuchNamespace {
                    namespace: namespace.clone(),
                    server: self.server().to_owned(),
                };
            }
        }
        if let Some(given) = &selection.cluster {
            let any = Selection {
                cluster: None,
                ..selection.clone()
            };
            let selector = any.label_selector();
            let sets = self.all::<StatefulSet>(place, &selector, "apps", "statefulsets");
            let sets = sets.await.unwrap_or_default();
            let there: BTreeSet<ClusterId> = sets.iter().map(|it| cluster_of(it.meta())).collect();
            if !there.is_empty() {
                let mut there: Vec<ClusterId> = there.into_iter().collect();
                there.sort_by_key(|it| nearness(given, &it.name));
                return KubeError::NoSuchCluster {
                    given: given.clone(),
                    place: place.to_string(),
                    there,
                };
            }
        }
        KubeError::NoCluster {
            selector: selection.label_selector(),
            place: place.to_string(),
        }
    }
}

fn seen<K>(
    listed: Result<Vec<K>, KubeError>,
    what: ObjectKind,
    unseen: &mut Vec<NotVisible>,
) -> Vec<K> {
    listed.unwrap_or_else(|error| {
        let why = error.to_string();
        unseen.push(NotVisible { what, why });
        Vec::new()
    })
}

/// Whether an autoscaler scales a StatefulSet of this cluster, whatever its labels say.
fn governs(autoscaler: &HorizontalPodAutoscaler, found: &Found) -> bool {
    let target = autoscaler.spec.as_ref().map(|spec| &spec.scale_target_ref);
    let namespace = autoscaler.metadata.namespace.as_deref();
    namespace == Some(found.id.namespace.as_str())
        && target.is_some_and(|target| {
            target.kind == "StatefulSet"
                && found
                    .stateful_sets
                    .iter()
                    .any(|set| set.metadata.name.as_ref() == Some(&target.name))
        })
}

fn sort_in<K: kube::ResourceExt>(
    clusters: &mut BTreeMap<ClusterId, Found>,
    objects: Vec<K>,
    home: fn(&mut Found) -> &mut Vec<K>,
) {
    for object in objects {
        if let Some(found) = clusters.get_mut(&cluster_of(object.meta())) {
            home(found).push(object);
        }
    }
    for found in clusters.values_mut() {
        home(found).sort_by_key(|object| object.name_any());
    }
}
