//! Asking somebody to agree.

use std::io::IsTerminal as _;

use super::context::Context;
use crate::confirmation::{Confirmed, NeedsConfirmation};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{plain, write_stderr};

/// Asks whether this is to be done, unless `--yes` has answered. Without a terminal there is nobody to ask.
pub(super) async fn confirm(
    context: &Context,
    title: &str,
    thing: &impl NeedsConfirmation,
    yes: bool,
) -> Result<Confirmed, Failure> {
    if let Some(confirmed) = Confirmed::by_flag(thing, yes) {
        return Ok(confirmed);
    }
    let declined = |what: &str| Failure::new(ExitCode::Refused, what);
    // Where the question does not show, nobody can answer it.
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !terminal || context.telling.is_for_scripts() {
        return Err(
            declined("there is no terminal to confirm on; nothing was changed")
                .next("add --yes to agree without being asked"),
        );
    }
    write_stderr(&format!(
        "\n{}\nType {} to go on: ",
        plain(title),
        plain(&thing.wanted())
    ));
    let typed = typed_line().await;
    Confirmed::by_typing(thing, &typed)
        .ok_or_else(|| declined("not confirmed; nothing was changed"))
}

/// What somebody types. It is read on a thread of its own: Ctrl-C must be heard while it waits.
pub(super) async fn typed_line() -> String {
    tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    })
    .await
    .ok()
    .and_then(Result::ok)
    .unwrap_or_default()
}
