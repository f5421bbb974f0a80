//! The promises of a drain: the role first, one pod at a time, and nothing comes back to the node.

use std::collections::{BTreeMap, BTreeSet};

use super::{emptying, plan_restart, plan_rollout};
use crate::cluster::fixture::{PRIMARY, healthy, instance, now, replica};
use crate::cluster::{HandPause, PoolerPod, PoolerPurpose, Poolers, Snapshot};
use crate::plan::language::{
    Action, BudgetNow, Check, CheckName, CheckVerdict, Circumstances, DrainedNode, OtherPod,
    OtherPodKind, PodRef, Refusal, RestartReason, Restarts, Rollout, RolloutPart, RolloutRequest,
};

const NODE: &str = "worker-1";

fn wanted() -> RolloutRequest {
    RolloutRequest {
        pod: None,
        node: Some(NODE.to_owned()),
        restarts: Restarts::All,
        back: false,
        max_lag_bytes: 1 << 24,
        timeout_seconds: 900,
    }
}

/// A node beside which another takes pods.
fn node() -> DrainedNode {
    DrainedNode {
        known: BTreeSet::from([NODE.to_owned(), "worker-2".to_owned()]),
        cordoned: false,
        may_cordon: true,
        may_evict: true,
        others: BTreeSet::from(["worker-2".to_owned()]),
        ..DrainedNode::default()
    }
}

fn circumstances(node: DrainedNode) -> Circumstances {
    Circumstances {
        drained: Some(node),
        ..Circumstances::default()
    }
}

/// Three standbys, and these pods on the node.
fn on_node(pods: &[&str]) -> Snapshot {
    let mut snapshot = healthy(3);
    for pod in pods {
        instance(&mut snapshot, pod).pod.node = Some(NODE.to_owned());
    }
    snapshot
}

fn drain(snapshot: &Snapshot, node: DrainedNode) -> Result<Rollout, Refusal> {
    let heirs = [replica(0), replica(1), replica(2)];
    let heirs: Vec<&str> = heirs.iter().map(String::as_str).collect();
    plan_rollout(snapshot, &wanted(), &heirs, &circumstances(node), now())
}

#[track_caller]
fn words(drain: Result<Rollout, Refusal>) -> Vec<String> {
    let drain = drain.unwrap_or_else(|refusal| panic!("{refusal}"));
    drain.parts.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn refused<T>(result: Result<T, Refusal>, check: CheckName) -> (String, String) {
    let Err(refusal) = result else {
        panic!("it is planned");
    };
    let found = refusal.reasons().find(|it| it.check == check);
    let found = found.unwrap_or_else(|| panic!("{refusal}"));
    let next = found.next.clone().expect("what to type");
    (found.reason.clone(), next)
}

#[test]
fn the_role_leaves_the_node_first_and_goes_to_a_pod_elsewhere() {
    // The best heir is on the node, too.
    let snapshot = on_node(&[PRIMARY, &replica(0), &replica(2)]);
    let found = drain(&snapshot, node());
    assert_eq!(
        words(found),
        [
            "switchover from staging-postgres-primary-0 to staging-postgres-replica-1; staging-postgres-primary-0 comes back as a standby, in a new pod",
            "move staging-postgres-replica-0 to another node",
            "move staging-postgres-replica-2 to another node",
        ]
    );
}

#[test]
fn where_every_standby_is_on_the_node_the_heir_leaves_it_before_it_inherits() {
    let snapshot = on_node(&[PRIMARY, &replica(0), &replica(1), &replica(2)]);
    let found = words(drain(&snapshot, node()));
    assert_eq!(found[0], "move staging-postgres-replica-0 to another node");
    assert!(found[3].starts_with("switchover"), "{found:?}");
}

#[test]
fn only_what_is_on_the_node_is_touched_whatever_it_was_made_from() {
    let mut snapshot = on_node(&[&replica(1)]);
    crate::cluster::fixture::change_templates(&mut snapshot);
    let found = drain(&snapshot, node()).expect("a drain");
    assert!(!found.changes_primary());
    let RolloutPart::Restart { pod, reason, .. } = &found.parts[0] else {
        panic!("{found:?}");
    };
    assert_eq!(
        (pod.name.as_str(), *reason),
        (replica(1).as_str(), RestartReason::Drained)
    );
    assert_eq!(found.parts.len(), 1);
    assert_eq!(
        found.to_string(),
        "drain of worker-1: 1 pod of staging/staging"
    );
    let empty = drain(&on_node(&[]), node()).expect("nothing to do");
    assert!(empty.parts.is_empty());
}

#[test]
fn what_would_leave_a_pod_without_a_place_is_refused() {
    let snapshot = on_node(&[&replica(1)]);
    let with = |change: fn(&mut DrainedNode)| {
        let mut node = node();
        change(&mut node);
        drain(&snapshot, node)
    };
    let (why, next) = refused(
        with(|it| {
            it.known.remove(NODE);
            it.known.insert("worker-11".into());
        }),
        CheckName::Node,
    );
    assert!(why.contains("there is no node \"worker-1\""), "{why}");
    assert_eq!(next, "pgctl drain worker-11");
    let (why, _) = refused(with(|it| it.others.clear()), CheckName::Node);
    assert!(why.contains("nowhere to go"), "{why}");
    let (_, next) = refused(with(|it| it.may_cordon = false), CheckName::Node);
    assert_eq!(next, "kubectl cordon worker-1");
    words(with(|it| {
        it.may_cordon = false;
        it.cordoned = true;
    }));
    refused(with(|it| it.may_evict = false), CheckName::Budgets);
    let (why, _) = refused(
        with(|it| it.bound = BTreeMap::from([(replica(1), "data-1".into())])),
        CheckName::Volume,
    );
    assert!(
        why.contains("data-1 of staging-postgres-replica-1"),
        "{why}"
    );
    let unseen = with(|it| it.volumes_unseen = Some("not allowed".into()));
    refused(unseen, CheckName::Volume);
    let mut going = snapshot.clone();
    instance(&mut going, &replica(1)).pod.deleting_since = Some(now());
    let (why, _) = refused(drain(&going, node()), CheckName::Node);
    assert!(why.contains("is being deleted"), "{why}");
    let nobody_looked = plan_rollout(&snapshot, &wanted(), &[], &Circumstances::default(), now());
    refused(nobody_looked, CheckName::Node);
}

/// What the plan for a standby on the node does first.
fn first_action(node: DrainedNode) -> Result<Action, Refusal> {
    let snapshot = on_node(&[&replica(1)]);
    let pod = PodRef::of(snapshot.instance(&replica(1)).expect("it is there"));
    let plan = plan_restart(&snapshot, &pod, &wanted(), &circumstances(node), now())?;
    Ok(plan.steps[0].action.clone())
}

#[test]
fn budgets_have_their_say_unless_they_let_nobody_go_ever() {
    let cordoned = DrainedNode {
        cordoned: true,
        ..node()
    };
    let action = first_action(cordoned.clone()).expect("a plan");
    assert!(matches!(action, Action::EvictPod { .. }), "{action}");
    let strict = DrainedNode {
        never_evicted: BTreeMap::from([(replica(1), "postgres-primary".into())]),
        ..cordoned
    };
    let action = first_action(strict.clone()).expect("a plan");
    assert!(matches!(action, Action::DeletePod { .. }), "{action}");
    let whole = drain(&on_node(&[&replica(1)]), strict).expect("a drain");
    let check = whole
        .checks
        .iter()
        .find(|it| it.check == CheckName::Budgets);
    let check = check.expect("it is told");
    assert_eq!(check.verdict, CheckVerdict::Warn);
    assert!(
        check.reason.contains("postgres-primary"),
        "{}",
        check.reason
    );
}

#[test]
fn no_pod_leaves_a_node_that_it_could_come_back_to() {
    let (why, next) = refused(first_action(node()), CheckName::Node);
    assert!(why.contains("could come back"), "{why}");
    assert_eq!(next, "pgctl drain worker-1");
    let alone = DrainedNode {
        cordoned: true,
        others: BTreeSet::new(),
        ..node()
    };
    let (why, _) = refused(first_action(alone), CheckName::Node);
    assert!(why.contains("nowhere to go"), "{why}");
}

fn other(name: &str, kind: OtherPodKind, node: &str) -> OtherPod {
    OtherPod {
        name: name.to_owned(),
        kind,
        node: Some(node.to_owned()),
        ready: true,
        leaving: false,
        made_anew: true,
        deployment: None,
        budget: None,
    }
}

fn asked(name: &str, pause: HandPause) -> PoolerPod {
    PoolerPod {
        name: name.to_owned(),
        purpose: PoolerPurpose::Write,
        stopped: None,
        started: None,
        leaving: false,
        secret: None,
        pause,
        paused_databases: Vec::new(),
    }
}

/// What is said of these when the node goes, and no pooler is paused by hand.
fn said_of(others: Vec<OtherPod>, name: CheckName) -> Vec<Check> {
    let pods = others.iter();
    let pods = pods.map(|it| asked(&it.name, HandPause::Served)).collect();
    said_with(others, name, Poolers::Seen(pods))
}

/// What is said of these when the node goes.
fn said_with(others: Vec<OtherPod>, name: CheckName, poolers: Poolers) -> Vec<Check> {
    let node = DrainedNode {
        other_pods: others,
        ..node()
    };
    let circumstances = Circumstances {
        poolers,
        ..circumstances(node)
    };
    let snapshot = on_node(&[&replica(1)]);
    let found = plan_rollout(&snapshot, &wanted(), &[], &circumstances, now());
    let found = found.unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(found.parts.len(), 1, "the servers go as ever");
    let mut checks = found.checks;
    checks.retain(|it| it.check == name);
    checks
}

/// One for writes.
fn pooler(name: &str, node: &str) -> OtherPod {
    OtherPod {
        deployment: Some("staging-postgres-pooler".to_owned()),
        budget: Some(BudgetNow {
            name: "postgres-pooler".to_owned(),
            allowed: 1,
        }),
        ..other(name, OtherPodKind::Pooler(PoolerPurpose::Write), node)
    }
}

#[test]
fn a_pooler_that_is_paused_by_hand_serves_nobody_and_its_pause_goes_with_its_pod() {
    let said = |here: HandPause, elsewhere: HandPause| {
        let others = vec![pooler("a", NODE), pooler("b", "worker-2")];
        let poolers = Poolers::Seen(vec![asked("a", here), asked("b", elsewhere)]);
        let rows = said_with(others, CheckName::EvictedPoolers, poolers);
        let [row] = &rows[..] else {
            panic!("one row: {rows:?}");
        };
        row.clone()
    };
    let paused = || HandPause::Paused(None);
    let row = said(paused(), HandPause::Served);
    assert!(
        row.reason.ends_with(
            "find b on worker-2; a is paused by hand, and whoever comes in its place is not"
        ),
        "{row:?}"
    );
    assert_eq!(row.next, None);

    // The only other one is no help, or nobody knows.
    for (pause, words) in [
        (paused(), "because b is paused by hand: "),
        (
            HandPause::Unknown("no answer within 5 s".into()),
            "because whether b is paused by hand is not known (no answer within 5 s): ",
        ),
        (
            HandPause::NotAsked,
            "because whether b is paused by hand is not known (it was not asked): ",
        ),
    ] {
        let row = said(HandPause::Served, pause);
        assert!(
            row.reason.contains(words)
                && !row.reason.contains("find b")
                && row.reason.ends_with(
                    "a restart of staging-postgres-pooler ends what is paused by hand, too"
                ),
            "{row:?}"
        );
        let next = row.next.expect("what to type");
        assert!(next.contains(" rollout restart "), "{next}");
    }
    let others = vec![pooler("a", NODE), pooler("b", "worker-2")];
    let unseen = Poolers::Unseen("forbidden".into());
    let rows = said_with(others, CheckName::EvictedPoolers, unseen);
    assert!(rows[0].reason.contains("not known (forbidden)"), "{rows:?}");
}

#[test]
fn a_database_that_is_paused_alone_is_told_of_where_its_pooler_goes_and_where_its_clients_come() {
    let shop = |name: &str| PoolerPod {
        paused_databases: vec!["shop".to_owned()],
        ..asked(name, HandPause::Served)
    };
    let others = vec![pooler("a", NODE), pooler("b", "worker-2")];
    let poolers = Poolers::Seen(vec![shop("a"), shop("b")]);
    let rows = said_with(others, CheckName::EvictedPoolers, poolers);
    let [row] = &rows[..] else {
        panic!("one row: {rows:?}");
    };
    assert!(
        row.reason.ends_with(
            "find b on worker-2 (b is paused by hand for the database shop); a is paused by hand for the database shop, and \
             whoever comes in its place is not"
        ),
        "{row:?}"
    );
}

#[test]
fn what_kubectl_drain_would_take_from_its_users_or_refuses_comes_before_it() {
    let others = vec![
        OtherPod {
            made_anew: false,
            ..other("r", OtherPodKind::ThrowAway("look".to_owned()), NODE)
        },
        pooler("a", NODE),
    ];
    let said = |name| said_of(others.clone(), name);
    let rows = [said(CheckName::EvictedPoolers), said(CheckName::OtherPods)].concat();
    let typed = emptying(NODE, &rows);
    let commands: Vec<&str> = typed
        .iter()
        .filter_map(|it| it.split("   #").next())
        .collect();
    assert_eq!(
        commands,
        [
            "kubectl -n staging rollout restart deployment/staging-postgres-pooler",
            "kubectl -n staging rollout status deployment/staging-postgres-pooler",
            "pgctl restore --discard-into look -n staging --cluster staging",
            "kubectl drain worker-1 --ignore-daemonsets --delete-emptydir-data",
        ]
    );
    assert_eq!(emptying(NODE, &[]).len(), 1);
}

#[test]
fn poolers_on_the_node_are_named_and_where_their_clients_go() {
    let of = pooler;
    let said = |others: Vec<OtherPod>| said_of(others, CheckName::EvictedPoolers);
    assert!(said(vec![of("a", "worker-2")]).is_empty());

    let both = said(vec![of("a", NODE), of("b", "worker-2")]);
    let [both] = &both[..] else {
        panic!("one row for a purpose: {both:?}");
    };
    assert_eq!(both.verdict, CheckVerdict::Warn);
    assert!(
        both.reason
            .starts_with("kubectl drain evicts a (pooler for writes): ")
            && both.reason.ends_with("find b on worker-2"),
        "{both:?}"
    );
    assert_eq!(both.next, None);

    // Nobody is there for them: on the node, not ready, about to go, for reads, or nowhere yet.
    let silent = OtherPod {
        ready: false,
        ..of("b", "worker-2")
    };
    let leaving = OtherPod {
        leaving: true,
        ..of("b", "worker-2")
    };
    let nowhere = OtherPod {
        node: None,
        ..of("b", NODE)
    };
    let reads = other("b", OtherPodKind::Pooler(PoolerPurpose::Read), "worker-2");
    for second in [of("b", NODE), silent, leaving, nowhere, reads] {
        let alone = said(vec![of("a", NODE), second.clone()]);
        let [alone] = &alone[..] else {
            panic!("{second:?}: {alone:?}");
        };
        assert!(
            alone
                .reason
                .contains("no other pooler for writes is ready elsewhere")
                && alone.reason.contains("postgres-pooler lets 1 go at once"),
            "{second:?}: {alone:?}"
        );
        let next = alone.next.as_deref().expect("what to type");
        assert!(
            next.starts_with(
                "kubectl -n staging rollout restart deployment/staging-postgres-pooler"
            ),
            "{next}"
        );
    }
    let unguarded = OtherPod {
        budget: None,
        ..of("a", NODE)
    };
    let alone = said(vec![unguarded]);
    assert!(
        alone[0].reason.contains("no disruption budget"),
        "{alone:?}"
    );
}

#[test]
fn whatever_else_of_the_cluster_is_on_the_node_is_named() {
    let said = |pod: OtherPod| said_of(vec![pod], CheckName::OtherPods);
    for (kind, words) in [
        (OtherPodKind::WalArchive, "WAL stays on the primary"),
        (OtherPodKind::Backup, "is not finished"),
        (OtherPodKind::Monitoring, "no metrics"),
        (OtherPodKind::Other, "ends"),
    ] {
        assert!(said(other("a", kind.clone(), "worker-2")).is_empty());
        let rows = said(other("a", kind.clone(), NODE));
        let [row] = &rows[..] else {
            panic!("{kind:?}: {rows:?}");
        };
        let begin = format!("kubectl drain evicts a ({kind}): ");
        assert!(
            row.reason.starts_with(&begin) && row.reason.contains(words),
            "{row:?}"
        );
        assert_eq!(row.verdict, CheckVerdict::Warn);
    }
    let bare = OtherPod {
        made_anew: false,
        ..other("r", OtherPodKind::ThrowAway("look".to_owned()), NODE)
    };
    let rows = said(bare);
    let why = &rows[0].reason;
    assert!(
        why.contains("r (throw-away server look)") && why.contains("refuses without --force"),
        "{why}"
    );
    assert!(
        why.ends_with("its pod is gone, and only its claim is left"),
        "{why}"
    );
    let next = rows[0].next.as_deref().unwrap_or_default();
    assert!(
        next.starts_with("pgctl restore --discard-into look -n staging --cluster staging   #"),
        "{next}"
    );
    // What somebody else has called one is never put into a command of ours.
    let odd = other("r", OtherPodKind::ThrowAway("Look $(x)".to_owned()), NODE);
    let next = said(odd)[0].next.clone().unwrap_or_default();
    assert!(
        next.contains("'pgctl.io/throw-away=Look $(x)'") && !next.contains("--discard-into"),
        "{next}"
    );
}
