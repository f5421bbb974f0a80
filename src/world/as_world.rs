//! The cluster as the engine's world.

use std::time::Duration;

use crate::engine::{Journal, Known, World, WorldError};
use crate::kubernetes::Regarding;
use crate::plan::{Action, Condition, Operation, OperationFinding, Plan, Step, StepName};
use crate::world::cluster::RealCluster;
use crate::world::{act, look, wait};

impl World for RealCluster {
    async fn prepare(&self, plan: &Plan, step: &Step) -> Result<(), WorldError> {
        let Some(change) = plan.operation.primary_change() else {
            return Ok(());
        };
        let cluster = &self.connections;
        match step.name {
            StepName::StopPrimary => {
                if let Action::Scale { stateful_set, .. } = &step.action {
                    self.numbers.look_at(cluster, stateful_set).await?;
                }
                self.held_clients.still_held(cluster, plan).await?;
                // Everything that is needed while writes are away is opened now.
                cluster.session(change.to).await?;
                if plan.is_switchover() && self.outage.since_last().is_none() {
                    // Without it the outage is measured by commit times.
                    if let Ok(session) = cluster.connect(change.from).await {
                        self.outage.begin(session);
                    }
                }
            }
            StepName::Promote => {
                cluster.session(change.to).await?;
            }
            StepName::MoveClients => self.held_clients.pin(cluster, plan).await,
            // So that nobody waits for it.
            StepName::HoldClients => drop(cluster.session(change.to).await?),
            StepName::PointService => self.held_clients.look_for(cluster, change.to).await,
            _ => {}
        }
        Ok(())
    }

    async fn act(
        &self,
        plan: &Plan,
        action: &Action,
        known: &Known,
        limit: Duration,
    ) -> Result<Vec<OperationFinding>, WorldError> {
        act::act(self, plan, action, known, limit).await
    }

    async fn holds(
        &self,
        plan: &Plan,
        condition: &Condition,
        known: &Known,
    ) -> Result<bool, WorldError> {
        look::holds(self, plan, condition, known).await
    }

    async fn wait(
        &self,
        plan: &Plan,
        condition: &Condition,
        known: &Known,
        limit: Duration,
    ) -> Result<Vec<OperationFinding>, WorldError> {
        wait::wait(self, plan, condition, known, limit).await
    }

    async fn store(&self, journal: &Journal) -> Result<(), WorldError> {
        self.journal.store(journal).await
    }

    fn is_ours(&self) -> bool {
        self.lock.is_ours()
    }

    async fn regain(&self) -> Result<(), WorldError> {
        self.lock.regain().await
    }

    async fn tell(&self, plan: &Plan, reason: &str, message: &str) {
        let (api_version, kind, name) = match &plan.operation {
            Operation::Failover { to, .. } => ("v1", "Pod", to),
            Operation::Rejoin { pod, .. } | Operation::Reinit { pod, .. } => ("v1", "Pod", pod),
            Operation::Scale { stateful_set, .. } => ("apps/v1", "StatefulSet", stateful_set),
            Operation::Autoscale { autoscaler, .. } => {
                ("autoscaling/v2", "HorizontalPodAutoscaler", autoscaler)
            }
            Operation::Synchronous { primary, .. } => match primary {
                Some(pod) => ("v1", "Pod", pod),
                None => return,
            },
            Operation::Restart(scope) => ("v1", "Pod", &scope.pod.name),
            Operation::Restore(scope) => ("v1", "Pod", &scope.pod),
            Operation::Discard { .. } => return,
        };
        let cluster = &self.connections;
        // `kubectl describe pod` finds Events by UID.
        let uid = match kind {
            "Pod" => cluster
                .kube
                .pod(cluster.namespace(), name)
                .await
                .ok()
                .flatten(),
            _ => None,
        };
        let uid = uid.map(|pod| pod.uid);
        let regarding = Regarding {
            api_version,
            kind,
            name: name.clone(),
            uid,
        };
        let warning = reason == "OperationRolledBack";
        // An Event is a courtesy: the journal is the record.
        cluster
            .kube
            .record_event(cluster.namespace(), &regarding, reason, message, warning)
            .await
            .ok();
    }

    fn cut(&self) {
        self.connections.cut();
        self.held_clients.drop_all();
        self.outage.end();
    }
}
