//! What deploys the cluster.

use super::facts::DoctorFacts;
use super::objects::{Difference, Differing};
use super::result::{Finding, cluster};
use crate::cluster::{GitOps, ObjectRef, words};
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
    let object = cluster(&facts.snapshot);
    let applied = match &facts.objects.applied {
        Ok(applied) => applied,
        Err(why) => return vec![Finding::unknown(object, why)],
    };
    let differences = applied.differences.iter();
    let mut findings: Vec<Finding> = differences.map(|it| difference(facts, it)).collect();
    let unseen = applied.unseen.iter();
    findings.extend(unseen.map(|it| Finding::unknown(object.clone(), it.to_string())));
    if !applied.unrecorded.is_empty() {
        let what = "what was applied is recorded nowhere: neither by kubectl apply, nor server-side, nor by Helm";
        let of = applied.unrecorded.iter().cloned();
        findings.push(Finding::unknown(object.clone(), what).evidence_lines(of));
    }
    if facts.snapshot.stateful_sets.is_empty() {
        let why = "no StatefulSet was seen";
        findings.push(Finding::unknown(object, why));
    }
    findings
}

fn difference(facts: &DoctorFacts, it: &Difference) -> Finding {
    let (kind, name) = it.object.split_once('/').unwrap_or(("object", &it.object));
    let object = ObjectRef::new(kind, name);
    let finding = match &it.differing {
        Differing::Value { field, applied, is } => Finding::note(
            object,
            format!("{field} is {is}, and {applied} was applied"),
        )
        .evidence("the next apply of the same manifests puts it back"),
        Differing::Taken { manager, fields } => {
            let what = format!("{manager} has changed it since it was applied");
            Finding::note(object, what)
                .evidence_lines(fields.iter().cloned())
                .evidence("a server-side apply that has these fields stops with a conflict, or puts them back with --force-conflicts")
        }
    };
    finding.next(format!(
        "kubectl -n {} get {kind} {} -o yaml --show-managed-fields",
        facts.snapshot.cluster.namespace,
        words::shell_word(name)
    ))
}
