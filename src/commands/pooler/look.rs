//! `pgctl pooler`: who waits.

use super::super::context::Context;
use super::super::looking::{self, Looking};
use super::setup::no_pooler;
use crate::cli::PoolerArgs;
use crate::cluster::{ClusterId, PoolerAnswer};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{Kube, NamespaceScope};
use crate::observe::{AskedCluster, ask_poolers};
use crate::output::{PoolerView, PoolersDocument, Screen, poolers_screen};

pub(super) async fn run(context: &Context, args: &PoolerArgs) -> Result<ExitCode, Failure> {
    let kube = context.connect().await?;
    let place = NamespaceScope::Namespace(kube.namespace().to_owned());
    let found = AskedCluster::find(&kube, &place, &context.selection).await?;
    let command = Command {
        cluster: found.id().clone(),
        kube,
        view: PoolerView {
            max_wait_seconds: args.max_wait.as_secs_f64(),
        },
    };
    looking::run(context, &args.watch, command).await
}

struct Command {
    kube: Kube,
    cluster: ClusterId,
    view: PoolerView,
}

impl Looking for Command {
    type Seen = Vec<PoolerAnswer>;

    async fn look(&mut self, context: &Context) -> Result<Self::Seen, Failure> {
        let answers = ask_poolers(&self.kube, &self.cluster, context.timeout()).await?;
        match answers.is_empty() {
            true => Err(no_pooler(&self.cluster)),
            false => Ok(answers),
        }
    }

    fn document(&self, seen: &Self::Seen) -> impl serde::Serialize {
        PoolersDocument::new(&self.cluster, seen, &self.view)
    }

    fn screen(&self, seen: &Self::Seen, screen: &Screen) -> String {
        poolers_screen(seen, &self.view, screen)
    }

    fn exit(&self, seen: &Self::Seen) -> ExitCode {
        if seen.iter().any(|it| self.view.is_bad(it)) {
            ExitCode::Unhealthy
        } else if seen.iter().all(|it| it.answer.is_err()) {
            ExitCode::Unreachable
        } else {
            ExitCode::Done
        }
    }
}
