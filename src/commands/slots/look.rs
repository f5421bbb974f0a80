//! `pgctl slots`: look twice, compare, show.

use super::super::context::Context;
use super::super::looking::{self, ComparedLooks, Looking};
use crate::cli::SlotsArgs;
use crate::cluster::{Limits, SlotReport, Snapshot, assess, slot_report};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{Screen, SlotsDocument, slots_screen};

pub(super) async fn run(context: &Context, args: &SlotsArgs) -> Result<ExitCode, Failure> {
    let slots = Slots {
        looks: ComparedLooks::connect(context, args.sample).await?,
    };
    looking::run(context, &args.watch, slots).await
}

struct Slots {
    looks: ComparedLooks,
}

struct Seen {
    snapshot: Snapshot,
    report: SlotReport,
}

impl Looking for Slots {
    type Seen = Seen;

    async fn look(&mut self, context: &Context) -> Result<Seen, Failure> {
        let (before, snapshot) = self.looks.look(context).await?;
        let report = slot_report(before.as_ref(), &snapshot);
        Ok(Seen { report, snapshot })
    }

    fn document(&self, seen: &Seen) -> impl serde::Serialize {
        SlotsDocument::new(&seen.snapshot, &seen.report)
    }

    fn screen(&self, seen: &Seen, screen: &Screen) -> String {
        let health = assess(&seen.snapshot, &Limits::default());
        slots_screen(&seen.snapshot, &seen.report, &health, screen)
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
