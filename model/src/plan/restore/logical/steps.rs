//! What is done, in which order, and how it is taken back.

use super::super::common::Situation;
use super::requirements::Roles;
use super::safety_backup::Safety;
use super::selection::Chosen;
use crate::cluster::Instance;
use crate::plan::language::{
    Action, Condition, DatabaseAction, DatabaseCondition, LOADED, Load, Step, StepName, Swap,
    TargetFacts,
};

/// How long the standbys may take to replay it all, in seconds. It is reported, no more.
const FOLLOW_SECONDS: u32 = 600;

/// Everything that the steps are made of.
pub(super) struct Steps<'a> {
    pub(super) situation: &'a Situation<'a>,
    pub(super) target: &'a TargetFacts,
    pub(super) chosen: &'a [Chosen<'a>],
    pub(super) roles: &'a Roles,
    pub(super) safety: &'a Safety,
    pub(super) pod: &'a str,
    /// For names in the cluster: of this restore alone.
    pub(super) stamp: String,
}

fn act(action: DatabaseAction) -> Action {
    Action::from(action)
}

fn see(condition: DatabaseCondition) -> Condition {
    Condition::from(condition)
}

impl Steps<'_> {
    /// The databases of before are renamed out of the way first, so that nobody writes to them any
    /// more, then backed up, and dropped last. What can't be put back, the passwords of roles among
    /// it, is changed when everything of before is safe.
    pub(super) fn steps(&self) -> Vec<Step> {
        let swaps = self.swaps();
        let mut steps = Vec::new();
        steps.extend(self.create_roles());
        steps.push(self.load());
        steps.push(self.swap(&swaps));
        steps.push(self.follow());
        steps.extend(self.safety_backup(&swaps));
        let mut last: Vec<Step> = self
            .change_roles()
            .into_iter()
            .chain(self.drop_replaced(&swaps))
            .collect();
        if let Some(first) = last.first_mut() {
            // Clients may have written to what was restored by now: going back would take that
            // away, and is for somebody to decide.
            *first = self
                .secured(first.clone(), &swaps)
                .stays()
                .point_of_no_return();
        }
        steps.append(&mut last);
        steps
    }

    fn pod(&self) -> String {
        self.pod.to_owned()
    }

    fn seconds(&self) -> u32 {
        self.situation.request.timeout_seconds
    }

    /// The file of the roles, when some that exist are changed.
    fn roles_file(&self) -> Option<String> {
        let file = self.situation.backup().main_file.clone();
        file.filter(|_| !self.roles.changed.is_empty())
    }

    fn create_roles(&self) -> Option<Step> {
        let file = self.situation.backup().main_file.clone()?;
        let (pod, roles) = (self.pod(), self.roles.missing.clone());
        if roles.is_empty() {
            return None;
        }
        let make = DatabaseAction::CreateRoles {
            pod: pod.clone(),
            file,
            roles: roles.clone(),
        };
        let there = DatabaseCondition::Roles {
            pod: pod.clone(),
            roles: roles.clone(),
        };
        let drop = DatabaseAction::DropRoles {
            pod: pod.clone(),
            roles: roles.clone(),
        };
        let gone = DatabaseCondition::NoRoles { pod, roles };
        Some(
            Step::new(StepName::CreateRoles, act(make), see(there))
                .timeout(120)
                .undo(vec![act(drop)], see(gone), 60),
        )
    }

    fn load(&self) -> Step {
        let pod = self.pod();
        let databases: Vec<Load> = self
            .chosen
            .iter()
            .enumerate()
            .map(|(number, it)| Load {
                database: it.from.name.clone(),
                file: it.from.file.clone(),
                into: self.loaded_name(number),
                default_tablespace: it
                    .from
                    .tablespaces
                    .iter()
                    .any(|name| !self.target.tablespaces.contains(name)),
            })
            .collect();
        let temporary: Vec<String> = databases.iter().map(|it| it.into.clone()).collect();
        let drop = DatabaseAction::DropDatabases {
            pod: pod.clone(),
            databases: temporary.clone(),
        };
        let gone = DatabaseCondition::NoDatabases {
            pod: pod.clone(),
            databases: temporary,
        };
        let load = DatabaseAction::LoadDatabases {
            pod: pod.clone(),
            databases: databases.clone(),
        };
        let loaded = DatabaseCondition::Loaded { pod, databases };
        Step::new(StepName::LoadDatabases, act(load), see(loaded))
            .timeout(self.seconds())
            .undo(vec![act(drop)], see(gone), 300)
    }

    fn loaded_name(&self, number: usize) -> String {
        format!("{LOADED}{}_{}", self.stamp, number + 1)
    }

    fn swaps(&self) -> Vec<Swap> {
        self.chosen
            .iter()
            .enumerate()
            .map(|(number, it)| Swap {
                database: it.from.name.clone(),
                file: it.from.file.clone(),
                loaded: self.loaded_name(number),
                name: it.name.clone(),
                aside: it
                    .replaces
                    .map(|_| format!("pgctl_old_{}_{}", self.stamp, number + 1)),
                // Whoever has agreed to lose nothing, or what there was, has not agreed to lose
                // what came later.
                empty: matches!(self.safety, Safety::None)
                    && it.replaces.is_some_and(|here| !here.has_content),
            })
            .collect()
    }

    fn swap(&self, swaps: &[Swap]) -> Step {
        let (pod, swaps) = (self.pod(), swaps.to_vec());
        let swap = DatabaseAction::SwapDatabases {
            pod: pod.clone(),
            swaps: swaps.clone(),
            roles: self.roles_file(),
        };
        let swapped = DatabaseCondition::Swapped {
            pod: pod.clone(),
            swaps: swaps.clone(),
        };
        let back = DatabaseAction::SwapBack {
            pod: pod.clone(),
            swaps: swaps.clone(),
        };
        let step = Step::new(StepName::SwapDatabases, act(swap), see(swapped)).timeout(120);
        let step = self.still_empty(step, &swaps);
        let swapped_back = DatabaseCondition::SwappedBack { pod, swaps };
        step.undo(vec![act(back)], see(swapped_back), 120)
    }

    /// Those that stream now are waited for: who does not has his own troubles already.
    fn follow(&self) -> Step {
        let snapshot = self.situation.snapshot;
        let facts = snapshot.primary().and_then(Instance::facts);
        let streams = |name: &str| facts.is_some_and(|facts| facts.streams_to(name));
        let followed = DatabaseCondition::Followed {
            pod: self.pod(),
            standbys: snapshot
                .standbys()
                .map(|it| it.name().to_owned())
                .filter(|name| streams(name))
                .collect(),
        };
        Step::new(StepName::Follow, Action::Observe, see(followed))
            .timeout(FOLLOW_SECONDS)
            .reported()
    }

    fn safety_backup(&self, swaps: &[Swap]) -> Option<Step> {
        let database = match self.safety {
            Safety::None => return None,
            Safety::Database(name) => Some(name.clone()),
            Safety::Everything => None,
        };
        let action = DatabaseAction::SafetyBackup {
            pod: self.pod(),
            database,
            swaps: swaps.to_vec(),
        };
        Some(
            Step::new(StepName::SafetyBackup, act(action), Condition::Answered)
                .timeout(self.seconds())
                .stays(),
        )
    }

    fn change_roles(&self) -> Option<Step> {
        let action = DatabaseAction::ChangeRoles {
            pod: self.pod(),
            file: self.roles_file()?,
        };
        Some(Step::new(StepName::ChangeRoles, act(action), Condition::Answered).timeout(120))
    }

    fn drop_replaced(&self, swaps: &[Swap]) -> Option<Step> {
        let pod = self.pod();
        let databases: Vec<String> = swaps.iter().filter_map(|it| it.aside.clone()).collect();
        if databases.is_empty() {
            return None;
        }
        let drop = DatabaseAction::DropDatabases {
            pod: pod.clone(),
            databases: databases.clone(),
        };
        let gone = DatabaseCondition::NoDatabases { pod, databases };
        Some(Step::new(StepName::DropReplaced, act(drop), see(gone)).timeout(600))
    }

    /// Nothing is given up that is not in the safety backup, or was empty all the time.
    fn secured(&self, step: Step, swaps: &[Swap]) -> Step {
        let step = self.still_empty(step, swaps);
        let swaps: Vec<Swap> = swaps.to_vec();
        match self.safety {
            Safety::None => step,
            _ => step.requires(see(DatabaseCondition::BackedUp {
                pod: self.pod(),
                swaps,
            })),
        }
    }

    fn still_empty(&self, step: Step, swaps: &[Swap]) -> Step {
        let swaps: Vec<Swap> = swaps.iter().filter(|it| it.empty).cloned().collect();
        if swaps.is_empty() {
            return step;
        }
        step.requires(see(DatabaseCondition::StillEmpty {
            pod: self.pod(),
            swaps,
        }))
    }
}
