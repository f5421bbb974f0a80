//! What else of a cluster is on a node that is emptied, and what its users notice. `pgctl drain` leaves it where it is; whoever
//! goes on with `kubectl drain` should know before.

use crate::cluster::words::shell_word;
use crate::cluster::{
    ClusterId, HandPause, PoolerPurpose, Poolers, databases_in_words, names, throw_away_name,
};
use crate::plan::language::{
    Check, CheckName, Circumstances, OtherPod, OtherPodKind, RolloutRequest,
};

/// The rows of a plan; none where no node is drained.
pub(super) fn other_pods(
    cluster: &ClusterId,
    request: &RolloutRequest,
    circumstances: &Circumstances,
) -> Vec<Check> {
    let (Some(node), Some(facts)) = (&request.node, &circumstances.drained) else {
        return Vec::new();
    };
    other_pod_checks(cluster, node, &facts.other_pods, &circumstances.poolers)
}

/// A row for the poolers of each purpose, and for each other pod; none where nothing else is there. `pods` are those of all nodes,
/// and `asked` says which poolers are paused by hand.
pub fn other_pod_checks(
    cluster: &ClusterId,
    node: &str,
    pods: &[OtherPod],
    asked: &Poolers,
) -> Vec<Check> {
    let mut checks: Vec<Check> = [PoolerPurpose::Write, PoolerPurpose::Read]
        .into_iter()
        .filter_map(|purpose| {
            let of_purpose = pods.iter();
            let of_purpose: Vec<&OtherPod> = of_purpose
                .filter(|it| it.kind == OtherPodKind::Pooler(purpose))
                .collect();
            poolers(cluster, node, &of_purpose, asked)
        })
        .collect();
    let others = pods.iter().filter(|it| it.is_on(node));
    checks.extend(others.filter_map(|it| other(cluster, it)));
    checks
}

/// What is typed until nothing of the cluster is on the node any more, in its order: what these rows name, and `kubectl drain` last.
pub fn emptying(node: &str, checks: &[Check]) -> Vec<String> {
    let mut commands = Vec::new();
    for check in checks {
        let is_of_pods = matches!(
            check.check,
            CheckName::EvictedPoolers | CheckName::OtherPods
        );
        let Some(next) = check.next.as_ref().filter(|_| is_of_pods) else {
            continue;
        };
        commands.push(next.clone());
        let command = next.split("   #").next().unwrap_or_default();
        // A pod that is evicted before the one in its place is ready leaves its clients nobody.
        if let Some((kubectl, deployment)) = command.split_once(" rollout restart ") {
            commands.push(format!("{kubectl} rollout status {deployment}"));
        }
    }
    commands.push(format!(
        "kubectl drain {} --ignore-daemonsets --delete-emptydir-data   # takes away what else is there",
        shell_word(node)
    ));
    commands
}

/// The row for those of one purpose; none where none is on the node.
fn poolers(cluster: &ClusterId, node: &str, pods: &[&OtherPod], asked: &Poolers) -> Option<Check> {
    let here: Vec<&OtherPod> = pods.iter().copied().filter(|it| it.is_on(node)).collect();
    let first = *here.first()?;
    let kind = &first.kind;
    let mut serving = Vec::new();
    let mut silent = Vec::new();
    for pod in pods.iter().filter(|it| it.ready && !it.leaving) {
        let Some(on) = pod.node.as_deref().filter(|on| *on != node) else {
            continue;
        };
        match unserved(asked, pod) {
            None => {
                let but = partly_paused(asked, pod);
                let but = but.map(|it| format!(" ({it})")).unwrap_or_default();
                serving.push(format!("{} on {on}{but}", pod.name));
            }
            Some(why) => silent.push(why),
        }
    }
    let ended = here.iter().filter(|it| it.ready);
    let ended = ended.filter_map(|it| unserved(asked, it).or_else(|| partly_paused(asked, it)));
    let ended: Vec<String> = ended.collect();
    let pause = pause_ends(&ended);
    let names: Vec<String> = here.iter().map(ToString::to_string).collect();
    let evicted = format!("kubectl drain evicts {}", names.join(", "));
    let reconnect = "the clients there lose their connections once their transactions have ended";
    let name = CheckName::EvictedPoolers;
    if !serving.is_empty() {
        let mut words = vec![format!(
            "{evicted}: {reconnect}, and find {}",
            serving.join(", ")
        )];
        words.extend(silent);
        return Some(Check::warn(name, words.join("; ") + &pause));
    }
    let nobody = match silent.is_empty() {
        true => format!("no other {kind} is ready elsewhere"),
        false => format!(
            "no other {kind} elsewhere is known to serve clients, because {}",
            silent.join(", and ")
        ),
    };
    let reason = format!(
        "{evicted}, and {nobody}: {reconnect}, and find none until a new pod is ready; {}{pause}",
        budget(first)
    );
    let Some(deployment) = &first.deployment else {
        return Some(Check::warn(name, reason));
    };
    let restart = match ended.is_empty() && silent.is_empty() {
        true => String::new(),
        false => format!("; a restart of {deployment} ends what is paused by hand, too"),
    };
    let next = format!(
        "kubectl -n {} rollout restart deployment/{}   # once {} takes no new pods, and before kubectl drain",
        shell_word(&cluster.namespace),
        shell_word(deployment),
        shell_word(node)
    );
    Some(Check::warn(name, reason + &restart).next(next))
}

/// What the disruption budget of a pooler does for its clients, when it is the last.
fn budget(pooler: &OtherPod) -> String {
    match &pooler.budget {
        None => "no disruption budget keeps one of them back".to_owned(),
        Some(it) if it.allowed <= 0 => {
            format!("the disruption budget {} lets none go now", it.name)
        }
        Some(it) => format!(
            "the disruption budget {} lets {} go at once",
            it.name, it.allowed
        ),
    }
}

/// Of which databases alone the clients wait in a pooler that is ready; none where of none.
fn partly_paused(asked: &Poolers, pod: &OtherPod) -> Option<String> {
    let Poolers::Seen(pods) = asked else {
        return None;
    };
    let found = pods.iter().find(|it| it.name == pod.name)?;
    let words = databases_in_words(&found.paused_databases)?;
    Some(format!("{} is paused by hand for {words}", pod.name))
}

/// Why the clients of a pooler that is ready may wait all the same; none where they are served.
fn unserved(asked: &Poolers, pod: &OtherPod) -> Option<String> {
    let unknown = |why: &str| {
        Some(format!(
            "whether {} is paused by hand is not known ({why})",
            pod.name
        ))
    };
    let pods = match asked {
        Poolers::Unseen(why) => return unknown(why),
        Poolers::Seen(pods) => pods,
    };
    let found = pods.iter().find(|it| it.name == pod.name);
    match found.map(|it| &it.pause) {
        Some(HandPause::Served) => None,
        Some(HandPause::Paused(_)) => Some(format!("{} is paused by hand", pod.name)),
        Some(HandPause::Unknown(why)) => unknown(why),
        Some(HandPause::NotAsked) | None => unknown("it was not asked"),
    }
}

/// What becomes of these pauses: one lives in its pod.
fn pause_ends(paused: &[String]) -> String {
    let whose = match paused {
        [] => return String::new(),
        [_] => "its",
        _ => "their",
    };
    format!(
        "; {}, and whoever comes in {whose} place is not",
        paused.join(", ")
    )
}

/// None of a pooler, which has a row already.
fn other(cluster: &ClusterId, pod: &OtherPod) -> Option<Check> {
    let name = CheckName::OtherPods;
    let means = match &pod.kind {
        OtherPodKind::Pooler(_) => return None,
        OtherPodKind::WalArchive => {
            "until it runs elsewhere WAL stays on the primary, for as long as its slot keeps it"
        }
        OtherPodKind::Backup => "the backup that it takes is not finished",
        OtherPodKind::Monitoring => "until it runs elsewhere there are no metrics",
        OtherPodKind::ThrowAway(_) => "its pod is gone, and only its claim is left",
        OtherPodKind::Other => "what it does ends",
    };
    let reason = match pod.made_anew {
        true => format!("kubectl drain evicts {pod}: {means}"),
        false => format!(
            "nobody makes {pod} anew, so that kubectl drain refuses without --force, and with it: {means}"
        ),
    };
    let check = Check::warn(name, reason);
    let namespace = shell_word(&cluster.namespace);
    Some(match &pod.kind {
        OtherPodKind::Backup => check.next(format!(
            "kubectl -n {namespace} logs -f {}   # until it is done",
            shell_word(&pod.name)
        )),
        OtherPodKind::ThrowAway(server) => check.next(match throw_away_name(server) {
            Ok(server) => format!(
                "pgctl restore --discard-into {server} -n {namespace} --cluster {}   # when it is needed no more",
                shell_word(&cluster.name)
            ),
            // Who has labelled it by hand may have called it anything.
            Err(_) => format!(
                "kubectl -n {namespace} get pods,pvc -l {}",
                shell_word(&format!("{}={server}", names::THROW_AWAY))
            ),
        }),
        OtherPodKind::Pooler(_)
        | OtherPodKind::WalArchive
        | OtherPodKind::Monitoring
        | OtherPodKind::Other => check,
    })
}
