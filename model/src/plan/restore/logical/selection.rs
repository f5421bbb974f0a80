//! Which databases of the backup are restored, and in place of what.

use super::super::common::Situation;
use crate::plan::common::sizes;
use crate::plan::language::{
    Check, CheckName, DatabaseHere, DatabaseInBackup, RestoreKind, TargetFacts,
};

/// Databases that every cluster has.
const MAINTENANCE: [&str; 2] = ["template1", "postgres"];

/// A database that will be restored.
pub(super) struct Chosen<'a> {
    pub(super) from: &'a DatabaseInBackup,
    pub(super) name: String,
    /// What is there under this name.
    pub(super) replaces: Option<&'a DatabaseHere>,
}

impl Chosen<'_> {
    pub(super) fn replaces_data(&self) -> bool {
        self.replaces.is_some_and(|here| here.has_content)
    }
}

/// Whether everything in the backup is restored, with its roles.
pub(super) fn is_whole(situation: &Situation<'_>) -> bool {
    situation.request.database.is_none() && situation.backup().kind == RestoreKind::Logical
}

/// Which databases, and whether what is there lets them.
pub(super) fn choose<'a>(
    situation: &Situation<'a>,
    target: &'a TargetFacts,
    checks: &mut Vec<Check>,
) -> Vec<Chosen<'a>> {
    let name = CheckName::Databases;
    let backup = situation.backup();
    let here = |name: &str| target.databases.iter().find(|it| it.name == name);
    let known = || {
        let names: Vec<String> = backup
            .databases
            .iter()
            .map(|it| format!("{:?}", it.name))
            .collect();
        names.join(", ")
    };
    let unknown: Vec<&String> = situation
        .request
        .except
        .iter()
        .filter(|given| !backup.databases.iter().any(|it| it.name == **given))
        .collect();
    if !unknown.is_empty() {
        checks.push(
            Check::refuse(
                name,
                format!(
                    "there is no {unknown:?} in the backup that could be left out; it has {}",
                    known()
                ),
            )
            .next("--except with names of these"),
        );
        return Vec::new();
    }
    let wanted: Vec<(&DatabaseInBackup, String)> = match &situation.request.database {
        Some(given) => match backup.databases.iter().find(|it| it.name == *given) {
            Some(found) => {
                let name = situation
                    .request
                    .rename
                    .clone()
                    .unwrap_or_else(|| given.clone());
                vec![(found, name)]
            }
            None => {
                checks.push(
                    Check::refuse(
                        name,
                        format!("there is no {given:?} in the backup; it has {}", known()),
                    )
                    .next("--database with one of these"),
                );
                return Vec::new();
            }
        },
        None => backup
            .databases
            .iter()
            .filter(|it| !situation.request.except.contains(&it.name))
            // Of those that every cluster has, only what somebody put into them is worth the trouble.
            .filter(|it| {
                let surplus = here(&it.name).is_some_and(|here| here.has_content);
                !MAINTENANCE.contains(&it.name.as_str())
                    || it.has_content
                    || (surplus && situation.request.clean)
            })
            .map(|it| {
                let renamed = situation.request.rename.as_ref();
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
    checks.push(judge(situation, &chosen));
    chosen
}

fn judge(situation: &Situation<'_>, chosen: &[Chosen<'_>]) -> Check {
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
        )
        .next("another name: --database NAME --as NEW");
    }
    let in_the_way: Vec<String> = chosen
        .iter()
        .filter_map(|it| it.replaces)
        .filter(|here| here.has_content && !situation.request.clean)
        .map(|here| format!("{:?} ({})", here.name, sizes(here.size_bytes)))
        .collect();
    if !in_the_way.is_empty() {
        return Check::refuse(
            name,
            format!("these exist and hold data: {}", in_the_way.join(", ")),
        )
        .next("--clean replaces them, after a backup of them; --database NAME --as NEW restores beside one");
    }
    let broken: Vec<&str> = chosen
        .iter()
        .filter_map(|it| it.replaces)
        .filter(|here| here.invalid)
        .map(|here| here.name.as_str())
        .collect();
    if !broken.is_empty() {
        return Check::refuse(
            name,
            format!("a DROP DATABASE that was interrupted has left nothing usable of {broken:?}"),
        )
        .next("finish it: drop database NAME");
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
        return Check::refuse(name, "the backup holds nothing that could be restored")
            .next("another backup: pgctl backup list");
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
    let text = each.join(", ");
    if chosen.iter().any(Chosen::replaces_data) {
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
