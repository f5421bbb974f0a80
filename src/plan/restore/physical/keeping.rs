//! Which data is kept, and which is only a copy.

use super::super::{KeptData, VolumeHandle};
use super::frame::{Frame, handle};

impl<'a> Frame<'a> {
    /// The other volumes whose data may be the only copy.
    pub(super) fn others_to_keep(&self) -> Vec<VolumeHandle> {
        let snapshot = self.scene.snapshot;
        snapshot
            .volumes
            .iter()
            .filter(|it| it.claim != self.volume.claim)
            // With a primary that answers, the standbys' data is a copy of its.
            .filter(|it| self.old.is_none_or(|old| it.pod == old.name()))
            .filter_map(|it| {
                let set = snapshot.stateful_set(it.component)?;
                Some(handle(&it.pod, &it.claim, &set.name))
            })
            .collect()
    }

    /// The claims of copies that are made anew.
    pub(super) fn claims_to_renew(&self) -> Vec<String> {
        let kept = self.others_to_keep();
        self.scene
            .snapshot
            .volumes
            .iter()
            .map(|it| it.claim.clone())
            .filter(|claim| *claim != self.volume.claim)
            .filter(|claim| !kept.iter().any(|it| it.claim == *claim))
            .collect()
    }

    pub(super) fn keeps(&self) -> Vec<KeptData> {
        let target = self.claim().map(|it| it.claim.clone());
        let others = self.others_to_keep().into_iter().map(|it| it.claim);
        target
            .into_iter()
            .chain(others)
            .map(|claim| KeptData {
                claim,
                directory: self.aside.clone(),
            })
            .collect()
    }
}
