//! What the one who asks may do.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;

use crate::doctor::{Access, Known};
use crate::kubernetes::{Call, Kube, KubeError, NamespaceScope, Verb, calls_of};
use crate::plan::OperationKind;

/// Namespaces that are asked about at the same time.
const AT_ONCE: usize = 4;
/// More questions than this are only asked when somebody has named the check.
const MOST_QUESTIONS: usize = 1000;

/// A permission: what may be done, in which API group, with what.
type Needed = (Verb, &'static str, &'static str);

/// What looking takes.
const TO_LOOK: [Needed; 20] = [
    (Verb::List, "", "pods"),
    (Verb::List, "apps", "statefulsets"),
    (Verb::List, "", "services"),
    (Verb::List, "discovery.k8s.io", "endpointslices"),
    (Verb::List, "autoscaling", "horizontalpodautoscalers"),
    (Verb::List, "", "persistentvolumeclaims"),
    (Verb::List, "", "configmaps"),
    (Verb::List, "", "events"),
    (Verb::List, "policy", "poddisruptionbudgets"),
    (Verb::List, "networking.k8s.io", "networkpolicies"),
    // Who makes backups: `pgctl report`.
    (Verb::List, "batch", "cronjobs"),
    (Verb::List, "batch", "jobs"),
    (Verb::Get, "coordination.k8s.io", "leases"),
    (Verb::Get, "", "secrets"),
    (Verb::Get, "", "pods/log"),
    (Verb::Create, "", "pods/portforward"),
    (Verb::Create, "", "pods/exec"),
    (Verb::Get, "", "configmaps"),
    // Whether they are well, and in which zones.
    (Verb::Get, "", "nodes"),
    (Verb::List, "", "nodes"),
];

/// What commands take that are no guided operation, or take more than one. Their names are without `pgctl`.
const TO_CHANGE: [(&str, &[Needed]); 7] = [
    (
        "rollout --undo",
        &[
            (Verb::List, "apps", "controllerrevisions"),
            (Verb::Patch, "apps", "statefulsets"),
        ],
    ),
    ("upgrade", &[(Verb::Patch, "apps", "statefulsets")]),
    (
        "drain",
        &[
            (Verb::Get, "", "nodes"),
            (Verb::List, "", "nodes"),
            (Verb::Patch, "", "nodes"),
            (Verb::Get, "", "persistentvolumes"),
            (Verb::Create, "", "pods/eviction"),
        ],
    ),
    (
        "users create",
        &[(Verb::Get, "", "secrets"), (Verb::Create, "", "secrets")],
    ),
    (
        "users drop",
        &[(Verb::Get, "", "secrets"), (Verb::Delete, "", "secrets")],
    ),
    (
        "passwords rotate",
        &[
            (Verb::Get, "", "secrets"),
            (Verb::Patch, "", "secrets"),
            (Verb::Patch, "", "pods"),
        ],
    ),
    // As every small change, it is written down.
    (
        "config set",
        &[
            (Verb::Get, "", "configmaps"),
            (Verb::Create, "", "configmaps"),
            (Verb::Update, "", "configmaps"),
        ],
    ),
];

/// Each call that some command needs, and that command; none: looking.
fn needed() -> Vec<(Call, Option<String>)> {
    let call = |(verb, group, resource): &Needed| Call::new(*verb, group, resource);
    let mut needed: Vec<(Call, Option<String>)> =
        TO_LOOK.iter().map(|it| (call(it), None)).collect();
    let operations = OperationKind::ALL.into_iter();
    let operations = operations.map(|kind| (kind.command(), calls_of(kind)));
    let others = TO_CHANGE.iter();
    let others = others.map(|(command, calls)| (*command, calls.iter().map(call).collect()));
    for (command, calls) in operations.chain(others) {
        let command = format!("pgctl {command}");
        for call in calls {
            let need = (call, Some(command.clone()));
            // Two kinds may be one command.
            if !needed.contains(&need) {
                needed.push(need);
            }
        }
    }
    needed
}

/// Each of the calls once.
pub(super) fn questions() -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for (call, _) in needed() {
        if !calls.contains(&call) {
            calls.push(call);
        }
    }
    calls
}

/// Which of the calls are not allowed in a namespace, or in all of them, in the words of [`permission`].
pub(super) async fn missing(
    kube: &Kube,
    namespace: Option<&str>,
    calls: &[Call],
) -> Known<BTreeSet<String>> {
    let missing: Vec<String> = match namespace {
        Some(namespace) => {
            let (inside, outside): (Vec<Call>, Vec<Call>) =
                calls.iter().cloned().partition(Call::is_namespaced);
            let inside = inside.into_iter().map(|it| it.within(namespace));
            let inside: Vec<Call> = inside.collect();
            let (inside, outside) = futures::join!(
                kube.not_listed(namespace, &inside),
                kube.not_allowed(&outside)
            );
            let said = |error: KubeError| error.to_string();
            let missing = inside.map_err(said)?.into_iter();
            missing
                .chain(outside.map_err(said)?)
                .map(permission)
                .collect()
        }
        None => {
            let missing = kube.not_allowed(calls).await;
            let missing = missing.map_err(|error| error.to_string())?;
            missing.into_iter().map(permission).collect()
        }
    };
    Ok(missing.into_iter().collect())
}

/// What is missing in each of many namespaces. What may be done in all of them takes as many questions as
/// for one; only the rest is asked of each, where that is not more than [`MOST_QUESTIONS`], or `every` is.
pub(super) async fn rights<'a>(
    kube: &Kube,
    place: &NamespaceScope,
    namespaces: BTreeSet<&'a str>,
    every: bool,
) -> BTreeMap<&'a str, Known<BTreeSet<String>>> {
    let mut open = questions();
    if *place == NamespaceScope::AllNamespaces {
        match missing(kube, None, &open).await {
            Ok(missing) => open.retain(|call| missing.contains(&permission(call))),
            Err(why) => {
                return namespaces
                    .into_iter()
                    .map(|it| (it, Err(why.clone())))
                    .collect();
            }
        }
    }
    if let Some(why) = too_many(open.len() * namespaces.len()).filter(|_| !every) {
        return namespaces
            .into_iter()
            .map(|it| (it, Err(why.clone())))
            .collect();
    }
    let open = &open;
    futures::stream::iter(namespaces)
        .map(async |it| (it, missing(kube, Some(it), open).await))
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// Why so many questions are not asked of the API unless somebody wants it; none when they are not many.
fn too_many(questions: usize) -> Option<String> {
    (questions > MOST_QUESTIONS).then(|| {
        format!(
            "not asked: it would take {questions} questions to the API; --check rights-to-look asks them"
        )
    })
}

/// What pgctl's commands need, and whether it is there.
pub(super) fn access(missing: &BTreeSet<String>) -> Vec<Access> {
    let needed = needed().into_iter();
    needed
        .map(|(call, command)| {
            let permission = permission(&call);
            Access {
                allowed: !missing.contains(&permission),
                permission,
                command,
            }
        })
        .collect()
}

/// `patch statefulsets/scale.apps`, as `kubectl auth can-i` takes it.
fn permission(call: &Call) -> String {
    let group = match call.group {
        "" => String::new(),
        group => format!(".{group}"),
    };
    let (resource, sub) = match call.resource.split_once('/') {
        Some((resource, sub)) => (resource, format!("/{sub}")),
        None => (call.resource, String::new()),
    };
    format!("{} {resource}{group}{sub}", call.verb.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_questions_are_asked_and_more_are_told() {
        assert_eq!(too_many(1000), None);
        let why = too_many(1001).expect("that is too many");
        assert!(
            why.contains("1001") && why.contains("--check rights-to-look"),
            "{why}"
        );
    }

    #[test]
    fn what_every_command_needs_is_asked_once_and_told_of_each() {
        let questions = questions();
        let words: BTreeSet<String> = questions.iter().map(permission).collect();
        assert_eq!(words.len(), questions.len());
        let missing = BTreeSet::from(["patch statefulsets.apps/scale".to_owned()]);
        let access = access(&missing);
        let denied: Vec<_> = access.iter().filter(|it| !it.allowed).collect();
        assert!(denied.iter().all(|it| missing.contains(&it.permission)));
        let commands: BTreeSet<_> = access
            .iter()
            .filter_map(|it| it.command.as_deref())
            .collect();
        for kind in OperationKind::ALL {
            assert!(commands.contains(format!("pgctl {}", kind.command()).as_str()));
        }
        assert!(commands.contains("pgctl drain"), "{commands:?}");
    }

    #[test]
    fn who_may_not_evict_or_write_secrets_may_not_carry_out_everything() {
        for (permission, command) in [
            ("create pods/eviction", "pgctl drain"),
            ("patch nodes", "pgctl drain"),
            ("create secrets", "pgctl users create"),
            ("delete secrets", "pgctl users drop"),
            ("patch secrets", "pgctl passwords rotate"),
            ("list controllerrevisions.apps", "pgctl rollout --undo"),
        ] {
            let missing = BTreeSet::from([permission.to_owned()]);
            let denied = access(&missing).into_iter();
            let mut denied = denied.filter(|it| !it.allowed);
            let found = denied.any(|it| it.command.as_deref() == Some(command));
            assert!(found, "{permission}");
        }
    }
}
