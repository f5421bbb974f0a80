//! A logical backup into the running primary: every database is loaded under a name of its own,
//! and all of them take their places in one transaction. Until those that they replace are
//! dropped, everything can be put back.

use super::super::checks::sizes;
use super::super::{Action, Check, CheckName, Condition, Operation, OperationId, Step, StepName};
use super::checks::Scene;
use super::plan::{Draft, stamp};
use super::{
    DatabaseHere, DatabaseInBackup, Load, RestoreAction, RestoreCondition, RestoreKind,
    RestoreScope, Swap, TargetFacts,
};
use crate::cluster::Instance;

/// Databases that every cluster has.
const MAINTENANCE: [&str; 2] = ["template1", "postgres"];

/// How long the standbys may take to replay it all, in seconds. It is reported, no more.
const FOLLOW_SECONDS: u32 = 600;

/// A database that will be restored.
struct Chosen<'a> {
    from: &'a DatabaseInBackup,
    name: String,
    /// What is there under this name.
    replaces: Option<&'a DatabaseHere>,
}

pub(super) fn draft(scene: &Scene<'_>, id: &OperationId) -> Draft {
    let mut checks = scene.common();
    checks.push(scene.one_primary());
    let primary = scene.snapshot.primary();
    let system_identifier = primary
        .and_then(Instance::facts)
        .map(|facts| facts.system_identifier.clone())
        .unwrap_or_default();
    let (Some(primary), Some(target)) = (primary, &scene.found.target) else {
        return Draft {
            checks,
            system_identifier,
            content: None,
        };
    };
    let chosen = choose(scene, target, &mut checks);
    let missing = roles(scene, target, &chosen, &mut checks);
    checks.extend([
        tablespaces(target, &chosen),
        extensions(target, &chosen),
        connections(&chosen),
        safety(scene, &chosen),
    ]);
    let needed = chosen.iter().map(|it| it.from.size_bytes).sum();
    let pods: Vec<&Instance> = std::iter::once(primary)
        .chain(scene.snapshot.standbys())
        .collect();
    checks.push(scene.space(&pods, needed));
    checks.push(Check::pass(
        CheckName::Target,
        format!("{} of {}", primary.name(), scene.snapshot.cluster),
    ));
    let scope = RestoreScope {
        backup: scene.backup().id.clone(),
        store: scene.backup().store.clone(),
        kind: scene.backup().kind,
        taken: scene.backup().taken,
        pod: primary.name().to_owned(),
        databases: chosen.iter().map(|it| it.name.clone()).collect(),
        keeps: Vec::new(),
    };
    let steps = steps(scene, target, &chosen, missing, primary.name(), &stamp(id));
    Draft {
        checks,
        system_identifier,
        content: Some((Operation::Restore(scope), steps)),
    }
}

/// Which databases, and whether what is there lets them.
fn choose<'a>(
    scene: &Scene<'a>,
    target: &'a TargetFacts,
    checks: &mut Vec<Check>,
) -> Vec<Chosen<'a>> {
    let name = CheckName::Databases;
    let backup = scene.backup();
    let here = |name: &str| target.databases.iter().find(|it| it.name == name);
    let wanted: Vec<(&DatabaseInBackup, String)> = match &scene.request.database {
        Some(given) => match backup.databases.iter().find(|it| it.name == *given) {
            Some(found) => {
                let name = scene
                    .request
                    .rename
                    .clone()
                    .unwrap_or_else(|| given.clone());
                vec![(found, name)]
            }
            None => {
                let known: Vec<String> = backup
                    .databases
                    .iter()
                    .map(|it| format!("{:?}", it.name))
                    .collect();
                checks.push(Check::refuse(
                    name,
                    format!(
                        "there is no {given:?} in the backup; it has {}",
                        known.join(", ")
                    ),
                ));
                return Vec::new();
            }
        },
        None => backup
            .databases
            .iter()
            // Of those that every cluster has, only what somebody put into them is worth the trouble.
            .filter(|it| {
                let surplus = here(&it.name).is_some_and(|here| here.has_content);
                !MAINTENANCE.contains(&it.name.as_str())
                    || it.has_content
                    || (surplus && scene.request.clean)
            })
            .map(|it| {
                let renamed = scene.request.rename.as_ref();
                let single = backup.kind == RestoreKind::Database;
                let name = renamed.filter(|_| single).unwrap_or(&it.name).clone();
                (it, name)
            })
            .collect(),
    };
    let chosen: Vec<Chosen<'a>> = wanted
        .into_iter()
        .map(|(from, name)| Chosen {
            from,
            replaces: here(&name),
            name,
        })
        .collect();
    checks.push(judge(scene, &chosen));
    chosen
}

fn judge(scene: &Scene<'_>, chosen: &[Chosen<'_>]) -> Check {
    let name = CheckName::Databases;
    let reserved: Vec<&str> = chosen
        .iter()
        .filter(|it| {
            let name = it.name.as_str();
            let another = it.name != it.from.name && MAINTENANCE.contains(&name);
            another || name == "template0" || name.is_empty() || name.len() > 63
        })
        .map(|it| it.name.as_str())
        .collect();
    if !reserved.is_empty() {
        return Check::refuse(
            name,
            format!("{reserved:?} can't be the name of a restored database"),
        );
    }
    let in_the_way: Vec<String> = chosen
        .iter()
        .filter_map(|it| it.replaces)
        .filter(|here| here.has_content && !scene.request.clean)
        .map(|here| format!("{:?} ({})", here.name, sizes(here.size_bytes)))
        .collect();
    if !in_the_way.is_empty() {
        return Check::refuse(
            name,
            format!("these exist and hold data: {}", in_the_way.join(", ")),
        )
        .next("--clean replaces them, after a backup of them; --database NAME --as NEW restores beside one");
    }
    let held: Vec<String> = chosen
        .iter()
        .filter_map(|it| it.replaces)
        .filter_map(held_by)
        .collect();
    if !held.is_empty() {
        return Check::refuse(
            name,
            format!("they could not be dropped: {}", held.join("; ")),
        )
        .next("drop these first, if they are not needed any more");
    }
    if chosen.is_empty() {
        return Check::refuse(name, "the backup holds nothing that could be restored");
    }
    let each: Vec<String> = chosen
        .iter()
        .map(|it| match it.replaces {
            Some(here) if here.has_content => {
                format!("{:?} replaces one of {}", it.name, sizes(here.size_bytes))
            }
            Some(_) => format!("{:?} replaces an empty one", it.name),
            None => format!("{:?} is new", it.name),
        })
        .collect();
    let replaces = chosen
        .iter()
        .any(|it| it.replaces.is_some_and(|here| here.has_content));
    let text = each.join(", ");
    if replaces {
        Check::warn(name, text)
    } else {
        Check::pass(name, text)
    }
}

/// What keeps a database from being dropped.
fn held_by(here: &DatabaseHere) -> Option<String> {
    let mut why = Vec::new();
    if !here.logical_slots.is_empty() {
        why.push(format!(
            "the logical slots {}",
            here.logical_slots.join(", ")
        ));
    }
    if here.prepared > 0 {
        why.push(format!("{} prepared transactions", here.prepared));
    }
    if here.subscriptions > 0 {
        why.push(format!("{} subscriptions", here.subscriptions));
    }
    (!why.is_empty()).then(|| format!("{:?} has {}", here.name, why.join(", ")))
}

/// The roles that have to be made; none when something is in the way.
fn roles(
    scene: &Scene<'_>,
    target: &TargetFacts,
    chosen: &[Chosen<'_>],
    checks: &mut Vec<Check>,
) -> Vec<String> {
    let name = CheckName::Roles;
    let backup = scene.backup();
    let absent = |role: &&String| !target.roles.contains(*role);
    let mut needed: Vec<&String> = chosen.iter().flat_map(|it| &it.from.roles).collect();
    needed.sort();
    needed.dedup();
    let unknown: Vec<&str> = needed
        .iter()
        .copied()
        .filter(|role| absent(role) && !backup.roles.contains(*role))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        checks.push(
            Check::refuse(
                name,
                format!(
                    "it belongs to, or is granted to, roles that exist neither here nor in the backup: {}",
                    unknown.join(", ")
                ),
            )
            .next("make them first (create role NAME)"),
        );
    }
    let whole = scene.request.database.is_none() && backup.kind == RestoreKind::Logical;
    let missing: Vec<String> = if whole {
        backup.roles.iter().filter(absent).cloned().collect()
    } else {
        needed
            .into_iter()
            .filter(|role| absent(role) && backup.roles.contains(*role))
            .cloned()
            .collect()
    };
    let stay: Vec<&str> = backup
        .roles
        .iter()
        .filter(|role| !absent(role) && !target.secret_roles.contains(role))
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        let new = match missing.as_slice() {
            [] => "none is missing".to_owned(),
            some => format!("made: {}", some.join(", ")),
        };
        let text = match (stay.as_slice(), whole, scene.request.clean) {
            ([], _, _) | (_, false, _) => new,
            (stay, true, true) => format!("{new}; changed to what they were: {}", stay.join(", ")),
            (stay, true, false) => format!("{new}; left as they are: {}", stay.join(", ")),
        };
        checks.push(Check::pass(name, text));
    }
    missing
}

fn tablespaces(target: &TargetFacts, chosen: &[Chosen<'_>]) -> Check {
    let name = CheckName::Tablespaces;
    let missing: Vec<&str> = chosen
        .iter()
        .flat_map(|it| &it.from.tablespaces)
        .filter(|it| !target.tablespaces.contains(it))
        .map(String::as_str)
        .collect();
    if missing.is_empty() {
        Check::pass(name, "all that it needs are there")
    } else {
        Check::warn(
            name,
            format!(
                "{} does not exist here: what was in it goes into the default tablespace",
                missing.join(", ")
            ),
        )
    }
}

fn extensions(target: &TargetFacts, chosen: &[Chosen<'_>]) -> Check {
    let name = CheckName::Extensions;
    let mut missing: Vec<&str> = chosen
        .iter()
        .flat_map(|it| &it.from.extensions)
        .filter(|it| !target.extensions.contains(it))
        .map(String::as_str)
        .collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        Check::pass(name, "all that it needs are installed")
    } else {
        Check::refuse(
            name,
            format!(
                "not installed in the server's image: {}",
                missing.join(", ")
            ),
        )
        .next("use an image that has them")
    }
}

fn connections(chosen: &[Chosen<'_>]) -> Check {
    let name = CheckName::Connections;
    let busy: Vec<String> = chosen
        .iter()
        .filter_map(|it| it.replaces)
        .filter(|here| here.sessions > 0)
        .map(|here| format!("{} in {:?}", here.sessions, here.name))
        .collect();
    if busy.is_empty() {
        Check::pass(name, "nobody is connected to what is replaced")
    } else {
        Check::warn(
            name,
            format!("sessions that will be ended: {}", busy.join(", ")),
        )
    }
}

fn safety(scene: &Scene<'_>, chosen: &[Chosen<'_>]) -> Check {
    let name = CheckName::SafetyBackup;
    if !replaces_data(chosen) {
        Check::pass(name, "nothing is replaced that holds data")
    } else if scene.request.no_safety_backup {
        Check::warn(
            name,
            "what is replaced is not backed up (--no-safety-backup)",
        )
    } else {
        Check::pass(
            name,
            format!(
                "what is replaced is backed up into {} first",
                scene.backup().store
            ),
        )
    }
}

fn replaces_data(chosen: &[Chosen<'_>]) -> bool {
    chosen
        .iter()
        .any(|it| it.replaces.is_some_and(|here| here.has_content))
}

fn steps(
    scene: &Scene<'_>,
    target: &TargetFacts,
    chosen: &[Chosen<'_>],
    roles: Vec<String>,
    pod: &str,
    stamp: &str,
) -> Vec<Step> {
    let seconds = scene.request.timeout_seconds;
    let pod = pod.to_owned();
    let act = |action| Action::Restore(action);
    let see = |condition| Condition::Restore(condition);
    let mut steps = Vec::new();
    if replaces_data(chosen) && !scene.request.no_safety_backup {
        let database = match chosen {
            [one] => Some(one.name.clone()),
            _ => None,
        };
        let action = RestoreAction::SafetyBackup {
            pod: pod.clone(),
            database,
        };
        steps.push(
            Step::new(StepName::SafetyBackup, act(action), Condition::Answered).timeout(seconds),
        );
    }
    if let (false, Some(file)) = (roles.is_empty(), scene.backup().main_file.clone()) {
        let (pod, roles) = (pod.clone(), roles);
        let make = RestoreAction::CreateRoles {
            pod: pod.clone(),
            file,
            roles: roles.clone(),
        };
        let there = RestoreCondition::Roles {
            pod: pod.clone(),
            roles: roles.clone(),
        };
        let drop = RestoreAction::DropRoles {
            pod: pod.clone(),
            roles: roles.clone(),
        };
        let gone = RestoreCondition::NoRoles { pod, roles };
        steps.push(
            Step::new(StepName::CreateRoles, act(make), see(there))
                .timeout(120)
                .undo(vec![act(drop)], see(gone), 60),
        );
    }
    let loads: Vec<Load> = chosen
        .iter()
        .enumerate()
        .map(|(number, it)| Load {
            database: it.from.name.clone(),
            file: it.from.file.clone(),
            into: format!("pgctl_load_{stamp}_{}", number + 1),
            default_tablespace: it
                .from
                .tablespaces
                .iter()
                .any(|name| !target.tablespaces.contains(name)),
        })
        .collect();
    let temporary: Vec<String> = loads.iter().map(|it| it.into.clone()).collect();
    let swaps: Vec<Swap> = chosen
        .iter()
        .enumerate()
        .map(|(number, it)| Swap {
            database: it.from.name.clone(),
            file: it.from.file.clone(),
            loaded: temporary[number].clone(),
            name: it.name.clone(),
            aside: it
                .replaces
                .map(|_| format!("pgctl_old_{stamp}_{}", number + 1)),
        })
        .collect();
    let drop = RestoreAction::DropDatabases {
        pod: pod.clone(),
        databases: temporary.clone(),
    };
    let gone = RestoreCondition::NoDatabases {
        pod: pod.clone(),
        databases: temporary,
    };
    let load = RestoreAction::LoadDatabases {
        pod: pod.clone(),
        databases: loads.clone(),
    };
    let loaded = RestoreCondition::Loaded {
        pod: pod.clone(),
        databases: loads,
    };
    steps.push(
        Step::new(StepName::LoadDatabases, act(load), see(loaded.clone()))
            .timeout(seconds)
            .undo(vec![act(drop)], see(gone), 300),
    );
    let whole = scene.request.database.is_none() && scene.backup().kind == RestoreKind::Logical;
    let swap = RestoreAction::SwapDatabases {
        pod: pod.clone(),
        swaps: swaps.clone(),
        roles: scene
            .backup()
            .main_file
            .clone()
            .filter(|_| whole && scene.request.clean),
    };
    let swapped = RestoreCondition::Swapped {
        pod: pod.clone(),
        swaps: swaps.clone(),
    };
    let back = RestoreAction::SwapBack {
        pod: pod.clone(),
        swaps: swaps.clone(),
    };
    let swapped_back = RestoreCondition::SwappedBack {
        pod: pod.clone(),
        swaps: swaps.clone(),
    };
    steps.push(
        Step::new(StepName::SwapDatabases, act(swap), see(swapped))
            .timeout(120)
            .undo(vec![act(back)], see(swapped_back), 120),
    );
    let followed = RestoreCondition::Followed { pod: pod.clone() };
    steps.push(
        Step::new(StepName::Follow, Action::Observe, see(followed))
            .timeout(FOLLOW_SECONDS)
            .reported(),
    );
    let replaced: Vec<String> = swaps.into_iter().filter_map(|it| it.aside).collect();
    if !replaced.is_empty() {
        let drop = RestoreAction::DropDatabases {
            pod: pod.clone(),
            databases: replaced.clone(),
        };
        let gone = RestoreCondition::NoDatabases {
            pod,
            databases: replaced,
        };
        steps.push(
            Step::new(StepName::DropReplaced, act(drop), see(gone))
                .timeout(600)
                .point_of_no_return(),
        );
    }
    steps
}
