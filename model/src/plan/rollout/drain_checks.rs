//! Whether the pods of a node can go to others.

use super::order::is_on;
use crate::cluster::words::shell_word;
use crate::cluster::{Instance, Snapshot, nearest};
use crate::plan::language::{Check, CheckName, Circumstances, DrainedNode, RolloutRequest};

/// All that is checked of the node as a whole; nothing where none is drained.
pub(super) fn drain_checks(
    snapshot: &Snapshot,
    request: &RolloutRequest,
    circumstances: &Circumstances,
) -> Vec<Check> {
    let Some(node) = &request.node else {
        return Vec::new();
    };
    let Some(facts) = &circumstances.drained else {
        return vec![unseen(node)];
    };
    if !facts.known.contains(node) {
        return vec![unknown(node, facts)];
    }
    let going = snapshot.instances.iter();
    let mut going = going.filter(|it| is_on(it, node) && it.pod.deleting_since.is_some());
    if let Some(pod) = going.next() {
        let why = format!("{} is being deleted, and is still on {node}", pod.name());
        let check = Check::refuse(CheckName::Node, why);
        return vec![check.next("give the command again in a moment")];
    }
    // The role is handed over first, so that nobody evicts a primary.
    let primary = snapshot.primary().map(Instance::name);
    let evicted = snapshot.instances.iter();
    let evicted = evicted.filter(|it| is_on(it, node) && Some(it.name()) != primary);
    vec![
        takes_no_more(node, facts),
        volumes(facts),
        budgets(facts, evicted),
    ]
}

/// Of a drain: the node takes no new pods by now, or this pod could come back to it. None of any other rollout.
pub fn still_drained(
    pod: &str,
    request: &RolloutRequest,
    circumstances: &Circumstances,
) -> Option<Check> {
    let node = request.node.as_ref()?;
    let name = CheckName::Node;
    Some(match &circumstances.drained {
        None => unseen(node),
        Some(facts) if !facts.cordoned => Check::refuse(
            name,
            format!("{node} takes new pods: {pod} could come back to it"),
        )
        .next(format!("pgctl drain {}", shell_word(node))),
        Some(_) => Check::pass(name, format!("{node} takes no new pods")),
    })
}

fn unseen(node: &str) -> Check {
    Check::refuse(
        CheckName::Node,
        format!("what {node} is like was not looked at"),
    )
    .next(format!("pgctl drain {}", shell_word(node)))
}

fn unknown(node: &str, facts: &DrainedNode) -> Check {
    let known: Vec<&str> = facts.known.iter().map(String::as_str).collect();
    let check = Check::refuse(
        CheckName::Node,
        format!(
            "there is no node {node:?}; there are: {}",
            match known.as_slice() {
                [] => "none".to_owned(),
                some => some.join(", "),
            }
        ),
    );
    match nearest(node, known) {
        Some(near) => check.next(format!("pgctl drain {}", shell_word(near))),
        None => check.next("kubectl get nodes"),
    }
}

fn takes_no_more(node: &str, facts: &DrainedNode) -> Check {
    let name = CheckName::Node;
    if facts.others.is_empty() {
        return Check::refuse(
            name,
            format!(
                "no other node is Ready and takes new pods: what leaves {node} would have nowhere to go"
            ),
        )
        .next("kubectl get nodes");
    }
    let others: Vec<&str> = facts.others.iter().map(String::as_str).collect();
    let others = others.join(", ");
    match (facts.cordoned, facts.may_cordon) {
        (true, _) => Check::pass(name, format!("{node} takes no new pods, and {others} do")),
        (false, true) => Check::pass(
            name,
            format!("{node} is cordoned first; {others} take new pods"),
        ),
        (false, false) => Check::refuse(
            name,
            format!("{node} takes new pods, and you may not change that (patch nodes)"),
        )
        .next(format!("kubectl cordon {}", shell_word(node))),
    }
}

fn volumes(facts: &DrainedNode) -> Check {
    let name = CheckName::Volume;
    if let Some(why) = &facts.volumes_unseen {
        return Check::refuse(
            name,
            format!("whether other nodes can use the volumes is not known: {why}"),
        )
        .next("deploy/rbac/drain has the ClusterRole pgctl-drain, which may look");
    }
    let bound: Vec<String> = facts
        .bound
        .iter()
        .map(|(pod, claim)| format!("{claim} of {pod}"))
        .collect();
    if bound.is_empty() {
        return Check::pass(name, "other nodes can use the volumes");
    }
    Check::refuse(
        name,
        format!(
            "no other node that takes new pods can use {}: the pod would wait for this one",
            bound.join(", ")
        ),
    )
    .next("pgctl failover   # moves the role away; then the pod can wait until the node is back")
}

fn budgets<'a>(facts: &DrainedNode, evicted: impl Iterator<Item = &'a Instance>) -> Check {
    let name = CheckName::Budgets;
    let never: Vec<String> = evicted
        .filter_map(|it| {
            let budget = facts.never_evicted.get(it.name())?;
            Some(format!("{} ({budget})", it.name()))
        })
        .collect();
    if !facts.may_evict {
        return Check::refuse(name, "you may not evict pods (create pods/eviction)")
            .next("deploy/rbac has the Role pgctl-operator");
    }
    match never.is_empty() {
        true => Check::pass(
            name,
            "pods are evicted, and disruption budgets have their say",
        ),
        false => Check::warn(
            name,
            format!(
                "a disruption budget lets nobody evict {}: as a standby it is deleted, as in a rollout",
                never.join(", ")
            ),
        ),
    }
}
