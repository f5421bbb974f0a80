//! `pgctl shell`: a command in a pod, on this terminal.

use super::context::{Context, cannot_write};
use super::ended::Ended;
use super::interruption::interruption;
use super::pod_end::told;
use super::route::{destination_or_throw_away, first_pod, look_for};
use super::terminal::{RawMode, is_terminal, keyboard, screen, window_sizes};
use crate::cli::ShellArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::kubernetes::{ConnectedError, Kube, Streams};
use crate::output::plain;

/// bash where there is one.
const SHELL: &str = "command -v bash >/dev/null 2>&1 && exec bash; exec sh";

pub(super) async fn run(context: &Context, args: &ShellArgs) -> Result<Ended, Failure> {
    let kube = context.connect().await?;
    // A shell is wanted where the database does not answer, most of all: only for "primary" it is asked.
    let seen = if args.pod == "primary" {
        let (seen, _) = look_for(context, &kube, None).await?;
        seen.snapshot
    } else {
        context.observe_objects(&kube).await?
    };
    let destination = destination_or_throw_away(&kube, Some(&args.pod), "shell", &seen).await?;
    let pod = first_pod(&kube, &destination, &seen).await?;
    let argv = if args.command.is_empty() {
        ["sh", "-c", SHELL].map(str::to_owned).to_vec()
    } else {
        args.command.clone()
    };
    let ended = in_pod(&kube, &pod, &argv).await?;
    Ok(told(context, &kube, &seen, &pod, ended).await)
}

/// Runs a command in a pod to its end, on this terminal if it is one.
pub(super) async fn in_pod(kube: &Kube, pod: &str, argv: &[String]) -> Result<Ended, Failure> {
    let terminal = is_terminal();
    let raw = terminal.then(RawMode::enter).transpose();
    let raw = raw.map_err(|error| {
        Failure::new(ExitCode::Failed, "the terminal can't be set up")
            .caused_by(&error)
            .next("without a terminal: pgctl shell POD -- COMMAND </dev/null")
    })?;
    let (mut output, mut errors) = screen();
    let streams = Streams {
        input: keyboard(),
        output: &mut output,
        errors: &mut errors,
        sizes: terminal.then(window_sizes),
    };
    let running = kube.run_connected(kube.namespace(), pod, argv, streams);
    let ended = tokio::select! {
        ended = running => ended,
        // On a terminal Ctrl-C is the program's: this is somebody else who ends us.
        () = interruption() => return Ok(Ended::Own(ExitCode::Interrupted)),
    };
    drop(raw);
    let (code, message) = ended.map_err(|error| match error {
        ConnectedError::Kube(error) => error.into(),
        ConnectedError::Output(error) => cannot_write(&error),
    })?;
    match u8::try_from(code) {
        Ok(code) => Ok(Ended::OfProgram(code)),
        Err(_) => Err(Failure::new(
            ExitCode::Failed,
            format!("{} can't be run in {pod}", argv[0]),
        )
        .because(plain(message.trim()))
        .next(format!("pgctl shell {pod}"))),
    }
}
