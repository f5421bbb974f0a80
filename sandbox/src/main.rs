//! Entry point.

use std::process::ExitCode;

use clap::Parser as _;
use pgctl_sandbox::cli::Cli;
use pgctl_sandbox::commands::{self, Interrupted};

fn main() -> ExitCode {
    match commands::run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => ExitCode::from(130),
        Err(error) => {
            eprintln!("pgctl-sandbox: {error:#}");
            ExitCode::FAILURE
        }
    }
}
