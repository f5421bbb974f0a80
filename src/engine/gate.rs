//! What has to be typed before a plan is run.

use crate::confirmation::NeedsConfirmation;
use crate::plan::Plan;

impl NeedsConfirmation for Plan {
    fn subject(&self) -> String {
        self.id.0.clone()
    }

    /// The cluster's name when something can't be undone, else `yes`.
    fn wanted(&self) -> String {
        // A restore changes what the cluster holds: whoever agrees has to know which cluster it is.
        let restores = self.operation.restore().is_some();
        if restores || self.point_of_no_return().is_some() {
            self.cluster.name.clone()
        } else {
            "yes".to_owned()
        }
    }
}
