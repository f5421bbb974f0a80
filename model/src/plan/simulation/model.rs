//! The state of the modelled cluster, and what its controllers and start scripts do by themselves.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{
    Component, ContainerState, Instance, Lsn, Role, Snapshot, Timeline, TopologySource,
};
use crate::plan::language::{Plan, Shutdown};

/// What PostgreSQL does in a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// It does not run.
    Stopped,
    /// In recovery.
    Standby,
    /// It accepts writes.
    Writable,
}

/// A pod with its volume; the volume stays when the pod goes.
#[derive(Debug, Clone)]
pub struct SimulatedPod {
    /// Which StatefulSet.
    pub component: Component,
    /// Its ordinal in the StatefulSet.
    pub ordinal: u32,
    /// UID of the present pod; none while it does not exist.
    pub uid: Option<String>,
    /// It is being deleted and only its object is left.
    pub terminated: bool,
    /// The start script keeps it from starting.
    pub waits: bool,
    /// What runs in its pod, if anything does.
    pub server: Server,
    /// The volume holds a primary's data.
    pub primary_data: bool,
    /// The volume's timeline.
    pub timeline: Timeline,
    /// How far its WAL goes.
    pub position: Lsn,
    /// Name of the pod that it streams from.
    pub upstream: Option<String>,
    /// Its replication slots.
    pub slots: BTreeSet<String>,
    /// The kubelet there does nothing any more: nothing can be stopped, and nobody can look.
    pub cut_off: bool,
    /// The database does not answer, but the kubelet works.
    pub hung: bool,
    /// It runs, clients reach it, and pgctl does not.
    pub unreachable: bool,
    /// It can't follow by itself (replay paused, not streaming).
    pub stalled: bool,
    /// The record of its last shutdown.
    pub record: Option<Shutdown>,
    /// What its start script has read of the topology, when it can't have seen any change since: it
    /// was made before that, and starts late.
    pub read: Option<String>,
    /// It is being deleted, and takes its time.
    pub lingers: bool,
    /// The revision of the template that it was made from.
    pub revision: Option<String>,
}

impl SimulatedPod {
    /// It is connected to a server, and will not get what that has, or not soon.
    pub(super) fn lags_behind(&self, server: &str) -> bool {
        let connected = self.server == Server::Standby && self.upstream.as_deref() == Some(server);
        connected && (self.stalled || self.hung || self.cut_off)
    }

    /// A volume without a pod.
    fn absent(component: Component, ordinal: u32) -> Self {
        Self {
            component,
            ordinal,
            uid: None,
            terminated: false,
            waits: false,
            server: Server::Stopped,
            primary_data: false,
            timeline: Timeline(0),
            position: Lsn::ZERO,
            upstream: None,
            slots: BTreeSet::new(),
            cut_off: false,
            hung: false,
            unreachable: false,
            stalled: false,
            record: None,
            read: None,
            lingers: false,
            revision: None,
        }
    }
}

/// A StatefulSet.
#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) component: Component,
    pub(super) wanted: u32,
    /// The revision that its template is.
    pub(super) revision: Option<String>,
}

/// `max_standby_streaming_delay` of each server that answers, in milliseconds.
fn standby_delays(snapshot: &Snapshot) -> BTreeMap<String, i64> {
    let instances = snapshot.instances.iter();
    instances
        .filter_map(|it| Some((it.name().to_owned(), it.facts()?.settings.standby_delay_ms?)))
        .collect()
}

/// A modelled cluster.
#[derive(Debug, Clone)]
pub struct Model {
    /// The pods, also those that only have a volume.
    pub pods: BTreeMap<String, SimulatedPod>,
    pub(super) sets: BTreeMap<String, Set>,
    /// Minimum and maximum of the autoscaler.
    pub autoscaler: Option<(u32, u32)>,
    /// The pod that the topology names, and its term.
    pub topology: (String, u64),
    /// Whether the start script reads it.
    pub aware: bool,
    /// The pod that the write Service leads to.
    pub write: Option<String>,
    /// The selectors of Services for reads.
    pub(super) reads: BTreeMap<String, BTreeMap<String, String>>,
    /// Whose end is to be proven, as the topology says.
    pub unproven: BTreeMap<String, BTreeSet<String>>,
    /// Whether the topology was written since this model was made.
    pub(super) was_fenced: bool,
    /// Servers that accept writes in pods whose objects were taken away by force.
    pub ghosts: Vec<String>,
    /// UIDs of pods whose end we have seen although their objects are gone.
    pub(super) reported: BTreeSet<String>,
    /// Somebody of ours is watching while this happens.
    pub(super) reported_to_us: bool,
    /// UIDs of pods whose objects are kept.
    pub(super) held: BTreeSet<String>,
    pub(super) clones_wanted: BTreeSet<String>,
    pub(super) next_uid: u32,
    /// `max_standby_streaming_delay` of each pod, in milliseconds.
    pub standby_delays: BTreeMap<String, i64>,
    /// What it is of each pod when `postgresql.auto.conf` does not say otherwise.
    pub(super) configured_delays: BTreeMap<String, i64>,
    /// `synchronous_standby_names` of each pod on which it is set.
    pub synchronous: BTreeMap<String, String>,
    /// For how many standbys commits are to wait.
    pub wanted_synchronous: Option<u32>,
    /// The clients of poolers wait.
    pub clients_held: bool,
    /// Every invariant that was broken, in words.
    pub violations: Vec<String>,
    /// Two writable servers are accepted (`--accept-split-brain-risk`).
    pub split_brain_accepted: bool,
    /// Nothing starts in pods that are made of this revision: its image does not exist, say.
    pub broken_revision: Option<String>,
}

impl Model {
    /// The cluster of a snapshot. What the snapshot does not know is taken at its worst.
    pub fn of(snapshot: &Snapshot) -> Self {
        let aware = snapshot.topology.source != TopologySource::Unaware
            && snapshot.stateful_sets.iter().all(|set| set.topology_aware);
        let named = &snapshot.topology.primary;
        let has_primary = snapshot.primaries().next().is_some();
        let pods = snapshot
            .instances
            .iter()
            .map(|it| (it.name().to_owned(), pod_of(it, named, aware, has_primary)))
            .collect();
        let sets = snapshot
            .stateful_sets
            .iter()
            .map(|set| {
                let made = Set {
                    component: set.component,
                    wanted: set.wanted,
                    revision: set.revision.clone(),
                };
                (set.name.clone(), made)
            })
            .collect();
        let mut model = Self {
            pods,
            sets,
            autoscaler: snapshot.autoscaler.as_ref().map(|it| (it.min, it.max)),
            topology: (named.clone(), snapshot.topology.term),
            aware,
            write: snapshot.primary().map(|it| it.name().to_owned()),
            reads: BTreeMap::new(),
            unproven: snapshot
                .topology
                .unproven
                .iter()
                .map(|(pod, uids)| (pod.clone(), uids.iter().cloned().collect()))
                .collect(),
            was_fenced: false,
            ghosts: Vec::new(),
            reported: BTreeSet::new(),
            reported_to_us: false,
            held: snapshot
                .instances
                .iter()
                .filter(|it| it.pod.held)
                .map(|it| it.pod.uid.clone())
                .collect(),
            clones_wanted: BTreeSet::new(),
            next_uid: 0,
            standby_delays: standby_delays(snapshot),
            configured_delays: standby_delays(snapshot),
            synchronous: snapshot
                .instances
                .iter()
                .filter_map(|it| Some((it.name(), it.facts()?)))
                .map(|(pod, facts)| {
                    let names = facts.settings.synchronous_standby_names.clone();
                    (pod.to_owned(), names)
                })
                .collect(),
            wanted_synchronous: snapshot.topology.synchronous,
            clients_held: false,
            violations: Vec::new(),
            split_brain_accepted: false,
            broken_revision: None,
        };
        // Pods that were scaled away have left their volumes.
        for volume in snapshot.volumes.iter().filter(|it| !it.in_use) {
            model
                .pods
                .entry(volume.pod.clone())
                .or_insert_with(|| SimulatedPod {
                    primary_data: volume.component == Component::Primary,
                    timeline: Timeline(1),
                    ..SimulatedPod::absent(volume.component, ordinal(&volume.pod))
                });
        }
        model
    }

    /// The same cluster, when whoever does not answer pgctl is alive all the same: clients write to
    /// it, its standbys stream, and it stops in order when it is told to.
    pub fn alive(snapshot: &Snapshot) -> Self {
        let mut model = Self::of(snapshot);
        for pod in model.pods.values_mut().filter(|it| it.hung) {
            pod.hung = false;
            pod.unreachable = true;
            // It has what its standbys have, and more that it has not sent.
            pod.position = Lsn::new(pod.position.bytes().max(1 << 40));
        }
        model.settle();
        model
    }

    /// Clients commit on every server that lets them.
    pub fn clients_write(&mut self) {
        for pod in self.pods.values_mut() {
            if pod.server == Server::Writable && !pod.hung && !pod.cut_off {
                pod.position = Lsn::new(pod.position.bytes() + 64);
            }
        }
        self.replicate();
    }

    /// The pods that accept writes.
    pub fn writable(&self) -> Vec<&str> {
        self.pods
            .iter()
            .filter(|(_, pod)| pod.server == Server::Writable)
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// Looks whether two pods accept writes.
    pub(super) fn watch(&mut self, during: &str) {
        let writable: Vec<String> = self.writable().into_iter().map(str::to_owned).collect();
        let all: Vec<&str> = writable
            .iter()
            .chain(&self.ghosts)
            .map(String::as_str)
            .collect();
        if all.len() > 1 && !self.split_brain_accepted {
            let words = format!("{} accept writes after: {during}", all.join(" and "));
            self.violations.push(words);
        }
        // What a later emergency goes by.
        let forgotten = all
            .iter()
            .find(|name| self.topology.0 != **name && !self.unproven.contains_key(**name));
        if let (true, true, Some(name)) = (self.aware, self.was_fenced, forgotten) {
            let words =
                format!("{name} accepts writes, and the topology has forgotten it after: {during}");
            self.violations.push(words);
        }
    }

    pub(super) fn broke(&mut self, what: String) {
        self.violations.push(what);
    }

    /// Lets everything that happens by itself happen.
    pub fn settle(&mut self) {
        // Each round can only let something start that could not before.
        for _ in 0..4 {
            self.replicate();
            self.reconcile();
            self.start_all();
        }
        self.watch("the controllers");
    }

    /// Streaming: whoever follows a writable server of its own line gets what there is.
    pub(super) fn replicate(&mut self) {
        let sources: BTreeMap<String, (Timeline, Lsn)> = self
            .pods
            .iter()
            .filter(|(_, pod)| pod.server == Server::Writable)
            .map(|(name, pod)| (name.clone(), (pod.timeline, pod.position)))
            .collect();
        for pod in self.pods.values_mut() {
            let from = pod.upstream.as_ref().and_then(|name| sources.get(name));
            if let (Server::Standby, false, false, Some((timeline, position))) =
                (pod.server, pod.stalled, pod.cut_off, from)
                && pod.position <= *position
            {
                pod.timeline = *timeline;
                pod.position = *position;
            }
        }
    }

    /// The StatefulSet controller.
    fn reconcile(&mut self) {
        let doomed: Vec<String> = self
            .pods
            .iter()
            .filter(|(_, pod)| pod.uid.is_some() && pod.ordinal >= self.wanted(pod.component))
            .map(|(name, _)| name.clone())
            .collect();
        for name in doomed {
            self.delete(&name);
        }
        let sets: Vec<(String, Set)> = self
            .sets
            .iter()
            .map(|(name, set)| (name.clone(), set.clone()))
            .collect();
        for (set, made) in sets {
            for ordinal in 0..made.wanted {
                let name = format!("{set}-{ordinal}");
                self.next_uid += 1;
                let uid = format!("simulated-{}", self.next_uid);
                let pod = self
                    .pods
                    .entry(name)
                    .or_insert_with(|| SimulatedPod::absent(made.component, ordinal));
                if pod.uid.is_none() {
                    pod.uid = Some(uid);
                    pod.terminated = false;
                    pod.hung = false;
                    pod.record = None;
                    pod.read = None;
                    pod.waits = made.revision.is_none() || made.revision != self.broken_revision;
                    pod.revision.clone_from(&made.revision);
                }
            }
        }
    }

    pub(super) fn wanted(&self, component: Component) -> u32 {
        self.sets
            .values()
            .filter(|set| set.component == component)
            .map(|set| set.wanted)
            .max()
            .unwrap_or(0)
    }

    /// The kubelet stops a pod; its object goes unless it is kept.
    pub(super) fn delete(&mut self, name: &str) {
        let Some(pod) = self.pods.get(name) else {
            return;
        };
        if pod.cut_off || pod.lingers {
            return;
        }
        self.stop(name);
        if let (true, Some(uid)) = (self.reported_to_us, &self.pods[name].uid) {
            self.reported.insert(uid.clone());
        }
        let held = self.pods[name]
            .uid
            .as_ref()
            .is_some_and(|uid| self.held.contains(uid));
        if let Some(pod) = self.pods.get_mut(name) {
            pod.terminated = held;
            pod.waits = false;
            if !held {
                pod.uid = None;
            }
        }
    }

    /// PostgreSQL in a pod ends: properly, unless it hangs.
    fn stop(&mut self, name: &str) {
        let pod = self.pods[name].clone();
        let clean = !pod.hung;
        if pod.server == Server::Writable && clean {
            // Everybody who follows gets all of it, the shutdown record included.
            let end = Lsn::new(pod.position.bytes() + 120);
            for other in self.pods.values_mut() {
                if other.server == Server::Standby
                    && other.upstream.as_deref() == Some(name)
                    && other.timeline == pod.timeline
                    && !other.stalled
                    && !other.cut_off
                {
                    other.position = end;
                }
            }
        }
        if let Some(it) = self.pods.get_mut(name) {
            if pod.server == Server::Writable {
                it.primary_data = true;
                if clean {
                    let (timeline, lsn) = (pod.timeline, pod.position);
                    it.record = Some(Shutdown { timeline, lsn });
                    it.position = Lsn::new(lsn.bytes() + 120);
                }
            }
            it.server = Server::Stopped;
        }
    }

    /// The start scripts of all pods that wait.
    fn start_all(&mut self) {
        let waiting: Vec<String> = self
            .pods
            .iter()
            .filter(|(_, pod)| pod.waits && pod.uid.is_some() && !pod.cut_off)
            .map(|(name, _)| name.clone())
            .collect();
        for name in waiting {
            self.start(&name);
            self.watch(&format!("the start of {name}"));
        }
    }

    /// The table of the start script.
    fn start(&mut self, name: &str) {
        // Its volume is still where its predecessor goes on.
        if self.ghosts.iter().any(|ghost| ghost == name) {
            return;
        }
        let read = self.pods.get(name).and_then(|pod| pod.read.clone());
        let named = if self.aware {
            read.unwrap_or_else(|| self.topology.0.clone())
        } else {
            // A start script that knows nothing: pod 0 of the primary StatefulSet.
            self.pods
                .iter()
                .find(|(_, pod)| pod.component == Component::Primary && pod.ordinal == 0)
                .map(|(name, _)| name.clone())
                .unwrap_or_default()
        };
        let primary = self
            .pods
            .get(&named)
            .filter(|pod| pod.server == Server::Writable && !pod.cut_off)
            .map(|pod| (pod.timeline, pod.position));
        let wants_clone = self.clones_wanted.contains(name);
        let Some(pod) = self.pods.get_mut(name) else {
            return;
        };
        let empty = pod.timeline == Timeline(0);
        if named == name {
            if empty {
                return;
            }
            pod.waits = false;
            pod.server = if pod.primary_data {
                Server::Writable
            } else {
                Server::Standby
            };
            return;
        }
        match primary {
            Some((timeline, position)) if empty || wants_clone => {
                pod.primary_data = false;
                (pod.timeline, pod.position) = (timeline, position);
                self.clones_wanted.remove(name);
            }
            Some((timeline, position)) if pod.primary_data && timeline > pod.timeline => {
                // pg_rewind
                pod.primary_data = false;
                (pod.timeline, pod.position) = (timeline, position);
            }
            _ if empty || pod.primary_data => return,
            _ => {}
        }
        pod.waits = false;
        pod.server = Server::Standby;
        pod.stalled = false;
        pod.upstream = Some(named);
    }

    /// The autoscaler takes as many pods away as it may.
    pub fn scale_down(&mut self) {
        let Some((minimum, _)) = self.autoscaler else {
            return;
        };
        for set in self.sets.values_mut() {
            if set.component == Component::Replica && set.wanted > minimum {
                set.wanted = minimum;
            }
        }
        self.settle();
    }

    /// The container in a pod crashes and is started again.
    pub fn crash(&mut self, name: &str) {
        if let Some(pod) = self.pods.get_mut(name)
            && pod.uid.is_some()
            && !pod.terminated
            && !pod.cut_off
        {
            pod.primary_data |= pod.server == Server::Writable;
            pod.server = Server::Stopped;
            pod.waits = true;
        }
        self.settle();
    }

    /// Somebody deletes the pod, with its own grace period: its StatefulSet makes another of the same
    /// name, unless its object is kept.
    pub fn replace(&mut self, name: &str) {
        self.delete(name);
        self.settle();
    }

    /// The same, and the new one has read the topology and starts only later (see [`Model::wake`]).
    pub fn replace_slowly(&mut self, name: &str) {
        self.delete(name);
        self.reconcile();
        let named = self.topology.0.clone();
        if let Some(pod) = self.pods.get_mut(name)
            && pod.waits
            && pod.uid.is_some()
        {
            pod.read = Some(named);
            pod.waits = false;
        }
        self.settle();
    }

    /// Pods that have read the topology, and were slow to start, start; and those that are slow to
    /// stop have stopped.
    pub fn wake(&mut self) {
        let late: Vec<String> = self
            .pods
            .iter()
            .filter(|(_, pod)| pod.read.is_some() && pod.uid.is_some() && !pod.terminated)
            .filter(|(_, pod)| pod.server == Server::Stopped)
            .map(|(name, _)| name.clone())
            .collect();
        for name in late {
            self.start(&name);
            self.watch(&format!("the late start of {name}"));
        }
        for pod in self.pods.values_mut() {
            pod.lingers = false;
        }
        self.settle();
    }

    /// The pod takes its time when it is deleted.
    pub fn linger(&mut self, name: &str) {
        if let Some(pod) = self.pods.get_mut(name) {
            pod.lingers = pod.uid.is_some();
        }
    }

    /// Somebody takes the pod's object away by force, or with its node: what runs in it goes on,
    /// unless its object is kept. Then the kubelet stops it.
    pub fn vanish(&mut self, name: &str) {
        let Some(pod) = self.pods.get_mut(name) else {
            return;
        };
        let kept = pod.uid.as_ref().is_some_and(|uid| self.held.contains(uid));
        if kept {
            self.delete(name);
        } else if pod.uid.take().is_some() {
            if pod.server == Server::Writable {
                self.ghosts.push(name.to_owned());
                pod.primary_data = true;
            }
            pod.server = Server::Stopped;
            (pod.cut_off, pod.lingers, pod.waits) = (false, false, false);
        }
        self.settle();
    }

    /// What the plan itself may count on.
    pub fn for_plan(mut self, plan: &Plan) -> Self {
        self.split_brain_accepted = plan.accepts_split_brain();
        self
    }
}

fn ordinal(pod: &str) -> u32 {
    pod.rsplit('-')
        .next()
        .and_then(|tail| tail.parse().ok())
        .unwrap_or(0)
}

fn pod_of(instance: &Instance, named: &str, aware: bool, has_primary: bool) -> SimulatedPod {
    let pod = &instance.pod;
    let facts = instance.facts();
    let running = matches!(pod.container, ContainerState::Running { .. });
    let cut_off = pod.node_ready == Some(false);
    // Nobody knows what a pod does that does not answer: it may be the primary.
    let could_be_primary = (running || cut_off)
        && instance.waiting.is_none()
        && !has_primary
        && (instance.name() == named || !aware);
    let server = match instance.role() {
        Role::Primary => Server::Writable,
        Role::Standby => Server::Standby,
        Role::Unknown if could_be_primary => Server::Writable,
        Role::Unknown => Server::Stopped,
    };
    let recovery = facts.and_then(|facts| facts.recovery.as_ref());
    SimulatedPod {
        component: pod.component,
        ordinal: pod.ordinal,
        uid: Some(pod.uid.clone()),
        terminated: pod.deleting_since.is_some() && !running && !cut_off,
        waits: server == Server::Stopped && pod.deleting_since.is_none(),
        server,
        primary_data: server == Server::Writable
            || (instance.role() == Role::Unknown && instance.name() == named),
        timeline: facts.map_or(Timeline(1), |facts| facts.timeline),
        position: facts.map_or(Lsn::ZERO, |facts| {
            recovery.map_or(facts.flush_lsn, |it| {
                it.receive_lsn.max(it.replay_lsn).unwrap_or(Lsn::ZERO)
            })
        }),
        upstream: recovery.map(|_| named.to_owned()),
        slots: facts
            .map(|facts| facts.slots.iter().map(|slot| slot.name.clone()).collect())
            .unwrap_or_default(),
        cut_off,
        hung: server == Server::Writable && facts.is_none(),
        unreachable: false,
        stalled: recovery.is_some_and(|it| it.replay_paused || it.receiver.is_none()),
        record: None,
        read: None,
        lingers: false,
        revision: pod.revision.clone(),
    }
}
