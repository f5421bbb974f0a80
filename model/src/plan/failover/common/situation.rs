//! The situation that a failover starts from, worked out once for all checks.

use crate::cluster::{
    Component, ContainerState, Instance, PoolerPod, PoolerPurpose, Poolers, Role, SignOfLife,
    Snapshot, signs_of_life,
};
use crate::plan::language::{
    Circumstances, FailoverRequest, Hold, Mode, PodRef, Shutdown, Unfinished,
};

/// A failover to be judged.
pub(crate) struct Situation<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) request: &'a FailoverRequest,
    pub(crate) circumstances: &'a Circumstances,
    pub(crate) mode: Mode,
    /// Name of the pod that is, or is meant to be, primary.
    pub(crate) old: String,
}

impl<'a> Situation<'a> {
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        request: &'a FailoverRequest,
        circumstances: &'a Circumstances,
    ) -> Self {
        let mode = match snapshot.primaries().next() {
            Some(_) => Mode::Switchover,
            None => Mode::Emergency,
        };
        let old = snapshot.primary().map_or_else(
            || snapshot.topology.primary.clone(),
            |it| it.name().to_owned(),
        );
        Self {
            snapshot,
            request,
            circumstances,
            mode,
            old,
        }
    }

    /// The unfinished operation that this one replaces: in an emergency any but a restore, unless
    /// `--resume` can give the cluster a primary. What it has left is in the cluster, and whoever it
    /// has not proven stopped is in the topology.
    pub(crate) fn replaced(&self) -> Option<&'a Unfinished> {
        let found = self.circumstances.unfinished.as_ref()?;
        let replaces = self.mode == Mode::Emergency
            && !found.restore
            && (self.request.accept_split_brain_risk || !self.can_be_resumed(found));
        replaces.then_some(found)
    }

    /// Whether both pods that an unfinished failover still needs are there.
    fn can_be_resumed(&self, found: &Unfinished) -> bool {
        let (Some(from), Some(to)) = (&found.from, &found.to) else {
            return false;
        };
        let pod = |name: &str| self.snapshot.instance(name);
        let candidate = pod(to).is_some_and(|it| it.role() != Role::Unknown);
        let stoppable = pod(from).is_some_and(|it| {
            it.pod.has_ended()
                || (it.pod.node_ready != Some(false)
                    && (it.pod.deleting_since.is_none() || it.pod.held))
        });
        candidate && (stoppable || found.past_point_of_no_return)
    }

    /// The pods of poolers, as far as they were seen.
    pub(crate) fn poolers(&self) -> impl Iterator<Item = &'a PoolerPod> {
        let pods = match &self.circumstances.poolers {
            Poolers::Seen(pods) => pods.as_slice(),
            Poolers::Unseen(_) => &[],
        };
        pods.iter()
    }

    /// Those of them for writes.
    pub(crate) fn write_poolers(&self) -> impl Iterator<Item = &'a PoolerPod> {
        self.poolers()
            .filter(|it| it.purpose == PoolerPurpose::Write)
    }

    /// Those whose clients a switchover lets wait. In an emergency they wait as it is, and so do those of a pooler that somebody
    /// has paused by hand: whoever held it would end that.
    pub(crate) fn held_poolers(&self) -> impl Iterator<Item = &'a PoolerPod> {
        let holds = self.mode == Mode::Switchover && self.request.hold != Hold::Off;
        self.write_poolers()
            .filter(move |it| holds && it.can_hold() && !it.is_paused())
    }

    /// Those for writes that somebody has paused by hand.
    pub(crate) fn paused_poolers(&self) -> impl Iterator<Item = &'a PoolerPod> {
        self.write_poolers().filter(|it| it.is_paused())
    }

    /// Names of pods of earlier operations whose end is still to be proven, and who has the name now.
    pub(crate) fn unproven(&self) -> impl Iterator<Item = (&'a str, Option<&'a Instance>)> {
        let names = self.snapshot.topology.unproven.keys();
        names
            .map(|name| (name.as_str(), self.snapshot.instance(name)))
            .filter(|(name, _)| *name != self.old && !self.snapshot.owing(name).is_empty())
    }

    /// The old primary, when its pod exists.
    pub(crate) fn old_instance(&self) -> Option<&'a Instance> {
        self.snapshot.instance(&self.old)
    }

    /// The old primary's pod, when it exists.
    pub(crate) fn old_pod(&self) -> Option<PodRef> {
        self.old_instance().map(PodRef::of)
    }

    /// What shows that the old primary is alive, when it does not answer.
    pub(crate) fn signs_of_life(&self) -> Vec<SignOfLife> {
        signs_of_life(self.snapshot, &self.old)
    }

    /// Whether the old primary lives, can't be asked, and is to be stopped all the same.
    pub(crate) fn is_blind(&self) -> bool {
        let closed = || {
            self.old_instance()
                .is_some_and(|it| it.database.alive_but_closed().is_some())
        };
        self.mode == Mode::Emergency
            && self.request.blind
            && (closed() || !self.signs_of_life().is_empty())
    }

    /// What the old primary's end has to show before another is promoted.
    pub(crate) fn end(&self) -> End {
        match self.mode {
            Mode::Switchover => End::Clean,
            // It was taking writes: without its record nobody knows what would be lost.
            Mode::Emergency if self.is_blind() && !self.request.accept_loss => End::Clean,
            Mode::Emergency if self.request.accept_split_brain_risk => End::Waived,
            Mode::Emergency => End::Stopped,
        }
    }

    /// How long the old primary may take to stop, in seconds: its pod's own grace period (30 s, when
    /// the pod says nothing, as Kubernetes has it) and a moment for the news of its end, or more when
    /// that was asked for. Giving up before would leave a shutdown that goes on.
    pub(crate) fn stop_seconds(&self) -> u32 {
        const NEWS: u32 = 30;
        let grace = self
            .old_instance()
            .and_then(|it| it.pod.grace_seconds)
            .unwrap_or(30);
        let asked = self.request.stop_timeout_seconds.unwrap_or(0);
        asked.max(grace.saturating_add(NEWS))
    }

    /// The StatefulSet that the old primary lives in, also when its pod does not exist.
    pub(crate) fn old_component(&self) -> Component {
        if let Some(instance) = self.old_instance() {
            return instance.pod.component;
        }
        let of_set = |component| {
            let set = self.snapshot.stateful_set(component);
            set.is_some_and(|set| set.ordinal_of(&self.old).is_some())
        };
        if of_set(Component::Replica) {
            Component::Replica
        } else {
            Component::Primary
        }
    }

    /// Whether the old primary's pod does not exist, and its StatefulSet is about to change that. A
    /// pod of the primary StatefulSet is no such situation: scaling that to 0 stops whatever comes.
    pub(crate) fn is_being_recreated(&self) -> bool {
        let replicas = self.snapshot.stateful_set(Component::Replica);
        self.old_instance().is_none()
            && self.old_component() == Component::Replica
            && replicas.is_some_and(|set| set.keeps(&self.old))
    }

    /// Whether every StatefulSet's start script reads the topology.
    pub(crate) fn topology_aware(&self) -> bool {
        self.snapshot.topology.source.config_map().is_some()
            && self
                .snapshot
                .stateful_sets
                .iter()
                .all(|set| set.topology_aware)
    }

    /// The standbys that are not `target`.
    pub(crate) fn others(&self, target: &Instance) -> impl Iterator<Item = &'a Instance> {
        let (old, target) = (self.old.clone(), target.name().to_owned());
        self.snapshot
            .instances
            .iter()
            .filter(move |it| it.name() != target && it.name() != old)
    }

    /// The system identifier: as it is recorded, else as the standbys have it.
    fn system(&self) -> Option<&'a str> {
        let recorded = self.snapshot.topology.system_identifier.as_deref();
        recorded.or_else(|| {
            let mut standbys = self.snapshot.standbys().filter_map(Instance::facts);
            standbys
                .next()
                .map(|facts| facts.system_identifier.as_str())
        })
    }

    /// The old primary's own record of a clean shutdown, when it stopped before. When the pod that
    /// the topology names was never promoted, it is that of the one that it was to follow.
    pub(crate) fn shutdown(&self) -> Option<Shutdown> {
        let system = self.system()?;
        let record = |it: &Instance| {
            let ContainerState::Terminated(record) = &it.pod.container else {
                return None;
            };
            record
                .clean_shutdown(system)
                .map(|(timeline, lsn)| Shutdown { timeline, lsn })
        };
        let old = self.old_instance();
        if old.is_none_or(|it| it.role() != Role::Standby) {
            return record(old?);
        }
        let mut before = self.unproven().filter_map(|(_, it)| it);
        let only = before.next().filter(|_| before.next().is_none())?;
        only.pod.has_ended().then(|| record(only)).flatten()
    }

    /// Pods that had ended for good when this was seen.
    pub(crate) fn ended(&self) -> Vec<PodRef> {
        let unproven = self.unproven().filter_map(|(_, it)| it);
        self.old_instance()
            .into_iter()
            .chain(unproven)
            .filter(|it| it.pod.has_ended())
            .map(PodRef::of)
            .collect()
    }
}

/// What the old primary's end has to show before another is promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// That it was shut down in order, and where its WAL ended.
    Clean,
    /// That it runs no more; where its WAL ended, when that can be known.
    Stopped,
    /// Nothing: the risk was accepted, by name. The proof is tried for all the same.
    Waived,
}
