//! What a failure would cost.

use std::collections::BTreeMap;

use super::facts::DoctorFacts;
use super::result::{Finding, cluster};
use super::servers::primary;
use crate::cluster::suggestion::option;
use crate::cluster::{Instance, ObjectRef, words};

/// A backup is taken every night; one that is older was left out.
const BACKUP_AGE: f64 = 26.0 * 3600.0;
/// A restore is tried once a month.
const RESTORE_AGE: f64 = 35.0 * 86400.0;

pub(super) fn no_disruption_budget(facts: &DoctorFacts) -> Vec<Finding> {
    let namespace = &facts.snapshot.cluster.namespace;
    let budgets = match &facts.objects.budgets {
        Ok(budgets) => budgets,
        Err(why) => return vec![Finding::unknown(cluster(&facts.snapshot), why)],
    };
    let pods = facts.snapshot.instances.iter().map(Instance::name);
    let bare = pods.filter(|pod| !budgets.iter().any(|it| it.pods.contains(*pod)));
    bare.map(|pod| {
        Finding::warning(ObjectRef::pod(pod), "no PodDisruptionBudget selects it")
            .evidence("a drain of its node takes it away whatever else is away")
            .next(format!(
                "kubectl -n {namespace} get pdb   # deploy/base/policies.yaml has those that are meant"
            ))
    })
    .collect()
}

/// The pods of each place that has more than one, unscheduled ones left out.
fn shared<'a>(
    places: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut by_place: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (place, pod) in places {
        by_place.entry(place).or_default().push(pod);
    }
    by_place.retain(|_, pods| pods.len() > 1);
    by_place
}

fn placed(facts: &DoctorFacts) -> impl Iterator<Item = (&str, &str)> {
    let instances = facts.snapshot.instances.iter();
    instances.filter_map(|it| Some((it.pod.node.as_deref()?, it.name())))
}

pub(super) fn shared_node(facts: &DoctorFacts) -> Vec<Finding> {
    let namespace = &facts.snapshot.cluster.namespace;
    shared(placed(facts))
        .into_iter()
        .map(|(node, pods)| {
            Finding::warning(
                ObjectRef::new("node", node),
                format!("{} instances are on it", pods.len()),
            )
            .evidence(format!("{} fail together with it", pods.join(", ")))
            .next(format!(
                "kubectl -n {namespace} get pods -o wide   # then delete a standby's pod, once another node has room"
            ))
        })
        .collect()
}

pub(super) fn shared_zone(facts: &DoctorFacts) -> Vec<Finding> {
    let nodes = match &facts.objects.nodes {
        Ok(nodes) => nodes,
        Err(why) => return vec![Finding::unknown(cluster(&facts.snapshot), why)],
    };
    let mut zones = Vec::new();
    for (node, pod) in placed(facts) {
        match nodes.get(node).and_then(|it| it.zone.as_deref()) {
            Some(zone) => zones.push((zone, pod)),
            None => {
                let why = "it has no label topology.kubernetes.io/zone";
                return vec![Finding::unknown(ObjectRef::new("node", node), why)];
            }
        }
    }
    shared(zones)
        .into_iter()
        .map(|(zone, pods)| {
            let what = match pods.len() == facts.snapshot.instances.len() {
                true => format!("every instance is in the zone {zone}"),
                false => format!("{} instances are in the zone {zone}", pods.len()),
            };
            Finding::note(cluster(&facts.snapshot), what)
                .evidence(format!("{} fail together with it", pods.join(", ")))
                .next("kubectl get nodes -L topology.kubernetes.io/zone")
        })
        .collect()
}

pub(super) fn asynchronous_only(facts: &DoctorFacts) -> Vec<Finding> {
    let snapshot = &facts.snapshot;
    let Some(settings) = snapshot.primary().and_then(Instance::facts) else {
        let why = "there is no single primary that answers";
        return vec![Finding::unknown(cluster(snapshot), why)];
    };
    let settings = &settings.settings;
    let waits = !settings.synchronous_standby_names.is_empty()
        && !matches!(settings.synchronous_commit.as_str(), "off" | "local");
    if waits || snapshot.standbys_wanted() == 0 {
        return Vec::new();
    }
    vec![
        Finding::note(primary(facts), "commits wait for no standby")
            .evidence("an emergency failover may lose the last of them")
            .next(format!(
                "pgctl -n {} sync set --standbys 1",
                snapshot.cluster.namespace
            )),
    ]
}

pub(super) fn single_standby(facts: &DoctorFacts) -> Vec<Finding> {
    let snapshot = &facts.snapshot;
    // None at all is what `pgctl status` finds.
    if snapshot.standbys_wanted() != 1 {
        return Vec::new();
    }
    vec![
        Finding::note(cluster(snapshot), "there is one standby only")
            .evidence("after one failure nothing is left to fail over to")
            .next(format!("pgctl -n {} scale 2", snapshot.cluster.namespace)),
    ]
}

fn age(facts: &DoctorFacts, then: jiff::Timestamp) -> f64 {
    facts.snapshot.taken.duration_since(then).as_secs_f64()
}

pub(super) fn backup_missing(facts: &DoctorFacts) -> Vec<Finding> {
    let namespace = &facts.snapshot.cluster.namespace;
    let backups = match &facts.backups {
        Ok(backups) => backups,
        Err(why) => {
            return vec![
                Finding::unknown(cluster(&facts.snapshot), why)
                    .next(format!("pgctl -n {namespace} doctor --store STORE")),
            ];
        }
    };
    let take = format!(
        "pgctl -n {namespace} backup {}",
        option("--store", &backups.store)
    );
    let object = cluster(&facts.snapshot);
    match &backups.newest {
        None => vec![
            Finding::critical(
                object,
                format!("{} has no verified backup of it", backups.store),
            )
            .evidence("what is lost on all volumes is lost")
            .next(take),
        ],
        Some((id, started)) if age(facts, *started) > BACKUP_AGE => vec![
            Finding::warning(
                object,
                format!(
                    "the last verified backup is {} old",
                    words::seconds(age(facts, *started))
                ),
            )
            .evidence(format!("it is {id} in {}", backups.store))
            .next(take),
        ],
        Some(_) => Vec::new(),
    }
}

pub(super) fn backup_not_restored(facts: &DoctorFacts) -> Vec<Finding> {
    let namespace = &facts.snapshot.cluster.namespace;
    let object = cluster(&facts.snapshot);
    let backups = match &facts.backups {
        Ok(backups) => backups,
        Err(why) => {
            return vec![
                Finding::unknown(object, why)
                    .next(format!("pgctl -n {namespace} doctor --store STORE")),
            ];
        }
    };
    if backups.newest.is_none() {
        let why = "there is no verified backup to restore";
        return vec![Finding::unknown(object, why)];
    }
    let test = format!(
        "pgctl -n {namespace} backup verify --restore-test {}",
        option("--store", &backups.store)
    );
    match &backups.restored {
        None => vec![
            Finding::warning(
                object,
                "no backup was ever restored to see whether it can be",
            )
            .next(test),
        ],
        Some((id, _, Some(failed))) => vec![
            Finding::critical(object, format!("the last trial restore failed, of {id}"))
                .evidence(failed.clone())
                .next(test),
        ],
        Some((id, at, None)) if age(facts, *at) > RESTORE_AGE => vec![
            Finding::note(
                object,
                format!(
                    "the last trial restore was {} ago",
                    words::seconds(age(facts, *at))
                ),
            )
            .evidence(format!("it was of {id}"))
            .next(test),
        ],
        Some(_) => Vec::new(),
    }
}

pub(super) fn wal_unlimited(facts: &DoctorFacts) -> Vec<Finding> {
    let unlimited = |it: &&Instance| {
        let settings = it.facts().map(|it| &it.settings);
        settings.is_some_and(|it| it.max_slot_wal_keep_bytes.is_none())
    };
    let instances = &facts.snapshot.instances;
    let mut findings: Vec<Finding> = unanswered(facts);
    findings.extend(instances.iter().filter(unlimited).map(|it| {
        Finding::warning(
            ObjectRef::pod(it.name()),
            "max_slot_wal_keep_size is unlimited",
        )
        .evidence("the slot of a standby that is gone fills the volume, and the server stops")
        // Where it comes from says what to change: the ConfigMap has it, or ALTER SYSTEM has overruled that.
        .next(super::remedy::show_settings(
            &facts.snapshot,
            &["max_slot_wal_keep_size"],
        ))
        .next(format!(
            "pgctl -n {} config set max_slot_wal_keep_size=3GB   # it says when another place has it: docs/checks.md",
            facts.snapshot.cluster.namespace
        ))
    }));
    findings
}

/// An archive that is further behind than this was given up by whoever writes it: the unfinished segment is
/// stored every few seconds. In seconds.
const ARCHIVE_BEHIND: i64 = 120;

pub(super) fn wal_archive_incomplete(facts: &DoctorFacts) -> Vec<Finding> {
    let object = cluster(&facts.snapshot);
    let namespace = &facts.snapshot.cluster.namespace;
    let archive = match &facts.archive {
        // Whether WAL is archived at all is another check.
        Ok(None) => return Vec::new(),
        Ok(Some(archive)) => archive,
        Err(why) => {
            return vec![
                Finding::unknown(object, why)
                    .next(format!("pgctl -n {namespace} doctor --store STORE")),
            ];
        }
    };
    let store = option("--store", &archive.store);
    let take = format!("pgctl -n {namespace} backup --physical {store}");
    let list = format!("pgctl -n {namespace} wal list {store}");
    let protection = &archive.protection;
    let mut findings: Vec<Finding> = protection
        .open_breaks
        .iter()
        .map(|it| {
            let what = format!(
                "WAL is missing from {} to {} on timeline {}, and no base backup was taken after it",
                it.from, it.to, it.timeline
            );
            Finding::critical(object.clone(), what)
                .evidence(it.why.words())
                .next(take.clone())
        })
        .collect();
    if protection.recoverable.is_none() {
        let what = "no base backup leads into the archived WAL: no moment can be restored";
        findings.push(Finding::critical(object.clone(), what).next(take));
    }
    let behind = protection.behind(facts.snapshot.taken);
    let late = behind.is_none_or(|it| it.as_secs() > ARCHIVE_BEHIND);
    if late {
        let what = match behind {
            Some(behind) => format!("the WAL archive is {} behind", words::age(behind.as_secs())),
            None => "nobody has said up to when WAL is archived".to_owned(),
        };
        findings.push(
            Finding::warning(object.clone(), what)
                .evidence("what is committed since then is lost with the volumes")
                .next(format!("pgctl -n {namespace} slots"))
                .next(list.clone()),
        );
    }
    if protection.unreadable > 0 {
        let what = format!(
            "{} objects of the WAL archive can't be read",
            protection.unreadable
        );
        findings.push(Finding::warning(object, what).next(list));
    }
    findings
}

pub(super) fn no_archive(facts: &DoctorFacts) -> Vec<Finding> {
    let snapshot = &facts.snapshot;
    if matches!(facts.archive, Ok(Some(_))) {
        return Vec::new();
    }
    let Some(primary_facts) = snapshot.primary().and_then(Instance::facts) else {
        let why = "there is no single primary that answers";
        return vec![Finding::unknown(cluster(snapshot), why)];
    };
    if primary_facts.settings.archiving {
        return Vec::new();
    }
    vec![
        Finding::note(
            primary(facts),
            "archive_mode is off: WAL is archived nowhere",
        )
        .evidence("a restore brings back the moment of a backup, and none between two of them")
        .next(super::remedy::show_settings(
            snapshot,
            &["archive_mode", "archive_command"],
        )),
    ]
}

/// An unknown for each database that was asked and did not answer.
fn unanswered(facts: &DoctorFacts) -> Vec<Finding> {
    let silent = super::servers::silent(facts);
    silent
        .map(|(pod, why)| Finding::unknown(ObjectRef::pod(pod), why))
        .collect()
}
