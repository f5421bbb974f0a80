//! What an action does to the modelled cluster.

use super::model::{Model, Server, SimulatedPod};
use crate::cluster::{Lsn, Timeline};
use crate::plan::language::{Action, ClaimRef, Operation, Plan, PodRef, Shutdown};

impl Model {
    /// Carries an action out.
    ///
    /// # Errors
    /// When the modelled server or API would answer with an error.
    pub fn act(&mut self, plan: &Plan, action: &Action) -> Result<(), String> {
        self.check_clients(plan, action);
        self.reported_to_us = true;
        let done = self.carry_out(plan, action);
        self.reported_to_us = false;
        done
    }

    fn carry_out(&mut self, plan: &Plan, action: &Action) -> Result<(), String> {
        match action {
            Action::Observe => {}
            Action::SetAutoscalerMinimum { minimum, .. } => match &mut self.autoscaler {
                Some((low, high)) if minimum <= high => *low = *minimum,
                _ => return Err("the autoscaler does not take it".to_owned()),
            },
            Action::CreateSlots { pod, slots } => {
                let server = self.answering(pod)?;
                server.slots.extend(slots.iter().cloned());
            }
            Action::DropSlots { pod, slots } => {
                let server = self.answering(pod)?;
                server.slots.retain(|slot| !slots.contains(slot));
            }
            Action::Checkpoint { pod } => {
                self.answering(pod)?;
            }
            Action::HoldRecord { pod } => {
                if !self.is_current(pod) {
                    return Err(format!("{} is another pod by now", pod.name));
                }
                self.held.insert(pod.uid.clone());
            }
            Action::ReleaseRecord { pod } => self.release(pod),
            Action::WriteTopology {
                primary,
                term,
                unproven,
                ..
            } => {
                if *term < self.topology.1 {
                    return Err(format!(
                        "the topology is at term {} already",
                        self.topology.1
                    ));
                }
                let present: Vec<PodRef> =
                    unproven.iter().filter_map(|it| self.current(it)).collect();
                for pod in present {
                    self.unproven.entry(pod.name).or_default().insert(pod.uid);
                }
                // What an earlier pod of its name owes stays.
                let named = self.current(primary).map(|it| it.uid);
                if let Some(uids) = self.unproven.get_mut(primary) {
                    uids.retain(|it| Some(it) != named.as_ref());
                }
                self.unproven.retain(|_, uids| !uids.is_empty());
                self.topology = (primary.clone(), *term);
                self.was_fenced = true;
            }
            Action::SettleProofs { pods, .. } => {
                self.unproven.retain(|name, _| !pods.contains(name));
            }
            Action::StopUnproven {
                stateful_sets,
                pods,
            } => {
                for pod in pods {
                    if let Some(now) = self.current(&pod.name) {
                        self.held.insert(now.uid);
                    }
                }
                for set in stateful_sets {
                    self.scale(set, 0)?;
                }
                for pod in pods {
                    self.check_fenced(&pod.name);
                    self.delete(&pod.name);
                }
            }
            Action::ReleaseRecords { pods } => {
                for pod in pods {
                    self.release(pod);
                }
            }
            Action::Scale {
                stateful_set,
                replicas,
            } => self.scale(stateful_set, *replicas)?,
            // Its successor is what was wanted.
            Action::EvictPod { pod } | Action::DeletePod { pod }
                if plan.operation.restart().is_some() =>
            {
                if self.is_current(pod) {
                    self.check_fenced(&pod.name);
                    self.delete(&pod.name);
                }
            }
            Action::EvictPod { pod } | Action::DeletePod { pod } => {
                // Whoever has its name by now may have read what the topology said before.
                self.check_fenced(&pod.name);
                self.delete(&pod.name);
            }
            Action::HastenEnd { pod, .. } => {
                if self.is_current(pod) {
                    self.check_fenced(&pod.name);
                    self.delete(&pod.name);
                }
            }
            Action::AskToLinger { .. }
            | Action::ForgetLingering { .. }
            | Action::AwaitEnd { .. } => {}
            Action::DeleteClaim { .. } => self.empty_volume(plan),
            Action::RequestClone { pod, .. } => {
                self.clones_wanted.insert(pod.clone());
            }
            Action::HoldClients { .. } => self.clients_held = true,
            Action::ReleaseClients { primary, .. } => {
                if let (Some(primary), Some(led)) = (primary, self.write.clone())
                    && self.clients_held
                    && led != *primary
                {
                    return Err(format!("the way of clients leads to {led}"));
                }
                self.clients_held = false;
            }
            Action::Promote { pod } => self.promote(plan, pod)?,
            Action::PointService { pod, .. } => self.write = Some(pod.clone()),
            Action::CloseService { .. } => self.write = None,
            Action::SpreadReads {
                service, selector, ..
            } => {
                self.reads.insert(service.clone(), selector.clone());
            }
            Action::Repoint {
                upstream,
                followers,
                ..
            } => {
                for follower in followers {
                    if !self
                        .pods
                        .get(upstream)
                        .is_some_and(|it| it.slots.contains(&follower.slot))
                    {
                        self.broke(format!(
                            "{} is repointed before {upstream} has its slot",
                            follower.pod
                        ));
                    }
                    if let Some(pod) = self.pods.get_mut(&follower.pod)
                        && pod.server == Server::Standby
                    {
                        pod.upstream = Some(upstream.clone());
                    }
                }
            }
            Action::DetachLaggards { pod, followers } => {
                self.answering(pod)?;
                for follower in followers {
                    if let Some(it) = self.pods.get_mut(&follower.pod)
                        && it.lags_behind(pod)
                    {
                        it.upstream = None;
                    }
                }
            }
            // Restores are run on a model of their own (`plan/restore/tests`).
            Action::Restore(_) => {}
            Action::Write { pod } => {
                let server = self.answering(pod)?;
                if server.server != Server::Writable {
                    return Err(format!("{pod} is read-only"));
                }
                server.position = Lsn::new(server.position.bytes() + 64);
            }
            Action::PatchAutoscaler { patch } => match &mut self.autoscaler {
                Some(bounds) if patch.bounds.min >= 1 && patch.bounds.min <= patch.bounds.max => {
                    *bounds = (patch.bounds.min, patch.bounds.max);
                    self.hold_to_bounds();
                }
                _ => return Err("the autoscaler does not take it".to_owned()),
            },
            Action::MendVolumes { pods, .. } => self.clones_wanted.extend(pods.iter().cloned()),
            Action::ForgetStandbys { servers, slots } => self.forget(servers, slots)?,
            Action::DeleteClaims { claims } => self.delete_claims(claims),
            Action::SetStandbyDelay { pod, value } => {
                self.answering(pod)?;
                self.set_standby_delay(pod, value.as_deref());
            }
            Action::SetSynchronous { pod, names } => {
                self.answering(pod)?;
                self.synchronous.insert(pod.clone(), names.clone());
            }
            Action::RecordSynchronous { standbys, .. } => self.wanted_synchronous = *standbys,
        }
        self.watch(&action.to_string());
        self.settle();
        Ok(())
    }

    fn answering(&mut self, pod: &str) -> Result<&mut SimulatedPod, String> {
        self.pods
            .get_mut(pod)
            .filter(|it| it.server != Server::Stopped && !it.cut_off && !it.hung && !it.unreachable)
            .ok_or_else(|| format!("{pod} does not answer"))
    }

    fn set_standby_delay(&mut self, pod: &str, value: Option<&str>) {
        let configured = self.configured_delays.get(pod).copied();
        let value = value.and_then(|it| it.parse().ok()).or(configured);
        self.standby_delays
            .extend(value.map(|it| (pod.to_owned(), it)));
    }

    pub(super) fn is_current(&self, pod: &PodRef) -> bool {
        self.pods
            .get(&pod.name)
            .is_some_and(|it| it.uid.as_ref() == Some(&pod.uid))
    }

    fn release(&mut self, pod: &PodRef) {
        self.held.remove(&pod.uid);
        if let Some(it) = self.pods.get_mut(&pod.name)
            && it.uid.as_ref() == Some(&pod.uid)
            && it.terminated
        {
            it.uid = None;
            it.terminated = false;
        }
    }

    fn scale(&mut self, name: &str, replicas: u32) -> Result<(), String> {
        let component = self.sets.get(name).ok_or("no such StatefulSet")?.component;
        let lost: Vec<String> = self
            .pods
            .iter()
            .filter(|(_, pod)| pod.component == component && pod.ordinal >= replicas)
            .map(|(name, _)| name.clone())
            .collect();
        for pod in lost {
            self.check_fenced(&pod);
        }
        if let Some(set) = self.sets.get_mut(name) {
            set.wanted = replicas;
        }
        self.hold_to_bounds();
        Ok(())
    }

    /// The autoscaler sees at once when its pods are fewer or more than it may let be.
    fn hold_to_bounds(&mut self) {
        let Some((least, most)) = self.autoscaler else {
            return;
        };
        for set in self.sets.values_mut() {
            // At 0 it rests.
            if set.component == crate::cluster::Component::Replica
                && set.wanted > 0
                && least <= most
            {
                set.wanted = set.wanted.clamp(least, most);
            }
        }
    }

    /// A primary is only ever stopped when the topology keeps it from coming back as one.
    fn check_fenced(&mut self, pod: &str) {
        let writable = self
            .pods
            .get(pod)
            .is_some_and(|it| it.server == Server::Writable);
        if writable && self.aware && self.topology.0 == pod {
            self.broke(format!("{pod} is stopped before the fence"));
        }
    }

    fn forget(&mut self, servers: &[String], slots: &[String]) -> Result<(), String> {
        for (index, pod) in servers.iter().enumerate() {
            match self.answering(pod) {
                Ok(server) => server.slots.retain(|slot| !slots.contains(slot)),
                Err(why) if index == 0 => return Err(why),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Whether there is a pod of this name, or is to be one.
    pub(super) fn has_pod(&self, name: &str) -> bool {
        self.pods
            .get(name)
            .is_some_and(|pod| pod.uid.is_some() || pod.ordinal < self.wanted(pod.component))
    }

    fn delete_claims(&mut self, claims: &[ClaimRef]) {
        for it in claims {
            let name = it.pod.clone();
            if self.has_pod(&name) || self.topology.0 == name {
                self.broke(format!(
                    "the volume of {name} is deleted while it is in use"
                ));
            } else {
                self.pods.remove(&name);
            }
        }
    }

    fn empty_volume(&mut self, plan: &Plan) {
        let Operation::Reinit { pod, .. } = &plan.operation else {
            self.broke("a volume is deleted outside of a reinit".to_owned());
            return;
        };
        if let Some(it) = self.pods.get_mut(pod) {
            if it.server == Server::Writable {
                self.violations
                    .push(format!("the volume of the primary {pod} is deleted"));
                return;
            }
            it.timeline = Timeline(0);
            it.primary_data = false;
        }
    }

    fn promote(&mut self, plan: &Plan, name: &str) -> Result<(), String> {
        if let Some((minimum, _)) = self.autoscaler
            && let Some(pod) = self.pods.get(name)
            && pod.component == crate::cluster::Component::Replica
            && minimum <= pod.ordinal
        {
            self.broke(format!(
                "{name} is promoted while the autoscaler may delete it"
            ));
        }
        if self.aware && self.topology.0 != name {
            self.broke(format!(
                "{name} is promoted while the topology names {}",
                self.topology.0
            ));
        }
        let missing = self.shutdown_of(plan).is_some_and(|shutdown| {
            self.pods
                .get(name)
                .is_some_and(|it| it.position <= shutdown.lsn)
        });
        if missing
            && !plan
                .operation
                .primary_change()
                .is_some_and(|it| it.loss_accepted)
        {
            self.broke(format!(
                "{name} is promoted without all of the old primary's WAL"
            ));
        }
        let newest = self.pods.values().map(|pod| pod.timeline).max();
        let pod = self.answering(name)?;
        match pod.server {
            Server::Writable => return Ok(()),
            Server::Stopped => return Err(format!("{name} does not run")),
            Server::Standby => {}
        }
        pod.server = Server::Writable;
        pod.primary_data = true;
        pod.upstream = None;
        pod.stalled = false;
        pod.timeline = Timeline(newest.map_or(2, |line| line.0 + 1));
        Ok(())
    }

    /// The record of the old primary's shutdown, when it has left one.
    pub fn shutdown_of(&self, plan: &Plan) -> Option<Shutdown> {
        let Operation::Failover { from, .. } = &plan.operation else {
            return None;
        };
        self.pods.get(from)?.record
    }
}
