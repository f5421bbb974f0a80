//! Entry point: parse, run, exit code.

use std::sync::Arc;

use pgctl::cli::Cli;
use pgctl::commands::Ended;
use pgctl::exit::ExitCode;
use pgctl::failure::Failure;
use pgctl::output::{Screen, failure_screen, write_stderr};

/// What the futures of all commands may take, which lie in one another. `ulimit -s` says what the main thread has, and
/// without optimization they have overflowed the 8 MiB that are usual. Only what is used is ever there.
const STACK: usize = 64 * 1024 * 1024;

fn main() -> Ended {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run);
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(ended)) => ended,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        // There is no room for it: perhaps what there is will do.
        Err(_) => run(),
    }
}

fn run() -> Ended {
    if let Some(ended) = pgctl::commands::complete(std::env::args_os()) {
        return ended;
    }
    // Ends here for --help (0) and for what can't be parsed (2).
    let cli = Cli::read(&pgctl::kubernetes::current_context);
    #[cfg(feature = "failpoints")]
    let _failpoints = fail::FailScenario::setup();
    match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let exit = runtime.block_on(pgctl::commands::run(cli));
            // What was said is said: a thread that still waits for a store panics over its timer now, and nobody wants to
            // read that.
            std::panic::set_hook(Box::new(|_| {}));
            // A name lookup that hangs in a thread must not hold up the exit.
            runtime.shutdown_background();
            exit
        }
        Err(error) => {
            let failure = Failure::new(ExitCode::Failed, "the runtime could not be started")
                .caused_by(&error);
            write_stderr(&failure_screen(
                &failure,
                &Screen::of_stderr(true, Arc::default()),
            ));
            failure.exit.into()
        }
    }
}
