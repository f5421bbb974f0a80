//! Clients of poolers that go on, and what came of their wait.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::cluster::{PoolerPod, databases_left_paused};
use crate::kubernetes::{HoldStage, PoolerHold};
use crate::observe::{is_pooler_paused, paused_databases};
use crate::plan::OperationFinding;
use crate::world::connections::Connections;

/// How long a pooler may take to hear of something: its start script wakes up for it.
pub(super) const HEARS: Duration = Duration::from_secs(3);

/// What came of letting them go on.
#[derive(Default)]
pub(super) struct Released {
    /// How long they were held.
    pub(super) findings: Vec<OperationFinding>,
    /// What is to be told beside that.
    pub(super) told: Vec<String>,
    /// Names of those that somebody had paused by hand before they were to be held.
    pub(super) paused: Vec<String>,
}

/// Of these poolers, which were paused by hand, those that have not said that they are no more.
pub(super) async fn still_paused(cluster: &Connections, paused: &[PoolerPod]) -> Vec<String> {
    let asked = paused.iter().map(async |pod| {
        let paused = is_pooler_paused(&cluster.kube, &cluster.id, pod, HEARS).await;
        let resumed = matches!(paused, Ok(Some(false)));
        (!resumed).then(|| pod.name.clone())
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// Lets each go on when its way leads to the primary, and at the end of the time in any case.
pub(super) async fn let_go(
    cluster: &Connections,
    mut holds: Vec<PoolerHold>,
    since: Instant,
    primary: &str,
    limit: Duration,
) -> Released {
    let addresses = cluster
        .kube
        .pod_addresses(cluster.namespace(), primary)
        .await
        .unwrap_or_default();
    let each = holds.iter_mut().map(async |hold| {
        if !hold.is_at(&HoldStage::Led) {
            hold.lead(&addresses);
        }
        let led = hold.reaches(&HoldStage::Led, limit).await;
        hold.release();
        // Dropped without an answer it lets go as well.
        let released = hold.reaches(&HoldStage::Released, HEARS).await;
        let why = led.and(released).err()?;
        Some(format!("{}: {why}", hold.pod()))
    });
    let failed: Vec<String> = join_all(each).await.into_iter().flatten().collect();
    let seconds = since.elapsed().as_secs_f64();
    let released = holds.iter().filter(|it| it.is_at(&HoldStage::Released));
    let held: Vec<String> = released
        .filter(|it| !it.is_paused_by_hand())
        .map(|it| it.pod().to_owned())
        .collect();
    let paused = holds.iter().filter(|it| it.is_paused_by_hand());
    Released {
        findings: clients_held(seconds, held),
        told: unsure(primary, &failed).into_iter().collect(),
        paused: paused.map(|it| it.pod().to_owned()).collect(),
    }
}

/// Nothing where all were paused by hand.
fn clients_held(seconds: f64, poolers: Vec<String>) -> Vec<OperationFinding> {
    if poolers.is_empty() {
        return Vec::new();
    }
    vec![OperationFinding::ClientsHeld { seconds, poolers }]
}

fn unsure(primary: &str, failed: &[String]) -> Option<String> {
    let failed = (!failed.is_empty()).then(|| failed.join("; "))?;
    Some(format!(
        "clients go on, and whether they get to {primary} is not known: {failed}"
    ))
}

/// What has become of pauses by hand: of those that had ended, of those that were `left` alone, and of those that came too `late`
/// for the plan.
pub(super) async fn ends_of_pauses(
    cluster: &Connections,
    mut resumed: Vec<String>,
    left: &[String],
    late: &[String],
) -> Vec<String> {
    if left.is_empty() && late.is_empty() {
        return words_of_pauses(&resumed, late);
    }
    // Whoever can't be asked is taken to be paused, as it was.
    let listed = cluster.kube.poolers(&cluster.id).await.ok();
    let late = of_those_there(late, listed.as_deref());
    let mut pods = listed.unwrap_or_default();
    pods.retain(|it| left.contains(&it.name) || late.contains(&it.name));
    let still = still_paused(cluster, &pods).await;
    let names = pods.into_iter().map(|it| it.name);
    resumed.extend(names.filter(|it| !still.contains(it)));
    resumed.sort();
    resumed.dedup();
    words_of_pauses(&resumed, &late)
}

/// Of these names of pods, those that are there, or may be: where the pods could be listed, one that is not among them took its
/// pause along.
fn of_those_there(names: &[String], listed: Option<&[PoolerPod]>) -> Vec<String> {
    let there = names.iter().filter(|it| may_be_there(it, listed));
    there.cloned().collect()
}

fn may_be_there(name: &str, listed: Option<&[PoolerPod]>) -> bool {
    listed.is_none_or(|pods| pods.iter().any(|it| it.name == name))
}

/// What there is to tell of databases that were paused by hand, each alone: no hold begins or ends that. Of whom nobody hears they
/// are taken to be as they were.
pub(super) async fn left_paused(
    cluster: &Connections,
    mut databases: BTreeMap<String, Vec<String>>,
) -> Option<String> {
    if databases.is_empty() {
        return None;
    }
    let listed = cluster.kube.poolers(&cluster.id).await.ok();
    databases.retain(|pod, _| may_be_there(pod, listed.as_deref()));
    let pods = listed.unwrap_or_default();
    let pods = pods.iter().filter(|it| databases.contains_key(&it.name));
    let asked = pods.map(async |pod| {
        let now = paused_databases(&cluster.kube, &cluster.id, pod, HEARS).await;
        Some((pod.name.clone(), now.ok()?))
    });
    for (pod, now) in join_all(asked).await.into_iter().flatten() {
        databases
            .entry(pod)
            .and_modify(|it| it.retain(|name| now.contains(name)));
    }
    databases_left_paused(
        databases
            .iter()
            .map(|(pod, names)| (pod.clone(), names.as_slice())),
    )
}

fn words_of_pauses(resumed: &[String], late: &[String]) -> Vec<String> {
    let paused = late.iter().filter(|it| !resumed.contains(it));
    let paused: Vec<&str> = paused.map(String::as_str).collect();
    let mut words = Vec::new();
    if !resumed.is_empty() {
        words.push(format!(
            "resumed by hand while the primary moved: {}; the clients there may have seen errors",
            resumed.join(", ")
        ));
    }
    if !paused.is_empty() {
        words.push(format!(
            "paused by hand, and left so: {}; the clients there wait until `pgctl pooler resume`",
            paused.join(", ")
        ));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{HandPause, PoolerPurpose};

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn who_was_held_is_told_of_beside_who_was_not() {
        let found = clients_held(0.5, names(&["a", "b"]));
        let [OperationFinding::ClientsHeld { poolers, .. }] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(poolers.len(), 2);
        assert!(clients_held(0.5, Vec::new()).is_empty());
        assert_eq!(unsure("p", &[]), None);
        let why = unsure("p", &names(&["c: not within 10 s"])).unwrap_or_default();
        assert!(why.ends_with("is not known: c: not within 10 s"), "{why}");
    }

    #[test]
    fn a_pause_that_has_ended_while_the_primary_moved_is_told_of_and_one_that_lasts_as_well() {
        assert!(words_of_pauses(&[], &[]).is_empty());
        let words = words_of_pauses(&names(&["a", "late"]), &names(&["late", "lasts"]));
        let [resumed, paused] = words.as_slice() else {
            panic!("{words:?}");
        };
        assert!(resumed.contains("moved: a, late; "), "{resumed}");
        assert!(paused.contains("left so: lasts; "), "{paused}");
    }

    #[test]
    fn a_pooler_whose_pod_is_gone_is_not_told_to_be_left_paused() {
        let pod = |name: &str| PoolerPod {
            name: name.to_owned(),
            purpose: PoolerPurpose::Write,
            stopped: None,
            started: None,
            leaving: false,
            secret: None,
            pause: HandPause::NotAsked,
            paused_databases: Vec::new(),
        };
        let all = names(&["gone", "there"]);
        let listed = [pod("there"), pod("another")];
        let told = of_those_there(&all, Some(&listed));
        assert_eq!(told, ["there"]);
        let words = words_of_pauses(&[], &told).concat();
        assert!(
            words.contains("there") && !words.contains("gone"),
            "{words}"
        );
        // Where nobody could list them, each may be there.
        assert_eq!(of_those_there(&all, None), all);
        assert_eq!(of_those_there(&all, Some(&[])), [""; 0]);
    }
}
