//! What has to be typed before a plan is run.

use crate::confirmation::{Includes, NeedsConfirmation};
use crate::plan::{Plan, Rollout};

impl NeedsConfirmation for Plan {
    fn subject(&self) -> String {
        self.id.0.clone()
    }

    /// The cluster's name when something can't be undone, else `yes`.
    fn wanted(&self) -> String {
        // A restore into it changes what the cluster holds: whoever agrees has to know which cluster it is.
        let restores = self.operation.restore().is_some() && self.operation.throw_away().is_none();
        if restores || self.point_of_no_return().is_some() {
            self.cluster.name.clone()
        } else {
            "yes".to_owned()
        }
    }
}

impl NeedsConfirmation for Rollout {
    fn subject(&self) -> String {
        self.id.0.clone()
    }

    /// As for the plans that it has: a change of the primary can't be undone.
    fn wanted(&self) -> String {
        if self.changes_primary() {
            self.cluster.name.clone()
        } else {
            "yes".to_owned()
        }
    }
}

impl Includes<Plan> for Rollout {
    fn includes(&self, part: &Plan) -> bool {
        Self::includes(self, part)
    }
}
