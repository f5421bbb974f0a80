//! `pgctl disk`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::asking::{self, Asking};
use super::context::Context;
use super::looking::{self, Looking};
use crate::cli::DiskArgs;
use crate::cluster::{DiskGrowth, DiskUsage, PodAnswer, Role, answered, disk_growth};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::{OpenPod, disk_usage};
use crate::output::{DiskDocument, DiskView, Screen, disk_screen};

pub(super) async fn run(context: &Context, args: &DiskArgs) -> Result<ExitCode, Failure> {
    let command = Disk {
        asking: Asking::connect(context, &args.pod).await?,
        tables: Some(args.tables).filter(|it| *it > 0),
        named: !args.pod.is_empty(),
        max_used_percent: args.max_used,
        sample: args.sample,
        before: None,
    };
    looking::run(context, &args.watch, command).await
}

struct Disk {
    asking: Asking,
    tables: Option<u32>,
    /// Pods were named: each is asked for its tables.
    named: bool,
    max_used_percent: u8,
    sample: Duration,
    before: Option<BTreeMap<String, DiskUsage>>,
}

impl Disk {
    async fn ask(
        &mut self,
        context: &Context,
        tables: Option<u32>,
    ) -> Result<Vec<PodAnswer<DiskUsage>>, Failure> {
        let named = self.named;
        // Each part has a little less than the whole has.
        let limit = context.timeout().mul_f64(0.8);
        let question = async |pod: &OpenPod<'_>| {
            let of_pod = tables.filter(|_| named || pod.role == Role::Primary);
            disk_usage(pod, of_pod, limit).await
        };
        self.asking.ask(context, question).await
    }
}

fn by_pod(answers: &[PodAnswer<DiskUsage>]) -> BTreeMap<String, DiskUsage> {
    let of =
        |(answer, usage): (&PodAnswer<DiskUsage>, &DiskUsage)| (answer.pod.clone(), usage.clone());
    answered(answers).map(of).collect()
}

impl Looking for Disk {
    type Seen = DiskView;

    async fn look(&mut self, context: &Context) -> Result<DiskView, Failure> {
        if self.before.is_none() && !self.sample.is_zero() {
            self.before = Some(by_pod(&self.ask(context, None).await?));
            tokio::time::sleep(self.sample).await;
        }
        let answers = self.ask(context, self.tables).await?;
        let now = by_pod(&answers);
        let before = self.before.replace(now.clone()).unwrap_or_default();
        let growth: BTreeMap<String, DiskGrowth> = now
            .iter()
            .filter_map(|(pod, now)| Some((pod.clone(), disk_growth(before.get(pod)?, now)?)))
            .collect();
        Ok(DiskView {
            answers,
            growth,
            max_used_percent: self.max_used_percent,
        })
    }

    fn document(&self, seen: &DiskView) -> impl serde::Serialize {
        DiskDocument::new(self.asking.cluster(), seen)
    }

    fn screen(&self, seen: &DiskView, screen: &Screen) -> String {
        disk_screen(seen, screen)
    }

    fn exit(&self, seen: &DiskView) -> ExitCode {
        match answered(&seen.answers).any(|(_, it)| seen.is_near_full(it)) {
            true => ExitCode::Unhealthy,
            false => asking::exit(&seen.answers),
        }
    }
}
