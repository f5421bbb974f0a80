//! On a screen, or in lines.

use std::io::IsTerminal as _;

use super::super::context::Context;
use super::super::route::LOOK;
use super::{lines, live};
use crate::cli::TopArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::NamespaceScope;
use crate::observe::{Following, Pace};

pub(in crate::commands) async fn run(
    context: &Context,
    args: &TopArgs,
) -> Result<ExitCode, Failure> {
    if context.format.is_document() {
        return Err(
            Failure::new(ExitCode::Usage, "top is for people and has no document")
                .next("pgctl status -w -o json"),
        );
    }
    let kube = context.connect().await?;
    // What can't be looked at is said before anything is drawn; who hangs has a row there.
    let seen = context
        .observe_within(&kube, context.patience(LOOK))
        .await?;
    let cluster = seen.snapshot.cluster;
    let pace = Pace {
        every: args.interval,
        limit: context.timeout(),
    };
    let place = NamespaceScope::Namespace(kube.namespace().to_owned());
    let following = Following::start(kube.clone(), place, context.selection.clone(), pace);
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    // A terminal that has no size yet (some containers') has no room to draw on.
    let room = context.screen.width.unwrap_or(0) > 0 && context.screen.height.unwrap_or(0) > 0;
    if room && std::io::stdin().is_terminal() && !dumb {
        live::run(context, args, &cluster, following).await
    } else {
        lines::run(context, args, following).await
    }
}
