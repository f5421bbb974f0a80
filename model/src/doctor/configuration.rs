//! Settings, versions, memory.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{DoctorFacts, ServerAnswer};
use super::remedy::show_settings;
use super::result::{Finding, cluster};
use super::servers::{each_answer, each_server};
use crate::cluster::{ObjectRef, words};

/// More than that share of the memory for shared_buffers leaves too little for all else.
const LARGEST_SHARE: f64 = 0.5;

pub(super) fn memory_settings(facts: &DoctorFacts) -> Vec<Finding> {
    let namespace = &facts.snapshot.cluster.namespace;
    each_server(facts, |pod, answer| {
        let object = ObjectRef::pod(pod);
        let edit = facts
            .set_of(pod)
            .map(|set| format!("kubectl -n {namespace} edit statefulset {}", set.name));
        let limit = match facts.objects.memory_limits.get(pod) {
            None => return vec![Finding::unknown(object, "its container was not seen")],
            Some(None) => {
                let finding = Finding::note(object, "its container has no memory limit")
                    .evidence("on a full node the kernel ends whatever it likes, PostgreSQL first");
                return vec![match edit {
                    Some(edit) => finding.next(edit),
                    None => finding,
                }];
            }
            Some(Some(limit)) => *limit,
        };
        let settings = show_settings(
            &facts.snapshot,
            &[
                "shared_buffers",
                "work_mem",
                "maintenance_work_mem",
                "max_connections",
                "autovacuum_max_workers",
            ],
        );
        if answer.shared_buffers as f64 > limit as f64 * LARGEST_SHARE {
            return vec![
                Finding::warning(
                    object,
                    format!(
                        "shared_buffers is {} of a limit of {}",
                        words::bytes(answer.shared_buffers),
                        words::bytes(limit)
                    ),
                )
                .evidence(
                    "a quarter is usual: what sessions and the cache of files need has no room",
                )
                .next(settings),
            ];
        }
        let most = at_most(facts, pod, answer);
        if most > limit {
            return vec![
                Finding::note(
                    object,
                    format!(
                        "all sessions at work may need {}, and the limit is {}",
                        words::bytes(most),
                        words::bytes(limit)
                    ),
                )
                .evidence(format!(
                    "shared_buffers {}, work_mem {} for each connection, maintenance_work_mem {} for each of {} autovacuum workers",
                    words::bytes(answer.shared_buffers),
                    words::bytes(answer.work_mem),
                    words::bytes(answer.maintenance_work_mem),
                    answer.autovacuum_workers
                ))
                .next(settings),
            ];
        }
        Vec::new()
    })
}

fn at_most(facts: &DoctorFacts, pod: &str, answer: &ServerAnswer) -> u64 {
    let known = facts.snapshot.instance(pod).and_then(|it| it.facts());
    let connections = known.map_or(0, |it| u64::from(it.settings.max_connections));
    answer
        .shared_buffers
        .saturating_add(connections.saturating_mul(answer.work_mem))
        .saturating_add(
            answer
                .autovacuum_workers
                .saturating_mul(answer.maintenance_work_mem),
        )
}

/// Those that did not answer, once.
fn silent(facts: &DoctorFacts) -> Vec<Finding> {
    each_server(facts, |_, _| Vec::new())
}

/// `17.2 on a, b; 17.1 on c` out of what each pod has.
fn by_value<'a>(
    values: impl IntoIterator<Item = (&'a str, String)>,
) -> Vec<(String, Vec<&'a str>)> {
    let mut by_value: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (pod, value) in values {
        by_value.entry(value).or_default().push(pod);
    }
    by_value.into_iter().collect()
}

fn said(by_value: &[(String, Vec<&str>)]) -> String {
    let each = by_value
        .iter()
        .map(|(value, pods)| format!("{value} on {}", pods.join(", ")));
    each.collect::<Vec<_>>().join("; ")
}

pub(super) fn settings_differ(facts: &DoctorFacts) -> Vec<Finding> {
    let mut findings = silent(facts);
    let mut settings: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    let pods: BTreeSet<&str> = each_answer(facts).map(|(pod, _)| pod).collect();
    for (pod, answer) in each_answer(facts) {
        for setting in &answer.settings {
            let values = settings.entry(&setting.name).or_default();
            values.insert(pod, &setting.value);
        }
    }
    let differ: Vec<String> = settings
        .iter()
        .filter_map(|(name, values)| {
            let of = |pod: &str| values.get(pod).copied().unwrap_or("the default");
            let by_value = by_value(pods.iter().map(|pod| (*pod, of(pod).to_owned())));
            (by_value.len() > 1).then(|| format!("{name}: {}", said(&by_value)))
        })
        .collect();
    if !differ.is_empty() {
        findings.push(
            Finding::warning(
                cluster(&facts.snapshot),
                match differ.len() {
                    1 => "1 setting differs between pods".to_owned(),
                    more => format!("{more} settings differ between pods"),
                },
            )
            .evidence_lines(differ)
            .next(format!(
                "pgctl -n {} config diff",
                facts.snapshot.cluster.namespace
            )),
        );
    }
    findings
}

pub(super) fn versions_differ(facts: &DoctorFacts) -> Vec<Finding> {
    let mut findings = silent(facts);
    let versions =
        each_answer(facts).map(|(pod, it)| (pod, words::server_version(it.version_number)));
    let versions = by_value(versions);
    let majors: BTreeSet<u32> = each_answer(facts)
        .map(|(_, it)| it.version_number / 10_000)
        .collect();
    if versions.len() > 1 {
        let object = cluster(&facts.snapshot);
        let finding = if majors.len() > 1 {
            Finding::critical(object, "pods run different major versions of PostgreSQL")
        } else {
            Finding::warning(object, "pods run different versions of PostgreSQL")
        };
        findings.push(finding.evidence(said(&versions)).next(format!(
            "kubectl -n {} get pods -o custom-columns=POD:.metadata.name,IMAGE:.spec.containers[0].image",
            facts.snapshot.cluster.namespace
        )));
    }
    findings
}

pub(super) fn architectures_differ(facts: &DoctorFacts) -> Vec<Finding> {
    let mut findings = silent(facts);
    let machines = by_value(each_answer(facts).map(|(pod, it)| (pod, architecture(&it.version))));
    if machines.len() > 1 {
        findings.push(
            Finding::critical(
                cluster(&facts.snapshot),
                "pods run on different architectures",
            )
            .evidence(said(&machines))
            .evidence(
                "physical replication between them is not supported: texts may sort differently",
            )
            .next("kubectl get nodes -L kubernetes.io/arch"),
        );
    }
    findings
}

/// `x86_64` of `PostgreSQL 17.2 on x86_64-pc-linux-gnu, compiled by ...`.
fn architecture(version: &str) -> String {
    let platform = version.split(" on ").nth(1).unwrap_or_default();
    platform
        .split(['-', ','])
        .next()
        .unwrap_or_default()
        .to_owned()
}
