//! `pgctl hpa`.

use super::context::Context;
use super::intent::Intent;
use super::looking::{self, Looking};
use super::operation;
use crate::cli::{HpaArgs, HpaCommand};
use crate::cluster::{Autoscaler, ObjectKind, Snapshot};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::output::{AutoscalerDocument, Screen, autoscaler_screen};
use crate::plan::{AutoscaleRequest, OperationKind, plan_autoscale};

pub(super) async fn run(context: &Context, args: &HpaArgs) -> Result<ExitCode, Failure> {
    let (request, change) = match &args.command {
        None if args.go_on.resume => return plan_or_go_on(context, Intent::Resume).await,
        None if args.go_on.abort => return plan_or_go_on(context, Intent::Abort).await,
        None | Some(HpaCommand::Show) => return show(context).await,
        Some(HpaCommand::Set(set)) => {
            let request = AutoscaleRequest::Set {
                min: set.change.min,
                max: set.change.max,
                cpu: set.change.cpu,
                memory: set.change.memory,
            };
            (request, &set.run)
        }
        Some(HpaCommand::Pause(change)) => (AutoscaleRequest::Pause, change),
        Some(HpaCommand::Resume(change)) => (AutoscaleRequest::Resume, change),
    };
    plan_or_go_on(context, Intent::Plan { request, change }).await
}

async fn plan_or_go_on(
    context: &Context,
    intent: Intent<'_, AutoscaleRequest>,
) -> Result<ExitCode, Failure> {
    operation::run(
        context,
        OperationKind::Autoscale,
        intent,
        |request, snapshot, grounds, now| plan_autoscale(snapshot, request, grounds, now),
    )
    .await
}

async fn show(context: &Context) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    looking::once(context, Show { kube }).await
}

struct Show {
    kube: Kube,
}

impl Looking for Show {
    type Seen = (Snapshot, Autoscaler);

    async fn look(&mut self, context: &Context) -> Result<Self::Seen, Failure> {
        let snapshot = context.observe(&self.kube).await?.snapshot;
        if let Some(autoscaler) = snapshot.autoscaler.clone() {
            return Ok((snapshot, autoscaler));
        }
        let failure = Failure::new(
            ExitCode::Refused,
            format!("no autoscaler governs {}", snapshot.cluster),
        );
        Err(match snapshot.unseen(ObjectKind::Autoscalers) {
            Some(unseen) => failure
                .because(unseen.to_string())
                .next("pgctl doctor --check rights-to-look"),
            None => failure.next("deploy one: deploy/base/postgres-replica-hpa.yaml"),
        })
    }

    fn document(&self, (snapshot, autoscaler): &Self::Seen) -> impl serde::Serialize {
        AutoscalerDocument::new(&snapshot.cluster, autoscaler)
    }

    fn screen(&self, (snapshot, autoscaler): &Self::Seen, screen: &Screen) -> String {
        autoscaler_screen(autoscaler, snapshot.taken, screen)
    }
}
