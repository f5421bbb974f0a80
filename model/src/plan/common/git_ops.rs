//! Would a GitOps tool put back what a failover changes?

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{
    ArgoApplication, Component, GitOps, IgnoredDifference, ServicePurpose, Snapshot,
};
use crate::plan::language::{Drift, MAXIMUM, METRICS, MINIMUM, Reverts};

/// A field that an operation changes.
struct Field<'a> {
    group: &'static str,
    kind: &'static str,
    name: &'a str,
    namespace: &'a str,
    /// As an expression of jq.
    path: &'static str,
    tool: &'a GitOps,
}

/// What operations change, of what a GitOps tool deploys.
fn fields(snapshot: &Snapshot) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    let mut add = |group, kind, name, path, tool| {
        if let Some(tool) = tool {
            fields.push(Field {
                group,
                kind,
                name,
                namespace: &snapshot.cluster.namespace,
                path,
                tool,
            });
        }
    };
    if let Some(it) = snapshot.service(ServicePurpose::Write) {
        let tool = it.git_ops.as_ref();
        add("", "Service", it.name.as_str(), ".spec.selector", tool);
    }
    if let Some(it) = snapshot.stateful_set(Component::Primary) {
        let tool = it.git_ops.as_ref();
        add("apps", "StatefulSet", &it.name, ".spec.replicas", tool);
    }
    if let Some(it) = &snapshot.autoscaler {
        let (group, kind) = ("autoscaling", "HorizontalPodAutoscaler");
        let tool = it.git_ops.as_ref();
        for path in [MINIMUM, MAXIMUM, METRICS] {
            add(group, kind, &it.name, path, tool);
        }
    }
    fields
}

/// The Applications of Argo CD that have to be read to know what they would do.
pub fn applications(snapshot: &Snapshot) -> BTreeSet<String> {
    fields(snapshot)
        .into_iter()
        .filter_map(|field| match field.tool {
            GitOps::ArgoCd { application } => Some(application.clone()),
            GitOps::Flux { .. } | GitOps::Helm { .. } => None,
        })
        .collect()
}

/// The objects that an operation may change and that a GitOps tool deploys. What Argo CD does about a
/// change is in its Application; one that is not among `applications` could not be read.
pub fn drift(snapshot: &Snapshot, applications: &BTreeMap<String, ArgoApplication>) -> Vec<Drift> {
    fields(snapshot)
        .into_iter()
        .map(|field| Drift {
            object: format!("{}/{}", field.kind, field.name),
            field: field.path.trim_start_matches('.').to_owned(),
            reverts: match field.tool {
                GitOps::ArgoCd { application } => applications
                    .get(application)
                    .map_or(Reverts::Unknown, |it| argo_reverts(it, &field)),
                GitOps::Flux {
                    left_alone: true, ..
                } => Reverts::Never,
                // The kustomize-controller applies its objects anew at every interval.
                GitOps::Flux { .. } => Reverts::Itself,
                // Helm compares only when somebody upgrades the release.
                GitOps::Helm { .. } => Reverts::NextDeploy,
            },
            tool: field.tool.clone(),
        })
        .collect()
}

/// An ignored difference never makes Argo CD sync; but when it syncs for another reason it applies
/// the field all the same, unless it is told to respect what it ignores.
fn argo_reverts(application: &ArgoApplication, field: &Field<'_>) -> Reverts {
    let about: Vec<&IgnoredDifference> = application
        .ignored
        .iter()
        .filter(|entry| concerns(entry, field))
        .collect();
    if about.iter().any(|entry| covers(entry, field.path)) {
        return if application.respects_ignored {
            Reverts::Never
        } else {
            Reverts::NextDeploy
        };
    }
    if !(application.automated && application.self_heal) {
        return Reverts::NextDeploy;
    }
    // Who will own the field is only known once it is written.
    if about.iter().any(|entry| !entry.managers.is_empty()) {
        return Reverts::Unknown;
    }
    Reverts::Itself
}

fn concerns(entry: &IgnoredDifference, field: &Field<'_>) -> bool {
    let same = |wanted: &Option<String>, is: &str| {
        wanted
            .as_deref()
            .is_none_or(|wanted| wanted.is_empty() || wanted == is)
    };
    matches(&entry.group, field.group)
        && matches(&entry.kind, field.kind)
        && same(&entry.name, field.name)
        && same(&entry.namespace, field.namespace)
}

/// The whole field, or something around it.
fn covers(entry: &IgnoredDifference, path: &str) -> bool {
    let around = |ignored: &str| {
        path.strip_prefix(ignored)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let pointers = entry.pointers.iter().map(|it| it.replace('/', "."));
    let expressions = entry.expressions.iter().map(|it| it.trim().to_owned());
    pointers
        .chain(expressions)
        .any(|ignored| !ignored.is_empty() && around(&ignored))
}

/// A pattern in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(head) else {
        return false;
    };
    rest.char_indices()
        .map(|(at, _)| at)
        .chain([rest.len()])
        .any(|at| matches(tail, &rest[at..]))
}
