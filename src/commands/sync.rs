//! `pgctl sync`.

use super::context::Context;
use super::intent::Intent;
use super::looking::{self, Looking};
use super::operation;
use crate::cli::{SyncArgs, SyncCommand};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Kube;
use crate::output::{Screen, SynchronousDocument, synchronous_screen};
use crate::plan::{OperationKind, SynchronousRequest, plan_synchronous};

pub(super) async fn run(context: &Context, args: &SyncArgs) -> Result<ExitCode, Failure> {
    let intent = match &args.command {
        None if args.go_on.resume => Intent::Resume,
        None if args.go_on.abort => Intent::Abort,
        None | Some(SyncCommand::Show) => return show(context).await,
        Some(SyncCommand::Set(set)) => Intent::Plan {
            request: SynchronousRequest {
                standbys: set.standbys,
            },
            change: &set.run,
        },
    };
    operation::run(
        context,
        OperationKind::Synchronous,
        intent,
        |request, snapshot, grounds, now| plan_synchronous(snapshot, request, grounds, now),
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
    type Seen = SynchronousDocument;

    async fn look(&mut self, context: &Context) -> Result<Self::Seen, Failure> {
        let snapshot = context.observe(&self.kube).await?.snapshot;
        Ok(SynchronousDocument::new(&snapshot))
    }

    fn document(&self, seen: &Self::Seen) -> impl serde::Serialize {
        seen.clone()
    }

    fn screen(&self, seen: &Self::Seen, screen: &Screen) -> String {
        synchronous_screen(seen, screen)
    }
}
