//! `pgctl pooler pause`, `resume` and `reload`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;

use super::super::context::Context;
use super::super::small_change;
use super::setup::no_pooler;
use crate::change::{ChangeProposal, PoolerOrder, propose_pooler_order};
use crate::cli::PoolerOrderArgs;
use crate::cluster::words::shell_word;
use crate::cluster::{ClusterId, NameError, PoolerPod, databases_left_paused, resolve_tail};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, NamespaceScope};
use crate::observe::{AskedCluster, OpenError, ask_poolers, open_console};
use crate::operate::{Around, NotDone, SmallChange};
use crate::output::plain;
use crate::postgres::ConsoleAnswer;

/// `limit`: how long transactions that are under way may take to end.
pub(super) async fn run(
    context: &Context,
    order: PoolerOrder,
    args: &PoolerOrderArgs,
    limit: Option<Duration>,
) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let place = NamespaceScope::Namespace(kube.namespace().to_owned());
    let found = AskedCluster::find(&kube, &place, &context.selection).await?;
    let cluster = found.id().clone();
    let pods = chosen(&kube, &cluster, &args.pods).await?;
    let change = Order {
        kube: &kube,
        cluster: &cluster,
        pods,
        order,
        limit: limit.unwrap_or(context.timeout()),
        timeout: context.timeout(),
        idle: AtomicBool::new(false),
        left: Mutex::new(None),
    };
    let command = format!("pooler {}", order.word());
    small_change::run(context, &args.change, &command, &kube, &cluster, &change).await
}

/// The pods that were named, in full or by a tail; all that don't leave when none was.
async fn chosen(
    kube: &Kube,
    cluster: &ClusterId,
    given: &[String],
) -> Result<Vec<PoolerPod>, Failure> {
    let mut pods = kube.poolers(cluster).await?;
    pods.retain(|it| !it.leaving);
    if pods.is_empty() {
        return Err(no_pooler(cluster));
    }
    if given.is_empty() {
        return Ok(pods);
    }
    let names = || pods.iter().map(|it| it.name.as_str());
    let mut wanted = Vec::new();
    for given in given {
        let name = resolve_tail(given, names()).map_err(|error: NameError| {
            let next = match error.nearest() {
                Some(nearest) => format!("the nearest name: {}", shell_word(nearest)),
                None => "pgctl pooler".to_owned(),
            };
            Failure::new(ExitCode::Usage, plain(&error.to_string())).next(next)
        })?;
        wanted.push(name.to_owned());
    }
    pods.retain(|it| wanted.contains(&it.name));
    Ok(pods)
}

struct Order<'a> {
    kube: &'a Kube,
    cluster: &'a ClusterId,
    pods: Vec<PoolerPod>,
    order: PoolerOrder,
    limit: Duration,
    timeout: Duration,
    /// Whether all were seen to be so when it was proposed last.
    idle: AtomicBool,
    /// What was seen then of databases that no resumption of all ends the pause of.
    left: Mutex<Option<String>>,
}

impl Order<'_> {
    async fn tell(&self, pod: &PoolerPod, order: PoolerOrder) -> Result<ConsoleAnswer, OpenError> {
        let console = open_console(self.kube, self.cluster, pod, self.timeout).await?;
        Ok(match order {
            PoolerOrder::Pause => console.pause_pooler(self.limit).await?,
            PoolerOrder::Resume => console.resume_pooler().await?,
            PoolerOrder::Reload => console.reload_pooler().await?,
        })
    }

    /// Each that was told, and what came of it. Those that don't run are left.
    async fn tell_all(
        &self,
        order: PoolerOrder,
    ) -> Vec<(&PoolerPod, Result<ConsoleAnswer, OpenError>)> {
        let told = self.pods.iter().filter(|it| it.stopped.is_none());
        let told = told.map(async |pod| (pod, self.tell(pod, order).await));
        join_all(told).await
    }
}

impl SmallChange for Order<'_> {
    async fn propose(&self, around: &Around) -> Result<ChangeProposal, Failure> {
        let mut seen = ask_poolers(self.kube, self.cluster, self.timeout).await?;
        seen.retain(|it| self.pods.iter().any(|pod| pod.name == it.pod));
        let states = || seen.iter().map(|it| it.answer.as_ref().ok()?.paused);
        let so = match self.order {
            PoolerOrder::Pause => states().all(|it| it == Some(true)),
            PoolerOrder::Resume => states().all(|it| it == Some(false)),
            PoolerOrder::Reload => false,
        };
        self.idle.store(so, Ordering::Relaxed);
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = match self.order {
            PoolerOrder::Resume => databases_left_paused(
                seen.iter()
                    .map(|it| (it.pod.clone(), it.paused_databases())),
            ),
            PoolerOrder::Pause | PoolerOrder::Reload => None,
        };
        Ok(propose_pooler_order(
            self.order,
            &seen,
            self.limit,
            around.unfinished.as_ref(),
        ))
    }

    async fn act(&self, _: &ChangeProposal) -> Result<(), NotDone> {
        let told = self.tell_all(self.order).await;
        let failed: Vec<String> = told
            .iter()
            .filter_map(|(pod, answer)| Some(format!("{}: {}", pod.name, answer.as_ref().err()?)))
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        let failed = failed.join("; ");
        if self.order != PoolerOrder::Pause {
            return Err(NotDone::Unknown(failed));
        }
        // The others would let their clients wait for nothing, and so does one in which a transaction did not end in time. One that
        // was paused before stays so.
        let back = told
            .into_iter()
            .filter(|(_, answer)| !matches!(answer, Ok(ConsoleAnswer::AlreadySo)));
        let back = back.map(async |(pod, answer)| {
            let resumed = self.tell(pod, PoolerOrder::Resume).await;
            let error = resumed.err()?;
            // Those that were never asked are not paused.
            match answer.map_err(NotDone::from) {
                Err(NotDone::NothingChanged(_)) => None,
                Ok(_) | Err(NotDone::Unknown(_)) => {
                    Some(format!("{} may still be paused: {error}", pod.name))
                }
            }
        });
        let left: Vec<String> = join_all(back).await.into_iter().flatten().collect();
        match left.as_slice() {
            [] => Err(NotDone::NothingChanged(failed)),
            left => Err(NotDone::Unknown(format!("{failed}; {}", left.join("; ")))),
        }
    }

    /// The console has answered when it was done. Where it also says how it is, it is asked.
    async fn is_done(&self, _: &ChangeProposal) -> Result<bool, OpenError> {
        let seen = ask_poolers(self.kube, self.cluster, self.timeout).await?;
        let mut seen = seen
            .iter()
            .filter(|it| self.pods.iter().any(|pod| pod.name == it.pod));
        Ok(seen.all(|it| match (&it.answer, self.order) {
            (Err(_), _) => false,
            (Ok(_), PoolerOrder::Reload) => true,
            (Ok(state), PoolerOrder::Pause) => state.paused != Some(false),
            (Ok(state), PoolerOrder::Resume) => state.paused != Some(true),
        }))
    }

    fn is_idle(&self) -> bool {
        self.idle.load(Ordering::Relaxed)
    }

    fn but_when_idle(&self) -> Option<String> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.clone()
    }
}
