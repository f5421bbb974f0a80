//! The restored pod, the Service, and then the replicas.

use super::volume_restore::{START_SECONDS, STOP_SECONDS, VolumeRestore};
use crate::cluster::{Component, ServiceFacts, ServicePurpose};
use crate::plan::common::{
    closed_selector, give_back_minimum, remembered_minimum, remembered_selector, replicas_alone,
    write_selector,
};
use crate::plan::language::{
    Action, Condition, DEFAULT_MAX_LAG_BYTES, ServingGoal, Step, StepName, VolumeAction,
    VolumeCondition,
};

/// How long looking into every database may take.
const PROOF_SECONDS: u32 = 600;

impl VolumeRestore<'_> {
    /// The restored pod, the Service, and then the replicas.
    pub(super) fn start(&self) -> Vec<Step> {
        let scale = |replicas| Action::Scale {
            stateful_set: self.primary_set.name.clone(),
            replicas,
        };
        let stopped = Condition::from(VolumeCondition::PodsGone {
            pods: vec![self.target.clone()],
        });
        let mut start = Step::new(
            StepName::StartPrimary,
            scale(1),
            Condition::Writable {
                pod: self.target.clone(),
            },
        )
        .timeout(START_SECONDS)
        .undo(vec![scale(0)], stopped, STOP_SECONDS);
        // What is not proven may be taken back, so nobody may write to it.
        if let Some(service) = self.write_service() {
            start = start.requires(closed(service));
        }
        let mut steps = vec![
            start,
            Step::new(
                StepName::ProveRestored,
                Action::Write {
                    pod: self.target.clone(),
                },
                Condition::from(VolumeCondition::Restored {
                    pod: self.target.clone(),
                    system_identifier: self.situation.backup().system_identifier.clone(),
                }),
            )
            .timeout(PROOF_SECONDS),
        ];
        steps.extend(self.point_service());
        let renewed = self.claims_to_renew();
        if !renewed.is_empty() {
            let delete = VolumeAction::DeleteClaims {
                claims: renewed.clone(),
            };
            let gone = VolumeCondition::ClaimsGone { claims: renewed };
            steps.push(
                Step::new(
                    StepName::RenewReplicas,
                    Action::from(delete),
                    Condition::from(gone),
                )
                .requires(Condition::Writable {
                    pod: self.target.clone(),
                })
                .timeout(120)
                .point_of_no_return()
                .stays(),
            );
        }
        steps.extend(self.start_replicas());
        steps.extend(self.set_synchronous());
        steps.extend(self.restore_autoscaler());
        steps
    }

    fn start_replicas(&self) -> Option<Step> {
        let set = self.replica_set.filter(|set| set.wanted > 0)?;
        let scale = |replicas| Action::Scale {
            stateful_set: set.name.clone(),
            replicas,
        };
        let pods = |count| (0..count).map(|number| format!("{}-{number}", set.name));
        let serving = Condition::Serving(ServingGoal {
            upstream: self.target.clone(),
            service: self
                .situation
                .snapshot
                .service(ServicePurpose::Read)
                .map(|it| it.name.clone()),
            pods: pods(set.wanted).collect(),
            max_lag_bytes: DEFAULT_MAX_LAG_BYTES,
        });
        // The autoscaler may have made more of them in the meantime.
        let autoscaler = self.situation.snapshot.autoscaler.as_ref();
        let most = autoscaler.map_or(0, |it| it.max).max(set.wanted);
        let stopped = Condition::from(VolumeCondition::PodsGone {
            pods: pods(most).collect(),
        });
        Some(
            Step::new(StepName::StartReplicas, scale(set.wanted), serving)
                .timeout(self.situation.request.timeout_seconds)
                .undo(vec![scale(0)], stopped, STOP_SECONDS)
                .reported(),
        )
    }

    fn write_service(&self) -> Option<&ServiceFacts> {
        self.situation.snapshot.service(ServicePurpose::Write)
    }

    /// New connections are refused until the restored data is proven. Whoever writes then keeps what
    /// he has written: from the opening on nothing goes back by itself.
    pub(super) fn close_service(&self) -> Option<Step> {
        let service = self.write_service()?;
        let old = self
            .old
            .map_or_else(|| self.target.clone(), |old| old.name().to_owned());
        // As it was, when its data is back, too.
        let back = Action::PointService {
            service: service.name.clone(),
            pod: old,
            selector: service.selector.clone(),
            remember: remembered_selector(service),
            strands_on: None,
        };
        Some(
            Step::new(StepName::CloseService, self.close(service), closed(service))
                .timeout(60)
                .undo(vec![back], Condition::Answered, 30),
        )
    }

    /// Where the read Service leads to pods of the primary StatefulSet, too, the restored primary would
    /// be one of them before it is proven. Its primary is home again afterwards, and reads go to the
    /// replicas.
    pub(super) fn close_reads(&self) -> Option<Step> {
        let service = self.situation.snapshot.service(ServicePurpose::Read)?;
        let home = replicas_alone(service)?;
        let back = Action::PointService {
            service: service.name.clone(),
            pod: self.target.clone(),
            selector: service.selector.clone(),
            remember: remembered_selector(service),
            strands_on: None,
        };
        let close = Action::CloseService {
            service: service.name.clone(),
            selector: home.clone(),
            remember: home,
        };
        Some(
            Step::new(StepName::CloseReads, close, Condition::Answered)
                .timeout(60)
                .undo(vec![back], Condition::Answered, 30),
        )
    }

    fn close(&self, service: &ServiceFacts) -> Action {
        let (selector, remember) = closed_selector(service, &self.id);
        Action::CloseService {
            service: service.name.clone(),
            selector,
            remember,
        }
    }

    fn point_service(&self) -> Option<Step> {
        let service = self.write_service()?;
        let (selector, remember) = write_selector(service, &self.target, Component::Primary);
        Some(
            Step::new(
                StepName::PointService,
                Action::PointService {
                    service: service.name.clone(),
                    pod: self.target.clone(),
                    selector,
                    remember,
                    strands_on: None,
                },
                Condition::ServiceLeadsTo {
                    service: service.name.clone(),
                    pod: self.target.clone(),
                },
            )
            .requires(Condition::Writable {
                pod: self.target.clone(),
            })
            .timeout(60)
            .after_a_pause(self.situation.request.pause)
            // Whoever aborts: nobody writes any more to what is taken away next.
            .undo(vec![self.close(service)], closed(service), 60)
            .stays(),
        )
    }

    /// A minimum that a failover has raised is not needed any more: the primary is home.
    fn restore_autoscaler(&self) -> Option<Step> {
        let autoscaler = self.situation.snapshot.autoscaler.as_ref()?;
        let minimum = remembered_minimum(self.situation.snapshot)?;
        Some(give_back_minimum(&autoscaler.name, minimum))
    }
}

fn closed(service: &ServiceFacts) -> Condition {
    Condition::ServiceClosed {
        service: service.name.clone(),
    }
}
