//! All that is known of a cluster at one moment.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Autoscaler, Component, DatabaseFacts, Instance, NameError, NotVisible, ObjectKind, Role,
    ServiceFacts, ServicePurpose, StatefulSetFacts, ThrowAwayFacts, Topology, UnfinishedOperation,
    VolumeFacts, names, resolve_tail,
};

/// Which cluster.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterId {
    /// `metadata.namespace` of its objects.
    pub namespace: String,
    /// Label `app.kubernetes.io/instance`.
    pub name: String,
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// All that was seen of a cluster, and when. Facts only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The cluster, by namespace and name.
    pub cluster: ClusterId,
    /// When the looking began.
    pub taken: Timestamp,
    /// Which pod is meant to be primary.
    pub topology: Topology,
    /// The StatefulSets, primary first.
    pub stateful_sets: Vec<StatefulSetFacts>,
    /// The pods with their databases, by component and ordinal.
    pub instances: Vec<Instance>,
    /// The Services for writes and for reads, with whom they lead to.
    pub services: Vec<ServiceFacts>,
    /// The autoscaler of the replicas, when there is one.
    pub autoscaler: Option<Autoscaler>,
    /// The data volumes, also those that no pod uses now.
    pub volumes: Vec<VolumeFacts>,
    /// What could not be looked at, and why.
    pub unseen: Vec<NotVisible>,
    /// The operation that was begun and has not ended, when somebody looked for one.
    #[serde(default)]
    pub unfinished: Option<UnfinishedOperation>,
    /// Why nobody can say whether an operation is unfinished, when its journal is there and can't be read.
    #[serde(default)]
    pub unreadable_journal: Option<UnreadableJournal>,
    /// The throw-away servers beside it, by name, when somebody looked for them. None of them is an instance.
    #[serde(default)]
    pub throw_aways: Vec<ThrowAwayFacts>,
}

/// A journal that is there and can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnreadableJournal {
    /// The ConfigMap that holds it.
    pub config_map: String,
    /// Why it can't be read, for people.
    pub why: String,
    /// The lowest version of pgctl that reads it; none when no version is known to.
    pub needs: Option<String>,
}

impl Snapshot {
    /// The term of the next change of the topology: above every one that is known of. Of a topology
    /// that was deleted, or restored from an old copy, the pods' annotations still tell.
    pub fn next_term(&self) -> u64 {
        let annotated = self.instances.iter().filter_map(|it| it.pod.term).max();
        self.topology.term.max(annotated.unwrap_or(0)) + 1
    }

    /// The instance of this exact name.
    pub fn instance(&self, pod: &str) -> Option<&Instance> {
        self.instances
            .iter()
            .find(|instance| instance.name() == pod)
    }

    /// The instance that a person means by `given`.
    ///
    /// # Errors
    /// When none or several fit.
    pub fn resolve(&self, given: &str) -> Result<&Instance, NameError> {
        let name = resolve_tail(given, self.instances.iter().map(Instance::name))?;
        Ok(self
            .instance(name)
            .expect("the name came from the instances"))
    }

    /// Every instance that is out of recovery.
    pub fn primaries(&self) -> impl Iterator<Item = &Instance> {
        self.instances
            .iter()
            .filter(|instance| instance.role() == Role::Primary)
    }

    /// The primary, when there is exactly one.
    pub fn primary(&self) -> Option<&Instance> {
        let mut primaries = self.primaries();
        primaries.next().filter(|_| primaries.next().is_none())
    }

    /// UIDs of the pods of this name that were primary, or may have been, and whose end is still to be proven. One that
    /// answers, or that the topology names, owes nothing itself. It doesn't pay for an earlier pod of its name: that one may
    /// still run, on a node that is cut off.
    pub fn owing(&self, name: &str) -> Vec<&str> {
        let known = |it: &&Instance| it.role() != Role::Unknown || self.topology.primary == name;
        self.unproven_but(name, self.instance(name).filter(known))
    }

    /// The same without the pod that has the name now.
    pub fn owing_before(&self, name: &str) -> Vec<&str> {
        self.unproven_but(name, self.instance(name))
    }

    fn unproven_but(&self, name: &str, pod: Option<&Instance>) -> Vec<&str> {
        let uids = self.topology.unproven.get(name).into_iter().flatten();
        uids.map(String::as_str)
            .filter(|uid| pod.is_none_or(|it| it.pod.uid != *uid))
            .collect()
    }

    /// The system identifier: the one that the primary says, or else anybody; none when nobody answers.
    pub fn system_identifier(&self) -> Option<&str> {
        let primary = self.primary().and_then(Instance::facts);
        primary
            .or_else(|| self.instances.iter().find_map(Instance::facts))
            .map(|facts| facts.system_identifier.as_str())
    }

    /// Every instance that is in recovery.
    pub fn standbys(&self) -> impl Iterator<Item = &Instance> {
        self.instances
            .iter()
            .filter(|instance| instance.role() == Role::Standby)
    }

    /// The StatefulSet of a component.
    pub fn stateful_set(&self, component: Component) -> Option<&StatefulSetFacts> {
        self.stateful_sets
            .iter()
            .find(|set| set.component == component)
    }

    /// The StatefulSet that makes a pod of this instance's component.
    pub fn set_of(&self, instance: &Instance) -> Option<&StatefulSetFacts> {
        self.stateful_set(instance.pod.component)
    }

    /// Whether the pod was made from another template than it would be made from now. None when that can't be told:
    /// the controller has not seen the last change yet, or the pod does not say what it was made from.
    pub fn is_older(&self, instance: &Instance) -> Option<bool> {
        let revision = self.set_of(instance)?.revision.as_ref()?;
        Some(revision != instance.pod.revision.as_ref()?)
    }

    /// The pods that were made from an older template than their StatefulSet has, as far as that is known. One that is
    /// on its way out is not among them.
    pub fn older_pods(&self) -> impl Iterator<Item = &Instance> {
        self.instances
            .iter()
            .filter(|it| it.pod.deleting_since.is_none() && self.is_older(it) == Some(true))
    }

    /// The Service for this purpose (the first, for headless ones).
    pub fn service(&self, purpose: ServicePurpose) -> Option<&ServiceFacts> {
        self.services
            .iter()
            .find(|service| service.purpose == purpose)
    }

    /// The slot through which the WAL is archived; none when no server has it.
    pub fn wal_slot(&self) -> Option<&'static str> {
        let mut servers = self.instances.iter().filter_map(Instance::facts);
        let has = |it: &DatabaseFacts| it.slots.iter().any(|slot| slot.name == names::WAL_SLOT);
        servers.any(has).then_some(names::WAL_SLOT)
    }

    /// The primary's pod when the replica StatefulSet has it, and the number of pods below which it
    /// would go. The pod that answers as primary counts, and the one that the topology names.
    pub fn primary_among_replicas(&self) -> Option<(String, u32)> {
        let set = self.stateful_set(Component::Replica)?;
        let named = self.topology.primary.as_str();
        self.primaries()
            .map(Instance::name)
            .chain([named])
            .filter_map(|primary| Some((primary.to_owned(), set.ordinal_of(primary)? + 1)))
            .max_by_key(|(_, lowest)| *lowest)
    }

    /// Names of pods that are to be there and are not: those that a StatefulSet wants, and the one
    /// that the topology names.
    pub fn absent_pods(&self) -> impl Iterator<Item = String> {
        let wanted = self
            .stateful_sets
            .iter()
            .flat_map(|set| (0..set.wanted).map(|ordinal| format!("{}-{ordinal}", set.name)));
        wanted
            .chain([self.topology.primary.clone()])
            .filter(|pod| self.instance(pod).is_none())
    }

    /// The pod that is to be the primary, by what the start scripts go by, when there is no such pod: whoever goes
    /// through the instances does not miss it.
    pub fn absent_primary(&self) -> Option<&str> {
        let pods = self.instances.iter().map(Instance::name);
        self.topology.absent_primary(pods)
    }

    /// Why such objects could not be looked at, when they could not.
    pub fn unseen(&self, what: ObjectKind) -> Option<&NotVisible> {
        self.unseen.iter().find(|it| it.what == what)
    }

    /// Whether an operation was begun and has not ended; none when nobody can say.
    pub fn operation_unfinished(&self) -> Option<bool> {
        let unread =
            self.unreadable_journal.is_some() || self.unseen(ObjectKind::Journal).is_some();
        match self.unfinished {
            Some(_) => Some(true),
            None if unread => None,
            None => Some(false),
        }
    }

    /// How many standbys there should be: the pods that are wanted, less the primary. A primary
    /// StatefulSet held at 0 after a failover counts for nothing.
    pub fn standbys_wanted(&self) -> u32 {
        let pods: u32 = self.stateful_sets.iter().map(|set| set.wanted).sum();
        pods.saturating_sub(1)
    }
}
