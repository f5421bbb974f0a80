//! Looking at the modelled cluster.

use super::model::{Model, Server};
use crate::plan::language::{Condition, Known, OperationFinding, Plan, PodRef, ServingGoal};

impl Model {
    /// Whether a condition holds, by what can be seen and what is known.
    pub fn holds(&self, plan: &Plan, condition: &Condition, known: &Known) -> bool {
        let shutdown = known.shutdown;
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
            Condition::Topology { primary, term, .. } | Condition::Fenced { primary, term, .. } => {
                self.topology == (primary.clone(), *term)
            }
            Condition::ProofsSettled { pods, .. } => {
                !pods.iter().any(|pod| self.unproven.contains_key(pod))
            }
            Condition::Scaled {
                stateful_set,
                replicas,
            } => self
                .sets
                .get(stateful_set)
                .is_some_and(|set| set.wanted == *replicas),
            Condition::Stopped { pod } => self.all_ended(&pod.name, Some(pod), known),
            Condition::StoppedCleanly { pod } => {
                shutdown.is_some()
                    || (known.to_be_proven(&pod.name, Some(pod)).len() == 1
                        && self.ended(pod)
                        && self.shutdown_of(plan).is_some())
            }
            Condition::PodAbsent { pod } => self.all_ended(pod, None, known),
            Condition::AllStopped { pods } => pods
                .iter()
                .all(|pod| self.all_ended(&pod.name, Some(pod), known)),
            Condition::RecordsReleased { pods } => {
                !pods.iter().any(|pod| self.held.contains(&pod.uid))
            }
            Condition::PodReplaced { pod } => self
                .pods
                .get(&pod.name)
                .and_then(|it| it.uid.as_ref())
                .is_some_and(|uid| {
                    *uid != pod.uid && !known.deleted.iter().any(|it| it.uid == *uid)
                }),
            Condition::ClaimGone { .. }
            | Condition::ClaimEnding { .. }
            | Condition::ClaimReplaced { .. } => true,
            Condition::CloneRequested { .. } => true,
            Condition::CaughtUp { pod } => shutdown
                .or_else(|| self.shutdown_of(plan))
                .is_some_and(|end| answers(pod).is_some_and(|it| it.position > end.lsn)),
            Condition::FitToTakeOver {
                pod,
                upstream,
                max_lag_bytes,
                stopping,
                ..
            } => {
                let stays = self
                    .pods
                    .get(pod)
                    .is_some_and(|it| it.uid.is_some() && it.ordinal < self.wanted(it.component));
                let behind = |upstream: &String| {
                    let end = answers(upstream)?.position;
                    Some(end.bytes_since(answers(pod)?.position))
                };
                let going = |upstream: &String| {
                    *stopping && self.pods.get(upstream).is_some_and(|it| it.lingers)
                };
                stays
                    && upstream.as_ref().is_none_or(|upstream| {
                        going(upstream)
                            || (streams(pod, upstream)
                                && behind(upstream).is_some_and(|it| it <= *max_lag_bytes))
                    })
            }
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
            Condition::PodDeleted { pod } => !self.is_current(pod),
            Condition::Restarted { pod, .. } if !self.has_pod(&pod.name) => true,
            Condition::Restarted {
                pod,
                revision,
                upstream,
                max_lag_bytes,
            } => {
                let now = self.pods.get(&pod.name);
                let is_new = now.is_some_and(|it| {
                    it.uid.as_ref().is_some_and(|uid| *uid != pod.uid)
                        && it.revision.as_ref() == Some(revision)
                });
                let behind = answers(upstream)
                    .zip(answers(&pod.name))
                    .map(|(from, to)| from.position.bytes_since(to.position));
                is_new
                    && streams(&pod.name, upstream)
                    && behind.is_some_and(|it| it <= *max_lag_bytes)
            }
            Condition::AutoscalerIs { patch } => {
                self.autoscaler == Some((patch.bounds.min, patch.bounds.max))
            }
            Condition::Serving(ServingGoal { upstream, pods, .. }) => {
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
            Condition::NobodyLags { pod, standbys } => {
                let mut standbys = standbys.iter().filter_map(|name| self.pods.get(name));
                answers(pod).is_some() && !standbys.any(|it| it.lags_behind(pod))
            }
            Condition::StandbyDelay { pod, milliseconds } => {
                answers(pod).is_some() && self.standby_delays.get(pod) == Some(milliseconds)
            }
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
            Condition::SynchronousRecorded { standbys, .. } => self.wanted_synchronous == *standbys,
            Condition::Restore(_) => true,
        }
    }

    /// What has taken the place of a topology that is waited for, when something has.
    pub fn gone_on(&self, condition: &Condition) -> Option<String> {
        let (Condition::Topology { primary, term, .. } | Condition::Fenced { primary, term, .. }) =
            condition
        else {
            return None;
        };
        let (named, now) = &self.topology;
        (now > term || (now == term && named != primary))
            .then(|| format!("the topology names {named}, term {now}"))
    }

    /// What waiting for a condition that holds teaches.
    pub fn learn(
        &self,
        plan: &Plan,
        condition: &Condition,
        known: &Known,
    ) -> Vec<OperationFinding> {
        if let Condition::Fenced { pods, .. } = condition {
            let pods = pods.iter().filter_map(|name| self.current(name)).collect();
            return vec![OperationFinding::Fenced { pods }];
        }
        let alone = |name: &str, planned: Option<&PodRef>| self.everybody(name, planned, known);
        let (pods, last) =
            if let Condition::Stopped { pod } | Condition::StoppedCleanly { pod } = condition {
                (alone(&pod.name, Some(pod)), self.shutdown_of(plan))
            } else if let Condition::PodAbsent { pod } = condition {
                (alone(pod, None), self.shutdown_of(plan))
            } else if let Condition::AllStopped { pods } = condition {
                let each = pods.iter().flat_map(|pod| alone(&pod.name, Some(pod)));
                (each.collect(), None)
            } else {
                (Vec::new(), None)
            };
        let ends = pods.into_iter().filter(|pod| !known.has_ended(pod));
        let ended = ends.map(|pod| OperationFinding::Ended { pod });
        let last = last.filter(|_| known.shutdown.is_none());
        ended.chain(last.map(OperationFinding::Shutdown)).collect()
    }

    fn all_ended(&self, name: &str, planned: Option<&PodRef>, known: &Known) -> bool {
        self.everybody(name, planned, known)
            .iter()
            .all(|pod| known.has_ended(pod) || self.ended(pod))
    }

    /// Whose end is needed: without a topology, of whoever there is.
    fn everybody(&self, name: &str, planned: Option<&PodRef>, known: &Known) -> Vec<PodRef> {
        let mut pods = known.to_be_proven(name, planned);
        if known.fenced.is_none() {
            pods.extend(self.current(name).filter(|it| !pods.contains(it)));
        }
        pods
    }

    /// The pod of this name.
    pub(super) fn current(&self, name: &str) -> Option<PodRef> {
        let uid = self.pods.get(name)?.uid.clone()?;
        let name = name.to_owned();
        Some(PodRef { name, uid })
    }

    /// Its end shows, or showed while we looked: only its object is left, or was.
    fn ended(&self, pod: &PodRef) -> bool {
        self.reported.contains(&pod.uid)
            || (self.is_current(pod) && self.pods.get(&pod.name).is_some_and(|it| it.terminated))
    }
}
