//! Whose logs are wanted, and what each pod is.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Instance, NameError, Role, Snapshot};

/// Whose logs are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Targets {
    primary: bool,
    replicas: bool,
    pods: BTreeSet<String>,
    all: bool,
}

impl Targets {
    /// From what was typed.
    ///
    /// # Errors
    /// When there is no such pod, or several could be meant.
    pub(super) fn new(given: &[String], snapshot: &Snapshot) -> Result<Self, NameError> {
        let mut targets = Self {
            primary: false,
            replicas: false,
            pods: BTreeSet::new(),
            all: given.is_empty(),
        };
        for name in given {
            match name.as_str() {
                "primary" => targets.primary = true,
                "replicas" | "replica" | "standbys" => targets.replicas = true,
                name => {
                    let pod = snapshot.resolve(name)?.name().to_owned();
                    targets.pods.insert(pod);
                }
            }
        }
        Ok(targets)
    }

    /// The pods that are wanted now.
    pub(super) fn pods(&self, snapshot: &Snapshot, roles: &Roles) -> BTreeSet<String> {
        let primary = roles.primary(snapshot);
        let wanted = |name: &str| {
            let is_primary = primary.as_deref() == Some(name);
            self.all
                || self.primary && is_primary
                || self.replicas && !is_primary
                || self.pods.contains(name)
        };
        let there = snapshot.instances.iter().map(Instance::name);
        let mut pods: BTreeSet<String> = there.filter(|it| wanted(it)).map(str::to_owned).collect();
        // One that is gone may come back.
        pods.extend(self.pods.iter().cloned());
        pods
    }

    /// Whether it matters which pod is the primary.
    pub(super) fn depend_on_roles(&self) -> bool {
        self.primary || self.replicas
    }
}

/// What each pod is, as far as it was seen. A pod that does not answer is what it was, unless another
/// has become the primary meanwhile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Roles(BTreeMap<String, Role>);

impl Roles {
    /// Takes a look into account. Gives the new primary, when it is another one than before, and the
    /// one before, when there was one.
    pub(super) fn seen(&mut self, snapshot: &Snapshot) -> Option<(String, Option<String>)> {
        let before = self.known_primary().map(str::to_owned);
        for instance in &snapshot.instances {
            match instance.role() {
                Role::Unknown => {}
                role => drop(self.0.insert(instance.name().to_owned(), role)),
            }
        }
        let now = snapshot.primary().map(Instance::name)?;
        for instance in &snapshot.instances {
            if instance.name() != now && instance.role() == Role::Unknown {
                let role = self.0.get_mut(instance.name());
                if let Some(role) = role.filter(|it| **it == Role::Primary) {
                    *role = Role::Unknown;
                }
            }
        }
        self.0.retain(|name, _| snapshot.instance(name).is_some());
        (before.as_deref() != Some(now)).then(|| (now.to_owned(), before))
    }

    /// What a pod is.
    pub(super) fn of(&self, pod: &str) -> Role {
        self.0.get(pod).copied().unwrap_or(Role::Unknown)
    }

    fn known_primary(&self) -> Option<&str> {
        let mut primaries = self.0.iter().filter(|(_, role)| **role == Role::Primary);
        let first = primaries.next().map(|(name, _)| name.as_str());
        first.filter(|_| primaries.next().is_none())
    }

    /// The primary; while none is known, the one that the topology names.
    fn primary(&self, snapshot: &Snapshot) -> Option<String> {
        let named = Some(snapshot.topology.primary.as_str());
        self.known_primary().or(named).map(str::to_owned)
    }
}

/// The pods whose servers write their logs into files of their own (`logging_collector`), as far as it was seen: one that does
/// not answer does as it did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Collectors {
    pods: BTreeSet<String>,
    told: BTreeSet<String>,
}

impl Collectors {
    /// Takes a look into account.
    pub(super) fn seen(&mut self, snapshot: &Snapshot) {
        for instance in &snapshot.instances {
            let Some(facts) = instance.facts() else {
                continue;
            };
            let pod = instance.name();
            if facts.settings.logging_collector {
                self.pods.insert(pod.to_owned());
            } else {
                self.pods.remove(pod);
                self.told.remove(pod);
            }
        }
    }

    /// Those of the wanted pods that do it.
    pub(super) fn of(&self, wanted: &BTreeSet<String>) -> BTreeSet<String> {
        self.pods.intersection(wanted).cloned().collect()
    }

    /// Those that were not told yet.
    pub(super) fn news(&mut self, wanted: &BTreeSet<String>) -> Vec<String> {
        let all = self.of(wanted);
        let news = all.into_iter();
        news.filter(|pod| self.told.insert(pod.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::{self, PRIMARY, replica};
    use crate::cluster::{ContainerState, Database};

    fn targets(given: &[&str], snapshot: &Snapshot) -> BTreeSet<String> {
        let given: Vec<String> = given.iter().map(|it| (*it).to_owned()).collect();
        let mut roles = Roles::default();
        roles.seen(snapshot);
        let targets = Targets::new(&given, snapshot).expect("they are there");
        targets.pods(snapshot, &roles)
    }

    fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
        names.map(str::to_owned).into()
    }

    #[test]
    fn pods_are_wanted_by_what_they_are_or_by_name() {
        let snapshot = fixture::healthy(2);
        let (zero, one) = (replica(0), replica(1));
        assert_eq!(targets(&["primary"], &snapshot), names([PRIMARY]));
        assert_eq!(targets(&["replicas"], &snapshot), names([&zero, &one]));
        assert_eq!(
            targets(&["primary", "replica-1"], &snapshot),
            names([PRIMARY, &one])
        );
        assert_eq!(targets(&[], &snapshot).len(), 3);
        let wrong = Targets::new(&["replica-7".to_owned()], &snapshot);
        assert!(wrong.is_err_and(|error| error.to_string().contains(PRIMARY)));
    }

    #[test]
    fn without_a_primary_the_topology_says_which_pod_was_meant() {
        let mut snapshot = fixture::healthy(2);
        fixture::stop(&mut snapshot, PRIMARY, ContainerState::Unknown);
        assert_eq!(targets(&["primary"], &snapshot), names([PRIMARY]));
    }

    #[test]
    fn a_pod_that_writes_elsewhere_is_told_once_for_each_time_that_it_begins() {
        let mut snapshot = fixture::healthy(2);
        let mut collectors = Collectors::default();
        let (pod, all) = (replica(0), names([PRIMARY, &replica(0)]));
        let mut collects = |on: bool, wanted: &BTreeSet<String>| {
            fixture::facts(&mut snapshot, &pod)
                .settings
                .logging_collector = on;
            collectors.seen(&snapshot);
            collectors.news(wanted)
        };
        assert_eq!(collects(false, &all), [""; 0]);
        assert_eq!(collects(true, &names([PRIMARY])), [""; 0], "not wanted");
        assert_eq!(collects(true, &all), [replica(0)]);
        assert_eq!(collects(true, &all), [""; 0]);
        assert_eq!(collects(false, &all), [""; 0]);
        assert_eq!(collects(true, &all), [replica(0)]);
        fixture::stop(&mut snapshot, &replica(0), ContainerState::Unknown);
        collectors.seen(&snapshot);
        assert_eq!(collectors.of(&all), names([&replica(0)]), "it is silent");
    }

    #[test]
    fn a_former_primary_that_is_silent_is_no_primary() {
        let mut snapshot = fixture::healthy(2);
        let mut roles = Roles::default();
        assert_eq!(roles.seen(&snapshot), Some((PRIMARY.to_owned(), None)));
        assert_eq!(roles.seen(&snapshot), None);
        fixture::stop(&mut snapshot, PRIMARY, ContainerState::Unknown);
        assert_eq!(roles.seen(&snapshot), None);
        assert_eq!(roles.of(PRIMARY), Role::Primary);
        let new = replica(0);
        if let Database::Reached(facts) = &mut fixture::instance(&mut snapshot, &new).database {
            facts.recovery = None;
        }
        assert_eq!(
            roles.seen(&snapshot),
            Some((new.clone(), Some(PRIMARY.to_owned())))
        );
        assert_eq!(
            (roles.of(PRIMARY), roles.of(&new)),
            (Role::Unknown, Role::Primary)
        );
    }
}
