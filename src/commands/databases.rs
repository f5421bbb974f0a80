//! `pgctl databases`.

use super::asking::{self, Asking};
use super::context::Context;
use super::looking::{self, Looking};
use crate::cli::DatabasesArgs;
use crate::cluster::{DatabaseEntry, PodAnswer};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::OpenPod;
use crate::output::{DatabasesDocument, Screen, databases_screen};

pub(super) async fn run(context: &Context, args: &DatabasesArgs) -> Result<ExitCode, Failure> {
    let asking = Asking::connect(context, &[]).await?;
    looking::run(context, &args.watch, Databases { asking }).await
}

struct Databases {
    asking: Asking,
}

impl Looking for Databases {
    type Seen = Vec<PodAnswer<Vec<DatabaseEntry>>>;

    async fn look(&mut self, context: &Context) -> Result<Self::Seen, Failure> {
        let question = async |pod: &OpenPod<'_>| Ok(pod.session.databases().await?);
        self.asking.ask(context, question).await
    }

    fn document(&self, seen: &Self::Seen) -> impl serde::Serialize {
        DatabasesDocument::new(self.asking.cluster(), seen)
    }

    fn screen(&self, seen: &Self::Seen, screen: &Screen) -> String {
        databases_screen(seen, screen)
    }

    fn exit(&self, seen: &Self::Seen) -> ExitCode {
        asking::exit(seen)
    }
}
