//! The restored pod, the Service, and then the replicas.

use super::super::super::failover_steps::remembered_minimum;
use super::super::super::selector::{ORIGINAL_SELECTOR, write_selector};
use super::super::super::{Action, Condition, Step, StepName};
use super::super::{RestoreAction, RestoreCondition};
use super::frame::Frame;
use super::stop::STOP_SECONDS;
use crate::cluster::{Component, ServicePurpose};

/// How long a server may take to start.
pub(super) const START_SECONDS: u32 = 600;

impl Frame<'_> {
    /// The restored pod, the Service, and then the replicas.
    pub(super) fn start(&self) -> Vec<Step> {
        let seconds = self.scene.request.timeout_seconds;
        let set = self.primary_set.name.clone();
        let scale = |stateful_set: &str, replicas| Action::Scale {
            stateful_set: stateful_set.to_owned(),
            replicas,
        };
        let stopped = Condition::Restore(RestoreCondition::PodsGone {
            pods: vec![self.target.clone()],
        });
        let mut steps = vec![
            Step::new(
                StepName::StartPrimary,
                scale(&set, 1),
                Condition::Writable {
                    pod: self.target.clone(),
                },
            )
            .timeout(START_SECONDS)
            .undo(vec![scale(&set, 0)], stopped, STOP_SECONDS),
            Step::new(
                StepName::ProveRestored,
                Action::Write {
                    pod: self.target.clone(),
                },
                Condition::Restore(RestoreCondition::Restored {
                    pod: self.target.clone(),
                    system_identifier: self.scene.backup().system_identifier.clone(),
                }),
            )
            .timeout(60),
        ];
        steps.extend(self.point_service());
        let renewed = self.claims_to_renew();
        if !renewed.is_empty() {
            let delete = RestoreAction::DeleteClaims {
                claims: renewed.clone(),
            };
            let gone = RestoreCondition::ClaimsGone { claims: renewed };
            steps.push(
                Step::new(
                    StepName::RenewReplicas,
                    Action::Restore(delete),
                    Condition::Restore(gone),
                )
                .requires(Condition::Writable {
                    pod: self.target.clone(),
                })
                .timeout(120)
                .point_of_no_return(),
            );
        }
        if let Some(replicas) = self.replica_set.filter(|set| set.wanted > 0) {
            let pods = (0..replicas.wanted)
                .map(|number| format!("{}-{number}", replicas.name))
                .collect();
            let streaming = Condition::Streaming {
                upstream: self.target.clone(),
                pods,
            };
            let name = replicas.name.clone();
            steps.push(
                Step::new(
                    StepName::StartReplicas,
                    scale(&name, replicas.wanted),
                    streaming,
                )
                .timeout(seconds)
                .reported(),
            );
        }
        steps.extend(self.restore_autoscaler());
        steps
    }

    fn point_service(&self) -> Option<Step> {
        let service = self.scene.snapshot.service(ServicePurpose::Write)?;
        let (selector, remember) = write_selector(service, &self.target, Component::Primary);
        let before = service
            .annotations
            .get(ORIGINAL_SELECTOR)
            .and_then(|json| serde_json::from_str(json).ok());
        let old = self
            .old
            .map_or_else(|| self.target.clone(), |old| old.name().to_owned());
        let back = Action::PointService {
            service: service.name.clone(),
            pod: old,
            selector: service.selector.clone(),
            remember: before,
        };
        Some(
            Step::new(
                StepName::PointService,
                Action::PointService {
                    service: service.name.clone(),
                    pod: self.target.clone(),
                    selector,
                    remember,
                },
                Condition::ServiceLeadsTo {
                    service: service.name.clone(),
                    pod: self.target.clone(),
                },
            )
            .timeout(60)
            .undo(vec![back], Condition::Answered, 30),
        )
    }

    /// A minimum that a failover has raised is not needed any more: the primary is home.
    fn restore_autoscaler(&self) -> Option<Step> {
        let autoscaler = self.scene.snapshot.autoscaler.as_ref()?;
        let minimum = remembered_minimum(self.scene.snapshot)?;
        Some(
            Step::new(
                StepName::RestoreAutoscaler,
                Action::SetAutoscalerMinimum {
                    autoscaler: autoscaler.name.clone(),
                    minimum,
                    remember: None,
                },
                Condition::AutoscalerMinimum {
                    autoscaler: autoscaler.name.clone(),
                    minimum,
                },
            )
            .reported(),
        )
    }
}
