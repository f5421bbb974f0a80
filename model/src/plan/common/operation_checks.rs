//! The checks that every guided operation starts with.

use crate::cluster::ClusterId;
use crate::plan::language::{Check, CheckName, Circumstances};

/// Checks that every guided operation starts with.
pub(crate) fn operation_checks(cluster: &ClusterId, circumstances: &Circumstances) -> Vec<Check> {
    vec![
        lock(circumstances),
        unfinished(cluster, circumstances),
        permissions(circumstances),
    ]
}

fn lock(circumstances: &Circumstances) -> Check {
    let name = CheckName::Lock;
    match &circumstances.lock {
        None => Check::pass(name, "nobody else works on this cluster"),
        Some(holder) => Check::refuse(name, holder.to_string()).next(holder.command()),
    }
}

fn unfinished(cluster: &ClusterId, circumstances: &Circumstances) -> Check {
    let name = CheckName::Unfinished;
    match &circumstances.unfinished {
        None => Check::pass(name, "every earlier operation has ended"),
        Some(found) => {
            let into = found.into.as_ref();
            let into = into.map_or_else(String::new, |name| format!(" --into {name}"));
            let kind = format!("{}{into}", found.id.command());
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

fn permissions(circumstances: &Circumstances) -> Check {
    let name = CheckName::Permissions;
    let missing: Vec<String> = circumstances
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
