//! The node that is emptied: what is known of it, keeping new pods from it, and what is there at the end.

use crate::change::{ChangeOutcome, ChangeProposal};
use crate::cluster::Snapshot;
use crate::cluster::words::shell_word;
use crate::commands::context::Context;
use crate::confirmation::{Confirmed, Includes};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, KubeError};
use crate::observe::OpenError;
use crate::operate::{self, Around, NotDone, SmallChange};
use crate::output::plain;
use crate::plan::{DrainedNode, Rollout, RolloutRequest};

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
    /// Nothing of the cluster.
    Empty,
    /// These pods of the cluster.
    Pods(Vec<String>),
    /// Nobody could look.
    Unseen(String),
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
    Some(match left.is_empty() {
        true => AtEnd::Empty,
        false => AtEnd::Pods(left),
    })
}

/// What is to be known of it, and typed.
pub(super) fn told(rollout: &Rollout, at_end: &AtEnd) -> String {
    let node = rollout.request.node.as_deref().unwrap_or_default();
    let (word, cluster) = (shell_word(node), &rollout.cluster);
    let text = match at_end {
        AtEnd::Empty => format!(
            "no pod of {cluster} is on {node} any more\n  next: kubectl drain {word} --ignore-daemonsets --delete-emptydir-data takes away what else is there\n  next: {} when it is to take pods again\n",
            uncordon(node)
        ),
        AtEnd::Pods(pods) => format!(
            "{node} is not empty: {} there by now\n  next: pgctl -n {} drain {word}\n",
            are(pods),
            cluster.namespace
        ),
        AtEnd::Unseen(why) => format!(
            "every part is done; whether {node} is empty could not be looked at: {why}\n  next: pgctl -n {} drain {word}\n",
            cluster.namespace
        ),
    };
    text.lines().map(|line| plain(line) + "\n").collect()
}

fn are(pods: &[String]) -> String {
    match pods {
        [one] => format!("{one} is"),
        some => format!("{} are", some.join(", ")),
    }
}
