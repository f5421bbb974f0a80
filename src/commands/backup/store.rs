//! The store that is meant.

use std::sync::Arc;

use crate::backup::store::{Location, Store, default_location};
use crate::cli::StoreArgs;
use crate::exit::ExitCode;
use crate::failure::Failure;

pub(in super::super) fn open(args: &StoreArgs) -> Result<Arc<dyn Store>, Failure> {
    let given = args.store.as_deref().map(str::parse::<Location>);
    let location = given
        .transpose()
        .map_err(|error| usage(&error))?
        .or_else(default_location)
        .ok_or_else(|| {
            Failure::new(
                ExitCode::Usage,
                "there is no home directory to keep backups in",
            )
            .next("name a store: --store DIRECTORY or --store s3://BUCKET/PREFIX")
        })?;
    Ok(location.open()?)
}

/// Something on the command line that can't be understood.
pub(super) fn usage(error: &dyn std::error::Error) -> Failure {
    Failure::new(ExitCode::Usage, error.to_string()).next("pgctl backup --help")
}
