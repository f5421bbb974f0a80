//! A logical restore on a model of the server, with clients that never stop writing.

use std::collections::BTreeMap;

use super::super::fixture::{accepted, backup, logical, plan, request, target};
use crate::cluster::fixture::{facts, healthy, replica};
use crate::plan::{
    Action, Condition, DatabaseAction, DatabaseCondition, OnFailure, Plan, RestoreAction,
    RestoreCondition, RestoreKind, RestoreRequest, Step, StepName, Swap, Undo,
};

/// What a database holds, word by word.
type Words = Vec<String>;

#[derive(Debug, Clone, Default, PartialEq)]
struct Server {
    databases: BTreeMap<String, Words>,
    password: String,
    /// The safety backup: databases, and the password of the role.
    saved: Option<(BTreeMap<String, Words>, String)>,
}

impl Server {
    fn of(names: &[(&str, bool)]) -> Self {
        let words = |full: bool| {
            if full {
                vec!["kept".to_owned()]
            } else {
                vec![]
            }
        };
        Self {
            databases: names
                .iter()
                .map(|(name, full)| ((*name).to_owned(), words(*full)))
                .collect(),
            password: "present".to_owned(),
            saved: None,
        }
    }

    /// A client that knows the databases by their names.
    fn write(&mut self, name: &str, word: &str) {
        if let Some(words) = self.databases.get_mut(name) {
            words.push(word.to_owned());
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        if let Some(words) = self.databases.remove(from) {
            let there = self.databases.insert(to.to_owned(), words);
            assert_eq!(there, None, "{to} is there already");
        }
    }

    fn act(&mut self, action: &Action) {
        let Action::Restore(RestoreAction::Databases(action)) = action else {
            return;
        };
        match action {
            DatabaseAction::LoadDatabases { databases, .. } => {
                for load in databases {
                    let words = vec!["restored".to_owned()];
                    self.databases.insert(load.into.clone(), words);
                }
            }
            DatabaseAction::DropDatabases { databases, .. } => {
                self.databases.retain(|name, _| !databases.contains(name));
            }
            DatabaseAction::SwapDatabases { swaps, .. } => {
                for swap in swaps {
                    if let Some(aside) = &swap.aside {
                        self.rename(&swap.name, aside);
                    }
                    self.rename(&swap.loaded, &swap.name);
                }
            }
            DatabaseAction::SwapBack { swaps, .. } => {
                let swapped = |swap: &&Swap| !self.databases.contains_key(&swap.loaded);
                let swapped: Vec<&Swap> = swaps.iter().filter(swapped).collect();
                for swap in swapped {
                    self.rename(&swap.name, &swap.loaded);
                    if let Some(aside) = &swap.aside {
                        self.rename(aside, &swap.name);
                    }
                }
            }
            DatabaseAction::SafetyBackup {
                database, swaps, ..
            } => {
                let mut saved = self.databases.clone();
                saved.retain(|name, _| !swaps.iter().any(|swap| swap.name == *name));
                for swap in swaps {
                    let words = swap.aside.as_ref().and_then(|aside| saved.remove(aside));
                    saved.extend(words.map(|words| (swap.name.clone(), words)));
                }
                if let Some(one) = database {
                    saved.retain(|name, _| name == one);
                }
                self.saved = Some((saved, self.password.clone()));
            }
            DatabaseAction::ChangeRoles { .. } => self.password = "of the backup".to_owned(),
            // Roles that are new replace nothing.
            DatabaseAction::CreateRoles { .. } | DatabaseAction::DropRoles { .. } => {}
        }
    }

    fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Restore(RestoreCondition::Databases(DatabaseCondition::StillEmpty {
                swaps,
                ..
            })) => swaps.iter().all(|swap| {
                let aside = swap.aside.as_ref();
                let aside = aside.and_then(|aside| self.databases.get(aside));
                let words = aside.or_else(|| self.databases.get(&swap.name));
                words.is_none_or(Vec::is_empty)
            }),
            Condition::Restore(RestoreCondition::Databases(DatabaseCondition::BackedUp {
                swaps,
                ..
            })) => swaps
                .iter()
                .filter(|swap| swap.aside.is_some())
                .all(|swap| {
                    let saved = self.saved.as_ref();
                    saved.is_some_and(|(all, _)| all.contains_key(&swap.name))
                }),
            _ => true,
        }
    }

    /// A word is in a database, or in the safety backup.
    fn has(&self, word: &str) -> bool {
        let saved = self.saved.iter().flat_map(|(all, _)| all.values());
        saved
            .chain(self.databases.values())
            .flatten()
            .any(|it| it == word)
    }

    fn undo(&mut self, steps: &[Step]) {
        for step in steps.iter().rev() {
            if let Undo::Actions { actions, .. } = &step.undo {
                actions.iter().for_each(|action| self.act(action));
            }
        }
    }
}

/// Runs a plan while a client writes a word before a step; whether it came to its end.
fn run(plan: &Plan, server: &mut Server, database: &str, before: usize, word: &str) -> bool {
    for (index, step) in plan.steps.iter().enumerate() {
        if index == before {
            server.write(database, word);
        }
        if let Some(missing) = step.requires.iter().find(|it| !server.holds(it)) {
            assert_eq!(step.on_failure, OnFailure::Stop, "{missing}");
            server.undo(&plan.steps[..index]);
            return false;
        }
        server.act(&step.action);
    }
    true
}

const HERE: [(&str, bool); 3] = [("postgres", false), ("shop", true), ("other", true)];

fn clean() -> RestoreRequest {
    RestoreRequest {
        clean: true,
        ..request()
    }
}

/// A cluster in which a role exists whose password the backup has, too.
fn full_plan(request: &RestoreRequest, names: &[(&str, bool)]) -> Plan {
    let snapshot = healthy(2);
    let mut here = target(names);
    here.roles.push("app".into());
    let backup = backup(RestoreKind::Logical, &snapshot);
    accepted(plan(&snapshot, request, backup, Some(here)))
}

fn index(plan: &Plan, name: StepName) -> usize {
    let at = plan.steps.iter().position(|step| step.name == name);
    at.unwrap_or_else(|| panic!("no {name} in {:?}", plan.steps))
}

#[test]
fn what_clients_write_until_the_names_change_is_in_the_safety_backup() {
    let plan = full_plan(&clean(), &HERE);
    for before in 0..plan.steps.len() {
        let mut server = Server::of(&HERE);
        assert!(run(&plan, &mut server, "shop", before, "late"));
        for word in ["kept", "late"] {
            assert!(
                server.has(word),
                "{word} is gone, written before step {before}"
            );
        }
        let (saved, password) = server.saved.as_ref().expect("there is a safety backup");
        assert_eq!(
            saved.keys().collect::<Vec<_>>(),
            ["other", "postgres", "shop"]
        );
        assert_eq!(password, "present", "the hashes of before are in it");
        assert_eq!(server.password, "of the backup");
        assert_eq!(server.databases["shop"][0], "restored");
    }
}

#[test]
fn a_database_that_was_empty_and_is_not_any_more_is_not_dropped() {
    for request in [
        request(),
        RestoreRequest {
            no_safety_backup: true,
            ..clean()
        },
    ] {
        let here = [("postgres", false), ("shop", false)];
        let plan = accepted(logical(&request, &here));
        let swap = index(&plan, StepName::SwapDatabases);
        for before in 0..=swap {
            let mut server = Server::of(&here);
            let done = run(&plan, &mut server, "shop", before, "late");
            assert!(!done && server.has("late"), "before step {before}");
            assert_eq!(server.databases["shop"], ["late"], "it is as it was");
        }
    }
}

#[test]
fn until_something_is_given_up_everything_can_be_put_back_roles_too() {
    for request in [
        clean(),
        RestoreRequest {
            no_safety_backup: true,
            ..clean()
        },
    ] {
        let plan = full_plan(&request, &HERE);
        let last = plan.point_of_no_return().expect("something is given up");
        assert_eq!(last, index(&plan, StepName::ChangeRoles));
        for end in 0..last {
            let before = Server::of(&HERE);
            let mut server = before.clone();
            plan.steps[..=end]
                .iter()
                .for_each(|it| server.act(&it.action));
            server.undo(&plan.steps[..=end]);
            server.saved = None;
            assert_eq!(server, before, "after {}", plan.steps[end].name);
        }
    }
}

#[test]
fn nothing_goes_back_by_itself_once_clients_write_to_what_was_restored() {
    let plan = full_plan(&clean(), &HERE);
    let safety = index(&plan, StepName::SafetyBackup);
    assert!(index(&plan, StepName::SwapDatabases) < safety);
    for step in &plan.steps[safety..] {
        assert!(
            step.on_failure == OnFailure::Stay
                || plan.point_of_no_return() < Some(index(&plan, step.name)),
            "{}",
            step.name
        );
    }
}

#[test]
fn standbys_that_stream_are_waited_for_and_no_others() {
    let mut snapshot = healthy(2);
    let primary = snapshot.instances[0].name().to_owned();
    let senders = &mut facts(&mut snapshot, &primary).senders;
    senders.retain(|it| it.application_name == replica(1));
    let backup = backup(RestoreKind::Logical, &snapshot);
    let plan = accepted(plan(&snapshot, &request(), backup, Some(target(&[]))));
    let follow = plan.step(StepName::Follow).expect("they are waited for");
    let Condition::Restore(RestoreCondition::Databases(DatabaseCondition::Followed {
        standbys,
        ..
    })) = &follow.proves
    else {
        panic!("{follow:?}");
    };
    assert_eq!(standbys, &[replica(1)]);
}

#[test]
fn what_can_not_be_backed_up_is_not_replaced() {
    let snapshot = healthy(1);
    let mut here = target(&HERE);
    here.databases[1].connects = false;
    let of = |request: &RestoreRequest, here| {
        plan(
            &snapshot,
            request,
            backup(RestoreKind::Logical, &snapshot),
            Some(here),
        )
    };
    let refusal = of(&clean(), here.clone()).expect_err("it lets nobody in");
    assert!(
        refusal.to_string().contains("allow_connections"),
        "{refusal}"
    );
    let bold = RestoreRequest {
        no_safety_backup: true,
        ..clean()
    };
    accepted(of(&bold, here.clone()));
    here.databases[1].connects = true;
    here.databases[1].invalid = true;
    let refusal = of(&bold, here).expect_err("only DROP DATABASE helps");
    assert!(refusal.to_string().contains("interrupted"), "{refusal}");
}
