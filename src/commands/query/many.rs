//! A question to every cluster of all namespaces, of several contexts, or both.

use std::collections::BTreeMap;

use futures::StreamExt as _;

use super::super::context::Context;
use super::super::fleet::{Fleet, FleetLook};
use super::super::interruption::{interruptible, interruption};
use super::look::{CANCELLING, Question, cut_words, exit_of, of_those_meant};
use crate::cli::QueryArgs;
use crate::cluster::{NoAnswer, answered, silent};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, NamespaceScope};
use crate::observe::{AskedCluster, OpenPod};
use crate::output::{
    ClusterAnswers, QueryResultListDocument, encode, fleet_query_csv, fleet_query_screen, plain,
};
use crate::postgres::QueryLimits;

/// Clusters that are asked at the same time.
const AT_ONCE: usize = 64;

/// So many servers that do not answer for the same reason are named.
const MOST_NAMES: usize = 5;

pub(super) async fn run(
    context: &Context,
    args: &QueryArgs,
    sql: &str,
    limits: QueryLimits,
) -> Result<ExitCode, Failure> {
    let mut fleet = Fleet::new(context, "pgctl query -A --contexts all SQL", &args.fleet).await?;
    let question = &Question::new(args, sql, limits);
    let limit = question.limit(context);
    let ask = async |kube: &Kube, place: &NamespaceScope| {
        let clusters = AskedCluster::find_all(kube, place, &context.selection).await?;
        let asked = futures::stream::iter(clusters).map(async |cluster| {
            let pods: Vec<String> = cluster.pods.iter().map(|it| it.name.clone()).collect();
            let ask = async |pod: &OpenPod<'_>| question.ask(pod).await;
            let answers = cluster.ask(kube, &pods, limit, ask).await;
            ClusterAnswers {
                cluster: cluster.id().clone(),
                answers: of_those_meant(args, answers),
            }
        });
        Ok(asked.buffered(AT_ONCE).collect().await)
    };
    let found = tokio::select! {
        found = fleet.ask(context, ask) => found?,
        () = interruption() => {
            let asked = question.running.cancel(CANCELLING).await;
            let what = match asked.len() {
                0 => "interrupted".to_owned(),
                1 => "interrupted; cancelled on 1 server".to_owned(),
                count => format!("interrupted; cancelled on {count} servers"),
            };
            return Err(Failure::new(ExitCode::Interrupted, what));
        }
    };
    interruptible(async {
        show(context, question, &found).await?;
        Ok(exit(&found))
    })
    .await
}

async fn show(
    context: &Context,
    question: &Question<'_>,
    found: &FleetLook<ClusterAnswers>,
) -> Result<(), Failure> {
    let args = question.args;
    let view = found.view(|it| it);
    // Where only primaries are asked, nobody has to be told what each is.
    let with_roles = args.all || args.replica;
    let text = if context.format.is_document() {
        let document = QueryResultListDocument::new(&args.database.name, &view);
        encode(&document, context.format)
    } else if args.csv {
        fleet_query_csv(&view, with_roles, &context.screen)
    } else {
        fleet_query_screen(&view, with_roles, &context.screen)
    };
    context.print_all(text).await?;
    let screen = context.stderr();
    for line in told(question, found) {
        let text = screen.wrap(&plain(&line), 2);
        context.telling.say(&format!("{text}\n"));
    }
    context.telling.say(&view.rest(&screen));
    Ok(())
}

/// Of whom there is more, and of whom there is nothing. A reason that many have is said once.
fn told(question: &Question<'_>, found: &FleetLook<ClusterAnswers>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (context, it) in &found.clusters {
        let cluster = match context {
            Some(context) => format!("{context}: {}", it.cluster),
            None => it.cluster.to_string(),
        };
        let answers = match &it.answers {
            Ok(answers) => answers,
            Err(failure) => {
                let named = reasons.entry(failure.to_string()).or_default();
                named.push(cluster);
                continue;
            }
        };
        for (who, answer) in answered(answers) {
            if let Some(cut) = answer.cut {
                let words = cut_words(cut, answer.rows.len(), question.limits.bytes);
                lines.push(format!("{cluster}, {}: {words}", who.pod));
            }
        }
        for (who, why) in silent(answers) {
            let named = reasons.entry(why.to_string()).or_default();
            named.push(format!("{cluster}, {}", who.pod));
        }
    }
    for (reason, who) in reasons {
        let named = who.iter().take(MOST_NAMES).map(String::as_str);
        let named = named.collect::<Vec<_>>().join("; ");
        let more = match who.len().saturating_sub(MOST_NAMES) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        lines.push(format!("no answer of {named}{more}: {reason}"));
    }
    lines
}

/// As of one cluster: what PostgreSQL has said no to where nobody has answered, else the worst.
fn exit(found: &FleetLook<ClusterAnswers>) -> ExitCode {
    let mut anybody = false;
    let mut reasons = Vec::new();
    for (_, it) in &found.clusters {
        match &it.answers {
            Ok(answers) => {
                anybody |= answered(answers).next().is_some();
                reasons.extend(silent(answers).map(|(_, why): (_, &NoAnswer)| exit_of(why)));
            }
            Err(failure) => reasons.push(failure.exit),
        }
    }
    reasons.extend(found.unreached.iter().map(|_| ExitCode::Unreachable));
    let exit = match anybody {
        true => reasons.into_iter().max(),
        false => reasons.into_iter().min(),
    };
    exit.unwrap_or(ExitCode::Done)
}
