//! The backup that is meant, and what is in it.

use std::sync::Arc;

use crate::backup::catalogue::{Catalogue, Entry, entry, record, verify};
use crate::backup::format::{Content, Identities, Kind, Manifest, resolve};
use crate::backup::restore::{database_contents, globals_text, opens, roles_in};
use crate::backup::store::{Store, StoreError, blocking};
use crate::backup::tools::major;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::plan::{BackupFacts, DatabaseInBackup, RestoreKind};

/// Finds it by its name, or a part of that.
pub(super) async fn find(store: &Arc<dyn Store>, given: &str) -> Result<Entry, Failure> {
    let catalogue = Catalogue::read(store).await?;
    let ids = catalogue.entries.iter().map(|entry| entry.id.as_str());
    let id = resolve(given, ids)?.to_owned();
    catalogue
        .entries
        .into_iter()
        .find(|entry| entry.id == id)
        .ok_or_else(|| Failure::new(ExitCode::Refused, "there is no such backup"))
}

/// Reads it to its end, and says what is in it.
pub(super) async fn facts(
    store: &Arc<dyn Store>,
    entry: Entry,
    identities: &Identities,
) -> Result<BackupFacts, Failure> {
    if let Ok(manifest) = &entry.manifest {
        has_key(manifest, identities)?;
    }
    let (store, identities) = (Arc::clone(store), identities.clone());
    let facts = blocking(move || {
        let store = store.as_ref();
        let verified = verify(store, &entry, &identities, &|_bytes| {})?;
        // What was found is worth knowing even where it can't be written down.
        record(store, &verified).ok();
        let Ok(manifest) = &entry.manifest else {
            return Ok(Err(verified.problems));
        };
        contents(store, manifest, &identities, verified.problems).map(Ok)
    });
    facts.await?.map_err(|problems| {
        problems.into_iter().fold(
            Failure::new(ExitCode::Refused, "the backup can't be read"),
            Failure::because,
        )
    })
}

/// An encrypted backup was given a key.
fn has_key(manifest: &Manifest, identities: &Identities) -> Result<(), Failure> {
    if manifest.encrypted_for.is_empty() || !identities.is_empty() {
        return Ok(());
    }
    Err(Failure::new(ExitCode::Usage, "the backup is encrypted")
        .on(&manifest.id)
        .next("name the file with its key: --identity FILE"))
}

/// The backup of a restore that goes on is there, and its key fits.
pub(super) async fn readable(
    store: &Arc<dyn Store>,
    id: &str,
    identities: &Identities,
) -> Result<(), Failure> {
    let refused = |why: String| {
        Failure::new(
            ExitCode::Refused,
            "the backup can't be read; nothing was changed",
        )
        .on(id)
        .because(why)
    };
    let (reading, wanted) = (Arc::clone(store), id.to_owned());
    let entry = blocking(move || entry(reading.as_ref(), &wanted)).await;
    let manifest = entry
        .map_err(|error| refused(error.to_string()))?
        .manifest
        .map_err(|problem| refused(problem.to_string()))?;
    has_key(&manifest, identities)?;
    let (store, identities) = (Arc::clone(store), identities.clone());
    blocking(move || opens(store.as_ref(), &manifest, &identities))
        .await
        .map_err(|error| refused(error.to_string()))
}

fn contents(
    store: &dyn Store,
    manifest: &Manifest,
    identities: &Identities,
    problems: Vec<String>,
) -> Result<BackupFacts, StoreError> {
    let whole = problems.is_empty();
    let mut facts = BackupFacts {
        id: manifest.id.clone(),
        store: store.location(),
        kind: match manifest.backup {
            Kind::Logical => RestoreKind::Logical,
            Kind::Database => RestoreKind::Database,
            Kind::Physical => RestoreKind::Physical,
        },
        cluster: manifest.source.cluster.clone(),
        taken: manifest.started,
        server_version: manifest.server_version,
        tool_major: major(&manifest.source.tool),
        encrypted: !manifest.encrypted_for.is_empty(),
        architecture: manifest.source.architecture.clone(),
        system_identifier: manifest.system_identifier.clone(),
        timeline: manifest.wal.timeline,
        raw_bytes: manifest.raw_bytes(),
        problems,
        main_file: None,
        roles: Vec::new(),
        databases: Vec::new(),
    };
    // What is not whole is refused anyway, and may not be readable so far.
    for archive in manifest.archives.iter().filter(|_| whole) {
        match &archive.content {
            Content::BaseBackup => facts.main_file = Some(archive.file.clone()),
            Content::Globals => {
                let text = globals_text(store, manifest, &archive.file, identities)?;
                facts.roles = roles_in(&text);
                facts.main_file = Some(archive.file.clone());
            }
            Content::Database {
                database,
                definition,
                ..
            } => {
                let found = database_contents(store, manifest, archive, identities)?;
                facts.databases.push(DatabaseInBackup {
                    name: database.clone(),
                    file: archive.file.clone(),
                    size_bytes: definition.size_bytes,
                    has_content: found.has_content(),
                    roles: found.roles(),
                    tablespaces: found.tablespaces(),
                    extensions: found.extensions(),
                });
            }
        }
    }
    Ok(facts)
}
