//! Throw-away servers: whether a name is free, and deleting one.

use std::time::Duration;

use super::super::context::Context;
use super::super::small_change;
use crate::change::{ChangeCheck, ChangeProposal};
use crate::cli::{RestoreArgs, SmallChangeArgs};
use crate::cluster::{ClusterId, nearest, throw_away_claim, throw_away_pod, words};
use crate::engine::Journal;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, ThrowAwayObject, ThrowAwayObjects};
use crate::observe::OpenError;
use crate::operate::{Around, NotDone, SmallChange};
use crate::output::plain;
use crate::world::{RecordOf, journal_of};

/// How long its objects may take to go: the pod has some seconds to stop, and the claim goes when it is gone.
const GOING: Duration = Duration::from_secs(120);
/// Between two looks whether they are gone.
const PACE: Duration = Duration::from_millis(500);

/// The objects that have the names of its pod and its claim, whoever has made them.
///
/// # Errors
/// When the API can't be asked.
pub(super) async fn in_the_way(
    kube: &Kube,
    cluster: &ClusterId,
    name: &str,
) -> Result<Vec<String>, Failure> {
    let (pod, claim) = (
        throw_away_pod(cluster, name),
        throw_away_claim(cluster, name),
    );
    let (pod_there, claim_there) = futures::join!(
        kube.pod_exists(&cluster.namespace, &pod),
        kube.claim_exists(&cluster.namespace, &claim)
    );
    let there = [
        (pod_there?, format!("a pod {pod}")),
        (claim_there?, format!("a claim {claim}")),
    ];
    Ok(there
        .into_iter()
        .filter_map(|(there, what)| there.then_some(what))
        .collect())
}

/// That the unfinished one is this one.
///
/// # Errors
/// When it is another.
pub(super) fn is_unfinished(journal: Option<&Journal>, name: &str) -> Result<(), Failure> {
    let unfinished = journal.filter(|it| it.unfinished().is_some());
    let Some(journal) = unfinished else {
        return Ok(());
    };
    if journal.plan.operation.throw_away() == Some(name) {
        return Ok(());
    }
    let what = format!("what is unfinished is the {}", journal.plan.operation);
    Err(Failure::new(ExitCode::Refused, plain(&what)).next(journal.plan.resume_command()))
}

/// That none is unfinished which somebody may mean who has named none.
///
/// # Errors
/// When one is.
pub(super) async fn is_meant(kube: &Kube, cluster: &ClusterId) -> Result<(), Failure> {
    let journal = journal_of(kube, cluster, RecordOf::ThrowAway).await?;
    match journal.filter(|it| it.unfinished().is_some()) {
        None => Ok(()),
        Some(journal) => {
            let what = format!("what is unfinished is the {}", journal.plan.operation);
            Err(Failure::new(ExitCode::Refused, plain(&what))
                .next(journal.plan.resume_command())
                .next(journal.plan.abort_command()))
        }
    }
}

/// `pgctl restore --discard-into NAME`.
pub(super) async fn discard(
    context: &Context,
    args: &RestoreArgs,
    name: &str,
) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let cluster = context.observe_objects(&kube).await?.cluster;
    let change = Discard {
        kube: &kube,
        cluster: &cluster,
        name,
    };
    let small = SmallChangeArgs {
        dry_run: args.operation.change.dry_run,
        yes: args.operation.change.yes,
    };
    let command = "restore --discard-into";
    small_change::run(context, &small, command, &kube, &cluster, &change).await
}

struct Discard<'a> {
    kube: &'a Kube,
    cluster: &'a ClusterId,
    name: &'a str,
}

impl Discard<'_> {
    async fn seen(&self) -> Result<Option<ThrowAwayObjects>, OpenError> {
        let mut servers = self.kube.throw_away_servers(self.cluster).await?;
        Ok(servers.remove(self.name))
    }

    async fn none(&self) -> Failure {
        let servers = match self.kube.throw_away_servers(self.cluster).await {
            Ok(servers) => servers,
            Err(error) => return error.into(),
        };
        let names: Vec<String> = servers.into_keys().collect();
        let what = format!("there is no throw-away server {}", self.name);
        let failure = Failure::new(ExitCode::Usage, plain(&what)).on(self.cluster.to_string());
        let Some(first) = names.first() else {
            return failure
                .because("there is none at all of this cluster")
                .next("pgctl history");
        };
        let meant = nearest(self.name, names.iter().map(String::as_str)).unwrap_or(first);
        let next = format!(
            "pgctl restore --discard-into {meant} -n {} --cluster {}",
            self.cluster.namespace, self.cluster.name
        );
        failure
            .because(format!("there are: {}", plain(&names.join(", "))))
            .next(next)
    }

    /// Nobody is making it.
    async fn unfinished(&self) -> Result<ChangeCheck, Failure> {
        const CHECK: &str = "unfinished";
        let journal = journal_of(self.kube, self.cluster, RecordOf::ThrowAway).await?;
        let making = journal.filter(|it| {
            it.unfinished().is_some() && it.plan.operation.throw_away() == Some(self.name)
        });
        Ok(match making {
            None => ChangeCheck::pass(CHECK, "nobody is making it"),
            Some(journal) => ChangeCheck::refuse(
                CHECK,
                format!("{} is making it, and has not ended", journal.plan.id),
            )
            .next(journal.plan.abort_command()),
        })
    }
}

impl SmallChange for Discard<'_> {
    async fn propose(&self, _: &Around) -> Result<ChangeProposal, Failure> {
        let seen = self.seen().await.map_err(cannot_look)?;
        let Some(seen) = seen else {
            return Err(self.none().await);
        };
        let objects: Vec<(&str, &ThrowAwayObject)> = [("pod", &seen.pod), ("claim", &seen.claim)]
            .into_iter()
            .filter_map(|(kind, object)| Some((kind, object.as_ref()?)))
            .collect();
        let facts = objects.iter().map(|(kind, object)| {
            let since = object.created.map(words::moment);
            let since = since.map_or_else(String::new, |it| format!(", made at {it}"));
            format!("the {kind} {}{since}", object.name)
        });
        let uids: Vec<&str> = objects.iter().map(|(_, it)| it.uid.as_str()).collect();
        Ok(ChangeProposal {
            title: format!("deletion of the throw-away server {}", self.name),
            identity: uids.join(" "),
            wanted: throw_away_pod(self.cluster, self.name),
            facts: facts.collect(),
            checks: vec![self.unfinished().await?],
            undo: Vec::new(),
        })
    }

    async fn act(&self, proposal: &ChangeProposal) -> Result<(), NotDone> {
        let Some(seen) = self.seen().await? else {
            return Ok(());
        };
        // Another of the same name may have been made since.
        let agreed: Vec<&str> = proposal.identity.split(' ').collect();
        let is_that = |it: &ThrowAwayObject| agreed.contains(&it.uid.as_str());
        let meant = ThrowAwayObjects {
            pod: seen.pod.filter(is_that),
            claim: seen.claim.filter(is_that),
        };
        let deleting = self.kube.delete_throw_away(self.cluster, &meant).await;
        // The pod is the first: whoever may not delete it has deleted nothing.
        deleting.map_err(|error| match error.is_forbidden() {
            true => NotDone::NothingChanged(error.to_string()),
            false => NotDone::Unknown(error.to_string()),
        })
    }

    async fn is_done(&self, proposal: &ChangeProposal) -> Result<bool, OpenError> {
        let deadline = tokio::time::Instant::now() + GOING;
        loop {
            let seen = self.seen().await?.unwrap_or_default();
            let mut left = [&seen.pod, &seen.claim].into_iter().flatten();
            if !left.any(|it| proposal.identity.split(' ').any(|uid| uid == it.uid)) {
                return Ok(true);
            }
            if tokio::time::Instant::now() > deadline {
                return Ok(false);
            }
            tokio::time::sleep(PACE).await;
        }
    }
}

fn cannot_look(error: OpenError) -> Failure {
    match error {
        OpenError::Kube(error) => error.into(),
        OpenError::Sql(error) => Failure::new(ExitCode::Unreachable, plain(&error.to_string())),
    }
}
