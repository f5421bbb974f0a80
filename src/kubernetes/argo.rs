//! The Applications of Argo CD.

use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;

use super::{Call, Kube, KubeError, Verb};
use crate::cluster::{ArgoApplication, IgnoredDifference};

/// The namespace of Argo CD, unless the name of an Application says another.
const NAMESPACE: &str = "argocd";
/// Annotation of an Application that Argo CD is to leave alone.
const SKIP: &str = "argocd.argoproj.io/skip-reconcile";

impl Kube {
    /// What an Application does about differences; none when there is none of this name. Its name is
    /// what Argo CD writes on the objects: `name`, or `namespace_name` outside its own namespace.
    ///
    /// # Errors
    /// When it may not be read, or the API does not answer.
    pub async fn argo_application(&self, name: &str) -> Result<Option<ArgoApplication>, KubeError> {
        let (namespace, name) = name.split_once('_').unwrap_or((NAMESPACE, name));
        let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application");
        let resource = ApiResource::from_gvk(&kind);
        let api: Api<DynamicObject> = Api::namespaced_with(self.client(), namespace, &resource);
        let call = Call::new(Verb::Get, "argoproj.io", "applications")
            .named(name)
            .within(namespace);
        let found = self.read(&call, || api.get_opt(name)).await?;
        Ok(found.map(|object| application(&object)))
    }
}

fn application(object: &DynamicObject) -> ArgoApplication {
    let spec = &object.data["spec"];
    let policy = &spec["syncPolicy"];
    let automated = &policy["automated"];
    let skipped = object
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(SKIP))
        .is_some_and(|value| value == "true");
    ArgoApplication {
        automated: automated.is_object() && automated["enabled"] != false && !skipped,
        self_heal: automated["selfHeal"] == true,
        respects_ignored: texts(&policy["syncOptions"])
            .iter()
            .any(|option| option == "RespectIgnoreDifferences=true"),
        ignored: spec["ignoreDifferences"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|entry| IgnoredDifference {
                group: text(&entry["group"]).unwrap_or_default(),
                kind: text(&entry["kind"]).unwrap_or_default(),
                name: text(&entry["name"]),
                namespace: text(&entry["namespace"]),
                pointers: texts(&entry["jsonPointers"]),
                expressions: texts(&entry["jqPathExpressions"]),
                managers: texts(&entry["managedFieldsManagers"]),
            })
            .collect(),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(text)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cluster::GitOps;
    use crate::cluster::fixture::healthy;
    use crate::plan::{Reverts, applications, drift};

    fn shipped() -> DynamicObject {
        let text = include_str!("../../deploy/staging/application.yaml");
        serde_saphyr::from_str(text).expect("an Application")
    }

    /// What becomes of each field that a failover changes, when the cluster is deployed by this
    /// Application.
    fn judged(object: &DynamicObject) -> Vec<(String, Reverts)> {
        let mut snapshot = healthy(2);
        let tool = || {
            Some(GitOps::ArgoCd {
                application: "postgres-staging".to_owned(),
            })
        };
        for service in &mut snapshot.services {
            service.git_ops = tool();
        }
        for set in &mut snapshot.stateful_sets {
            set.git_ops = tool();
        }
        if let Some(autoscaler) = &mut snapshot.autoscaler {
            autoscaler.git_ops = tool();
        }
        assert_eq!(
            applications(&snapshot).into_iter().collect::<Vec<_>>(),
            ["postgres-staging"]
        );
        let known = BTreeMap::from([("postgres-staging".to_owned(), application(object))]);
        drift(&snapshot, &known)
            .into_iter()
            .filter(crate::plan::Drift::of_failover)
            .map(|it| (it.field, it.reverts))
            .collect()
    }

    fn all(reverts: Reverts) -> Vec<(String, Reverts)> {
        ["spec.selector", "spec.replicas", "spec.minReplicas"]
            .map(|field| (field.to_owned(), reverts))
            .to_vec()
    }

    #[test]
    fn the_shipped_application_lets_a_failover_be() {
        assert_eq!(judged(&shipped()), all(Reverts::Never));
    }

    #[test]
    fn without_respect_for_what_it_ignores_the_next_sync_puts_it_back() {
        let mut object = shipped();
        object.data["spec"]["syncPolicy"]["syncOptions"] = Value::Null;
        assert_eq!(judged(&object), all(Reverts::NextDeploy));
    }

    #[test]
    fn self_heal_puts_back_what_is_not_ignored() {
        let mut object = shipped();
        object.data["spec"]["ignoreDifferences"] = serde_json::json!([
            {"kind": "Service", "name": "another", "jsonPointers": ["/spec/selector"]},
            {"group": "apps", "kind": "StatefulSet", "jqPathExpressions": [".spec.replicas"]},
            {"group": "*", "kind": "*", "jsonPointers": ["/spec/min", "/spec/minReplicas/x"]},
        ]);
        let put_back = judged(&object);
        assert_eq!(
            put_back.iter().map(|it| it.1).collect::<Vec<_>>(),
            [Reverts::Itself, Reverts::Never, Reverts::Itself]
        );
        // Without self-heal only a sync for another reason does.
        object.data["spec"]["syncPolicy"]["automated"]["selfHeal"] = Value::Bool(false);
        assert_eq!(judged(&object)[0].1, Reverts::NextDeploy);
        object.data["spec"]["syncPolicy"]["automated"] =
            serde_json::json!({"enabled": false, "selfHeal": true});
        assert_eq!(judged(&object)[0].1, Reverts::NextDeploy);
    }

    #[test]
    fn a_whole_spec_or_any_kind_may_be_ignored() {
        let mut object = shipped();
        object.data["spec"]["ignoreDifferences"] =
            serde_json::json!([{"group": "*", "kind": "*", "jsonPointers": ["/spec"]}]);
        assert_eq!(judged(&object), all(Reverts::Never));
    }
}
