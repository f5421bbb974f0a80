//! Once, or served.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::net::TcpListener;

use super::look::Look;
use super::served::Served;
use super::server::serve;
use crate::cli::{MetricsArgs, StoreArgs};
use crate::cluster::Limits;
use crate::commands::backup::store;
use crate::commands::context::Context;
use crate::commands::interruption::interruptible;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{LastLook, exposition};

pub(in crate::commands) async fn run(
    context: &Context,
    args: &MetricsArgs,
) -> Result<ExitCode, Failure> {
    if context.format.is_document() {
        let failure = Failure::new(
            ExitCode::Usage,
            "metrics has one format, OpenMetrics, and no document",
        );
        return Err(failure.next("pgctl status -o json has most of it"));
    }
    let store = match args.store.clone() {
        Some(name) => Some(store::open(&StoreArgs { store: Some(name) })?),
        None => None,
    };
    let look = Look {
        kube: context.connect().await?,
        limits: Limits {
            lag: args.max_lag,
            ..Limits::default()
        },
        store,
    };
    match args.listen {
        None => interruptible(once(context, &look)).await,
        Some(address) => {
            let listener = TcpListener::bind(address).await.map_err(|error| {
                Failure::new(ExitCode::Failed, format!("can't listen at {address}"))
                    .caused_by(&error)
            })?;
            let at = listener.local_addr().unwrap_or(address);
            context
                .telling
                .say(&format!("serving http://{at}/metrics\n"));
            interruptible(served(context, look, args, listener)).await
        }
    }
}

async fn once(context: &Context, look: &Look) -> Result<ExitCode, Failure> {
    let (seen, began) = (Timestamp::now(), std::time::Instant::now());
    let measured = look.measure(context).await?;
    let last = LastLook {
        up: true,
        seen: Some(seen),
        seconds: Some(began.elapsed().as_secs_f64()),
    };
    context.print(&exposition(Some(&measured), &last))?;
    let mut instances = measured.snapshot.instances.iter();
    Ok(match instances.any(|it| it.facts().is_some()) {
        true => ExitCode::Done,
        false => ExitCode::Unreachable,
    })
}

async fn served(
    context: &Context,
    look: Look,
    args: &MetricsArgs,
    listener: TcpListener,
) -> Result<ExitCode, Failure> {
    let served = Served::new(args.interval);
    let looking = served.work(async || match look.measure(context).await {
        Ok(measured) => Some(measured),
        Err(failure) => {
            context.telling.say(&format!("{}\n", failure.what));
            None
        }
    });
    let told = Arc::clone(&served);
    let serving = serve(listener, move |patience| {
        let told = Arc::clone(&told);
        async move { told.answer(patience).await }
    });
    let failed = tokio::select! {
        ended = serving => ended.err(),
        () = looking => None,
    };
    let failure = Failure::new(ExitCode::Failed, "the listening socket failed");
    Err(match failed {
        Some(error) => failure.caused_by(&error),
        None => failure,
    })
}
