//! `pgctl explain`.

use super::context::Context;
use crate::cli::ExplainArgs;
use crate::cluster::nearest;
use crate::exit::ExitCode;
use crate::explanation::{explain, explanations};
use crate::failure::Failure;
use crate::output::{ExplanationsDocument, encode, explanation_screen, explanations_screen};

pub(super) fn run(context: &Context, args: &ExplainArgs) -> Result<ExitCode, Failure> {
    let found = match &args.code {
        None => explanations(),
        Some(code) => {
            let found = explain(code);
            if found.is_empty() {
                return Err(unknown(code));
            }
            found
        }
    };
    let text = if context.format.is_document() {
        encode(&ExplanationsDocument::new(&found), context.format)
    } else if args.code.is_none() {
        explanations_screen(&found, &context.screen)
    } else {
        explanation_screen(&found, &context.screen)
    };
    context.print(&text)?;
    Ok(ExitCode::Done)
}

fn unknown(code: &str) -> Failure {
    let all = explanations();
    let near = nearest(&code.to_lowercase(), all.iter().map(|it| it.code.as_str()));
    let what = format!("no finding, check or exit code is called {code:?}");
    let failure = Failure::new(ExitCode::Usage, what);
    match near {
        Some(near) if code.chars().any(char::is_alphabetic) => {
            failure.next(format!("pgctl explain {near}"))
        }
        _ => failure.next("pgctl explain"),
    }
}
