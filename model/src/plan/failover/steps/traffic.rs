//! Where clients and standbys go.

use super::failover_steps::Steps;
use crate::cluster::{Instance, ServiceFacts, ServicePurpose, slot_name};
use crate::plan::common::{remembered_selector, write_selector};
use crate::plan::language::{Action, Condition, Follower, Mode, PodRef, Step, StepName};

/// How long the Service may take to lead to a pod.
const POINT_SECONDS: u32 = 60;
/// How long it may take to lead to the candidate while the old primary is about to be stopped: clients that come meanwhile are
/// led to nobody.
const MOVE_SECONDS: u32 = 20;
/// How long asking a pod to stay may take, in seconds.
const LINGER_SECONDS: u32 = 10;

impl Steps<'_> {
    /// New connections go to the candidate before the old primary is stopped, or, in an emergency, before
    /// another accepts writes. A standby takes them and refuses writes until it is promoted; the address of
    /// a pod that has gone would let them hang. docs/decisions.md has the figures.
    pub(super) fn move_clients(&self) -> Option<Step> {
        let service = self.snapshot.service(ServicePurpose::Write)?;
        let (back, was) = self.clients_back(service);
        let proves = match self.situation.mode {
            Mode::Switchover => Condition::ServiceLeadsTo {
                service: service.name.clone(),
                pod: self.to.clone(),
            },
            // Writes are away: nothing waits for what the Service does, and the candidate may not be ready.
            Mode::Emergency => Condition::Answered,
        };
        let mut step = Step::new(StepName::MoveClients, self.point(service), proves)
            .timeout(POINT_SECONDS)
            .undo(vec![self.sending_away(back)], was, POINT_SECONDS);
        Some(match self.situation.mode {
            Mode::Switchover => {
                // Nobody is led to one that is not there any more.
                step.requires.extend(self.fit(false));
                step.timeout(MOVE_SECONDS)
            }
            Mode::Emergency => step.timeout(5).reported(),
        })
    }

    /// A proxy may act on that a second late, and the address of a pod that has gone lets a connection hang. So the pod
    /// stays for that time; one that does not promise it is not stopped before every proxy had its time.
    pub(super) fn linger(&self) -> Option<Step> {
        let pod = self.lingering()?;
        let forget = Action::ForgetLingering { pod: pod.clone() };
        let term = self.term;
        Some(
            Step::new(
                StepName::LingerOnStop,
                Action::AskToLinger { pod, term },
                Condition::Answered,
            )
            .undo(vec![forget], Condition::Answered, LINGER_SECONDS)
            .timeout(LINGER_SECONDS)
            .reported(),
        )
    }

    /// The old primary, where clients are led away from it and its start script may know how to stay.
    pub(super) fn lingering(&self) -> Option<PodRef> {
        self.clients_moved()?;
        self.config_map.as_ref()?;
        self.old_to_stop().map(PodRef::of)
    }

    /// What must hold before a primary that clients use is stopped.
    pub(super) fn clients_moved(&self) -> Option<Condition> {
        let service = self.snapshot.service(ServicePurpose::Write)?;
        (self.situation.mode == Mode::Switchover).then(|| Condition::ClientsLedTo {
            service: service.name.clone(),
            pod: self.to.clone(),
        })
    }

    /// The Service as it is now, and what it leads to.
    fn clients_back(&self, service: &ServiceFacts) -> (Action, Condition) {
        let old = self.situation.old.clone();
        let led = service.endpoints.iter().filter(|it| it.ready);
        let led: Vec<&str> = led.filter_map(|it| it.pod.as_deref()).collect();
        let was = if led == [old.as_str()] {
            Condition::ServiceLeadsTo {
                service: service.name.clone(),
                pod: old.clone(),
            }
        } else {
            Condition::Answered
        };
        let back = Action::PointService {
            service: service.name.clone(),
            pod: old,
            selector: service.selector.clone(),
            remember: remembered_selector(service),
            strands_on: None,
        };
        (back, was)
    }

    /// Nothing was promoted: a client that came to the candidate, and keeps its session, could not write until
    /// it connects again, which it has no reason to do.
    fn sending_away(&self, mut back: Action) -> Action {
        if let Action::PointService { strands_on, .. } = &mut back {
            *strands_on = Some(self.to.clone());
        }
        back
    }

    /// For whoever brings the old primary back: clients find it as soon as it is ready.
    pub(super) fn lead_back(&self) -> Option<Action> {
        let service = self.snapshot.service(ServicePurpose::Write)?;
        Some(self.clients_back(service).0)
    }

    fn point(&self, service: &ServiceFacts) -> Action {
        let (selector, remember) = write_selector(service, &self.to, self.target.pod.component);
        Action::PointService {
            service: service.name.clone(),
            pod: self.to.clone(),
            selector,
            remember,
            strands_on: None,
        }
    }

    /// After the promotion: whoever has pointed it elsewhere meanwhile (a GitOps tool) does not keep it.
    pub(super) fn point_service(&self) -> Option<Step> {
        let service = self.snapshot.service(ServicePurpose::Write)?;
        Some(
            Step::new(
                StepName::PointService,
                self.point(service),
                Condition::ServiceLeadsTo {
                    service: service.name.clone(),
                    pod: self.to.clone(),
                },
            )
            .timeout(POINT_SECONDS),
        )
    }

    pub(super) fn repoint(&self) -> Option<Step> {
        let line = |it: &Instance| it.facts().map(|facts| facts.timeline);
        let followers: Vec<Follower> = self
            .snapshot
            .standbys()
            .filter(|it| it.name() != self.to && line(it) <= line(self.target))
            .map(|it| Follower {
                pod: it.name().to_owned(),
                slot: slot_name(it.name()),
            })
            .collect();
        let service = self
            .snapshot
            .stateful_set(self.target.pod.component)
            .map(|set| set.service.clone())?;
        if followers.is_empty() {
            return None;
        }
        let proves = Condition::Streaming {
            upstream: self.to.clone(),
            pods: followers.iter().map(|it| it.pod.clone()).collect(),
        };
        Some(
            Step::new(
                StepName::Repoint,
                Action::Repoint {
                    upstream: self.to.clone(),
                    service,
                    followers,
                },
                proves,
            )
            .requires(Condition::Writable {
                pod: self.to.clone(),
            })
            .timeout(60)
            .reported(),
        )
    }
}
