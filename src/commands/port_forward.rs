//! `pgctl port-forward`: a local port that stays where it is, whatever the cluster does.

use super::context::Context;
use super::interruption::interruptible;
use super::route::{destination_or_throw_away, look_for, may_be_led_to};
use crate::cli::PortForwardArgs;
use crate::cluster::{Destination, route};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::Credentials;
use crate::output::{Format, Forwarded, PortForwardDocument, encode_next, forward_screen, plain};
use crate::tunnel::{Port, PortError, RouteNews, Routes};

pub(super) async fn run(context: &Context, args: &PortForwardArgs) -> Result<ExitCode, Failure> {
    interruptible(forward(context, args)).await
}

async fn forward(context: &Context, args: &PortForwardArgs) -> Result<ExitCode, Failure> {
    // A port that is in use is said at once.
    let port = Port::open(args.address, args.port)
        .await
        .map_err(cannot_open)?;
    let kube = context.connect().await?;
    let (seen, depth) = look_for(context, &kube, Some(&args.target)).await?;
    let to = destination_or_throw_away(&kube, Some(&args.target), "port-forward", &seen.snapshot)
        .await?;
    // Nobody would ever be led there.
    may_be_led_to(&kube, &to, &seen.snapshot).await?;
    let now = route(&to, &seen.snapshot);
    let forwarded = Forwarded {
        address: port.address(),
        destination: to.to_string(),
        pods: now
            .as_ref()
            .map(|pods| pods.iter().map(|it| it.name.clone()).collect())
            .unwrap_or_default(),
        user: user(seen.credentials.as_ref()),
        password_command: seen.credentials.as_ref().map(password_command),
    };
    let document = PortForwardDocument::new(&seen.snapshot, &forwarded);
    match context.format {
        format @ (Format::Json | Format::Yaml | Format::Value(_)) => {
            context.print(&encode_next(&document, format))?;
        }
        Format::Table | Format::Wide if context.quiet => {
            context.print(&format!("{}\n", forwarded.connection_string()))?;
        }
        Format::Table | Format::Wide => {
            context.print(&forward_screen(&forwarded, &context.screen))?
        }
    }
    if let Err(why) = &now {
        tell(context, &format!("{to}: nowhere to lead to: {why}"));
    }
    if !args.address.is_loopback() {
        tell(
            context,
            &format!("others who reach {} can connect, too", args.address),
        );
    }
    let selection = context.selection.clone();
    let (routes, mut news) =
        Routes::keep(to.clone(), seen.snapshot, kube.clone(), selection, depth);
    let telling = async {
        while let Some(news) = news.recv().await {
            tell(context, &words(&to, &news));
        }
    };
    tokio::select! {
        () = port.serve(&kube, kube.namespace(), &routes) => {}
        () = telling => {}
    }
    Err(Failure::new(ExitCode::Failed, "the local port was closed").next("pgctl port-forward"))
}

fn words(to: &Destination, news: &RouteNews) -> String {
    match news {
        RouteNews::Moved { to: pods } => format!("{to}: leads to {} now", pods.join(", ")),
        RouteNews::Nowhere(why) => {
            format!("{to}: nowhere to lead to: {why}; open connections are kept")
        }
        RouteNews::Unseen(why) => format!("{why}; it is tried again"),
    }
}

fn tell(context: &Context, text: &str) {
    if !context.quiet {
        let text = context.stderr().wrap(&plain(text), 2);
        context.telling.say(&format!("{text}\n"));
    }
}

fn user(credentials: Option<&Credentials>) -> String {
    credentials.map_or_else(|| "postgres".to_owned(), |it| it.user.clone())
}

/// How to get at the password without it being on a screen.
fn password_command(credentials: &Credentials) -> String {
    let source = &credentials.source;
    // In a path of JSONPath dots part names.
    let key = source.password_key.replace('.', "\\.");
    format!(
        "kubectl -n {} get secret {} -o jsonpath='{{.data.{key}}}' | base64 -d",
        source.namespace, source.secret
    )
}

/// Why there is no local port, and what to type about it.
pub(super) fn cannot_open(error: PortError) -> Failure {
    let next = match &error {
        PortError::InUse(_) | PortError::NotAllowed(_) => {
            "another one: pgctl port-forward --port 15432, or any that is free: pgctl port-forward --port 0"
        }
        PortError::NoSuchAddress(_) => "this machine only: pgctl port-forward --address 127.0.0.1",
        PortError::Other(_) => "any that is free: pgctl port-forward --port 0",
    };
    Failure::new(ExitCode::Usage, plain(&error.to_string())).next(next)
}
