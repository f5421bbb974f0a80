//! Where clients and standbys go.

use super::frame::Frame;
use crate::cluster::{Instance, ServicePurpose, slot_name};
use crate::plan::selector::write_selector;
use crate::plan::{Action, Condition, Follower, Step, StepName};

impl Frame<'_> {
    pub(super) fn point_service(&self) -> Option<Step> {
        let service = self.snapshot.service(ServicePurpose::Write)?;
        let (selector, remember) = write_selector(service, &self.to, self.target.pod.component);
        Some(
            Step::new(
                StepName::PointService,
                Action::PointService {
                    service: service.name.clone(),
                    pod: self.to.clone(),
                    selector,
                    remember,
                },
                Condition::ServiceLeadsTo {
                    service: service.name.clone(),
                    pod: self.to.clone(),
                },
            )
            .timeout(60),
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
