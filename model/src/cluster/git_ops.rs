//! Who deploys the objects from elsewhere, and would put changes back.

use serde::{Deserialize, Serialize};

/// The tool that deploys an object from elsewhere, and would put changes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "tool")]
pub enum GitOps {
    /// Argo CD (annotation `argocd.argoproj.io/tracking-id` or label
    /// `app.kubernetes.io/instance` with an Application of that name).
    ArgoCd {
        /// The Application, with its namespace and `_` before it when that is not Argo CD's own.
        application: String,
    },
    /// Flux (labels `kustomize.toolkit.fluxcd.io/name` and `.../namespace`).
    Flux {
        /// The Kustomization.
        kustomization: String,
        /// An annotation tells it to leave this object as it is.
        #[serde(default)]
        left_alone: bool,
    },
    /// Helm (label `app.kubernetes.io/managed-by=Helm`, annotation `meta.helm.sh/release-name`).
    Helm {
        /// The release.
        release: String,
    },
}

/// What an Application of Argo CD does about differences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArgoApplication {
    /// It syncs by itself.
    pub automated: bool,
    /// It also syncs when only the cluster has changed.
    pub self_heal: bool,
    /// Ignored differences are left as they are in every sync (`RespectIgnoreDifferences=true`), and
    /// not only out of the comparison.
    pub respects_ignored: bool,
    /// `spec.ignoreDifferences`.
    pub ignored: Vec<IgnoredDifference>,
}

/// An entry of `spec.ignoreDifferences`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoredDifference {
    /// API group, with `*` for anything.
    pub group: String,
    /// Kind, with `*` for anything.
    pub kind: String,
    /// Only the object of this name.
    pub name: Option<String>,
    /// Only objects in this namespace.
    pub namespace: Option<String>,
    /// Fields as JSON pointers: `/spec/selector`.
    pub pointers: Vec<String>,
    /// Fields as expressions of jq: `.spec.selector`.
    pub expressions: Vec<String>,
    /// Whatever these field managers own is ignored, too.
    pub managers: Vec<String>,
}
