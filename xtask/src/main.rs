//! Generates what is made from the code: shell completions, man pages, the command reference and
//! the manifests that the sandbox runs. With `--check` it only says what is stale. And sets the version.

mod generated;
mod reference;
mod version;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// Generates what is made from the code, and sets the version.
#[derive(Parser)]
enum Task {
    /// Shell completions, man pages, command reference, rendered manifests.
    Generate {
        /// Change nothing; fail when a file is stale.
        #[arg(long)]
        check: bool,
    },
    /// The version of the next release, in every place that has it.
    Version {
        /// Such as 1.2.3.
        version: String,
        /// The day of the release, such as 2026-01-31; without it CHANGELOG.md says that it is not released yet.
        #[arg(long, value_name = "DAY")]
        released: Option<String>,
    },
}

fn main() -> Result<ExitCode> {
    let root = generated::workspace_root();
    let check = match Task::parse() {
        Task::Generate { check } => check,
        Task::Version { version, released } => {
            version::set(&root, &version, released.as_deref())?;
            return Ok(ExitCode::SUCCESS);
        }
    };
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
