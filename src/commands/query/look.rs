//! A question to one server, or to several at once.

use std::sync::OnceLock;
use std::time::Duration;

use super::super::asking::Asking;
use super::super::context::Context;
use super::super::interruption::{interruptible, interruption};
use crate::change::StatementOutline;
use crate::cli::QueryArgs;
use crate::cluster::words;
use crate::cluster::{NoAnswer, PodAnswer, QueryAnswer, QueryCut, Role, answered, silent};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::{OpenError, OpenPod, RunningStatements, query_pod};
use crate::output::{QueryResultDocument, encode, plain, query_csv, query_screen};
use crate::postgres::QueryLimits;

/// How long a server is given to hear that nobody waits any more.
pub(super) const CANCELLING: Duration = Duration::from_secs(3);

pub(super) async fn run(
    context: &Context,
    args: &QueryArgs,
    sql: &str,
    limits: QueryLimits,
) -> Result<ExitCode, Failure> {
    let mut asking = Asking::connect(context, &args.pod).await?;
    let question = Question::new(args, sql, limits);
    let limit = question.limit(context);
    let ask = async |pod: &OpenPod<'_>| question.ask(pod).await;
    let answers = tokio::select! {
        answers = asking.ask_within(context, limit, ask) => answers?,
        () = interruption() => {
            let asked = question.running.cancel(CANCELLING).await;
            let what = match asked.as_slice() {
                [] => "interrupted".to_owned(),
                asked => format!("interrupted; cancelled on {}", asked.join(", ")),
            };
            return Err(Failure::new(ExitCode::Interrupted, plain(&what)));
        }
    };
    let answers = of_those_meant(args, answers)?;
    if answers.is_empty() {
        return Err(Failure::new(ExitCode::Usage, "there is no standby").next("pgctl status"));
    }
    if let Some(failure) = nobody_answered(&question, &answers) {
        return Err(failure);
    }
    interruptible(async {
        show(context, &question, &asking, &answers).await?;
        let why = silent(&answers).map(|(_, why)| exit_of(why)).max();
        Ok(why.unwrap_or(ExitCode::Done))
    })
    .await
}

/// What is asked of each server that is meant.
pub(super) struct Question<'a> {
    pub(super) args: &'a QueryArgs,
    pub(super) sql: &'a str,
    pub(super) limits: QueryLimits,
    pub(super) running: RunningStatements,
    /// The first SQLSTATE with which a server has said no.
    refused: OnceLock<String>,
}

impl<'a> Question<'a> {
    pub(super) fn new(args: &'a QueryArgs, sql: &'a str, limits: QueryLimits) -> Self {
        Self {
            args,
            sql,
            limits,
            running: RunningStatements::default(),
            refused: OnceLock::new(),
        }
    }

    /// The longest that a server may take, connecting included.
    pub(super) fn limit(&self, context: &Context) -> Duration {
        context.timeout() + self.limits.time + Duration::from_secs(1)
    }

    /// None of a server that is not meant.
    pub(super) async fn ask(&self, pod: &OpenPod<'_>) -> Result<Option<QueryAnswer>, OpenError> {
        let args = self.args;
        let wanted = args.all
            || !args.pod.is_empty()
            || match pod.role {
                Role::Primary => !args.replica,
                Role::Standby => args.replica,
                Role::Unknown => false,
            };
        if !wanted {
            return Ok(None);
        }
        let asking = query_pod(
            pod,
            &args.database.name,
            self.sql,
            self.limits,
            &self.running,
        );
        let answer = asking.await;
        if let Err(OpenError::Sql(error)) = &answer
            && let Some(sqlstate) = error.sqlstate()
        {
            self.refused.set(sqlstate.to_owned()).ok();
        }
        answer.map(Some)
    }
}

/// Leaves those that were meant: a server that did not even say what it is may be a standby.
pub(super) fn of_those_meant(
    args: &QueryArgs,
    answers: Vec<PodAnswer<Option<QueryAnswer>>>,
) -> Result<Vec<PodAnswer<QueryAnswer>>, Failure> {
    let one = !args.all && !args.replica && args.pod.is_empty();
    let mut meant = Vec::new();
    for it in answers {
        let PodAnswer { pod, role, answer } = it;
        let answer = match answer {
            Ok(None) => continue,
            Ok(Some(answer)) => Ok(answer),
            Err(why) => Err(why),
        };
        meant.push(PodAnswer { pod, role, answer });
    }
    if !one {
        if args.replica {
            meant.retain(|it| it.role != Role::Primary);
        }
        return Ok(meant);
    }
    let primaries = meant.iter().filter(|it| it.role == Role::Primary);
    match primaries.count() {
        1 => {
            meant.retain(|it| it.role == Role::Primary);
            Ok(meant)
        }
        count => {
            let names: Vec<&str> = meant
                .iter()
                .filter(|it| it.role == Role::Primary)
                .map(|it| it.pod.as_str())
                .collect();
            let what = match count {
                0 => "no pod answers as the primary".to_owned(),
                _ => words::several_primaries(&names),
            };
            let failure = Failure::new(ExitCode::Unreachable, plain(&what));
            let failure = silent(&meant).fold(failure, |failure, (it, why)| {
                failure.because(plain(&format!("{}: {why}", it.pod)))
            });
            let failure = failure.next("pgctl status");
            Err(failure.next("a pod by its name: pgctl query --pod POD SQL"))
        }
    }
}

/// Where nobody has answered, that is the end of the command, with the reasons.
fn nobody_answered(question: &Question<'_>, answers: &[PodAnswer<QueryAnswer>]) -> Option<Failure> {
    if answered(answers).next().is_some() {
        return None;
    }
    let exit = silent(answers).map(|(_, why)| exit_of(why)).min()?;
    let next = match question.refused.get() {
        Some(sqlstate) if exit != ExitCode::Unreachable => {
            let outline = StatementOutline::of(question.sql);
            outline.remedy(Some(sqlstate), &question.args.database.name)
        }
        // The statement was not the reason.
        Some(_) | None => "pgctl status".to_owned(),
    };
    if let [only] = answers {
        let why = only.answer.as_ref().err()?;
        let failure = Failure::new(exit, plain(&why.to_string())).on(plain(&only.pod));
        return Some(failure.next(next));
    }
    let failure = Failure::new(exit, "no server has answered");
    let failure = silent(answers).fold(failure, |failure, (it, why)| {
        failure.because(plain(&format!("{}: {why}", it.pod)))
    });
    Some(failure.next(next))
}

pub(super) const fn exit_of(why: &NoAnswer) -> ExitCode {
    match why {
        NoAnswer::Refused(_) => ExitCode::Failed,
        NoAnswer::Silent(_) | NoAnswer::NotAllowed(_) | NoAnswer::NotRunning | NoAnswer::Absent => {
            ExitCode::Unreachable
        }
    }
}

async fn show(
    context: &Context,
    question: &Question<'_>,
    asking: &Asking,
    answers: &[PodAnswer<QueryAnswer>],
) -> Result<(), Failure> {
    let args = question.args;
    // One pod of three answers: its rows have the same columns as those of three.
    let side_by_side = args.all || args.replica || args.pod.len() > 1;
    let text = if context.format.is_document() {
        let document = QueryResultDocument::new(asking.cluster(), &args.database.name, answers);
        encode(&document, context.format)
    } else if args.csv {
        query_csv(answers, side_by_side, &context.screen)
    } else {
        query_screen(answers, side_by_side, &context.screen)
    };
    context.print_all(text).await?;
    let mut told = Vec::new();
    for (it, answer) in answered(answers) {
        if let Some(cut) = answer.cut {
            let words = cut_words(cut, answer.rows.len(), question.limits.bytes);
            told.push(format!("{}: {words}", it.pod));
        }
    }
    for (it, why) in silent(answers) {
        told.push(format!("no answer of {}: {why}", it.pod));
    }
    for line in told {
        let text = context.stderr().wrap(&plain(&line), 2);
        context.telling.say(&format!("{text}\n"));
    }
    Ok(())
}

/// That there is more than is shown, and what to do about it.
pub(super) fn cut_words(cut: QueryCut, rows: usize, bytes: u64) -> String {
    match cut {
        QueryCut::Rows => {
            format!("there are more rows than these {rows}: LIMIT, --max-rows N, or pgctl psql")
        }
        QueryCut::Bytes => format!(
            "there is more than these {rows} rows: {} are taken at most; ask for less (left(), \
             LIMIT), or pgctl psql",
            words::bytes(bytes)
        ),
    }
}
