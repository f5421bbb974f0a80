//! What the time of every server went to.

use super::super::asking::{self, Asking};
use super::super::context::Context;
use super::super::looking::{self, Looking};
use crate::cli::QueriesArgs;
use crate::cluster::{PodAnswer, Statements};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::{OpenPod, top_statements};
use crate::output::{Screen, StatementsDocument, statements_screen};

pub(super) async fn run(
    context: &Context,
    args: &QueriesArgs,
    count: u32,
) -> Result<ExitCode, Failure> {
    let asking = Asking::connect(context, &args.pod).await?;
    looking::run(context, &args.watch, Top { asking, count }).await
}

struct Top {
    asking: Asking,
    count: u32,
}

impl Looking for Top {
    type Seen = Vec<PodAnswer<Statements>>;

    async fn look(&mut self, context: &Context) -> Result<Self::Seen, Failure> {
        let count = self.count;
        let question = async |pod: &OpenPod<'_>| top_statements(pod, count).await;
        self.asking.ask(context, question).await
    }

    fn document(&self, seen: &Self::Seen) -> impl serde::Serialize {
        StatementsDocument::new(self.asking.cluster(), seen)
    }

    fn screen(&self, seen: &Self::Seen, screen: &Screen) -> String {
        statements_screen(seen, screen)
    }

    fn exit(&self, seen: &Self::Seen) -> ExitCode {
        asking::exit(seen)
    }
}
