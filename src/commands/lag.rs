//! `pgctl lag`: look twice, compare, show or check.

use super::context::Context;
use super::watch::{Look, document, watch};
use crate::cli::LagArgs;
use crate::cluster::{LagRates, Snapshot, lag_rates, lag_report};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{LagReportDocument, LagView, failing_standbys, lag_screen};

pub(super) async fn run(context: &Context, args: &LagArgs) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let mut before: Option<Snapshot> = None;
    if !args.sample.is_zero() {
        before = Some(context.observe(&kube).await?.snapshot);
        tokio::time::sleep(args.sample).await;
    }
    let mut look = async || {
        let after = context.observe(&kube).await?.snapshot;
        let rates = before.as_ref().map(|before| lag_rates(before, &after));
        let look = show(context, args, &after, rates.as_ref());
        // The next look is compared with this one.
        before = Some(after);
        Ok(look)
    };
    if args.watch {
        return watch(context, args.interval, look).await;
    }
    let look = look().await?;
    context.print(&look.text)?;
    Ok(look.exit)
}

fn show(context: &Context, args: &LagArgs, snapshot: &Snapshot, rates: Option<&LagRates>) -> Look {
    let report = lag_report(snapshot);
    let view = LagView {
        report: &report,
        rates,
        limit: args.max_lag.as_ref(),
    };
    let failing = args
        .max_lag
        .as_ref()
        .map(|limit| failing_standbys(&report, limit))
        .unwrap_or_default();
    let text = if context.format.is_document() {
        document(
            context,
            args.watch,
            &LagReportDocument::new(snapshot, &view),
        )
    } else if context.quiet {
        let line = |(pod, why): &(String, String)| {
            crate::output::plain(&format!("pod/{pod}: {why}")) + "\n"
        };
        failing.iter().map(line).collect()
    } else {
        lag_screen(&view, &context.screen)
    };
    let exit = if report.reference.is_none() {
        ExitCode::Unreachable
    } else if failing.is_empty() {
        ExitCode::Done
    } else {
        ExitCode::Unhealthy
    };
    Look { text, exit }
}
