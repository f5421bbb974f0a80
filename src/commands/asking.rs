//! Commands that ask every server one question.

use super::context::Context;
use crate::cluster::words::several_primaries;
use crate::cluster::{ClusterId, NoAnswer, PodAnswer, Role, answered, meant_throw_away, silent};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, NamespaceScope};
use crate::observe::{AskedCluster, OpenError, OpenPod};
use crate::output::plain;

/// A cluster, and which of its pods are asked. It is found anew at each look: pods come and go.
pub(super) struct Asking {
    /// The way to it.
    pub(super) kube: Kube,
    pods: Vec<String>,
    found: AskedCluster,
    fresh: bool,
}

impl Asking {
    /// Finds the cluster. `pods` is what was typed: none for all of them.
    ///
    /// # Errors
    /// When the API can't be asked, there is not one cluster, or no such pod.
    pub(super) async fn connect(context: &Context, pods: &[String]) -> Result<Self, Failure> {
        let kube = context.connect().await?;
        let found = find(context, &kube, pods).await?;
        found.choose(pods)?;
        Ok(Self {
            kube,
            pods: pods.to_vec(),
            found,
            fresh: true,
        })
    }

    /// Which cluster it is.
    pub(super) fn cluster(&self) -> &ClusterId {
        self.found.id()
    }

    /// The cluster as it was last found.
    pub(super) fn found(&self) -> &AskedCluster {
        &self.found
    }

    /// Asks, each pod for as long as `--timeout`.
    ///
    /// # Errors
    /// When the API can't be asked, or a pod that was named is gone.
    pub(super) async fn ask<T>(
        &mut self,
        context: &Context,
        question: impl AsyncFn(&OpenPod<'_>) -> Result<T, OpenError>,
    ) -> Result<Vec<PodAnswer<T>>, Failure> {
        self.ask_within(context, context.timeout(), question).await
    }

    /// Asks, each pod for as long as that. Connecting may take it `--timeout`.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) async fn ask_within<T>(
        &mut self,
        context: &Context,
        limit: std::time::Duration,
        question: impl AsyncFn(&OpenPod<'_>) -> Result<T, OpenError>,
    ) -> Result<Vec<PodAnswer<T>>, Failure> {
        if !std::mem::take(&mut self.fresh) {
            self.found = find(context, &self.kube, &self.pods).await?;
        }
        let pods = self.found.choose(&self.pods)?;
        let mut answers = self.found.ask(&self.kube, &pods, limit, question).await;
        if self.pods.is_empty() {
            let absent = self.found.absent_primary(&self.kube).await;
            answers.extend(absent.map(|pod| PodAnswer {
                pod,
                role: Role::Unknown,
                answer: Err(NoAnswer::Absent),
            }));
        }
        Ok(answers)
    }

    /// Name of the pod of the primary, as the servers say.
    ///
    /// # Errors
    /// When none says that it is, or several do: nothing is sent then.
    pub(super) async fn only_primary(&mut self, context: &Context) -> Result<String, Failure> {
        let question = async |pod: &OpenPod<'_>| Ok(pod.role);
        let answers = self.ask(context, question).await?;
        let primaries: Vec<&str> = answered(&answers)
            .filter(|(_, role)| **role == Role::Primary)
            .map(|(it, _)| it.pod.as_str())
            .collect();
        let what = match primaries.as_slice() {
            [only] => return Ok((*only).to_owned()),
            [] => "no pod answers as the primary; nothing was sent".to_owned(),
            several => format!("{}; nothing was sent", several_primaries(several)),
        };
        let failure = Failure::new(ExitCode::Unreachable, plain(&what));
        let failure = silent(&answers).fold(failure, |failure, (it, why)| {
            failure.because(plain(&format!("{}: {why}", it.pod)))
        });
        Err(failure.next("pgctl status"))
    }
}

async fn find(context: &Context, kube: &Kube, pods: &[String]) -> Result<AskedCluster, Failure> {
    let place = NamespaceScope::Namespace(kube.namespace().to_owned());
    let mut found = AskedCluster::find(kube, &place, &context.selection).await?;
    let throw_away = |it: &String| meant_throw_away(found.id(), it).is_some();
    if pods.iter().any(throw_away) && found.choose(pods).is_err() {
        found.add_throw_away(kube, pods).await?;
    }
    Ok(found)
}

/// Why a change can't even be proposed; nothing was changed.
pub(super) fn cannot_propose(pod: &str, error: OpenError) -> Failure {
    let said = error.to_string();
    let exit = match error {
        OpenError::Sql(error) if error.shows_life() => ExitCode::Failed,
        OpenError::Sql(_) | OpenError::Kube(_) => ExitCode::Unreachable,
    };
    Failure::new(exit, plain(&format!("{said}; nothing was changed")))
        .on(plain(pod))
        .next("pgctl status")
}

/// How a command ends that only asks: nobody answered is an end of its own.
pub(super) fn exit<T>(answers: &[PodAnswer<T>]) -> ExitCode {
    match answered(answers).next() {
        Some(_) => ExitCode::Done,
        None => ExitCode::Unreachable,
    }
}
