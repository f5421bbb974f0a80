//! What is in the archives of a backup, as far as their beginnings tell.

use std::collections::BTreeSet;
use std::io::Read;

use super::sql_text::{Statement, rename_database, statements};
use crate::backup::format::{
    Archive, ContentError, Identities, Manifest, TocEntry, read_table_of_contents,
};
use crate::backup::store::{Store, StoreError};
use crate::postgres::quote_identifier;

/// Roles of a few thousand people fit into this many times over.
const LONGEST_GLOBALS: u64 = 256 << 20;

/// Functions that the standbys' role may run in the database `postgres`: without it they could not
/// be rewound after a failover (`deploy/base/scripts/start.sh`).
const STANDBY_GRANTS: [&str; 3] = [
    "FUNCTION pg_ls_dir(",
    "FUNCTION pg_stat_file(",
    "FUNCTION pg_read_binary_file(",
];

/// What gives these rights back to a database that was loaded from a backup without them.
pub const GRANT_TO_STANDBYS: &str = "do $$ begin \
     if exists (select from pg_roles where rolname = 'replicator') then \
     grant execute on function pg_catalog.pg_ls_dir(text, boolean, boolean), \
     pg_catalog.pg_stat_file(text, boolean), pg_catalog.pg_read_binary_file(text), \
     pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) to replicator; \
     end if; end $$";

/// The table of contents of a database's archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseContents {
    entries: Vec<TocEntry>,
}

/// Opens an archive as it was before it was compressed and encrypted.
pub(super) fn opened(
    store: &dyn Store,
    manifest: &Manifest,
    archive: &Archive,
    identities: &Identities,
    decompress: bool,
) -> Result<Box<dyn Read + Send>, StoreError> {
    let unreadable = |source| StoreError::Disk {
        doing: format!("reading {} of {}", archive.file, manifest.id),
        source,
    };
    let stored = store.open(&manifest.id, &archive.file)?;
    let plain: Box<dyn Read + Send> = if manifest.encrypted_for.is_empty() {
        stored
    } else {
        identities.decrypt(stored).map_err(unreadable)?
    };
    if decompress {
        archive.compression.decoder(plain).map_err(unreadable)
    } else {
        Ok(plain)
    }
}

/// Whether the first archive can be opened, with the keys that there are.
///
/// # Errors
/// When it is not there, or no key fits.
pub fn opens(
    store: &dyn Store,
    manifest: &Manifest,
    identities: &Identities,
) -> Result<(), StoreError> {
    match manifest.archives.first() {
        Some(archive) => opened(store, manifest, archive, identities, false).map(drop),
        None => Ok(()),
    }
}

fn broken(manifest: &Manifest, archive: &Archive, error: ContentError) -> StoreError {
    StoreError::Settings(format!("{} of {}: {error}", archive.file, manifest.id))
}

/// Reads the table of contents of a database's archive.
///
/// # Errors
/// When it can't be read.
pub fn database_contents(
    store: &dyn Store,
    manifest: &Manifest,
    archive: &Archive,
    identities: &Identities,
) -> Result<DatabaseContents, StoreError> {
    let input = opened(store, manifest, archive, identities, true)?;
    let entries =
        read_table_of_contents(input).map_err(|error| broken(manifest, archive, error))?;
    Ok(DatabaseContents { entries })
}

/// The same, of the archive with this name.
///
/// # Errors
/// When there is none, or it can't be read.
pub fn table_of_contents(
    store: &dyn Store,
    manifest: &Manifest,
    file: &str,
    identities: &Identities,
) -> Result<DatabaseContents, StoreError> {
    let archive = archive(manifest, file)?;
    database_contents(store, manifest, archive, identities)
}

pub(super) fn archive<'a>(manifest: &'a Manifest, file: &str) -> Result<&'a Archive, StoreError> {
    let found = manifest.archives.iter().find(|it| it.file == file);
    found.ok_or_else(|| StoreError::Settings(format!("{} has no file {file}", manifest.id)))
}

/// The whole text of the roles.
///
/// # Errors
/// When it can't be read.
pub fn globals_text(
    store: &dyn Store,
    manifest: &Manifest,
    file: &str,
    identities: &Identities,
) -> Result<String, StoreError> {
    let archive = archive(manifest, file)?;
    let mut bytes = Vec::new();
    opened(store, manifest, archive, identities, true)?
        .take(LONGEST_GLOBALS)
        .read_to_end(&mut bytes)
        .map_err(|source| StoreError::Disk {
            doing: format!("reading {file} of {}", manifest.id),
            source,
        })?;
    Ok(readable_globals(&bytes))
}

/// The text of the roles without the statements that are not UTF-8: names in them can't be sent, and
/// one of them must not stand in the way of all others. Who needs such a role finds that it is missing.
fn readable_globals(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    // No text that pg_dumpall writes has this character, which stands for none.
    const UNREADABLE: char = '\u{fdd0}';
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(UNREADABLE);
        }
    }
    let whole = statements(&text).into_iter();
    let readable = whole.filter(|it| !it.text.contains(UNREADABLE));
    readable.map(|it| it.text + ";\n").collect()
}

impl DatabaseContents {
    /// Whether it holds anything that a new database does not.
    pub fn has_content(&self) -> bool {
        self.entries.iter().any(|entry| match entry.kind.as_str() {
            "ENCODING" | "STDSTRINGS" | "SEARCHPATH" | "DATABASE" => false,
            "DATABASE PROPERTIES" => statements(&entry.definition)
                .iter()
                .any(|it| (0..it.words.len()).any(|at| it.is(at, "SET"))),
            // template1 always has privileges of its own, those that initdb gave it.
            // What the start script has granted to the role of the standbys (bootstrap_sql) is no
            // more than that.
            "ACL"
                if STANDBY_GRANTS
                    .iter()
                    .any(|name| entry.tag.starts_with(name)) =>
            {
                false
            }
            "ACL" => !of_database(entry) || self.name() != Some("template1"),
            "COMMENT" | "SECURITY LABEL" => !of_database(entry),
            _ => true,
        })
    }

    /// The roles that own something in it, or are given privileges.
    pub fn roles(&self) -> Vec<String> {
        let mut roles = BTreeSet::new();
        for entry in &self.entries {
            if !entry.owner.is_empty() {
                roles.insert(entry.owner.clone());
            }
            let keywords: &[&str] = match entry.kind.as_str() {
                "ACL" | "DEFAULT ACL" => &["TO", "FROM", "ROLE", "AUTHORIZATION"],
                "DATABASE PROPERTIES" => {
                    // `role` may also be what is set, here or in the database.
                    roles.extend(statements(&entry.definition).iter().filter_map(|it| {
                        let of_role = it.begins(&["ALTER", "ROLE"]);
                        it.name(2).filter(|_| of_role).map(str::to_owned)
                    }));
                    continue;
                }
                "POLICY" => &["TO"],
                "USER MAPPING" => &["FOR"],
                _ => continue,
            };
            for mut statement in statements(&entry.definition) {
                if entry.kind == "POLICY" {
                    // Expressions follow, in which anything may stand.
                    statement.cut_before(&["USING", "WITH"]);
                }
                let named = statement.names_after(keywords).into_iter();
                roles.extend(named.map(str::to_owned));
            }
        }
        roles.remove("PUBLIC");
        roles.remove("public");
        roles.remove("DEFAULT");
        roles.into_iter().collect()
    }

    /// The tablespaces that something in it lies in.
    pub fn tablespaces(&self) -> Vec<String> {
        let of_entries = self.entries.iter().map(|entry| entry.tablespace.clone());
        let of_database = self.create_statement().and_then(|it| tablespace_of(&it));
        let all: BTreeSet<String> = of_entries
            .chain(of_database.map(|(name, _)| name))
            .filter(|name| !name.is_empty() && name != "pg_default")
            .collect();
        all.into_iter().collect()
    }

    /// The extensions that it makes.
    pub fn extensions(&self) -> Vec<String> {
        let extensions = self
            .entries
            .iter()
            .filter(|entry| entry.kind == "EXTENSION");
        extensions.map(|entry| entry.tag.clone()).collect()
    }

    /// Whether something in it asks for the name of the database that it is in.
    pub fn asks_its_name(&self) -> bool {
        self.entries.iter().any(|entry| {
            let text = entry.definition.to_ascii_lowercase();
            ["current_database", "current_catalog"]
                .iter()
                .any(|word| text.contains(word))
        })
    }

    /// The number of the entry that has the rows of a table.
    pub fn rows_of(&self, table: &str) -> Option<i64> {
        let mut entries = self.entries.iter();
        entries
            .find(|entry| entry.kind == "TABLE DATA" && entry.tag == table)
            .map(|entry| entry.id)
    }

    /// What the database was called when it was dumped: a safety backup is of one that was out of
    /// the way by then.
    fn name(&self) -> Option<&str> {
        let entry = self.entries.iter().find(|entry| entry.kind == "DATABASE")?;
        Some(&entry.tag)
    }

    fn create_statement(&self) -> Option<Statement> {
        let entry = self.entries.iter().find(|entry| entry.kind == "DATABASE")?;
        statements(&entry.definition)
            .into_iter()
            .find(|it| it.begins(&["CREATE", "DATABASE"]))
    }

    /// The statements that make an empty database of another name that is like this one.
    pub fn create(&self, to: &str, default_tablespace: bool) -> Option<Vec<String>> {
        let (from, statement) = (self.name()?, self.create_statement()?);
        let statement = match tablespace_of(&statement) {
            Some((_, text)) if default_tablespace => statements(&text).into_iter().next()?,
            _ => statement,
        };
        let mut made = vec![rename_database(&statement, from, to)];
        let owner = self.entries.iter().find(|entry| entry.kind == "DATABASE");
        if let Some(owner) = owner.filter(|entry| !entry.owner.is_empty()) {
            made.push(format!(
                "alter database {} owner to {}",
                quote_identifier(to),
                quote_identifier(&owner.owner)
            ));
        }
        Some(made)
    }

    /// The statements that give a database of another name this one's settings, privileges and
    /// comment.
    pub fn properties(&self, to: &str) -> Vec<String> {
        let from = self.name().unwrap_or_default();
        let mut made = vec![format!(
            "comment on database {} is null",
            quote_identifier(to)
        )];
        let wanted = self.entries.iter().filter(|entry| {
            entry.kind == "DATABASE PROPERTIES"
                || (matches!(entry.kind.as_str(), "ACL" | "COMMENT" | "SECURITY LABEL")
                    && of_database(entry))
        });
        for entry in wanted {
            let statements = statements(&entry.definition);
            made.extend(statements.iter().map(|it| rename_database(it, from, to)));
        }
        made
    }
}

fn of_database(entry: &TocEntry) -> bool {
    entry.tag.starts_with("DATABASE ")
}

/// The tablespace in `CREATE DATABASE ... TABLESPACE = name`, and the statement without it.
fn tablespace_of(statement: &Statement) -> Option<(String, String)> {
    let words = &statement.words;
    let at = (0..words.len()).find(|at| statement.is(*at, "TABLESPACE"))?;
    let name = statement.name(at + 2)?;
    let mut text = statement.text.clone();
    text.replace_range(words[at].at.start..words[at + 2].at.end, "");
    Some((name.to_owned(), text))
}

#[cfg(test)]
mod tests;
