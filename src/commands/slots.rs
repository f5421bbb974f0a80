//! `pgctl slots`: look twice, compare, show.

use super::context::Context;
use super::looking::{self, Looking};
use crate::cli::SlotsArgs;
use crate::cluster::{Health, Limits, SlotReport, Snapshot, assess, slot_report};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::output::{Screen, SlotsDocument, slots_screen};

pub(super) async fn run(context: &Context, args: &SlotsArgs) -> Result<ExitCode, Failure> {
    let slots = Slots {
        args,
        kube: context.connect().await?,
        before: None,
    };
    looking::run(context, &args.watch, slots).await
}

struct Slots<'a> {
    args: &'a SlotsArgs,
    kube: Kube,
    /// The look before, which the next one is compared with.
    before: Option<Snapshot>,
}

struct Seen {
    snapshot: Snapshot,
    report: SlotReport,
    health: Health,
}

impl Looking for Slots<'_> {
    type Seen = Seen;

    async fn look(&mut self, context: &Context) -> Result<Seen, Failure> {
        if self.before.is_none() && !self.args.sample.is_zero() {
            self.before = Some(context.observe(&self.kube).await?.snapshot);
            tokio::time::sleep(self.args.sample).await;
        }
        let snapshot = context.observe(&self.kube).await?.snapshot;
        let report = slot_report(self.before.as_ref(), &snapshot);
        self.before = Some(snapshot.clone());
        Ok(Seen {
            report,
            health: assess(&snapshot, &Limits::default()),
            snapshot,
        })
    }

    fn document(&self, seen: &Seen) -> impl serde::Serialize {
        SlotsDocument::new(&seen.snapshot, &seen.report)
    }

    fn screen(&self, seen: &Seen, screen: &Screen) -> String {
        slots_screen(&seen.snapshot, &seen.report, &seen.health, screen)
    }

    fn exit(&self, seen: &Seen) -> ExitCode {
        if seen.report.servers.is_empty() {
            ExitCode::Unreachable
        } else if seen.report.endangered() {
            ExitCode::Unhealthy
        } else {
            ExitCode::Done
        }
    }
}
