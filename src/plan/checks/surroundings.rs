//! Checks of everything around the databases: lock, permissions, autoscaler, Services, GitOps.

use super::super::candidate::needs_guard;
use super::super::case::Case;
use super::super::{Check, CheckName, Grounds, Mode, Reverts};
use crate::cluster::{
    ClusterId, Component, GitOps, Instance, PodFacts, ServicePurpose, Sight, Snapshot,
    StatefulSetFacts,
};

/// Checks that every guided operation starts with.
pub(crate) fn operation_checks(cluster: &ClusterId, grounds: &Grounds) -> Vec<Check> {
    vec![
        lock(grounds),
        unfinished(cluster, grounds),
        permissions(grounds),
    ]
}

fn lock(grounds: &Grounds) -> Check {
    let name = CheckName::Lock;
    match &grounds.lock {
        None => Check::pass(name, "nobody else works on this cluster"),
        Some(holder) => Check::refuse(name, holder.to_string()).next(holder.command()),
    }
}

fn unfinished(cluster: &ClusterId, grounds: &Grounds) -> Check {
    let name = CheckName::Unfinished;
    match &grounds.unfinished {
        None => Check::pass(name, "every earlier operation has ended"),
        Some(found) => {
            let kind = found.id.0.split('-').next().unwrap_or("failover");
            let flags = format!("-n {} --cluster {}", cluster.namespace, cluster.name);
            let next = if found.past_point_of_no_return {
                format!("pgctl {kind} --resume {flags}")
            } else {
                format!("pgctl {kind} --resume {flags}, or pgctl {kind} --abort {flags}")
            };
            Check::refuse(name, format!("the {} was left unfinished", found.title)).next(next)
        }
    }
}

fn permissions(grounds: &Grounds) -> Check {
    let name = CheckName::Permissions;
    let missing: Vec<String> = grounds
        .permissions
        .iter()
        .filter(|it| !it.allowed)
        .map(|it| it.permission.to_string())
        .collect();
    if missing.is_empty() {
        Check::pass(name, "every step is permitted")
    } else {
        Check::refuse(name, format!("not permitted: {}", missing.join(", ")))
            .next("ask for the Role pgctl-operator (deploy/rbac)")
    }
}

/// A StatefulSet that is to be scaled down, and would take the data of its pods along.
pub(crate) fn volumes_go<'a>(
    snapshot: &Snapshot,
    sets: impl IntoIterator<Item = &'a StatefulSetFacts>,
) -> Option<Check> {
    let deleting: Vec<&str> = sets
        .into_iter()
        .filter(|it| it.deletes_claims)
        .map(|it| it.name.as_str())
        .collect();
    let first = deleting.first()?;
    let check = Check::refuse(
        CheckName::Volume,
        format!(
            "it is scaled down, and deletes the volumes of pods that are scaled away (whenScaled: Delete): {}",
            deleting.join(", ")
        ),
    );
    Some(check.next(format!(
        r#"kubectl -n {} patch statefulset {first} --type merge -p '{{"spec":{{"persistentVolumeClaimRetentionPolicy":{{"whenScaled":"Retain"}}}}}}'"#,
        snapshot.cluster.namespace
    )))
}

/// The autoscaler can't delete the new primary, or will be kept from it.
pub(crate) fn autoscaler(case: &Case<'_>, target: &Instance) -> Check {
    let name = CheckName::Autoscaler;
    let pod = &target.pod;
    if pod.component == Component::Primary {
        return Check::pass(name, format!("{} is not scaled by an autoscaler", pod.name));
    }
    let wanted = case
        .snapshot
        .stateful_set(Component::Replica)
        .map_or(u32::MAX, |set| set.wanted);
    if pod.ordinal >= wanted {
        return Check::refuse(
            name,
            format!(
                "{} is about to be scaled away ({wanted} pods are wanted)",
                pod.name
            ),
        );
    }
    let Some(autoscaler) = &case.snapshot.autoscaler else {
        return no_autoscaler(case, pod);
    };
    if let Some((why, next)) = autoscaler.contested(&case.snapshot.cluster.namespace) {
        // In an emergency writes come first.
        let check = match case.mode {
            Mode::Switchover => Check::refuse(name, why),
            Mode::Emergency => Check::warn(name, why),
        };
        return check.next(next);
    }
    if pod.ordinal >= autoscaler.max {
        return Check::refuse(
            name,
            format!(
                "{} is beyond the maximum of {} ({}): it will be scaled away",
                pod.name, autoscaler.name, autoscaler.max
            ),
        )
        .next("promote one with a lower number, or raise maxReplicas");
    }
    if needs_guard(case, target) {
        Check::pass(
            name,
            format!(
                "minReplicas of {} will be raised from {} to {}, or it could delete {}",
                autoscaler.name,
                autoscaler.min,
                pod.ordinal + 1,
                pod.name
            ),
        )
    } else {
        Check::pass(
            name,
            format!("{} stays: minReplicas is {}", pod.name, autoscaler.min),
        )
    }
}

/// None governs the replicas, or none can be seen: then it may delete the new primary, whose number
/// no minimum is known to cover. The first pod is below every minimum.
fn no_autoscaler(case: &Case<'_>, pod: &PodFacts) -> Check {
    let name = CheckName::Autoscaler;
    let Some(unseen) = case.snapshot.unseen(Sight::Autoscalers) else {
        return Check::pass(name, "there is no autoscaler");
    };
    let words = format!(
        "whether an autoscaler may delete {} can't be seen: {}",
        pod.name, unseen.why
    );
    let next = "try again, ask for the Role pgctl-viewer (deploy/rbac), or promote the first pod";
    match case.mode {
        _ if pod.ordinal == 0 => Check::pass(
            name,
            format!("{} stays, whatever an autoscaler does", pod.name),
        ),
        Mode::Switchover => Check::refuse(name, words).next(next),
        // Nothing takes writes now: that is worse than what may come.
        Mode::Emergency => {
            let minimum = pod.ordinal + 1;
            Check::warn(name, words)
                .next(format!("see to it that minReplicas is at least {minimum}"))
        }
    }
}

/// There is a write Service to point.
pub(crate) fn write_service(case: &Case<'_>) -> Check {
    let name = CheckName::WriteService;
    match case.snapshot.service(ServicePurpose::Write) {
        Some(service) => Check::pass(name, format!("{} will be pointed", service.name)),
        None => Check::refuse(
            name,
            "there is no write Service: clients could not find the new primary",
        )
        .next("deploy it (deploy/base/services.yaml)"),
    }
}

/// No GitOps tool reverts the changes.
pub(crate) fn git_ops(case: &Case<'_>) -> Check {
    let name = CheckName::GitOps;
    let say = |wanted: Reverts| -> Vec<String> {
        case.grounds
            .drift
            .iter()
            .filter(|drift| drift.of_failover() && drift.reverts == wanted)
            .map(|drift| format!("{} {} ({})", drift.object, drift.field, tool(&drift.tool)))
            .collect()
    };
    let by_itself = say(Reverts::Itself);
    if !by_itself.is_empty() {
        let reason = format!("would be reverted by self-heal: {}", by_itself.join(", "));
        return if case.request.allow_drift {
            Check::warn(name, reason)
        } else {
            Check::refuse(name, reason)
                .next("let the tool ignore these fields (docs/gitops.md), or --allow-drift")
        };
    }
    let unknown = say(Reverts::Unknown);
    let next_deploy = say(Reverts::NextDeploy);
    if !unknown.is_empty() {
        Check::warn(
            name,
            format!(
                "may be reverted, it could not be found out: {}",
                unknown.join(", ")
            ),
        )
        .next("ask for leave to read the Application (docs/gitops.md), or look: argocd app get")
    } else if !next_deploy.is_empty() {
        Check::warn(
            name,
            format!("the next deployment reverts: {}", next_deploy.join(", ")),
        )
        .next("docs/gitops.md")
    } else {
        Check::pass(name, "nothing reverts the changes")
    }
}

fn tool(tool: &GitOps) -> String {
    match tool {
        GitOps::ArgoCd { application } => format!("Argo CD application {application}"),
        GitOps::Flux { kustomization, .. } => format!("Flux kustomization {kustomization}"),
        GitOps::Helm { release } => format!("Helm release {release}"),
    }
}

/// A number of bytes for people, in binary units.
pub(crate) fn sizes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("kiB", 1 << 10)];
    for (unit, size) in UNITS {
        if bytes >= size {
            let tenths = u128::from(bytes) * 10 / u128::from(size);
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} bytes")
}
