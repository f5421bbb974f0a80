//! What the steps have in common.

use super::super::common::{Situation, free_bytes, stamp};
use crate::cluster::names::KEPT_DATA;
use crate::cluster::{Component, Instance, StatefulSetFacts, VolumeFacts};
use crate::plan::language::{Check, CheckName, OperationId, VolumeHandle};
use crate::recovery::RecoveryWay;

/// How long a pod may take to stop: its own grace period, and a little more.
pub(super) const STOP_SECONDS: u32 = 330;

/// How long a server may take to start.
pub(super) const START_SECONDS: u32 = 600;

/// What the steps have in common.
pub(super) struct VolumeRestore<'a> {
    pub(super) situation: &'a Situation<'a>,
    pub(super) primary_set: &'a StatefulSetFacts,
    pub(super) replica_set: Option<&'a StatefulSetFacts>,
    /// The pod that is restored into.
    pub(super) target: String,
    pub(super) volume: VolumeHandle,
    pub(super) config_map: String,
    pub(super) aside: String,
    /// The operation.
    pub(super) id: OperationId,
    /// The pod that was primary, when one answers.
    pub(super) old: Option<&'a Instance>,
}

impl<'a> VolumeRestore<'a> {
    pub(super) fn new(situation: &'a Situation<'a>, id: &OperationId) -> Option<Self> {
        let snapshot = situation.snapshot;
        let primary_set = snapshot.stateful_set(Component::Primary)?;
        let config_map = snapshot.topology.source.config_map()?.to_owned();
        let target = format!("{}-0", primary_set.name);
        let claim = snapshot
            .volumes
            .iter()
            .find(|it| it.pod == target)
            // As the StatefulSet controller names it: the template's name, then the pod's.
            .map_or_else(|| format!("data-{target}"), |it| it.claim.clone());
        Some(Self {
            situation,
            primary_set,
            replica_set: snapshot.stateful_set(Component::Replica),
            volume: handle(&target, &claim, &primary_set.name),
            target,
            config_map,
            aside: format!("{KEPT_DATA}{}", stamp(id)),
            id: id.clone(),
            old: snapshot.primary(),
        })
    }

    /// The target's claim, when it exists.
    pub(super) fn claim(&self) -> Option<&'a VolumeFacts> {
        let claim = &self.volume.claim;
        self.situation
            .snapshot
            .volumes
            .iter()
            .find(|it| it.claim == *claim)
    }

    pub(super) fn space(&self) -> Check {
        let snapshot = self.situation.snapshot;
        let kept = self.others_to_keep();
        let pods: Vec<&Instance> = snapshot
            .instances
            .iter()
            .filter(|it| {
                it.name() == self.target || kept.iter().any(|other| other.pod.contains(it.name()))
            })
            .filter(|it| free_bytes(it).is_some())
            .collect();
        let wal = self.situation.way().map_or(0, RecoveryWay::raw_bytes);
        self.situation
            .space(&pods, self.situation.backup().raw_bytes.saturating_add(wal))
    }

    pub(super) fn kept(&self) -> Check {
        let name = CheckName::Kept;
        match self.keeps().as_slice() {
            [] => Check::pass(name, "there is no data to keep"),
            kept => {
                let claims: Vec<&str> = kept.iter().map(|it| it.claim.as_str()).collect();
                Check::pass(
                    name,
                    format!("the data in {} stays as {}", claims.join(", "), self.aside),
                )
            }
        }
    }

    pub(super) fn replicas(&self) -> Check {
        let name = CheckName::Followers;
        let wanted = self.replica_set.map_or(0, |set| set.wanted);
        let mut text = format!("{wanted} will copy the restored data");
        let renewed = self.claims_to_renew();
        if !renewed.is_empty() {
            let claims: Vec<&str> = renewed.iter().map(|it| it.claim.as_str()).collect();
            text += &format!("; their claims are made anew: {}", claims.join(", "));
        }
        let lost = self.lost();
        if !lost.is_empty() {
            text += &format!("; the volume of {} is lost", lost.join(", "));
        }
        if renewed.is_empty() && lost.is_empty() {
            Check::pass(name, text)
        } else {
            Check::warn(name, text)
        }
    }

    /// Every pod that a StatefulSet has or is about to have.
    pub(super) fn pods(&self, set: &StatefulSetFacts) -> Vec<String> {
        let instances = &self.situation.snapshot.instances;
        let highest = instances
            .iter()
            .filter(|it| it.pod.component == set.component)
            .map(|it| it.pod.ordinal + 1)
            .max()
            .unwrap_or(0);
        let count = highest.max(set.wanted).max(set.existing);
        (0..count)
            .map(|number| format!("{}-{number}", set.name))
            .collect()
    }
}

/// The pod that works on the volume of `pod`. Its name fits: a StatefulSet's name is at most 63
/// characters with its ordinal, and a pod's may have 253.
pub(super) fn handle(pod: &str, claim: &str, stateful_set: &str) -> VolumeHandle {
    VolumeHandle {
        pod: format!("{pod}-restore"),
        claim: claim.to_owned(),
        stateful_set: stateful_set.to_owned(),
        server: None,
    }
}
