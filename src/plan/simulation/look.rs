//! Looking at the modelled cluster.

use super::super::{Condition, Plan, PodRef, Shutdown};
use super::model::{Model, Server};

impl Model {
    /// Whether a condition holds. `shutdown` is what is known of the old primary's end.
    pub fn holds(&self, plan: &Plan, condition: &Condition, shutdown: Option<Shutdown>) -> bool {
        let answers = |name: &str| {
            self.pods.get(name).filter(|pod| {
                !pod.cut_off && !pod.hung && !pod.unreachable && pod.server != Server::Stopped
            })
        };
        let streams = |name: &str, upstream: &str| {
            let line = answers(upstream).map(|it| it.timeline);
            answers(name).is_some_and(|it| {
                it.server == Server::Standby
                    && it.upstream.as_deref() == Some(upstream)
                    && Some(it.timeline) == line
            })
        };
        match condition {
            Condition::Answered => true,
            Condition::AutoscalerMinimum { minimum, .. } => {
                self.autoscaler.is_some_and(|(low, _)| low == *minimum)
            }
            Condition::Slots { pod, slots } => {
                answers(pod).is_some_and(|it| slots.iter().all(|slot| it.slots.contains(slot)))
            }
            Condition::NoSlots { pod, slots } => {
                answers(pod).is_some_and(|it| !slots.iter().any(|slot| it.slots.contains(slot)))
            }
            Condition::RecordHeld { pod } => self.held.contains(&pod.uid),
            Condition::RecordReleased { pod } => !self.held.contains(&pod.uid),
            Condition::Topology { primary, term, .. } => self.topology == (primary.clone(), *term),
            Condition::Scaled {
                stateful_set,
                replicas,
            } => self
                .sets
                .get(stateful_set)
                .is_some_and(|set| set.wanted == *replicas),
            Condition::Stopped { pod } => self.stopped(pod),
            Condition::StoppedCleanly { pod } => {
                self.stopped(pod) && shutdown.or_else(|| self.shutdown_of(plan)).is_some()
            }
            Condition::PodAbsent { pod } => self.pods.get(pod).is_none_or(|it| it.uid.is_none()),
            Condition::PodReplaced { pod } => self
                .pods
                .get(&pod.name)
                .and_then(|it| it.uid.as_ref())
                .is_some_and(|uid| *uid != pod.uid),
            Condition::ClaimGone { .. }
            | Condition::ClaimEnding { .. }
            | Condition::ClaimReplaced { .. } => true,
            Condition::CloneRequested { .. } => true,
            Condition::CaughtUp { pod } => shutdown
                .or_else(|| self.shutdown_of(plan))
                .is_some_and(|end| answers(pod).is_some_and(|it| it.position > end.lsn)),
            Condition::InRecovery { pod } => {
                answers(pod).is_some_and(|it| it.server == Server::Standby)
            }
            Condition::Writable { pod } => {
                answers(pod).is_some_and(|it| it.server == Server::Writable)
            }
            Condition::NotWritable { pod } => {
                answers(pod).is_none_or(|it| it.server != Server::Writable)
            }
            Condition::Unanswering { pod } => {
                answers(pod).is_none_or(|it| it.server != Server::Writable)
            }
            Condition::LacksNothingKnown { pod } => shutdown
                .or_else(|| self.shutdown_of(plan))
                .is_none_or(|end| answers(pod).is_some_and(|it| it.position > end.lsn)),
            Condition::PodReady { pod } => self
                .pods
                .get(pod)
                .is_some_and(|it| it.uid.is_some() && it.server != Server::Stopped),
            Condition::ServiceClosed { .. } => self.write.is_none(),
            Condition::ServiceLeadsTo { pod, .. } | Condition::ClientsLedTo { pod, .. } => {
                self.write.as_ref() == Some(pod)
            }
            Condition::ServiceSelects { service, selector } => {
                self.reads.get(service) == Some(selector)
            }
            Condition::Streaming { upstream, pods } => {
                pods.iter().all(|name| streams(name, upstream))
            }
            Condition::Back { upstream, pod } => streams(pod, upstream),
            Condition::AutoscalerIs { patch } => {
                self.autoscaler == Some((patch.bounds.min, patch.bounds.max))
            }
            Condition::Serving { upstream, pods, .. } => {
                pods.iter().all(|name| streams(name, upstream))
            }
            Condition::PodsGone { pods } => pods
                .iter()
                .all(|pod| self.pods.get(&pod.name).is_none_or(|it| it.uid.is_none())),
            Condition::Forgotten { servers, slots } => servers.iter().all(|pod| {
                answers(pod).is_none_or(|it| !slots.iter().any(|slot| it.slots.contains(slot)))
            }),
            Condition::ClaimsUnused { claims } => claims.iter().all(|it| !self.has_pod(&it.pod)),
            Condition::ClaimsGone { .. } => true,
            Condition::Synchronous {
                pod,
                names,
                standbys,
                count,
            } => {
                let confirm = standbys.iter().filter(|name| streams(name, pod)).count();
                let set = self.synchronous.get(pod).map_or("", String::as_str);
                set == names && confirm >= *count as usize
            }
            Condition::SynchronousRecorded { standbys, .. } => self.wish == *standbys,
            Condition::Restore(_) => true,
        }
    }

    /// Stopped for good: gone, or only its object is left.
    fn stopped(&self, pod: &PodRef) -> bool {
        !self.is_current(pod) || self.pods.get(&pod.name).is_some_and(|it| it.terminated)
    }
}
