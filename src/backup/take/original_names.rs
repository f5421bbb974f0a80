//! Databases that stand under another name for a while, and are backed up under that of before.

use super::archive_job::ArchiveJobError;
use crate::postgres::Inventory;

/// What a server was before some of its databases were replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OriginalNames {
    /// What each of the replaced is called now, and what it was called before.
    pub names: Vec<(String, String)>,
    /// What has come into their places, and was not there before.
    pub without: Vec<String>,
}

impl OriginalNames {
    /// The inventory as it was before.
    pub(super) fn apply_to(&self, inventory: &mut Inventory) -> Result<(), ArchiveJobError> {
        let rows = &mut inventory.databases;
        rows.retain(|row| !self.without.contains(&row.name));
        for (now, before) in &self.names {
            let Some(row) = rows.iter_mut().find(|row| row.name == *now) else {
                return Err(ArchiveJobError::NoDatabase {
                    name: now.clone(),
                    known: rows.iter().map(|row| row.name.clone()).collect(),
                });
            };
            row.before = Some(before.clone());
        }
        rows.sort_by_key(|row| {
            let name = row.name_in_backup().to_owned();
            (name != "template1", name)
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::format::{Content, Kind};
    use crate::backup::take::archive_job::archive_jobs;
    use crate::backup::take::archive_job::tests::{inventory, zstd};

    fn original_names() -> OriginalNames {
        OriginalNames {
            names: vec![("pgctl_old_1".to_owned(), "shop".to_owned())],
            without: vec!["shop".to_owned(), "new".to_owned()],
        }
    }

    #[test]
    fn the_replaced_is_dumped_where_it_is_and_called_what_it_was() -> Result<(), ArchiveJobError> {
        let mut inventory = inventory(&["template1", "new", "other", "pgctl_old_1", "shop"]);
        original_names().apply_to(&mut inventory)?;
        for (kind, database) in [(Kind::Logical, None), (Kind::Database, Some("shop"))] {
            let list = archive_jobs(kind, database, &inventory, zstd(), false, "l")?;
            let last = list.last().expect("there is one");
            let Content::Database {
                database,
                archived_as,
                ..
            } = &last.content
            else {
                panic!("{last:?}");
            };
            assert_eq!(database, "shop");
            assert_eq!(archived_as.as_deref(), Some("pgctl_old_1"));
            let argv = last.argv("w", zstd(), &[]);
            assert!(argv.contains(&"PGDATABASE=pgctl_old_1".to_owned()));
            assert!(!argv.contains(&"PGDATABASE=shop".to_owned()));
        }
        assert_eq!(
            archive_jobs(Kind::Logical, None, &inventory, zstd(), false, "l")?.len(),
            4,
            "roles, template1, other, shop"
        );
        Ok(())
    }

    #[test]
    fn one_that_can_not_be_dumped_is_an_error_and_not_left_away() {
        // Without it: it lets nobody in, say.
        let mut inventory = inventory(&["template1", "shop"]);
        let error = original_names()
            .apply_to(&mut inventory)
            .expect_err("not there");
        assert!(matches!(error, ArchiveJobError::NoDatabase { name, .. } if name == "pgctl_old_1"));
    }
}
