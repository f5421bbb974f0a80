//! `pgctl queries cancel` and `pgctl queries terminate`.

use std::time::Duration;

use super::super::asking::Asking;
use super::super::context::Context;
use super::super::small_change;
use crate::change::{BackendEnd, ChangeProposal, propose_backend_end};
use crate::cli::QueryEndArgs;
use crate::cluster::{Activity, Backend, PodAnswer, RunningStatement, answered, silent};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::observe::{AskedCluster, OpenError, OpenPod};
use crate::operate::{Around, NotDone, SmallChange};

/// A query notices that it is to end at its next check for interrupts; that may take it a while.
const LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn run(
    context: &Context,
    args: &QueryEndArgs,
    end: BackendEnd,
) -> Result<ExitCode, Failure> {
    let pods: Vec<String> = args.pod.iter().cloned().collect();
    let mut asking = Asking::connect(context, &pods).await?;
    let question = async |pod: &OpenPod<'_>| Ok(pod.session.activity().await?);
    let answers = asking.ask(context, question).await?;
    let (pod, backend) = found(args, end, &answers)?;
    let change = EndBackend {
        kube: &asking.kube,
        cluster: asking.found(),
        pod,
        backend,
        end,
        process: args.process,
    };
    let (cluster, command) = (asking.cluster().clone(), format!("queries {}", end.word()));
    small_change::run(
        context,
        &args.change,
        &command,
        &asking.kube,
        &cluster,
        &change,
    )
    .await
}

/// Cancels what a process runs, if it is still this very execution of the statement: as `pgctl queries cancel`
/// does, for somebody who has looked at it and agreed. Tells how that ended.
pub(in crate::commands) async fn cancel_agreed(
    context: &Context,
    pod: &str,
    running: &RunningStatement,
) -> Result<String, Failure> {
    let end = BackendEnd::Cancel;
    let mut asking = Asking::connect(context, &[pod.to_owned()]).await?;
    let question = async |pod: &OpenPod<'_>| Ok(pod.session.activity().await?);
    let answers = asking.ask(context, question).await?;
    let backend = answered(&answers)
        .flat_map(|(_, activity)| &activity.backends)
        .find(|it| is_still(it, running))
        .cloned();
    let Some(backend) = backend else {
        let pid = running.pid;
        let told = format!("{pid} on {pod} does not run that any more; nothing was changed");
        return Ok(told);
    };
    let cluster = asking.cluster().clone();
    let change = EndBackend {
        kube: &asking.kube,
        cluster: asking.found(),
        pod: pod.to_owned(),
        backend,
        end,
        process: false,
    };
    let command = format!("queries {}", end.word());
    small_change::agreed(&asking.kube, &cluster, &command, &change).await
}

/// Whether a process still runs the very statement that was seen: its session may have begun the same one anew.
fn is_still(backend: &Backend, seen: &RunningStatement) -> bool {
    backend.pid == seen.pid
        && backend.backend_start == seen.backend_start
        && backend.query_start == seen.query_start
}

/// The process that has the number, and its pod.
fn found(
    args: &QueryEndArgs,
    end: BackendEnd,
    answers: &[PodAnswer<Activity>],
) -> Result<(String, Backend), Failure> {
    let pid = args.pid;
    let with = answered(answers).filter_map(|(answer, activity)| {
        let backend = activity.backends.iter().find(|it| it.pid == pid)?;
        Some((answer.pod.clone(), backend.clone()))
    });
    let mut with: Vec<(String, Backend)> = with.collect();
    // Numbers of processes are small in pods, and the same on several: a client's session is meant.
    if with.len() > 1 && with.iter().any(|(_, it)| it.is_client()) {
        with.retain(|(_, it)| it.is_client());
    }
    // What does not run has no processes.
    let not_asked = silent(answers).filter(|(_, why)| !why.nothing_runs());
    let not_asked: Vec<String> = not_asked
        .map(|(answer, why)| format!("{} does not answer: {why}", answer.pod))
        .collect();
    let named = |failure: Failure| not_asked.iter().fold(failure, |it, why| it.because(why));
    match with.len() {
        1 if not_asked.is_empty() => Ok(with.remove(0)),
        1 => {
            let (pod, _) = &with[0];
            let what = format!(
                "a process {pid} is on {pod}; whether it is the one that is meant is not known"
            );
            let next = on(end, pid, pod);
            Err(named(Failure::new(ExitCode::Unreachable, what)).next(next))
        }
        0 => {
            let none = answered(answers).next().is_none();
            let exit = if none || !not_asked.is_empty() {
                ExitCode::Unreachable
            } else {
                ExitCode::Usage
            };
            let asked: Vec<&str> = answered(answers).map(|(it, _)| it.pod.as_str()).collect();
            let what = match asked.as_slice() {
                [] => format!("whose process {pid} is is not known: no database answers"),
                asked => format!(
                    "no process has the number {pid} on {}; it may have ended",
                    asked.join(", ")
                ),
            };
            Err(named(Failure::new(exit, what)).next("pgctl queries"))
        }
        _ => {
            let pods: Vec<&str> = with.iter().map(|(pod, _)| pod.as_str()).collect();
            let what = format!(
                "{} have a process {pid}: say which is meant",
                pods.join(", ")
            );
            let next = on(end, pid, pods[0]);
            Err(named(Failure::new(ExitCode::Usage, what)).next(next))
        }
    }
}

/// The same command, of one server.
fn on(end: BackendEnd, pid: i32, pod: &str) -> String {
    match end {
        BackendEnd::Cancel => format!("pgctl queries cancel {pid} --pod {pod}"),
        BackendEnd::Terminate => format!("pgctl queries terminate {pid} --pod {pod}"),
    }
}

struct EndBackend<'a> {
    kube: &'a Kube,
    cluster: &'a AskedCluster,
    pod: String,
    backend: Backend,
    end: BackendEnd,
    process: bool,
}

impl EndBackend<'_> {
    async fn open(&self) -> Result<OpenPod<'_>, OpenError> {
        self.cluster.open(self.kube, &self.pod).await
    }
}

impl SmallChange for EndBackend<'_> {
    async fn propose(&self, around: &Around) -> Result<ChangeProposal, Failure> {
        let failed = |error: OpenError| {
            Failure::new(ExitCode::Unreachable, "it can't be asked any more")
                .on(format!("pod/{}", self.pod))
                .because(error.to_string())
                .next("pgctl status")
        };
        let activity = async { Ok(self.open().await?.session.activity().await?) };
        let activity: Activity = activity.await.map_err(failed)?;
        let pid = self.backend.pid;
        let now = activity.backends.iter().find(|it| it.pid == pid);
        let same = now.filter(|it| it.backend_start == self.backend.backend_start);
        let Some(backend) = same else {
            let what = format!("the process {pid} has ended by itself; nothing was changed");
            return Err(Failure::new(ExitCode::Refused, what)
                .on(format!("pod/{}", self.pod))
                .next("pgctl queries"));
        };
        let unfinished = around.unfinished.as_ref();
        Ok(propose_backend_end(
            &self.pod,
            &activity,
            backend,
            self.end,
            self.process,
            unfinished,
        ))
    }

    async fn act(&self, _: &ChangeProposal) -> Result<(), NotDone> {
        let open = self.open().await?;
        let ended = open.session.end_backend(&self.backend, self.end).await;
        match ended.map_err(OpenError::from)? {
            true => Ok(()),
            false => Err(NotDone::NothingChanged(
                "it had ended by itself, or begun something else, just before".to_owned(),
            )),
        }
    }

    async fn is_done(&self, _: &ChangeProposal) -> Result<bool, OpenError> {
        let open = self.open().await?;
        let ended = open.session.has_ended(&self.backend, self.end, LIMIT).await;
        Ok(ended?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_next_execution_of_a_statement_is_another() -> serde_json::Result<()> {
        let (began, later) = ("2026-11-30T08:00:00.000001Z", "2026-11-30T08:00:00.000002Z");
        let seen: RunningStatement = serde_json::from_value(json!({
            "pid": 7, "backendStart": began, "queryStart": began, "user": "app", "database": "shop",
            "state": "active", "waitsFor": null, "statementSeconds": 1.0, "transactionSeconds": null,
            "blockedBy": [], "statement": "call work()"
        }))?;
        for (pid, backend_start, query_start, is_it) in [
            (7, began, began, true),
            (8, began, began, false),
            (7, later, began, false),
            (7, began, later, false),
        ] {
            let backend: Backend = serde_json::from_value(json!({
                "pid": pid, "leader": null, "kind": "client backend", "user": "app", "database": "shop",
                "application": "", "client": null, "state": "active", "waitType": null, "waitEvent": null,
                "backendStart": backend_start, "queryStart": query_start, "transactionSeconds": null,
                "querySeconds": 1.0, "stateSeconds": 1.0, "xminAge": null, "query": "call work()",
                "lock": null, "blockedBy": [], "blockedByPrepared": []
            }))?;
            assert_eq!(
                is_still(&backend, &seen),
                is_it,
                "{pid} {backend_start} {query_start}"
            );
        }
        Ok(())
    }
}
