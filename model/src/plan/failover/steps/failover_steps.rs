//! What the steps have in common.

use super::super::common::{End, Situation};
use crate::cluster::{Component, Instance, Role, Snapshot, StatefulSetFacts};
use crate::plan::language::{Condition, Mode};

/// A failover from which its steps are made.
pub(super) struct Steps<'a> {
    pub(super) situation: &'a Situation<'a>,
    pub(super) snapshot: &'a Snapshot,
    pub(super) target: &'a Instance,
    pub(super) to: String,
    pub(super) config_map: Option<String>,
    pub(super) term: u64,
    pub(super) system_identifier: String,
    pub(super) comes_back: bool,
}

impl<'a> Steps<'a> {
    pub(super) fn new(situation: &'a Situation<'a>, target: &'a Instance) -> Self {
        let snapshot = situation.snapshot;
        let config_map = snapshot.topology.source.config_map().map(str::to_owned);
        let gone_for_long =
            situation.request.accept_split_brain_risk && situation.mode == Mode::Emergency;
        let comes_back = situation.topology_aware()
            && situation.old != target.name()
            && !gone_for_long
            && (situation.old_component() == Component::Replica || situation.request.rejoin);
        Self {
            situation,
            snapshot,
            target,
            to: target.name().to_owned(),
            config_map,
            term: snapshot.next_term(),
            system_identifier: target
                .facts()
                .map(|facts| facts.system_identifier.clone())
                .unwrap_or_default(),
            comes_back,
        }
    }

    pub(super) fn old_set(&self) -> Option<&StatefulSetFacts> {
        self.snapshot.stateful_set(self.situation.old_component())
    }

    /// The old primary's pod, when there is something in it to stop.
    pub(super) fn old_to_stop(&self) -> Option<&Instance> {
        self.situation
            .old_instance()
            .filter(|it| it.name() != self.to && it.role() != Role::Standby)
    }

    /// What the candidate has to have before it is promoted; none when a loss is accepted.
    pub(super) fn has_everything(&self) -> Option<Condition> {
        let pod = self.to.clone();
        match self.situation.end() {
            End::Clean => Some(Condition::CaughtUp { pod }),
            // Without a record nothing can be compared; with one a loss is known, and never silent.
            End::Stopped | End::Waived if !self.situation.request.accept_loss => {
                Some(Condition::LacksNothingKnown { pod })
            }
            End::Stopped | End::Waived => None,
        }
    }

    pub(super) fn old_is_standby(&self) -> bool {
        self.situation
            .old_instance()
            .is_some_and(|it| it.role() == Role::Standby)
    }

    /// Pods of earlier operations whose end an emergency has to prove. A switchover leaves them as
    /// they are: there is a primary, whatever they are.
    pub(super) fn unproven(&self) -> impl Iterator<Item = (&str, Option<&Instance>)> {
        let all = self.situation.unproven();
        all.filter(|(name, _)| self.situation.mode == Mode::Emergency && *name != self.to)
    }
}
