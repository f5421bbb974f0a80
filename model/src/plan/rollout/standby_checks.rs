//! Whether a standby may be restarted now.

use super::order::{stays, streams};
use crate::cluster::{ContainerState, Instance, Snapshot, SyncState, synchronous_needed};
use crate::plan::common::running_backups;
use crate::plan::language::{Check, CheckName};

/// All that is checked of one standby, besides what goes for the whole cluster.
pub(super) fn standby_checks(snapshot: &Snapshot, instance: &Instance) -> Vec<Check> {
    vec![
        others(snapshot, instance),
        confirming(snapshot, instance),
        volume(snapshot, instance),
        base_backup(instance),
    ]
}

/// Somebody is left to fail over to while it is away.
fn others(snapshot: &Snapshot, instance: &Instance) -> Check {
    let name = CheckName::Followers;
    let pod = instance.name();
    if !streams(snapshot, instance) {
        return Check::pass(name, format!("{pod} does not stream: nobody counts on it"));
    }
    let standbys = || snapshot.standbys().filter(|it| it.name() != pod);
    let left: Vec<&str> = standbys()
        .filter(|it| streams(snapshot, it))
        .map(Instance::name)
        .collect();
    let wanted = snapshot.standbys_wanted();
    if !left.is_empty() {
        Check::pass(
            name,
            format!("{} streams while {pod} is away", left.join(", ")),
        )
    } else if wanted <= 1 {
        Check::warn(
            name,
            format!("while {pod} is away there is no standby to fail over to"),
        )
        .next("pgctl scale 2   # then there is one")
    } else {
        Check::refuse(
            name,
            format!("{pod} is the only standby that streams: without it nobody could take over"),
        )
        .next("bring the others back first: pgctl status")
    }
}

/// Commits do not wait for it while it is away.
fn confirming(snapshot: &Snapshot, instance: &Instance) -> Check {
    let name = CheckName::Synchronous;
    let Some(facts) = snapshot.primary().and_then(Instance::facts) else {
        return Check::pass(name, "commits wait for no standby");
    };
    let names = facts.settings.synchronous_standby_names.trim();
    let needed = synchronous_needed(names) as usize;
    if needed == 0 {
        return Check::pass(name, "commits wait for no standby");
    }
    let confirm: Vec<&str> = facts
        .senders
        .iter()
        .filter(|it| it.is_streaming() && it.sync_state != SyncState::Async)
        .map(|it| it.application_name.as_str())
        .collect();
    let pod = instance.name();
    let left = confirm.iter().filter(|it| **it != pod).count();
    if left >= needed || !confirm.contains(&pod) {
        return Check::pass(
            name,
            format!("commits wait for {needed}, and {left} others confirm them"),
        );
    }
    Check::refuse(
        name,
        format!(
            "commits wait for {needed} of the standbys that confirm them, and without {pod} there are {left}: every write would be blocked until it is back"
        ),
    )
    .next("let more of them confirm (pgctl hpa set --min 3, say), or let commits wait for fewer meanwhile: pgctl sync set --standbys off")
}

/// Its data is there for the new pod.
fn volume(snapshot: &Snapshot, instance: &Instance) -> Check {
    let name = CheckName::Volume;
    let going = snapshot
        .volumes
        .iter()
        .find(|it| it.pod == instance.name() && it.deleting_since.is_some());
    match going {
        Some(volume) => Check::refuse(
            name,
            format!(
                "{} is being deleted: its data would go with the pod {}",
                volume.claim,
                instance.name()
            ),
        )
        .next("pgctl status   # see volume-deleting"),
        None => Check::pass(name, "the volumes stay"),
    }
}

fn base_backup(instance: &Instance) -> Check {
    let name = CheckName::BaseBackup;
    let cut = running_backups(std::iter::once(instance));
    if cut.is_empty() {
        Check::pass(name, "none would be cut off")
    } else {
        Check::refuse(name, format!("it would be cut off: {}", cut.join(", ")))
            .next("wait until it is done")
    }
}

/// Pods that were made from the present template, and that can't start like this: it would keep the others from coming
/// back, too. One that only takes its time is none of them.
pub(super) fn stuck(snapshot: &Snapshot) -> Option<Check> {
    let stuck: Vec<String> = snapshot
        .instances
        .iter()
        .filter(|it| snapshot.is_older(it) == Some(false) && stays(snapshot, it))
        .filter_map(|it| Some(format!("{}: {}", it.name(), why_stuck(it)?)))
        .collect();
    (!stuck.is_empty()).then(|| {
        Check::refuse(
            CheckName::Revision,
            format!(
                "what was made from the present template does not come up: {}",
                stuck.join("; ")
            ),
        )
        .next("pgctl rollout --undo   # goes back to the former template; or mend it, and give the command again: what was made from it is restarted first")
    })
}

/// Why nothing will start in it as it is; none when it may still.
fn why_stuck(instance: &Instance) -> Option<String> {
    if let Some(why) = &instance.pod.unschedulable {
        return Some(format!("no node takes it ({why})"));
    }
    match &instance.pod.container {
        ContainerState::Waiting { reason, message }
            if !matches!(reason.as_str(), "ContainerCreating" | "PodInitializing") =>
        {
            let words = instance.last_words.as_deref().unwrap_or(message);
            Some(match words {
                "" => reason.clone(),
                words => format!("{reason} ({words})"),
            })
        }
        ContainerState::Waiting { .. }
        | ContainerState::Running { .. }
        | ContainerState::Terminated(_)
        | ContainerState::Unknown => None,
    }
}
