//! Which kinds of objects the sandbox stores, and what the API says about each.

use k8s_openapi::api::{
    apps::v1 as apps, autoscaling::v2 as autoscaling, batch::v1 as batch,
    coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery,
    events::v1 as events, networking::v1 as networking, policy::v1 as policy, rbac::v1 as rbac,
    storage::v1 as storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// One kind of object: its names and how to check its fields.
#[derive(Debug)]
pub struct Resource {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// API version within the group.
    pub version: &'static str,
    /// Kind, as in the object's `kind` field.
    pub kind: &'static str,
    /// Plural name, as in URLs.
    pub plural: &'static str,
    /// Singular name, as kubectl accepts it.
    pub singular: &'static str,
    /// Short names, as kubectl accepts them.
    pub short: &'static [&'static str],
    /// Categories such as `all`.
    pub categories: &'static [&'static str],
    /// Subresources, as in URLs after the object's name.
    pub subresources: &'static [&'static str],
    /// True when objects live in a namespace.
    pub namespaced: bool,
    /// True when a change of `spec` counts up `metadata.generation`.
    pub generations: bool,
    /// Name of the collection that holds the objects: two API groups may show the same one.
    pub(super) collection: &'static str,
    canonical: fn(Value) -> Result<Value, serde_json::Error>,
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Resource {}

impl Resource {
    /// `v1` or `group/version`, as in the object's `apiVersion` field.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `pods` or `statefulsets.apps`, as Kubernetes names a kind in its messages.
    #[must_use]
    pub fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// `Pod` or `StatefulSet.apps`, as Kubernetes names a kind when an object is invalid.
    #[must_use]
    pub fn qualified_kind(&self) -> String {
        if self.group.is_empty() {
            self.kind.to_owned()
        } else {
            format!("{}.{}", self.kind, self.group)
        }
    }

    /// The object read as its typed form and written again: unknown fields are dropped, wrong types are errors.
    ///
    /// # Errors
    /// When a field has the wrong type.
    pub fn canonical(&self, object: Value) -> Result<Value, serde_json::Error> {
        (self.canonical)(object)
    }
}

fn canonical<T: Serialize + DeserializeOwned>(object: Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_value::<T>(object)?)
}

macro_rules! resources {
    ($($module:ident :: $kind:ident $singular:literal [$($short:literal)*] [$($category:literal)*] [$($sub:literal)*] $scope:ident $generations:literal $collection:literal;)*) => {
        static RESOURCES: &[Resource] = &[$(Resource {
            group: <$module::$kind as k8s_openapi::Resource>::GROUP,
            version: <$module::$kind as k8s_openapi::Resource>::VERSION,
            kind: <$module::$kind as k8s_openapi::Resource>::KIND,
            plural: <$module::$kind as k8s_openapi::Resource>::URL_PATH_SEGMENT,
            singular: $singular,
            short: &[$($short),*],
            categories: &[$($category),*],
            subresources: &[$($sub),*],
            namespaced: resources!(@$scope),
            generations: $generations,
            collection: $collection,
            canonical: canonical::<$module::$kind>,
        }),*];
    };
    (@namespaced) => { true };
    (@cluster) => { false };
}

// kind, singular, short names, categories, subresources, scope, generation, collection
resources! {
    core::Namespace "namespace" ["ns"] [] ["status" "finalize"] cluster false "namespaces";
    core::Node "node" ["no"] [] ["status"] cluster false "nodes";
    core::PersistentVolume "persistentvolume" ["pv"] [] ["status"] cluster false "persistentvolumes";
    core::Pod "pod" ["po"] ["all"] ["attach" "eviction" "exec" "log" "portforward" "status"] namespaced true "pods";
    core::Service "service" ["svc"] ["all"] ["status"] namespaced false "services";
    core::Endpoints "endpoints" ["ep"] [] [] namespaced false "endpoints";
    core::ConfigMap "configmap" ["cm"] [] [] namespaced false "configmaps";
    core::Secret "secret" [] [] [] namespaced false "secrets";
    core::ServiceAccount "serviceaccount" ["sa"] [] ["token"] namespaced false "serviceaccounts";
    core::PersistentVolumeClaim "persistentvolumeclaim" ["pvc"] [] ["status"] namespaced false "persistentvolumeclaims";
    core::Event "event" ["ev"] [] [] namespaced false "events";
    core::ResourceQuota "resourcequota" ["quota"] [] ["status"] namespaced false "resourcequotas";
    core::LimitRange "limitrange" ["limits"] [] [] namespaced false "limitranges";
    events::Event "event" ["ev"] [] [] namespaced false "events";
    apps::StatefulSet "statefulset" ["sts"] ["all"] ["scale" "status"] namespaced true "statefulsets";
    apps::Deployment "deployment" ["deploy"] ["all"] ["scale" "status"] namespaced true "deployments";
    apps::ReplicaSet "replicaset" ["rs"] ["all"] ["scale" "status"] namespaced true "replicasets";
    batch::Job "job" [] ["all"] ["status"] namespaced true "jobs";
    batch::CronJob "cronjob" ["cj"] ["all"] ["status"] namespaced true "cronjobs";
    apps::ControllerRevision "controllerrevision" [] [] [] namespaced false "controllerrevisions";
    autoscaling::HorizontalPodAutoscaler "horizontalpodautoscaler" ["hpa"] ["all"] ["status"] namespaced false "horizontalpodautoscalers";
    policy::PodDisruptionBudget "poddisruptionbudget" ["pdb"] [] ["status"] namespaced true "poddisruptionbudgets";
    networking::NetworkPolicy "networkpolicy" ["netpol"] [] [] namespaced true "networkpolicies";
    discovery::EndpointSlice "endpointslice" [] [] [] namespaced true "endpointslices";
    coordination::Lease "lease" [] [] [] namespaced false "leases";
    rbac::Role "role" [] [] [] namespaced false "roles";
    rbac::RoleBinding "rolebinding" [] [] [] namespaced false "rolebindings";
    rbac::ClusterRole "clusterrole" [] [] [] cluster false "clusterroles";
    rbac::ClusterRoleBinding "clusterrolebinding" [] [] [] cluster false "clusterrolebindings";
    storage::StorageClass "storageclass" ["sc"] [] [] cluster false "storageclasses";
    apiextensions::CustomResourceDefinition "customresourcedefinition" ["crd" "crds"] ["api-extensions"] ["status"] cluster true "customresourcedefinitions";
}

/// Every kind that is stored.
#[must_use]
pub fn all() -> &'static [Resource] {
    RESOURCES
}

/// The kind with this group and plural name.
#[must_use]
pub fn by_plural(group: &str, plural: &str) -> Option<&'static Resource> {
    RESOURCES
        .iter()
        .find(|r| r.group == group && r.plural == plural)
}

/// The kind with this `apiVersion` and `kind`, as an owner reference or a manifest names it.
#[must_use]
pub fn by_kind(api_version: &str, kind: &str) -> Option<&'static Resource> {
    RESOURCES
        .iter()
        .find(|r| r.kind == kind && r.api_version() == api_version)
}

/// The kind of a typed object.
///
/// # Panics
/// When the sandbox does not store this kind: a mistake in the calling code, found by its first test.
#[must_use]
pub fn of<T: k8s_openapi::Resource>() -> &'static Resource {
    by_plural(T::GROUP, T::URL_PATH_SEGMENT).expect("the sandbox stores this kind")
}
