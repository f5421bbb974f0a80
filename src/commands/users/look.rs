//! The roles of the cluster.

use super::super::asking::{self, Asking};
use super::super::context::Context;
use super::super::looking::{self, Looking};
use crate::cli::UsersArgs;
use crate::cluster::{PodAnswer, RoleEntry};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::observe::OpenPod;
use crate::output::{Screen, UsersDocument, users_screen};

pub(super) async fn run(context: &Context, args: &UsersArgs) -> Result<ExitCode, Failure> {
    let asking = Asking::connect(context, &[]).await?;
    let command = Users {
        asking,
        all: args.all,
    };
    looking::run(context, &args.watch, command).await
}

struct Users {
    asking: Asking,
    all: bool,
}

impl Looking for Users {
    type Seen = Vec<PodAnswer<Vec<RoleEntry>>>;

    async fn look(&mut self, context: &Context) -> Result<Self::Seen, Failure> {
        let all = self.all;
        let question = async |pod: &OpenPod<'_>| {
            let mut roles = pod.session.roles().await?;
            // PostgreSQL keeps the prefix for itself.
            roles.retain(|it| all || !it.name.starts_with("pg_"));
            Ok(roles)
        };
        self.asking.ask(context, question).await
    }

    fn document(&self, seen: &Self::Seen) -> impl serde::Serialize {
        UsersDocument::new(self.asking.cluster(), seen)
    }

    fn screen(&self, seen: &Self::Seen, screen: &Screen) -> String {
        users_screen(seen, screen)
    }

    fn exit(&self, seen: &Self::Seen) -> ExitCode {
        asking::exit(seen)
    }
}
