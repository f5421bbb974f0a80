//! From the command line to the exit code.

use std::sync::Arc;

use super::context::Context;
use super::documents::check_field;
use super::ended::Ended;
use super::interruption::before_anything_is_begun;
use super::{
    backup, config, connections, databases, disk, doctor, explain, failover, history, hpa, lag,
    logs, metrics, passwords, pooler, port_forward, psql, queries, query, rejoin, report, restore,
    rollout, scale, shell, slots, status, sync, top, tune, users, version, wal,
};
use crate::cli::{Cli, Command};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{
    ErrorDocument, Format, Given, Screen, encode, exit_event, failure_screen, write_stdout,
};

/// Runs a command and tells how it ended. A failure goes to stderr, in words; with `-o json|yaml`
/// stdout gets it, too, as a document of `kind: Error`, so that it always holds a document; with `-o value=FIELD` it
/// stays empty.
pub async fn run(cli: Cli) -> Ended {
    let given = Arc::new(Given {
        kubeconfig: cli
            .global
            .kubeconfig
            .as_ref()
            .map(|file| file.display().to_string()),
        context: cli.global.context.clone(),
        namespace: cli.global.namespace.clone(),
        cluster: cli.global.cluster.clone(),
        selector: cli.global.selector.clone(),
        store: cli.command.store().map(str::to_owned),
        plugin: cli.plugin,
    });
    let events = cli.command.tells_events();
    let context = Context::new(&cli.global, given, events);
    let work = async {
        check_field(&context, &cli.command)?;
        work(&cli, &context).await
    };
    let result = tokio::select! {
        // First who listens for signals, then what one could hit: without a listener it ends the process.
        biased;
        () = before_anything_is_begun() => Err(Failure::new(
            ExitCode::Interrupted,
            "interrupted: nothing was begun",
        )),
        result = work => result,
    };
    let result = result.map_err(Failure::with_a_next);
    let told = match &result {
        Ok(Ended::Own(code)) => Some(Ok(*code)),
        // What a program in a pod says is no event of ours.
        Ok(Ended::OfProgram(_)) => None,
        Err(failure) => Some(Err(failure)),
    };
    if let Some(told) = told {
        let event = exit_event(told, context.given());
        context.telling.only_event(&event);
    }
    result.unwrap_or_else(|failure| {
        let whole = matches!(context.format, Format::Json | Format::Yaml);
        if whole && failure.exit != ExitCode::Interrupted {
            // When not even that can be written there is nothing left to do but to exit.
            let _ = write_stdout(&encode(
                &ErrorDocument::new(&failure, context.given()),
                context.format,
            ));
        }
        let screen = Screen::of_stderr(!cli.global.no_color, context.given().clone());
        context.telling.say(&failure_screen(&failure, &screen));
        failure.exit.into()
    })
}

async fn work(cli: &Cli, context: &Context) -> Result<Ended, Failure> {
    let code = match &cli.command {
        // These end as the program does that they run.
        Command::Psql(args) => return psql::run(context, args).await,
        Command::Shell(args) => return shell::run(context, args).await,
        Command::PortForward(args) => port_forward::run(context, args).await,
        Command::Query(args) => query::run(context, args).await,
        Command::Status(args) => status::run(context, args).await,
        Command::Lag(args) => lag::run(context, args).await,
        Command::Slots(args) => slots::run(context, args).await,
        Command::Logs(args) => logs::run(context, args).await,
        Command::Doctor(args) => doctor::run(context, args).await,
        Command::Report(args) => report::run(context, args).await,
        Command::Metrics(args) => metrics::run(context, args).await,
        Command::Queries(args) => queries::queries(context, args).await,
        Command::Locks(args) => queries::locks(context, args).await,
        Command::Connections(args) => connections::run(context, args).await,
        Command::Databases(args) => databases::run(context, args).await,
        Command::Users(args) => users::run(context, args).await,
        Command::Config(args) => config::run(context, args).await,
        Command::Passwords(args) => passwords::run(context, args).await,
        Command::Pooler(args) => pooler::run(context, args).await,
        Command::Tune(args) => tune::run(context, args).await,
        Command::Disk(args) => disk::run(context, args).await,
        Command::Top(args) => top::run(context, args).await,
        // These end an interrupted operation themselves: they know how to go on with it.
        Command::Failover(args) => failover::run(context, args).await,
        Command::Rejoin(args) => rejoin::rejoin(context, args).await,
        Command::Reinit(args) => rejoin::reinit(context, args).await,
        Command::Scale(args) => scale::run(context, args).await,
        Command::Rollout(args) => rollout::run(context, args).await,
        Command::Upgrade(args) => rollout::upgrade(context, args).await,
        Command::Drain(args) => rollout::drain(context, args).await,
        Command::Hpa(args) => hpa::run(context, args).await,
        Command::Sync(args) => sync::run(context, args).await,
        Command::History => history::run(context).await,
        Command::Backup(args) => backup::run(context, args).await,
        Command::Wal(args) => wal::run(context, args).await,
        Command::Version(args) => version::run(context, args).await,
        Command::Explain(args) => explain::run(context, args),
        Command::Restore(args) => {
            // --to says which cluster, as --cluster does.
            let mut global = cli.global.clone();
            global.cluster = args.to.clone().or(global.cluster);
            let events = cli.command.tells_events();
            restore::run(
                &Context::new(&global, context.given().clone(), events),
                args,
            )
            .await
        }
    };
    code.map(Ended::from)
}
