//! Once, or served.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::look::{Look, Target};
use super::served::Served;
use super::server::serve;
use crate::cli::MetricsArgs;
use crate::cluster::Limits;
use crate::commands::backup::store;
use crate::commands::context::Context;
use crate::commands::fleet::Fleet;
use crate::commands::interruption::interruptible;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{LastLook, Looked, exposition};

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
    let store = args.judging.store();
    let store = store.map(|it| store::open(&it)).transpose()?;
    let target = match args.fleet.several() {
        true => Target::Many(Mutex::new(
            Fleet::new(context, "pgctl metrics -A --contexts all", &args.fleet).await?,
        )),
        false => Target::One(context.connect().await?),
    };
    let look = Look {
        target,
        limits: Limits {
            lag: args.judging.max_lag,
            ..Limits::default()
        },
        store,
        troubles: Mutex::default(),
    };
    match args.listen {
        None => interruptible(once(context, &look)).await,
        Some(address) => {
            let listener = TcpListener::bind(address).await.map_err(|error| {
                Failure::new(ExitCode::Failed, format!("can't listen at {address}"))
                    .caused_by(&error)
                    .next("at a free port: pgctl metrics --listen 127.0.0.1:0")
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
    let looked = look.measure(context).await?;
    let last = LastLook {
        up: true,
        seen: Some(seen),
        seconds: Some(began.elapsed().as_secs_f64()),
    };
    context.print(&exposition(Some(&looked), &last))?;
    Ok(exit(&looked))
}

fn exit(looked: &Looked) -> ExitCode {
    let clusters = looked.clusters();
    let mut instances = clusters.iter().flat_map(|(_, it)| &it.snapshot.instances);
    let unreached = match looked {
        Looked::One(_) => false,
        Looked::Many { contexts, .. } => contexts.values().any(|answers| !answers),
    };
    match instances.any(|it| it.facts().is_some()) {
        false => ExitCode::Unreachable,
        true if unreached => ExitCode::Unhealthy,
        true => ExitCode::Done,
    }
}

async fn served(
    context: &Context,
    look: Look,
    args: &MetricsArgs,
    listener: TcpListener,
) -> Result<ExitCode, Failure> {
    let served = Served::new(args.interval);
    let looking = served.work(async || match look.measure(context).await {
        Ok(looked) => Some(looked),
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
    let failure = Failure::new(ExitCode::Failed, "the listening socket failed")
        .next("begin anew, at a free port: pgctl metrics --listen 127.0.0.1:0");
    Err(match failed {
        Some(error) => failure.caused_by(&error),
        None => failure,
    })
}
