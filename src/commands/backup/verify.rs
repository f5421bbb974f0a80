//! `pgctl backup verify`.

use std::sync::Arc;

use super::super::context::Context;
use super::store;
use crate::backup::catalogue::{Catalogue, Entry, blocking, record};
use crate::backup::encryption::Identities;
use crate::backup::id::resolve;
use crate::backup::manifest::Verification;
use crate::backup::store::Store;
use crate::backup::verify::verify;
use crate::cli::VerifyArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{VerificationDocument, encode, verified_screen, write_stderr};

pub(super) async fn run(context: &Context, args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let identities = match &args.identity {
        Some(file) => Identities::read(file)?,
        None => Identities::default(),
    };
    let store = store::open(&args.store)?;
    let catalogue = Catalogue::read(&store).await?;
    let mut results = Vec::new();
    for entry in chosen(args, &catalogue)? {
        results.push(one(&store, entry.clone(), identities.clone()).await?);
    }
    let text = if context.format.is_document() {
        encode(
            &VerificationDocument::new(&store.location(), &results),
            context.format,
        )
    } else {
        verified_screen(&results, &context.screen, context.quiet)
    };
    context.print(&text)?;
    let whole = results.iter().all(|result| result.problems.is_empty());
    Ok(if whole {
        ExitCode::Done
    } else {
        ExitCode::Unhealthy
    })
}

fn chosen<'a>(args: &VerifyArgs, catalogue: &'a Catalogue) -> Result<Vec<&'a Entry>, Failure> {
    if args.all {
        return Ok(catalogue.entries.iter().collect());
    }
    if args.backups.is_empty() {
        return catalogue
            .entries
            .last()
            .map(|newest| vec![newest])
            .ok_or_else(|| {
                Failure::new(ExitCode::Refused, "there is no backup in the store")
                    .next("pgctl backup")
            });
    }
    let mut chosen = Vec::new();
    for given in &args.backups {
        let id = resolve(
            given,
            catalogue.entries.iter().map(|entry| entry.id.as_str()),
        )?;
        chosen.extend(catalogue.entries.iter().filter(|entry| entry.id == id));
    }
    Ok(chosen)
}

async fn one(
    store: &Arc<dyn Store>,
    entry: Entry,
    identities: Identities,
) -> Result<Verification, Failure> {
    let store = Arc::clone(store);
    let verified = blocking(move || {
        let result = verify(store.as_ref(), &entry, &identities, &|_bytes| {})?;
        // What was found is worth telling even where it can't be written down.
        let recorded = record(store.as_ref(), &result);
        Ok((result, recorded))
    });
    let (result, recorded) = verified.await?;
    if let Err(error) = recorded {
        write_stderr(&format!(
            "warning: this could not be written down: {error}\n"
        ));
    }
    Ok(result)
}
