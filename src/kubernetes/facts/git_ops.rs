//! Who deploys an object from elsewhere, and would put changes back.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::cluster::GitOps;
use crate::cluster::names;

const ARGO_TRACKING: &str = "argocd.argoproj.io/tracking-id";
const ARGO_INSTANCE: &str = "argocd.argoproj.io/instance";
const FLUX_NAME: &str = "kustomize.toolkit.fluxcd.io/name";
const FLUX_NAMESPACE: &str = "kustomize.toolkit.fluxcd.io/namespace";
/// `disabled`: the kustomize-controller leaves the object alone.
const FLUX_RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";
/// `IfNotPresent`, `Ignore`: it does not apply what is there already.
const FLUX_APPLY: &str = "kustomize.toolkit.fluxcd.io/ssa";
/// `disabled`: the helm-controller leaves the object alone.
const FLUX_HELM_DRIFT: &str = "helm.toolkit.fluxcd.io/driftDetection";
const FLUX_HELM_NAME: &str = "helm.toolkit.fluxcd.io/name";
const FLUX_HELM_NAMESPACE: &str = "helm.toolkit.fluxcd.io/namespace";
const HELM_RELEASE: &str = "meta.helm.sh/release-name";

/// Recognises Argo CD, Flux and Helm by what they leave on an object.
///
/// Argo CD: annotation `argocd.argoproj.io/tracking-id` = `<application>:<group>/<kind>:<ns>/<name>`
/// (the default since 3.0), or the tracking label that its manual recommends,
/// `argocd.argoproj.io/instance`. Its former default, the label `app.kubernetes.io/instance`, says
/// nothing: every object of a cluster has it.
pub(crate) fn git_ops(metadata: &ObjectMeta) -> Option<GitOps> {
    let label = |key: &str| metadata.labels.as_ref().and_then(|map| map.get(key));
    let annotation = |key: &str| metadata.annotations.as_ref().and_then(|map| map.get(key));
    let either = |key: &str| label(key).or_else(|| annotation(key));
    let within = |name: &String, namespace: Option<&String>| match namespace {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.clone(),
    };
    if let Some(tracking) = annotation(ARGO_TRACKING) {
        let application = tracking.split(':').next().unwrap_or(tracking);
        return Some(GitOps::ArgoCd {
            application: application.to_owned(),
        });
    }
    if let Some(application) = either(ARGO_INSTANCE) {
        return Some(GitOps::ArgoCd {
            application: application.clone(),
        });
    }
    let says = |key: &str, values: &[&str]| {
        either(key).is_some_and(|value| values.iter().any(|it| it.eq_ignore_ascii_case(value)))
    };
    if let Some(name) = label(FLUX_NAME) {
        return Some(GitOps::Flux {
            kustomization: within(name, label(FLUX_NAMESPACE)),
            left_alone: says(FLUX_RECONCILE, &["disabled"])
                || says(FLUX_APPLY, &["IfNotPresent", "Ignore"]),
        });
    }
    if let Some(name) = label(FLUX_HELM_NAME) {
        return Some(GitOps::Flux {
            kustomization: within(name, label(FLUX_HELM_NAMESPACE)),
            left_alone: says(FLUX_HELM_DRIFT, &["disabled"]),
        });
    }
    let managed_by_helm = label(names::MANAGED_BY).is_some_and(|tool| tool == "Helm");
    match annotation(HELM_RELEASE) {
        Some(release) if managed_by_helm => Some(GitOps::Helm {
            release: release.clone(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(metadata: serde_json::Value) -> Option<GitOps> {
        git_ops(&serde_json::from_value(metadata).expect("metadata"))
    }

    #[test]
    fn tells_the_tools_apart() {
        let argo = || GitOps::ArgoCd {
            application: "db".to_owned(),
        };
        assert_eq!(
            of(json!({"annotations": {
                "argocd.argoproj.io/tracking-id": "db:apps/StatefulSet:staging/postgres-primary"}})),
            Some(argo())
        );
        assert_eq!(
            of(json!({"labels": {"argocd.argoproj.io/instance": "db"}})),
            Some(argo())
        );
        assert_eq!(
            of(
                json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps",
                "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}})
            ),
            Some(GitOps::Flux {
                kustomization: "flux-system/apps".to_owned(),
                left_alone: false,
            })
        );
        assert_eq!(
            of(json!({"labels": {"app.kubernetes.io/managed-by": "Helm"},
                "annotations": {"meta.helm.sh/release-name": "pg"}})),
            Some(GitOps::Helm {
                release: "pg".to_owned()
            })
        );
    }

    #[test]
    fn flux_can_be_told_to_leave_an_object_alone() {
        let left_alone = |key: &str, value: &str| {
            let found = of(
                json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"},
                "annotations": {key: value}}),
            );
            matches!(
                found,
                Some(GitOps::Flux {
                    left_alone: true,
                    ..
                })
            )
        };
        assert!(left_alone(
            "kustomize.toolkit.fluxcd.io/reconcile",
            "disabled"
        ));
        assert!(left_alone(
            "kustomize.toolkit.fluxcd.io/ssa",
            "IfNotPresent"
        ));
        // It still applies the fields that the manifest has.
        assert!(!left_alone("kustomize.toolkit.fluxcd.io/ssa", "Merge"));
        assert!(!left_alone(
            "kustomize.toolkit.fluxcd.io/reconcile",
            "enabled"
        ));
    }

    #[test]
    fn the_common_instance_label_is_no_sign_of_a_tool() {
        assert_eq!(
            of(json!({"labels": {"app.kubernetes.io/instance": "staging"}})),
            None
        );
    }
}
