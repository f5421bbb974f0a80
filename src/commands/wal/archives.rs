//! The archives that are meant, and what they have.

use std::sync::Arc;

use super::super::context::Context;
use crate::backup::catalogue::Catalogue;
use crate::backup::store::{Store, StoreError, blocking};
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::ArchiveView;
use crate::wal_archive::{ArchiveError, WalArchive, base_backups, places};

/// An archive in a store.
pub(super) struct Archived {
    pub(super) archive: WalArchive,
    pub(super) view: ArchiveView,
}

/// What a store has of the clusters that are meant.
pub(super) async fn look(
    context: &Context,
    store: &Arc<dyn Store>,
) -> Result<Vec<Archived>, Failure> {
    let catalogue = Catalogue::read(store).await?;
    let asked = Arc::clone(store);
    let found = blocking(move || places(&asked)).await?;
    let mut seen = Vec::new();
    for place in found {
        let archive = WalArchive::new(store, place);
        let looked = archive.clone();
        let looking = move || Ok((looked.about(), looked.list()));
        let (about, facts) = blocking(looking).await?;
        let view = match (about, facts) {
            (Ok(Some(about)), Ok(Some(facts))) => {
                let given = context.given();
                let other = |given: &Option<String>, own: &str| {
                    given.as_deref().is_some_and(|given| given != own)
                };
                if other(&given.namespace, &about.cluster.namespace)
                    || other(&given.cluster, &about.cluster.name)
                {
                    continue;
                }
                let backups = base_backups(&catalogue, &about.cluster, &about.system_identifier);
                ArchiveView::new(about.cluster, about.system_identifier, facts, backups)
            }
            // Begun by nobody, or being removed.
            (Ok(None), _) | (_, Ok(None)) => continue,
            (Err(error), _) | (_, Err(error)) => match error {
                ArchiveError::Broken { object, reason } => {
                    ArchiveView::unreadable(archive.place(), format!("{object}: {reason}"))
                }
                error => return Err(failure(&error)),
            },
        };
        seen.push(Archived { archive, view });
    }
    Ok(seen)
}

/// Why an archive did not give or take something.
pub(super) fn failure(error: &ArchiveError) -> Failure {
    let exit = match error {
        ArchiveError::Store(StoreError::Settings(_)) => ExitCode::Usage,
        ArchiveError::Store(StoreError::NotFound { .. } | StoreError::NoBucket { .. })
        | ArchiveError::NoKey { .. }
        | ArchiveError::WrongKey { .. }
        | ArchiveError::OtherSize { .. } => ExitCode::Refused,
        ArchiveError::Store(_) | ArchiveError::Broken { .. } => ExitCode::Failed,
    };
    Failure::new(exit, error.to_string()).next(error.advice())
}
