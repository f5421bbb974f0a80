//! Checks of everything around the databases: lock, permissions, autoscaler, Services, GitOps.

use super::super::common::{Situation, needs_guard};
use crate::cluster::suggestion::ASK_FOR_RIGHTS;
use crate::cluster::{Component, GitOps, Instance, ObjectKind, PodFacts, ServicePurpose};
use crate::plan::language::{Check, CheckName, Mode, Reverts};

/// The autoscaler can't delete the new primary, or will be kept from it.
pub(crate) fn autoscaler(situation: &Situation<'_>, target: &Instance) -> Check {
    let name = CheckName::Autoscaler;
    let pod = &target.pod;
    if pod.component == Component::Primary {
        return Check::pass(name, format!("{} is not scaled by an autoscaler", pod.name));
    }
    let wanted = situation
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
        )
        .next("take one with a lower number, or keep it: pgctl scale");
    }
    let Some(autoscaler) = &situation.snapshot.autoscaler else {
        return no_autoscaler(situation, pod);
    };
    if let Some((why, next)) = autoscaler.contested(&situation.snapshot.cluster.namespace) {
        // In an emergency writes come first.
        let check = match situation.mode {
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
    if needs_guard(situation, target) {
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
fn no_autoscaler(situation: &Situation<'_>, pod: &PodFacts) -> Check {
    let name = CheckName::Autoscaler;
    let Some(unseen) = situation.snapshot.unseen(ObjectKind::Autoscalers) else {
        return Check::pass(name, "there is no autoscaler");
    };
    let words = format!(
        "whether an autoscaler may delete {} can't be seen: {}",
        pod.name, unseen.why
    );
    let next = format!("try again, {ASK_FOR_RIGHTS}, or promote the first pod");
    match situation.mode {
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
pub(crate) fn write_service(situation: &Situation<'_>) -> Check {
    let name = CheckName::WriteService;
    match situation.snapshot.service(ServicePurpose::Write) {
        Some(service) => Check::pass(name, format!("{} will be pointed", service.name)),
        None => Check::refuse(
            name,
            "there is no write Service: clients could not find the new primary",
        )
        .next("deploy it (deploy/base/services.yaml)"),
    }
}

/// No GitOps tool reverts the changes.
pub(crate) fn git_ops(situation: &Situation<'_>) -> Check {
    let name = CheckName::GitOps;
    let say = |wanted: Reverts| -> Vec<String> {
        situation
            .circumstances
            .drift
            .iter()
            .filter(|drift| drift.of_failover() && drift.reverts == wanted)
            .map(|drift| format!("{} {} ({})", drift.object, drift.field, tool(&drift.tool)))
            .collect()
    };
    let by_itself = say(Reverts::Itself);
    if !by_itself.is_empty() {
        let reason = format!("would be reverted by self-heal: {}", by_itself.join(", "));
        return if situation.request.allow_drift {
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
