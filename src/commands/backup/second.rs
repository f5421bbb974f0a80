//! The second of two stores: opened, and what it says.

use std::sync::Arc;

use super::store::usage;
use crate::backup::copy::CopyError;
use crate::backup::store::{Location, Store, StoreError, names_of_second};
use crate::exit::ExitCode;
use crate::failure::Failure;

/// The store that the text of `option` names. Nobody is asked: whether it is another place than the first one, which may
/// have two names, is looked at later.
pub(super) fn open(
    option: &str,
    text: &str,
    first: &Arc<dyn Store>,
) -> Result<Arc<dyn Store>, Failure> {
    let location = text.parse::<Location>().map_err(|error| usage(&error))?;
    let second = location.open_second();
    let second = second.map_err(|error| failed(option, error))?;
    let same = second.location() == first.location()
        && match location {
            Location::Directory(_) => true,
            // Two servers may each have a bucket of one name.
            Location::S3 { .. } => second.place()? == first.place()?,
        };
    match same {
        true => Err(one_place(option)),
        false => Ok(second),
    }
}

fn one_place(option: &str) -> Failure {
    let what = format!("{option} names the place that --store names");
    Failure::new(ExitCode::Usage, what).next("name another place")
}

/// What the second store said, which is the one that `option` names.
fn failed(option: &str, error: StoreError) -> Failure {
    let mut failure = Failure::from(error);
    failure.what = names_of_second(&failure.what);
    for next in &mut failure.next {
        *next = names_of_second(&next.replace("--store", option));
    }
    failure.on(format!("the store of {option}"))
}

/// Why nothing can be copied to the store that `option` names, or compared with it.
pub(super) fn not_two_places(option: &str, error: CopyError) -> Failure {
    match error {
        CopyError::SamePlace => one_place(option),
        CopyError::NotThere(_) => Failure::new(ExitCode::Refused, error.to_string())
            .next("make that directory, or mount its disk"),
        CopyError::From(error) => error.into(),
        CopyError::To(error) => failed(option, error),
        CopyError::Damaged(_)
        | CopyError::Different(_)
        | CopyError::BeingWritten(_)
        | CopyError::Removed(_)
        | CopyError::Silent(_)
        | CopyError::TooLarge { .. }
        | CopyError::Interrupted => Failure::new(ExitCode::Failed, error.to_string()),
    }
}

/// What went wrong, by the names of the variables that the second store goes by.
pub(super) fn said(error: &CopyError) -> String {
    match error {
        CopyError::To(_) => names_of_second(&error.to_string()),
        CopyError::Damaged(_)
        | CopyError::Different(_)
        | CopyError::BeingWritten(_)
        | CopyError::Removed(_)
        | CopyError::SamePlace
        | CopyError::NotThere(_)
        | CopyError::Silent(_)
        | CopyError::TooLarge { .. }
        | CopyError::From(_)
        | CopyError::Interrupted => error.to_string(),
    }
}
