//! What becomes of what is replaced.

use super::super::common::Situation;
use super::requirements::Roles;
use super::selection::Chosen;
use crate::plan::language::{Check, CheckName};

pub(super) fn connections(chosen: &[Chosen<'_>]) -> Check {
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

/// The backup of what a restore replaces.
pub(super) enum Safety {
    /// None is taken.
    None,
    /// Of the one database that is replaced.
    Database(String),
    /// Of everything, with the roles.
    Everything,
}

impl Safety {
    pub(super) fn of(situation: &Situation<'_>, chosen: &[Chosen<'_>], roles: &Roles) -> Self {
        if situation.request.no_safety_backup {
            return Self::None;
        }
        // The hashes of passwords that are changed are nowhere else.
        if !roles.changed.is_empty() {
            return Self::Everything;
        }
        match chosen {
            all if !all.iter().any(Chosen::replaces_data) => Self::None,
            [one] => Self::Database(one.name.clone()),
            _ => Self::Everything,
        }
    }

    pub(super) fn check(
        &self,
        situation: &Situation<'_>,
        chosen: &[Chosen<'_>],
        roles: &Roles,
    ) -> Check {
        let name = CheckName::SafetyBackup;
        let store = &situation.backup().store;
        if matches!(self, Self::None) {
            let mut lost = Vec::new();
            if chosen.iter().any(Chosen::replaces_data) {
                lost.push("databases");
            }
            if !roles.changed.is_empty() {
                lost.push("passwords of roles");
            }
            return match lost.as_slice() {
                [] => Check::pass(name, "nothing is replaced that holds data"),
                lost => Check::warn(
                    name,
                    format!(
                        "the {} that are replaced are not backed up (--no-safety-backup)",
                        lost.join(" and ")
                    ),
                ),
            };
        }
        let closed: Vec<&str> = chosen
            .iter()
            .filter_map(|it| it.replaces)
            .filter(|here| !here.connects)
            .map(|here| here.name.as_str())
            .collect();
        if !closed.is_empty() {
            return Check::refuse(
                name,
                format!("{closed:?} lets nobody in (allow_connections false), and can't be backed up before it is dropped"),
            )
            .next("alter database NAME allow_connections true; or --no-safety-backup");
        }
        let what = match self {
            Self::Everything => "everything, with its roles,",
            _ => "what is replaced",
        };
        Check::pass(
            name,
            format!(
                "{what} is backed up into {store} once nobody can write to it, before it is dropped"
            ),
        )
    }
}
