//! `pgctl status`: look, judge, show.

use super::context::Context;
use super::watch::{Look, document, watch};
use crate::cli::StatusArgs;
use crate::cluster::{Health, Limits, Snapshot, Verdict, assess};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::output::{
    ClusterListDocument, ClusterStatusDocument, clusters_screen, status_screen, verdict_line,
};

pub(super) async fn run(context: &Context, args: &StatusArgs) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let look = async || {
        if args.all_namespaces {
            all(context, args, &kube).await
        } else {
            one(context, args, &kube).await
        }
    };
    if args.watch {
        return watch(context, args.interval, look).await;
    }
    let look = look().await?;
    context.print(&look.text)?;
    Ok(look.exit)
}

fn limits(args: &StatusArgs) -> Limits {
    Limits {
        lag: args.max_lag,
        ..Limits::default()
    }
}

async fn one(context: &Context, args: &StatusArgs, kube: &Kube) -> Result<Look, Failure> {
    let snapshot = context.observe(kube).await?.snapshot;
    let health = assess(&snapshot, &limits(args));
    let text = if context.format.is_document() {
        document(
            context,
            args.watch,
            &ClusterStatusDocument::new(&snapshot, &health),
        )
    } else if context.quiet {
        verdict_line(&health, &context.screen) + "\n"
    } else {
        status_screen(&snapshot, &health, &context.screen)
    };
    Ok(Look {
        text,
        exit: exit_code([(&snapshot, &health)]),
    })
}

async fn all(context: &Context, args: &StatusArgs, kube: &Kube) -> Result<Look, Failure> {
    let observed = context.observe_all(kube).await?;
    let limits = limits(args);
    let judged: Vec<Health> = observed
        .iter()
        .map(|observed| assess(&observed.snapshot, &limits))
        .collect();
    let exit = exit_code(
        observed
            .iter()
            .map(|observed| &observed.snapshot)
            .zip(&judged),
    );
    let text = if context.format.is_document() {
        let taken = observed
            .iter()
            .map(|observed| observed.snapshot.taken)
            .min();
        let taken = taken.unwrap_or_else(jiff::Timestamp::now);
        document(
            context,
            args.watch,
            &ClusterListDocument::new(taken, &judged),
        )
    } else {
        clusters_screen(&judged, &context.screen)
    };
    Ok(Look { text, exit })
}

fn exit_code<'a>(clusters: impl IntoIterator<Item = (&'a Snapshot, &'a Health)>) -> ExitCode {
    let mut worst = Verdict::Healthy;
    let mut anybody_answers = false;
    for (snapshot, health) in clusters {
        worst = worst.max(health.verdict);
        anybody_answers |= snapshot
            .instances
            .iter()
            .any(|instance| instance.facts().is_some());
    }
    match worst {
        _ if !anybody_answers => ExitCode::Unreachable,
        Verdict::Healthy => ExitCode::Done,
        Verdict::Degraded | Verdict::Critical => ExitCode::Unhealthy,
    }
}
