//! Where clients that connect through the write Service get to.

use super::model::{Model, Server};
use crate::plan::language::{Action, Plan};

impl Model {
    /// Whoever connects must never be led to a pod that is being stopped in order, nor to another than the one
    /// that is about to accept writes.
    pub(super) fn check_clients(&mut self, plan: &Plan, action: &Action) {
        let Some(led) = self.write.clone() else {
            return;
        };
        if let Action::Promote { pod } = action
            && led != *pod
        {
            self.broke(format!(
                "{pod} is promoted while the write Service leads to {led}"
            ));
        }
        let writable = self
            .pods
            .get(&led)
            .filter(|pod| pod.server == Server::Writable);
        let Some(pod) = writable.filter(|_| plan.is_switchover()) else {
            return;
        };
        let scaled_away = matches!(action, Action::Scale { stateful_set, replicas }
            if pod.ordinal >= *replicas
                && self.sets.get(stateful_set).is_some_and(|set| set.component == pod.component));
        let deleted = matches!(action, Action::EvictPod { pod } | Action::DeletePod { pod } if pod.name == led);
        if scaled_away || deleted {
            self.broke(format!("{led} is stopped while clients are led to it"));
        }
    }
}
