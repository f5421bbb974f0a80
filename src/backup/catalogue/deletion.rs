//! Deleting backups, which somebody has to have agreed to.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::backup::store::{Store, StoreError, blocking};
use crate::confirmation::{Confirmed, NeedsConfirmation, NotConfirmed};

/// A backup to which nothing was written for so long is not being written any more. When it began
/// says nothing: a large one takes days, and the clock of whoever takes it may be wrong.
const GIVEN_UP: SignedDuration = SignedDuration::from_hours(48);

/// Whether nobody writes to an unfinished backup any more. Blocks.
///
/// # Errors
/// When the store can't be read.
pub fn is_given_up(store: &dyn Store, id: &str) -> Result<bool, StoreError> {
    let written = store.last_written(id)?;
    let silent = |time| Timestamp::now().duration_since(time) > GIVEN_UP;
    Ok(written.is_some_and(silent))
}

/// What is to be deleted from a store, in this order: should it stop midway, the newest are still there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doomed {
    /// Ids of backups that were begun long ago and never finished.
    pub unfinished: Vec<String>,
    /// Ids of backups that nobody wants to keep, oldest first.
    pub old: Vec<String>,
    /// Paths of archived WAL that no backup that stays needs, oldest first.
    pub wal: Vec<String>,
}

impl Doomed {
    /// How many go.
    pub fn count(&self) -> usize {
        self.unfinished.len() + self.old.len() + self.wal.len()
    }
}

impl NeedsConfirmation for Doomed {
    fn subject(&self) -> String {
        let all = [self.unfinished.as_slice(), &self.old, &self.wal].concat();
        format!("to delete {}", all.join(", "))
    }

    /// How many go.
    fn wanted(&self) -> String {
        self.count().to_string()
    }
}

/// What has become of one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// It is gone.
    Deleted,
    /// It was finished in the meantime, or is being written again, and stays.
    Finished,
    /// It could not be deleted, and why. The others were, if they could.
    Failed(String),
}

/// Deletes the backups one after the other, and says of each what has become of it.
///
/// # Errors
/// When it is something else that somebody has agreed to: nothing is deleted then.
pub async fn delete(
    store: &Arc<dyn Store>,
    doomed: &Doomed,
    confirmed: &Confirmed,
) -> Result<Vec<(String, Deletion)>, NotConfirmed> {
    confirmed.covers(doomed)?;
    let unfinished = doomed.unfinished.iter().map(|id| (id, true));
    let old = doomed.old.iter().map(|id| (id, false));
    let mut done = Vec::new();
    for (id, unfinished) in unfinished.chain(old) {
        let (store, name) = (Arc::clone(store), id.clone());
        let deleting = blocking(move || {
            let store = store.as_ref();
            // Looked at once more: a question may have waited for its answer for days.
            match unfinished {
                true if !is_given_up(store, &name)? => Ok(false),
                true => store.remove_unfinished(&name),
                // Somebody else has deleted it. What is unfinished of it by now is copied anew.
                false if !store.is_finished(&name)? => Ok(true),
                false => store.remove(&name).map(|()| true),
            }
        });
        let deletion = match deleting.await {
            Ok(true) => Deletion::Deleted,
            Ok(false) => Deletion::Finished,
            Err(error) => Deletion::Failed(error.to_string()),
        };
        done.push((id.clone(), deletion));
    }
    Ok(done)
}

/// Deletes the archived WAL of these paths, of those that somebody has agreed to, until one can't be: then the
/// same command once more goes on. How many are gone.
///
/// # Errors
/// When it is something else that somebody has agreed to: nothing is deleted then.
pub async fn delete_wal(
    store: &Arc<dyn Store>,
    doomed: &Doomed,
    paths: &[String],
    confirmed: &Confirmed,
) -> Result<(usize, Option<Undeletable>), NotConfirmed> {
    confirmed.covers(doomed)?;
    let agreed: BTreeSet<&String> = doomed.wal.iter().collect();
    let mut gone = 0;
    for path in paths.iter().filter(|path| agreed.contains(path)) {
        let (objects, name) = (store.objects(), path.clone());
        match blocking(move || objects.remove(&name)).await {
            Ok(()) => gone += 1,
            Err(error) => {
                let undeletable = Undeletable {
                    path: path.clone(),
                    reason: error.to_string(),
                };
                return Ok((gone, Some(undeletable)));
            }
        }
    }
    Ok((gone, None))
}

/// An object that could not be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeletable {
    /// Its path in the store.
    pub path: String,
    /// What the store said.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::store::DirectoryStore;

    const ID: &str = "n_c_20261128T011500Z_physical_07d1";

    #[tokio::test]
    async fn what_is_written_again_while_a_question_waits_for_its_answer_stays() {
        let root = tempfile::tempdir().expect("a folder");
        let store: Arc<dyn Store> = Arc::new(DirectoryStore::new(root.path()).expect("a path"));
        let writing = store.begin(ID).expect("it is begun");
        writing.still_written().expect("it is there");
        for (unfinished, old, deletion) in [
            (vec![ID.to_owned()], Vec::new(), Deletion::Finished),
            // Somebody else has deleted it, and it is copied anew.
            (Vec::new(), vec![ID.to_owned()], Deletion::Deleted),
        ] {
            let doomed = Doomed {
                unfinished,
                old,
                wal: Vec::new(),
            };
            let confirmed = Confirmed::by_flag(&doomed, true).expect("it is agreed to");
            let done = delete(&store, &doomed, &confirmed).await;
            assert_eq!(done.expect("it is the same"), [(ID.to_owned(), deletion)]);
        }
        writing.commit(&[], b"{}").expect("it is still there");
    }
}
