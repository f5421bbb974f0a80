//! What deploys the cluster.

use super::facts::DoctorFacts;
use super::result::{Finding, cluster};
use crate::cluster::{GitOps, ObjectRef};
use crate::plan::{Drift, Reverts};

pub(super) fn reverts(facts: &DoctorFacts) -> Vec<Finding> {
    let drift = facts.drift.iter();
    drift.filter_map(|it| revert(facts, it)).collect()
}

fn revert(facts: &DoctorFacts, drift: &Drift) -> Option<Finding> {
    let (kind, name) = drift
        .object
        .split_once('/')
        .unwrap_or(("object", &drift.object));
    let object = ObjectRef::new(&kind.to_lowercase(), name);
    let tool = match &drift.tool {
        GitOps::ArgoCd { application } => format!("Argo CD (Application {application})"),
        GitOps::Flux { kustomization, .. } => format!("Flux ({kustomization})"),
        GitOps::Helm { release } => format!("Helm (release {release})"),
    };
    let field = &drift.field;
    let finding = match drift.reverts {
        Reverts::Never => return None,
        Reverts::Itself => {
            Finding::warning(object, format!("{tool} undoes every change of {field}"))
                .evidence("an operation that changes it is undone within minutes")
        }
        Reverts::NextDeploy => {
            Finding::note(object, format!("the next sync of {tool} puts {field} back"))
        }
        Reverts::Unknown => Finding::unknown(
            object,
            format!("nobody can say what {tool} does about a change of {field}"),
        ),
    };
    Some(finding.next(format!(
        "pgctl -n {} failover --dry-run   # its checks say what to change: docs/gitops.md",
        facts.snapshot.cluster.namespace
    )))
}

pub(super) fn differs_from_applied(facts: &DoctorFacts) -> Vec<Finding> {
    let differences = facts.objects.differences.iter();
    let mut findings: Vec<Finding> = differences
        .map(|it| {
            let (kind, name) = it.object.split_once('/').unwrap_or(("object", &it.object));
            Finding::note(
                ObjectRef::new(kind, name),
                format!("{} is {}, and {} was applied", it.field, it.is, it.applied),
            )
            .evidence("the next apply of the same manifests puts it back")
            .next(format!(
                "kubectl -n {} get {kind} {name} -o yaml --show-managed-fields",
                facts.snapshot.cluster.namespace
            ))
        })
        .collect();
    if facts.snapshot.stateful_sets.is_empty() {
        let why = "no StatefulSet was seen";
        findings.push(Finding::unknown(cluster(&facts.snapshot), why));
    }
    findings
}
