//! The node that is emptied: what is known of it, keeping new pods from it, and what is there at the end.

use std::time::Duration;

use crate::change::{ChangeOutcome, ChangeProposal};
use crate::cluster::words::shell_word;
use crate::cluster::{ClusterId, Poolers, Snapshot};
use crate::commands::context::Context;
use crate::confirmation::{Confirmed, Includes};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, KubeError};
use crate::observe::{OpenError, poolers_with_pauses};
use crate::operate::{self, Around, NotDone, SmallChange};
use crate::output::{Given, plain};
use crate::plan::{
    DrainedNode, OtherPod, OtherPodKind, Rollout, RolloutRequest, emptying, other_pod_checks,
};

/// How long a pooler has to say whether it is paused by hand.
const POOLER_SAYS: Duration = Duration::from_secs(5);

/// A node that is to take no new pods.
struct Cordon<'a> {
    kube: &'a Kube,
    node: &'a str,
}

impl SmallChange for Cordon<'_> {
    async fn propose(&self, _: &Around) -> Result<ChangeProposal, Failure> {
        Ok(proposal(self.node))
    }

    async fn act(&self, _: &ChangeProposal) -> Result<(), NotDone> {
        self.kube.cordon(self.node).await.map_err(|error| {
            let words = error.to_string();
            match error.outcome_unknown() {
                true => NotDone::Unknown(words),
                false => NotDone::NothingChanged(words),
            }
        })
    }

    async fn is_done(&self, _: &ChangeProposal) -> Result<bool, OpenError> {
        let cordoned: Result<bool, KubeError> = self.kube.is_cordoned(self.node).await;
        cordoned.map_err(OpenError::Kube)
    }
}

/// Who agrees to a drain agrees to this.
impl Includes<ChangeProposal> for Rollout {
    fn includes(&self, part: &ChangeProposal) -> bool {
        let node = self.request.node.as_deref();
        node.is_some_and(|node| proposal(node) == *part)
    }
}

fn proposal(node: &str) -> ChangeProposal {
    ChangeProposal {
        title: format!("cordon of {node}"),
        identity: format!("cordon of {node}"),
        wanted: node.to_owned(),
        facts: Vec::new(),
        checks: Vec::new(),
        undo: vec![uncordon(node)],
    }
}

/// How the node takes pods again.
fn uncordon(node: &str) -> String {
    format!("kubectl uncordon {}", shell_word(node))
}

/// What is known of the node that is emptied; nothing where none is.
pub(super) async fn drained(
    kube: &Kube,
    snapshot: &Snapshot,
    wanted: &RolloutRequest,
) -> Result<Option<DrainedNode>, Failure> {
    match &wanted.node {
        None => Ok(None),
        Some(node) => Ok(Some(kube.drained_node(snapshot, node).await?)),
    }
}

/// Keeps new pods from the node of a drain, unless that is so already: whether that was changed.
pub(super) async fn cordon(
    context: &Context,
    kube: &Kube,
    rollout: &Rollout,
    confirmed: &Confirmed,
) -> Result<bool, Failure> {
    let Some(node) = &rollout.request.node else {
        return Ok(false);
    };
    if kube.is_cordoned(node).await? {
        return Ok(false);
    }
    let proposal = proposal(node);
    let not_agreed = |error| {
        Failure::new(ExitCode::Refused, format!("{error}; nothing was changed"))
            .next("give the command again")
    };
    let confirmed = confirmed.part(rollout, &proposal).map_err(not_agreed)?;
    let change = Cordon { kube, node };
    let cluster = &rollout.cluster;
    let changed = operate::change(kube, cluster, "drain", &change, &proposal, &confirmed).await?;
    let record = &changed.record;
    let why = record.reason.clone().unwrap_or_default();
    match record.outcome {
        ChangeOutcome::Done => {
            if !context.quiet {
                let line = format!(
                    "{node} takes no new pods any more; to undo that: {}",
                    uncordon(node)
                );
                context.telling.say(&format!("{}\n", plain(&line)));
            }
            Ok(true)
        }
        ChangeOutcome::Refused => Err(Failure::new(
            ExitCode::Refused,
            format!("{node} could not be cordoned; nothing was changed"),
        )
        .because(why)
        .next(format!("kubectl cordon {}", shell_word(node)))),
        ChangeOutcome::Begun | ChangeOutcome::Unproven | ChangeOutcome::Partly => {
            Err(Failure::new(
                ExitCode::TimedOut,
                format!("whether {node} is cordoned is not known; no pod was touched"),
            )
            .because(why)
            .next("give the command again"))
        }
    }
}

/// What is on the node of a drain that is done.
pub(super) enum AtEnd {
    /// No server of the cluster; and what else of it is left for `kubectl drain`, or why nobody could look.
    Empty(Result<Left, String>),
    /// These servers of the cluster.
    Pods(Vec<String>),
    /// Nobody could look.
    Unseen(String),
}

/// The pods of the cluster that are none of its servers.
pub(super) struct Left {
    /// On every node.
    pods: Vec<OtherPod>,
    /// What poolers say of their pauses; none of them where none is on the node.
    poolers: Poolers,
}

/// Looks at the node of a drain once all its parts are done; none where nothing was drained.
pub(super) async fn at_end(context: &Context, kube: &Kube, rollout: &Rollout) -> Option<AtEnd> {
    let node = rollout.request.node.as_deref()?;
    let snapshot = match context.observe(kube).await {
        Ok(observed) => observed.snapshot,
        Err(failure) => return Some(AtEnd::Unseen(failure.what)),
    };
    let on_it = snapshot.instances.iter();
    let on_it = on_it.filter(|it| it.pod.node.as_deref() == Some(node));
    let left: Vec<String> = on_it.map(|it| it.name().to_owned()).collect();
    if !left.is_empty() {
        return Some(AtEnd::Pods(left));
    }
    let pods = match kube.other_pods(&snapshot).await {
        Ok(pods) => pods,
        Err(error) => return Some(AtEnd::Empty(Err(error.to_string()))),
    };
    let is_pooler = |it: &OtherPod| matches!(it.kind, OtherPodKind::Pooler(_));
    let poolers = match pods.iter().any(|it| it.is_on(node) && is_pooler(it)) {
        true => asked(kube, &snapshot.cluster).await,
        false => Poolers::default(),
    };
    Some(AtEnd::Empty(Ok(Left { pods, poolers })))
}

async fn asked(kube: &Kube, cluster: &ClusterId) -> Poolers {
    match poolers_with_pauses(kube, cluster, kube.patience(POOLER_SAYS)).await {
        Ok(pods) => Poolers::Seen(pods),
        Err(error) => Poolers::Unseen(error.to_string()),
    }
}

/// What is to be known of it, and typed.
pub(super) fn told(rollout: &Rollout, at_end: &AtEnd, given: &Given) -> String {
    let node = rollout.request.node.as_deref().unwrap_or_default();
    let namespace = &rollout.cluster.namespace;
    let again = || vec![format!("pgctl -n {namespace} drain {}", shell_word(node))];
    let (line, nexts) = match at_end {
        AtEnd::Empty(others) => (
            left(rollout, node, others),
            until_empty(&rollout.cluster, node, others),
        ),
        AtEnd::Pods(pods) => (
            format!("{node} is not empty: {} there by now", are(pods)),
            again(),
        ),
        AtEnd::Unseen(why) => (
            format!("every part is done; whether {node} is empty could not be looked at: {why}"),
            again(),
        ),
    };
    let mut text = plain(&line) + "\n";
    for next in nexts {
        text += &format!("  next: {}\n", given.suggestion(&next));
    }
    text
}

/// What is typed about the rest, in its order.
fn until_empty(cluster: &ClusterId, node: &str, others: &Result<Left, String>) -> Vec<String> {
    let mut nexts = match others {
        Ok(left) => {
            let rows = other_pod_checks(cluster, node, &left.pods, &left.poolers);
            emptying(node, &rows)
        }
        Err(_) => {
            let look = format!(
                "kubectl -n {} get pods -o wide --field-selector {}   # what of it is there",
                shell_word(&cluster.namespace),
                shell_word(&format!("spec.nodeName={node}"))
            );
            [vec![look], emptying(node, &[])].concat()
        }
    };
    nexts.push(format!(
        "{}   # when it is to take pods again",
        uncordon(node)
    ));
    nexts
}

/// What is not there any more, and what is.
fn left(rollout: &Rollout, node: &str, others: &Result<Left, String>) -> String {
    let cluster = &rollout.cluster;
    let no_server = format!("no server of {cluster} is on {node} any more");
    match others {
        Ok(left) => {
            let there = left.pods.iter().filter(|it| it.is_on(node));
            let names: Vec<String> = there.map(ToString::to_string).collect();
            match names.is_empty() {
                true => format!("no pod of {cluster} is on {node} any more"),
                false => format!("{no_server}; left for kubectl drain: {}", names.join(", ")),
            }
        }
        Err(why) => {
            format!("{no_server}; what else of it is there could not be looked at: {why}")
        }
    }
}

fn are(pods: &[String]) -> String {
    match pods {
        [one] => format!("{one} is"),
        some => format!("{} are", some.join(", ")),
    }
}
