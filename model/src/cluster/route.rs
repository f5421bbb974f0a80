//! Which pod a client is to be led to, by what the pods' databases say.

use super::words::several_primaries;
use super::{Instance, Role, Snapshot, TopologySource};

/// What a client wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Write: the primary, whichever pod that is.
    Write,
    /// Read: the standbys that are ready, in turn.
    Read,
    /// Talk to this pod.
    Pod(String),
    /// Talk to a throw-away server, which is none of the cluster's pods.
    ThrowAway(RoutedPod),
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Write => f.write_str("write"),
            Self::Read => f.write_str("read"),
            Self::Pod(pod) => f.write_str(pod),
            Self::ThrowAway(pod) => f.write_str(&pod.name),
        }
    }
}

/// Why there is nowhere to be led to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// No database says that it accepts writes.
    #[error("no pod answers as the primary")]
    NoPrimary,
    /// Several do: nobody knows which is right.
    #[error("{}", several_primaries(.0))]
    SeveralPrimaries(Vec<String>),
    /// One does that is not meant to.
    #[error("{found} accepts writes, but {recorded} is recorded as the primary")]
    OtherPrimary {
        /// Who accepts writes.
        found: String,
        /// Who should, by the topology.
        recorded: String,
    },
    /// No standby is in recovery and ready.
    #[error("no standby is ready")]
    NoStandby,
    /// There is no such pod, or it does not run.
    #[error("{0} does not run")]
    NotRunning(String),
}

/// A pod, and which of its name: another of the same name is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutedPod {
    /// Its name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
}

impl RoutedPod {
    fn of(instance: &Instance) -> Self {
        Self {
            name: instance.name().to_owned(),
            uid: instance.pod.uid.clone(),
        }
    }
}

/// The pods that a new client may be led to, at least one.
///
/// # Errors
/// [`NoRoute`] when there is none, or nobody can say which.
pub fn route(destination: &Destination, snapshot: &Snapshot) -> Result<Vec<RoutedPod>, NoRoute> {
    match destination {
        Destination::Write => primary(snapshot).map(|it| vec![RoutedPod::of(it)]),
        Destination::Read => {
            let ready = snapshot.standbys().filter(|it| it.pod.ready);
            let pods: Vec<RoutedPod> = ready.map(RoutedPod::of).collect();
            if pods.is_empty() {
                return Err(NoRoute::NoStandby);
            }
            Ok(pods)
        }
        Destination::Pod(name) => {
            let pod = snapshot.instance(name);
            let running =
                pod.filter(|it| matches!(it.pod.container, super::ContainerState::Running { .. }));
            let missing = || NoRoute::NotRunning(name.clone());
            running
                .map(|it| vec![RoutedPod::of(it)])
                .ok_or_else(missing)
        }
        // Whether it is there shows when it is opened: nobody looks after it.
        Destination::ThrowAway(pod) => Ok(vec![pod.clone()]),
    }
}

/// The pod that is out of recovery, and is meant to be.
fn primary(snapshot: &Snapshot) -> Result<&Instance, NoRoute> {
    let recorded = match &snapshot.topology.source {
        TopologySource::Unaware => None,
        TopologySource::Default { .. } | TopologySource::Recorded { .. } => {
            Some(snapshot.topology.primary.as_str())
        }
    };
    let primaries: Vec<&Instance> = snapshot.primaries().collect();
    let meant = primaries.iter().find(|it| Some(it.name()) == recorded);
    match (meant, primaries.as_slice(), recorded) {
        (Some(meant), _, _) => Ok(meant),
        (None, [], _) => Err(NoRoute::NoPrimary),
        (None, [only], None) => Ok(only),
        (None, [other], Some(recorded)) => Err(NoRoute::OtherPrimary {
            found: other.name().to_owned(),
            recorded: recorded.to_owned(),
        }),
        (None, several, _) => {
            let names = several.iter().map(|it| it.name().to_owned());
            Err(NoRoute::SeveralPrimaries(names.collect()))
        }
    }
}

/// Whether a client that was led to a pod has to be cut off from it: the pod is gone, or known to be
/// something else now. A pod that is only silent keeps its clients: silence proves nothing.
pub fn must_leave(destination: &Destination, pod: &RoutedPod, snapshot: &Snapshot) -> bool {
    if matches!(destination, Destination::ThrowAway(_)) {
        return false;
    }
    let Some(instance) = snapshot.instance(&pod.name) else {
        return true;
    };
    if instance.pod.uid != pod.uid {
        return true;
    }
    match destination {
        Destination::Write => match primary(snapshot) {
            Ok(primary) => primary.name() != pod.name,
            Err(_) => instance.role() == Role::Standby,
        },
        Destination::Read => instance.role() == Role::Primary,
        Destination::Pod(_) | Destination::ThrowAway(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::{self, PRIMARY, replica};
    use crate::cluster::{ContainerState, Database};

    fn names(destination: &Destination, snapshot: &Snapshot) -> Result<Vec<String>, NoRoute> {
        let pods = route(destination, snapshot)?;
        Ok(pods.into_iter().map(|it| it.name).collect())
    }

    fn promote(snapshot: &mut Snapshot, pod: &str) {
        if let Database::Reached(facts) = &mut fixture::instance(snapshot, pod).database {
            facts.recovery = None;
        }
    }

    #[test]
    fn each_goes_where_the_databases_say() {
        let snapshot = fixture::healthy(2);
        assert_eq!(
            names(&Destination::Write, &snapshot),
            Ok(vec![PRIMARY.to_owned()])
        );
        assert_eq!(
            names(&Destination::Read, &snapshot),
            Ok(vec![replica(0), replica(1)])
        );
        let one = Destination::Pod(replica(1));
        assert_eq!(names(&one, &snapshot), Ok(vec![replica(1)]));
    }

    #[test]
    fn a_standby_that_is_not_ready_gets_no_new_clients() {
        let mut snapshot = fixture::healthy(2);
        fixture::instance(&mut snapshot, &replica(0)).pod.ready = false;
        assert_eq!(names(&Destination::Read, &snapshot), Ok(vec![replica(1)]));
        fixture::instance(&mut snapshot, &replica(1)).pod.ready = false;
        assert_eq!(
            names(&Destination::Read, &snapshot),
            Err(NoRoute::NoStandby)
        );
    }

    #[test]
    fn nobody_is_led_to_a_primary_that_is_not_meant_to_be_one() {
        let mut snapshot = fixture::healthy(2);
        promote(&mut snapshot, &replica(0));
        // The recorded one is one of two.
        assert_eq!(
            names(&Destination::Write, &snapshot),
            Ok(vec![PRIMARY.to_owned()])
        );
        fixture::stop(&mut snapshot, PRIMARY, ContainerState::Unknown);
        assert!(matches!(
            names(&Destination::Write, &snapshot),
            Err(NoRoute::OtherPrimary { found, .. }) if found == replica(0)
        ));
        promote(&mut snapshot, &replica(1));
        assert!(matches!(
            names(&Destination::Write, &snapshot),
            Err(NoRoute::SeveralPrimaries(found)) if found.len() == 2
        ));
    }

    #[test]
    fn silence_cuts_nobody_off_and_a_failover_does() {
        let mut snapshot = fixture::healthy(2);
        let [pod] = &route(&Destination::Write, &snapshot).expect("a primary")[..] else {
            panic!("one");
        };
        assert!(!must_leave(&Destination::Write, pod, &snapshot));
        fixture::stop(&mut snapshot, PRIMARY, ContainerState::Unknown);
        assert!(!must_leave(&Destination::Write, pod, &snapshot));
        promote(&mut snapshot, &replica(0));
        snapshot.topology.primary = replica(0);
        assert!(must_leave(&Destination::Write, pod, &snapshot));
        let other = RoutedPod {
            uid: "another".to_owned(),
            ..pod.clone()
        };
        assert!(must_leave(
            &Destination::Pod(PRIMARY.to_owned()),
            &other,
            &snapshot
        ));
    }
}
