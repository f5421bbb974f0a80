//! What the databases need of the server besides room.

use super::super::common::Situation;
use super::selection::{Chosen, is_whole};
use crate::plan::language::{Check, CheckName, TargetFacts};

/// What becomes of roles.
#[derive(Default)]
pub(super) struct Roles {
    /// Those that have to be made.
    pub(super) missing: Vec<String>,
    /// Those that exist and get the passwords and attributes of the backup.
    pub(super) changed: Vec<String>,
}

/// The roles that have to be made and changed; none when something is in the way.
pub(super) fn roles(
    situation: &Situation<'_>,
    target: &TargetFacts,
    chosen: &[Chosen<'_>],
    checks: &mut Vec<Check>,
) -> Roles {
    let name = CheckName::Roles;
    let backup = situation.backup();
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
        return Roles::default();
    }
    let whole = is_whole(situation);
    let missing: Vec<String> = if whole {
        backup.roles.iter().filter(absent).cloned().collect()
    } else {
        needed
            .into_iter()
            .filter(|role| absent(role) && backup.roles.contains(*role))
            .cloned()
            .collect()
    };
    let there: Vec<String> = backup
        .roles
        .iter()
        .filter(|role| !absent(role) && !target.secret_roles.contains(role))
        .cloned()
        .collect();
    let new = match missing.as_slice() {
        [] => "none is missing".to_owned(),
        some => format!("made: {}", some.join(", ")),
    };
    let names = there.join(", ");
    let changes = whole && situation.request.clean;
    let text = match (whole && !there.is_empty(), changes) {
        (false, _) => new,
        (true, true) => format!(
            "{new}; given the passwords and attributes of the backup: {names} (what it does not have of them stays)"
        ),
        (true, false) => format!("{new}; left as they are: {names}"),
    };
    checks.push(Check::pass(name, text));
    Roles {
        missing,
        changed: if changes { there } else { Vec::new() },
    }
}

pub(super) fn tablespaces(target: &TargetFacts, chosen: &[Chosen<'_>]) -> Check {
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
                "{} does not exist here: a database that uses it goes into the default tablespace as a whole",
                missing.join(", ")
            ),
        )
    }
}

pub(super) fn extensions(target: &TargetFacts, chosen: &[Chosen<'_>]) -> Check {
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
