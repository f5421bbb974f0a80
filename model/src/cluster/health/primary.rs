//! Is there one primary, the right one, and will there still be one after a restart?

use super::advice::mend_password;
use super::finding::{FindingCode, HealthFinding, ObjectRef};
use super::out_of_reach::{primary_silent, silent_primary};
use super::state::{refusal, system_of, wrong_password};
use crate::cluster::suggestion::show_settings;
use crate::cluster::{
    Component, Database, Instance, Snapshot, StartDecision, StartReason, StatefulSetFacts,
    TopologySource, may_be_running,
};

pub(super) fn check(snapshot: &Snapshot, findings: &mut Vec<HealthFinding>) {
    let primaries: Vec<&Instance> = snapshot.primaries().collect();
    match primaries.as_slice() {
        [] => findings.push(match silent_primary(snapshot) {
            Some(alive) => primary_silent(snapshot, alive),
            None => no_primary(snapshot),
        }),
        [only] => {
            findings.extend(read_only(snapshot, only));
            findings.extend(topology_differs(snapshot, only));
        }
        several => findings.push(split_brain(snapshot, several)),
    }
    findings.extend(other_systems(snapshot));
    findings.extend(empty_volume(snapshot));
}

fn cluster(snapshot: &Snapshot) -> ObjectRef {
    ObjectRef::new("cluster", &snapshot.cluster.to_string())
}

fn no_primary(snapshot: &Snapshot) -> HealthFinding {
    let namespace = &snapshot.cluster.namespace;
    let meant = &snapshot.topology.primary;
    let set = scaled_away(snapshot, meant);
    let why = match snapshot.instance(meant) {
        None => match set {
            Some(set) => format!(
                "{meant} is to be the primary, and StatefulSet {} is scaled to {}",
                set.name, set.wanted
            ),
            None => format!("{meant} is to be the primary, and there is no such pod"),
        },
        Some(instance) => match &instance.database {
            Database::Reached(_) => format!("{meant} is to be the primary, and it is in recovery"),
            Database::Unreachable { reason, .. } | Database::LockedOut { reason, .. } => {
                format!("{meant} does not answer: {reason}")
            }
            Database::NotAllowed { reason } => format!("{meant} was not asked: {reason}"),
            Database::NotRunning => format!("PostgreSQL does not run in {meant}"),
        },
    };
    let standbys = snapshot.standbys().count();
    let locked_out = snapshot.instances.iter().find_map(wrong_password);
    let silent = snapshot.instances.iter().any(may_be_running);
    let what = match locked_out {
        Some(_) => "no primary is known: a database does not let pgctl in",
        None if silent => "no primary answers: whether anything accepts writes is not known",
        None => "no primary: nothing accepts writes",
    };
    let finding = HealthFinding::critical(FindingCode::NoPrimary, cluster(snapshot), what).why(why);
    if let Some((secret, key)) = locked_out {
        finding.next(mend_password(namespace, secret, key))
    } else if let (Some(set), None) = (set, snapshot.instance(meant)) {
        // Its start script still makes sure that nobody else has become primary.
        let back = format!(
            "kubectl -n {namespace} scale statefulset {} --replicas={}",
            set.name,
            set.wanted + 1
        );
        finding
            .next(back)
            .next(format!("pgctl -n {namespace} failover --dry-run"))
    } else if standbys > 0 {
        finding
            .next(format!("kubectl -n {namespace} get pod {meant} -o wide"))
            .next(format!("pgctl -n {namespace} failover --dry-run"))
    } else {
        finding.next(format!("kubectl -n {namespace} describe pod {meant}"))
    }
}

/// The StatefulSet that would have this pod if it were one larger. None for a set whose pods do not
/// ask the topology: nobody could tell whether another has been primary since.
fn scaled_away<'a>(snapshot: &'a Snapshot, pod: &str) -> Option<&'a StatefulSetFacts> {
    let sets = &mut snapshot.stateful_sets.iter();
    sets.filter(|set| set.topology_aware)
        .find(|set| set.ordinal_of(pod) == Some(set.wanted))
}

fn split_brain(snapshot: &Snapshot, primaries: &[&Instance]) -> HealthFinding {
    let namespace = &snapshot.cluster.namespace;
    let said: Vec<String> = primaries
        .iter()
        .filter_map(|primary| {
            let facts = primary.facts()?;
            let mode = if facts.takes_writes() {
                ""
            } else {
                ", read-only"
            };
            Some(format!(
                "{} (timeline {}, at {}{mode})",
                primary.name(),
                facts.timeline,
                facts.flush_lsn
            ))
        })
        .collect();
    let mut finding = HealthFinding::critical(
        FindingCode::SplitBrain,
        cluster(snapshot),
        format!("{} pods accept writes: {}", said.len(), said.join(", ")),
    )
    .why("split brain: each takes transactions that the other will never have; stop the wrong one now, its volume keeps its data");
    let meant = &snapshot.topology.primary;
    for stray in primaries.iter().filter(|primary| primary.name() != meant) {
        finding = finding.next(stop(snapshot, stray));
    }
    finding.next(format!(
        "kubectl -n {namespace} get endpointslices -o wide   # which of them the write Service feeds"
    ))
}

/// How to stop an instance so that it stays stopped.
fn stop(snapshot: &Snapshot, instance: &Instance) -> String {
    let namespace = &snapshot.cluster.namespace;
    match snapshot.stateful_set(instance.pod.component) {
        // Its pod would come back the same way when nothing tells it that it is not the primary.
        Some(set) if set.component == Component::Primary || !set.topology_aware => format!(
            "kubectl -n {namespace} scale statefulset {} --replicas={}",
            set.name, instance.pod.ordinal
        ),
        _ => format!("kubectl -n {namespace} delete pod {}", instance.name()),
    }
}

fn read_only(snapshot: &Snapshot, primary: &Instance) -> Option<HealthFinding> {
    let facts = primary.facts().filter(|facts| !facts.takes_writes())?;
    debug_assert!(facts.recovery.is_none());
    let namespace = &snapshot.cluster.namespace;
    Some(
        HealthFinding::critical(
            FindingCode::ReadOnlyPrimary,
            ObjectRef::pod(primary.name()),
            "the primary refuses writes: default_transaction_read_only is on",
        )
        .why("somebody set it, or a disk watcher did")
        .next(show_settings(namespace, &["default_transaction_read_only"])),
    )
}

fn topology_differs(snapshot: &Snapshot, primary: &Instance) -> Option<HealthFinding> {
    let topology = &snapshot.topology;
    if topology.primary == primary.name() {
        return None;
    }
    let (what, why) = match &topology.source {
        TopologySource::Recorded { config_map, .. } => (
            format!(
                "ConfigMap {config_map} names {} (term {})",
                topology.primary, topology.term
            ),
            "a restart of the primary's pod would not bring it back as primary",
        ),
        TopologySource::Default { config_map } => (
            format!(
                "ConfigMap {config_map} does not exist, which means {}",
                topology.primary
            ),
            "a restart of the primary's pod would not bring it back as primary",
        ),
        // Without a topology-aware start script only a primary that would come back matters.
        TopologySource::Unaware => {
            let set = snapshot.stateful_set(Component::Primary)?;
            if set.wanted == 0 {
                return None;
            }
            (
                format!("StatefulSet {} still wants {} pod(s)", set.name, set.wanted),
                "its pod comes up as a second primary: keep it at 0 replicas",
            )
        }
    };
    Some(
        HealthFinding::warning(
            FindingCode::TopologyDiffers,
            ObjectRef::pod(primary.name()),
            format!("it is primary, but {what}"),
        )
        .why(why)
        .next(format!(
            "pgctl -n {} failover --to {} --dry-run",
            snapshot.cluster.namespace, topology.primary
        )),
    )
}

fn other_systems(snapshot: &Snapshot) -> Vec<HealthFinding> {
    let Some(system) = system_of(snapshot) else {
        return Vec::new();
    };
    let namespace = &snapshot.cluster.namespace;
    let strays = snapshot.instances.iter().filter_map(|instance| {
        let facts = instance.facts()?;
        (facts.system_identifier != *system).then_some((instance, facts))
    });
    strays
        .map(|(instance, facts)| {
            HealthFinding::critical(
                FindingCode::OtherSystem,
                ObjectRef::pod(instance.name()),
                format!(
                    "it holds another cluster's data: system identifier {}, not {system}",
                    facts.system_identifier
                ),
            )
            .why("it can never follow this primary, and who reads from it reads other data")
            .next(format!(
                "pgctl -n {namespace} reinit {}   # after making sure that nobody needs its data",
                instance.name()
            ))
        })
        .collect()
}

/// A pod that is to be primary and would start on nothing.
fn empty_volume(snapshot: &Snapshot) -> Option<HealthFinding> {
    let namespace = &snapshot.cluster.namespace;
    let meant = &snapshot.topology.primary;
    let next = format!("pgctl -n {namespace} failover --dry-run");
    let refused = |instance: &Instance| {
        let said = |decision: &StartDecision| match decision {
            StartDecision::Refused { reason, message }
            | StartDecision::Waiting { reason, message }
                if StartReason::of(reason) == Some(StartReason::EmptyPrimary) =>
            {
                Some(message.clone())
            }
            _ => None,
        };
        refusal(instance)
            .or(instance.waiting.as_ref())
            .and_then(said)
            .map(|message| (instance.name().to_owned(), message))
    };
    if let Some((pod, message)) = snapshot.instances.iter().find_map(refused) {
        return Some(
            HealthFinding::critical(
                FindingCode::EmptyPrimaryVolume,
                ObjectRef::pod(&pod),
                "its volume is empty, and it would become a new, empty primary; it refuses to start",
            )
            .why(message)
            .next(next),
        );
    }
    // Volumes may not be visible (no permission): then nothing can be said.
    let others = snapshot.volumes.iter().any(|volume| volume.pod != *meant);
    let missing = others && !snapshot.volumes.iter().any(|volume| volume.pod == *meant);
    let alive = snapshot
        .instance(meant)
        .is_some_and(|instance| instance.facts().is_some());
    let component = Component::Primary;
    let pods = snapshot.stateful_set(component).map_or(0, |set| set.wanted);
    let comes_back = pods > 0 || snapshot.topology.source != TopologySource::Unaware;
    (missing && !alive && comes_back && snapshot.standbys().next().is_some()).then(|| {
        HealthFinding::critical(
            FindingCode::EmptyPrimaryVolume,
            ObjectRef::pod(meant),
            "its volume is gone, while standbys have data: it would start as a new, empty primary",
        )
        .why(format!(
            "no PersistentVolumeClaim belongs to {meant}, which is to be the primary"
        ))
        .next(next)
    })
}
