//! What every server does now.

use super::super::asking::Asking;
use super::super::context::Context;
use super::super::looking::{self, Looking};
use crate::cli::WatchArgs;
use crate::cluster::{Activity, PodAnswer, Which};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{QueriesDocument, Screen, queries_screen};

pub(super) async fn run(
    context: &Context,
    pods: &[String],
    which: Which,
    watch: &WatchArgs,
) -> Result<ExitCode, Failure> {
    let asking = Asking::connect(context, pods).await?;
    looking::run(context, watch, Queries { asking, which }).await
}

struct Queries {
    asking: Asking,
    which: Which,
}

impl Looking for Queries {
    type Seen = Vec<PodAnswer<Activity>>;

    async fn look(&mut self, context: &Context) -> Result<Self::Seen, Failure> {
        let question = async |pod: &crate::observe::OpenPod<'_>| Ok(pod.session.activity().await?);
        self.asking.ask(context, question).await
    }

    fn document(&self, seen: &Self::Seen) -> impl serde::Serialize {
        QueriesDocument::new(self.asking.cluster(), seen, self.which)
    }

    fn screen(&self, seen: &Self::Seen, screen: &Screen) -> String {
        queries_screen(seen, self.which, screen)
    }

    fn exit(&self, seen: &Self::Seen) -> ExitCode {
        super::super::asking::exit(seen)
    }
}
