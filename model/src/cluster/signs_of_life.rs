//! What shows that a server is alive which does not answer pgctl: between pgctl and a pod lie the
//! API server, a node's tunnel and a login, and any of them may be broken while clients write.

use std::fmt;

use super::{ContainerState, Database, Instance, Role, Snapshot};

/// Something that shows that a server is alive.
#[derive(Debug, Clone, PartialEq)]
pub enum SignOfLife {
    /// A standby hears it.
    Receives {
        /// Name of the standby's pod.
        standby: String,
        /// How long ago it heard the last of it, by its own clock, in seconds.
        seconds: f64,
    },
    /// Its readiness probe succeeds, and its node reports.
    Ready,
}

impl fmt::Display for SignOfLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receives { standby, seconds } => {
                write!(
                    f,
                    "{standby} has received from it {:.0} s ago",
                    seconds.max(0.0)
                )
            }
            Self::Ready => write!(f, "Kubernetes counts it as ready"),
        }
    }
}

/// What shows that this pod's server is alive; nothing for one that says itself what it is.
pub fn signs_of_life(snapshot: &Snapshot, pod: &str) -> Vec<SignOfLife> {
    let instance = snapshot.instance(pod);
    if instance.is_some_and(|it| it.role() != Role::Unknown) {
        return Vec::new();
    }
    let heard = heard(snapshot).into_iter();
    let mut signs: Vec<SignOfLife> = heard
        .filter(|(sender, _)| sender == pod)
        .map(|(_, sign)| sign)
        .collect();
    signs.extend(
        instance
            .filter(|it| is_ready(it))
            .map(|_| SignOfLife::Ready),
    );
    signs
}

/// Whom the standbys have heard lately, also pods that do not exist any more for Kubernetes.
pub fn heard(snapshot: &Snapshot) -> Vec<(String, SignOfLife)> {
    let hears = |standby: &Instance| {
        let receiver = standby.facts()?.recovery.as_ref()?.receiver.as_ref()?;
        let sign = SignOfLife::Receives {
            standby: standby.name().to_owned(),
            seconds: receiver.last_message_age?,
        };
        let sender = sender(snapshot, receiver.sender_host.as_deref());
        receiver.hears_its_sender().then_some((sender, sign))
    };
    snapshot.standbys().filter_map(hears).collect()
}

/// The pod behind the host that a standby receives from. One that goes by another name than a pod's
/// (a Service's, say) may be any: it is taken for the one that is meant to be primary.
fn sender(snapshot: &Snapshot, host: Option<&str>) -> String {
    let host = host.unwrap_or_default();
    let name = host.split('.').next().unwrap_or(host);
    let mut sets = snapshot.stateful_sets.iter();
    if sets.any(|set| set.ordinal_of(name).is_some()) {
        return name.to_owned();
    }
    let mut all = snapshot.instances.iter();
    let found = all.find(|it| it.name() == name || it.pod.ip.as_deref() == Some(host));
    found
        .map_or(snapshot.topology.primary.as_str(), Instance::name)
        .to_owned()
}

/// Kubernetes counts it as ready, and knows: the node reports, or nobody may ask for it.
fn is_ready(instance: &Instance) -> bool {
    let pod = &instance.pod;
    pod.ready
        && pod.deleting_since.is_none()
        && pod.node_ready != Some(false)
        && instance.waiting.is_none()
}

/// Whether something may run in the pod that did not say what it is.
pub fn may_be_running(instance: &Instance) -> bool {
    let stopped = matches!(instance.pod.container, ContainerState::Terminated(_));
    instance.role() == Role::Unknown
        && instance.waiting.is_none()
        && !stopped
        && !matches!(instance.pod.container, ContainerState::Waiting { .. })
        && !(matches!(instance.database, Database::NotRunning)
            && !matches!(instance.pod.container, ContainerState::Running { .. })
            && instance.pod.node_ready != Some(false))
}

/// How long it takes at most until signs of a server that has gone are old, in seconds: the message
/// of a receiver that has not noticed (see [`super::ReceiverFacts::hears_its_sender`]).
pub const SIGNS_FADE_SECONDS: u32 = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture::{PRIMARY, healthy, instance, recovery, replica, stop};

    fn unreachable() -> Snapshot {
        let mut snapshot = healthy(2);
        instance(&mut snapshot, PRIMARY).database = Database::Unreachable {
            reason: "no answer within 10 s".into(),
            alive: false,
        };
        snapshot
    }

    fn signs(snapshot: &Snapshot) -> Vec<String> {
        let signs = signs_of_life(snapshot, PRIMARY);
        signs.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn whoever_answers_needs_no_signs() {
        assert_eq!(signs(&healthy(2)), [""; 0]);
    }

    #[test]
    fn standbys_and_kubernetes_tell_of_one_that_does_not_answer() {
        assert_eq!(
            signs(&unreachable()),
            [
                "staging-postgres-replica-0 has received from it 0 s ago",
                "staging-postgres-replica-1 has received from it 0 s ago",
                "Kubernetes counts it as ready",
            ]
        );
    }

    #[test]
    fn what_was_heard_long_ago_or_of_others_is_no_sign() {
        let mut snapshot = unreachable();
        instance(&mut snapshot, PRIMARY).pod.ready = false;
        let of = |snapshot: &mut Snapshot, ordinal: u32| {
            let receiver = &mut recovery(snapshot, ordinal).receiver;
            receiver.take().expect("it receives")
        };
        let mut old = of(&mut snapshot, 0);
        old.last_message_age = Some(36.0);
        recovery(&mut snapshot, 0).receiver = Some(old);
        let mut other = of(&mut snapshot, 1);
        other.sender_host = Some(format!("{}.staging-postgres-replica", replica(0)));
        recovery(&mut snapshot, 1).receiver = Some(other.clone());
        assert_eq!(signs(&snapshot), [""; 0]);
        // Nobody knows who is behind that name.
        other.sender_host = Some("staging-postgres-write".into());
        // A clock that was set back.
        other.last_message_age = Some(-3600.0);
        recovery(&mut snapshot, 1).receiver = Some(other);
        assert_eq!(signs(&snapshot).len(), 1);
    }

    #[test]
    fn a_receiver_that_waits_longer_or_for_ever_is_heeded() {
        let mut snapshot = unreachable();
        instance(&mut snapshot, PRIMARY).pod.ready = false;
        for (timeout, age, heard) in [
            (600.0, 299.0, true),
            (0.0, 36.0, false),
            (10.0, 11.0, false),
        ] {
            for ordinal in [0, 1] {
                let receiver = recovery(&mut snapshot, ordinal).receiver.as_mut();
                let receiver = receiver.expect("it receives");
                receiver.timeout_seconds = Some(timeout);
                receiver.last_message_age = Some(age);
            }
            assert_eq!(!signs(&snapshot).is_empty(), heard, "{timeout} {age}");
        }
    }

    #[test]
    fn a_pod_that_is_being_deleted_or_whose_node_is_lost_is_not_ready() {
        let mut snapshot = unreachable();
        for ordinal in [0, 1] {
            recovery(&mut snapshot, ordinal).receiver = None;
        }
        instance(&mut snapshot, PRIMARY).pod.node_ready = Some(false);
        assert_eq!(signs(&snapshot), [""; 0]);
        let mut stopped = healthy(2);
        stop(&mut stopped, PRIMARY, ContainerState::Unknown);
        assert_eq!(signs(&stopped), [""; 0]);
    }
}
