//! The way of a base backup into a volume, whosever it is: unpacked, with the archived WAL that follows, recovered, in place.

use super::super::common::Situation;
use crate::cluster::Instance;
use crate::plan::language::{
    Action, Condition, Step, StepName, VolumeAction, VolumeCondition, VolumeHandle,
};

/// How long a pod may take to be scheduled, attach its volume and pull its image.
pub(super) const OPEN_SECONDS: u32 = 600;

/// A base backup on its way into a volume.
pub(super) struct DataSteps<'a> {
    pub(super) situation: &'a Situation<'a>,
    pub(super) volume: &'a VolumeHandle,
    /// The name that data of before gets.
    pub(super) aside: &'a str,
}

impl DataSteps<'_> {
    fn volume(&self) -> VolumeHandle {
        self.volume.clone()
    }

    /// A pod works on it.
    pub(super) fn open(&self) -> Step {
        Step::new(
            StepName::OpenVolume,
            Action::from(VolumeAction::OpenVolume {
                volume: self.volume(),
            }),
            Condition::from(VolumeCondition::VolumeOpen {
                volume: self.volume(),
            }),
        )
        .timeout(OPEN_SECONDS)
    }

    pub(super) fn unpack(&self) -> Step {
        let backup = self.situation.backup();
        Step::new(
            StepName::Unpack,
            Action::from(VolumeAction::Unpack {
                volume: self.volume(),
                file: backup.main_file.clone().unwrap_or_default(),
                major: backup.server_version / 10_000,
                architecture: backup.architecture.clone(),
            }),
            Condition::from(VolumeCondition::Unpacked {
                volume: self.volume(),
            }),
        )
        .timeout(self.situation.request.timeout_seconds)
    }

    /// The archived WAL that is replayed after the backup's own. What was unpacked is taken away with it.
    pub(super) fn fetch_wal(&self) -> Option<Step> {
        let way = self.situation.way()?;
        let step = Step::new(
            StepName::FetchWal,
            Action::from(VolumeAction::FetchWal {
                volume: self.volume(),
                segments: way.count,
                bytes: way.stored_bytes,
            }),
            Condition::from(VolumeCondition::WalThere {
                volume: self.volume(),
            }),
        );
        Some(step.timeout(self.situation.request.timeout_seconds))
    }

    pub(super) fn recover(&self) -> Step {
        Step::new(
            StepName::Recover,
            Action::from(VolumeAction::Recover {
                volume: self.volume(),
                above: newest_timeline(self.situation),
                target: self.situation.way().map(|it| it.target.clone()),
            }),
            Condition::from(VolumeCondition::Recovered {
                volume: self.volume(),
            }),
        )
        .timeout(self.situation.request.timeout_seconds)
    }

    pub(super) fn swap_in(&self) -> Step {
        Step::new(
            StepName::KeepOld,
            Action::from(VolumeAction::SwapIn {
                volume: self.volume(),
                aside: self.aside.to_owned(),
            }),
            Condition::from(VolumeCondition::SwappedIn {
                volume: self.volume(),
            }),
        )
        .timeout(60)
    }
}

/// The newest timeline that anybody has heard of.
pub(super) fn newest_timeline(situation: &Situation<'_>) -> u32 {
    let here = situation
        .snapshot
        .instances
        .iter()
        .filter_map(Instance::facts)
        .map(|facts| facts.timeline.0);
    here.max()
        .unwrap_or(0)
        .max(situation.backup().timeline.0)
        .max(situation.way().map_or(0, |it| it.newest.0))
}
