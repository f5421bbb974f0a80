//! Everything is stopped, the backup gets into its place, and everything starts.

use super::data_steps::{DataSteps, OPEN_SECONDS};
use super::volume_restore::VolumeRestore;
use crate::cluster::Instance;
use crate::plan::language::{Action, Condition, Step, StepName, VolumeAction, VolumeCondition};

impl VolumeRestore<'_> {
    pub(super) fn steps(&self) -> Vec<Step> {
        let data = DataSteps {
            situation: self.situation,
            volume: &self.volume,
            aside: &self.aside,
        };
        let volume = || self.volume.clone();
        let act = |action: VolumeAction| Action::from(action);
        let see = |condition: VolumeCondition| Condition::from(condition);
        // Clients are refused from here on, and don't hang at the address of a pod that has gone.
        let mut steps: Vec<Step> = self.close_service().into_iter().collect();
        steps.extend(self.close_reads());
        steps.extend(self.stop());
        if self.claim().is_none() {
            let make = VolumeAction::MakeClaim {
                claim: self.volume.claim.clone(),
                stateful_set: self.primary_set.name.clone(),
            };
            let there = VolumeCondition::ClaimThere {
                claim: self.volume.claim.clone(),
            };
            steps.push(Step::new(StepName::MakeVolume, act(make), see(there)));
        }
        let opening = data.open();
        let (open, opened) = (opening.action.clone(), opening.proves.clone());
        let close = act(VolumeAction::CloseVolume { volume: volume() });
        let closed = see(VolumeCondition::VolumeClosed { volume: volume() });
        steps.push(opening.undo(vec![close.clone()], closed.clone(), 120));
        let others = self.others_to_keep();
        let all = || others.clone();
        let none_open = see(VolumeCondition::VolumesClosed { volumes: all() });
        let close_others = act(VolumeAction::CloseVolumes { volumes: all() });
        // Before anything is changed on a volume: one that can't be opened leads back from here.
        if !others.is_empty() {
            steps.push(
                Step::new(
                    StepName::OpenOthers,
                    act(VolumeAction::OpenVolumes { volumes: all() }),
                    see(VolumeCondition::VolumesOpen { volumes: all() }),
                )
                .timeout(OPEN_SECONDS)
                .undo(vec![close_others.clone()], none_open.clone(), 120),
            );
        }
        steps.push(data.unpack().undo(
            vec![act(VolumeAction::RemoveUnpacked { volume: volume() })],
            see(VolumeCondition::NothingUnpacked { volume: volume() }),
            600,
        ));
        steps.extend(data.fetch_wal());
        steps.push(data.recover());
        let aside = || self.aside.clone();
        let back = VolumeAction::SwapOut {
            volume: volume(),
            aside: aside(),
        };
        let swapped_out = see(VolumeCondition::SwappedOut { volume: volume() });
        steps.push(data.swap_in().undo(vec![act(back)], swapped_out, 60));
        if !others.is_empty() {
            let keep = VolumeAction::KeepAside {
                volumes: all(),
                aside: aside(),
            };
            let back = VolumeAction::PutBack {
                volumes: all(),
                aside: aside(),
            };
            steps.push(
                Step::new(StepName::KeepOthers, act(keep), Condition::Answered)
                    .timeout(OPEN_SECONDS)
                    .undo(vec![act(back)], Condition::Answered, OPEN_SECONDS),
            );
        }
        steps.push(self.name_primary());
        if !others.is_empty() {
            // Whoever puts something back opens what it needs.
            steps.push(Step::new(StepName::CloseOthers, close_others, none_open).timeout(120));
        }
        steps.push(
            Step::new(StepName::CloseVolume, close, closed)
                .timeout(120)
                .undo(vec![open], opened, OPEN_SECONDS),
        );
        steps.extend(self.start());
        steps
    }

    /// The topology names the pod and its system. Nothing runs that could heed it too early.
    fn name_primary(&self) -> Step {
        let topology = &self.situation.snapshot.topology;
        let term = self.situation.snapshot.next_term();
        let system = self.situation.backup().system_identifier.clone();
        let before = self
            .old
            .and_then(Instance::facts)
            .map(|facts| facts.system_identifier.clone())
            .or_else(|| topology.system_identifier.clone());
        let old = self
            .old
            .map_or_else(|| topology.primary.clone(), |old| old.name().to_owned());
        let mut back = Vec::new();
        if before.is_none() {
            back.push(Action::from(VolumeAction::ForgetSystem {
                config_map: self.config_map.clone(),
            }));
        }
        back.push(Action::WriteTopology {
            config_map: self.config_map.clone(),
            primary: old.clone(),
            term: term + 1,
            system_identifier: before.unwrap_or_default(),
            unproven: Vec::new(),
        });
        let named = |primary: &str, term| Condition::Topology {
            config_map: self.config_map.clone(),
            primary: primary.to_owned(),
            term,
        };
        Step::new(
            StepName::NamePrimary,
            Action::WriteTopology {
                config_map: self.config_map.clone(),
                primary: self.target.clone(),
                term,
                system_identifier: system,
                unproven: Vec::new(),
            },
            named(&self.target, term),
        )
        .undo(back, named(&old, term + 1), 60)
    }
}
