//! Generates what is made from the code: shell completions, man pages, the command reference and
//! the manifests that the sandbox runs. With `--check` it only says what is stale.

mod generated;
mod reference;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// Generates what is made from the code.
#[derive(Parser)]
enum Task {
    /// Shell completions, man pages, command reference, rendered manifests.
    Generate {
        /// Change nothing; fail when a file is stale.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> Result<ExitCode> {
    let Task::Generate { check } = Task::parse();
    let root = generated::workspace_root();
    let files = generated::all(&root)?;
    if !check {
        generated::write(&root, &files)?;
        return Ok(ExitCode::SUCCESS);
    }
    let stale = generated::stale(&root, &files)?;
    for path in &stale {
        eprintln!("stale: {}", path.display());
    }
    if stale.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("Run `make docs` and commit what it changes.");
    Ok(ExitCode::FAILURE)
}
