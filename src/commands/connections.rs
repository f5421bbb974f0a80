//! `pgctl connections`.

use super::asking::{self, Asking};
use super::context::Context;
use super::looking::{self, Looking};
use crate::cli::{ConnectionsArgs, ConnectionsBy};
use crate::cluster::{Connections, GroupBy, PodAnswer, answered};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::OpenPod;
use crate::output::{ConnectionsDocument, ConnectionsView, Screen, connections_screen};

pub(super) async fn run(context: &Context, args: &ConnectionsArgs) -> Result<ExitCode, Failure> {
    let by = args.by.iter().map(|by| match by {
        ConnectionsBy::User => GroupBy::User,
        ConnectionsBy::Database => GroupBy::Database,
        ConnectionsBy::Application => GroupBy::Application,
        ConnectionsBy::Client => GroupBy::Client,
    });
    let command = Command {
        view: ConnectionsView {
            by: by.collect(),
            max_used_percent: args.max_used,
        },
        asking: Asking::connect(context, &args.pod).await?,
    };
    looking::run(context, &args.watch, command).await
}

struct Command {
    asking: Asking,
    view: ConnectionsView,
}

impl Looking for Command {
    type Seen = Vec<PodAnswer<Connections>>;

    async fn look(&mut self, context: &Context) -> Result<Self::Seen, Failure> {
        let question = async |pod: &OpenPod<'_>| Ok(pod.session.connection_counts().await?);
        self.asking.ask(context, question).await
    }

    fn document(&self, seen: &Self::Seen) -> impl serde::Serialize {
        ConnectionsDocument::new(self.asking.cluster(), seen, &self.view)
    }

    fn screen(&self, seen: &Self::Seen, screen: &Screen) -> String {
        connections_screen(seen, &self.view, screen)
    }

    fn exit(&self, seen: &Self::Seen) -> ExitCode {
        match answered(seen).any(|(_, it)| self.view.is_near_the_limit(it)) {
            true => ExitCode::Unhealthy,
            false => asking::exit(seen),
        }
    }
}
