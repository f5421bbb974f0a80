//! `pgctl lag`: look twice, compare, show or check.

use super::context::Context;
use super::looking::{self, ComparedLooks, Looking};
use crate::cli::LagArgs;
use crate::cluster::{LagLimit, LagRates, LagReport, Snapshot, lag_rates, lag_report};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{LagReportDocument, LagView, Screen, failing_standbys, lag_screen, plain};

pub(super) async fn run(context: &Context, args: &LagArgs) -> Result<ExitCode, Failure> {
    let lag = Lag {
        limit: args.max_lag,
        looks: ComparedLooks::connect(context, args.sample).await?,
    };
    looking::run(context, &args.watch, lag).await
}

struct Lag {
    limit: Option<LagLimit>,
    looks: ComparedLooks,
}

struct Seen {
    snapshot: Snapshot,
    report: LagReport,
    rates: Option<LagRates>,
}

impl Lag {
    fn view<'a>(&'a self, seen: &'a Seen) -> LagView<'a> {
        LagView {
            report: &seen.report,
            rates: seen.rates.as_ref(),
            limit: self.limit.as_ref(),
        }
    }

    /// The standbys that fail the check, each with why. None when it is none.
    fn failing(&self, seen: &Seen) -> Vec<(String, String)> {
        let limit = self.limit.as_ref();
        limit
            .map(|limit| failing_standbys(&seen.report, limit))
            .unwrap_or_default()
    }
}

impl Looking for Lag {
    type Seen = Seen;

    async fn look(&mut self, context: &Context) -> Result<Seen, Failure> {
        let (before, snapshot) = self.looks.look(context).await?;
        let rates = before.as_ref().map(|it| lag_rates(it, &snapshot));
        Ok(Seen {
            report: lag_report(&snapshot),
            rates,
            snapshot,
        })
    }

    fn document(&self, seen: &Seen) -> impl serde::Serialize {
        LagReportDocument::new(&seen.snapshot, &self.view(seen))
    }

    fn screen(&self, seen: &Seen, screen: &Screen) -> String {
        lag_screen(&self.view(seen), screen)
    }

    fn answer(&self, seen: &Seen, _: &Screen) -> String {
        let line = |(pod, why): &(String, String)| plain(&format!("pod/{pod}: {why}")) + "\n";
        self.failing(seen).iter().map(line).collect()
    }

    fn exit(&self, seen: &Seen) -> ExitCode {
        if !seen.report.several_primaries.is_empty() {
            ExitCode::Unhealthy
        } else if seen.report.reference.is_none() {
            ExitCode::Unreachable
        } else if self.failing(seen).is_empty() {
            ExitCode::Done
        } else {
            ExitCode::Unhealthy
        }
    }
}
