//! The journal, as those that only look see it.

use crate::cluster::{ClusterId, Snapshot, UnreadableJournal};
use crate::engine::Journal;
use crate::kubernetes::Kube;
use crate::world::{JournalError, journal_of, lock_holder, object_name};

/// The journal of a cluster, read once for everything that goes by it.
pub(super) struct JournalSeen {
    /// None when no operation has ever run.
    pub(super) journal: Result<Option<Journal>, JournalError>,
    /// Who has the lock, as far as that can be known.
    holder: Option<String>,
}

impl JournalSeen {
    /// Reads it, and looks who has the lock.
    pub(super) async fn look(kube: &Kube, cluster: &ClusterId) -> Self {
        let (journal, holder) =
            futures::join!(journal_of(kube, cluster), lock_holder(kube, cluster));
        Self {
            journal,
            holder: holder.ok().flatten().map(|it| it.holder),
        }
    }

    /// Adds to what was seen the operation that has not ended, or why nobody can say whether there is
    /// one. Who may not read the journal is not told.
    pub(super) fn note(&self, snapshot: &mut Snapshot) {
        match &self.journal {
            Ok(Some(journal)) => {
                snapshot.unfinished = journal.unfinished_operation(self.holder.clone());
            }
            Ok(None) | Err(JournalError::Kube(_)) => {}
            Err(error) => {
                snapshot.unreadable_journal = Some(UnreadableJournal {
                    config_map: object_name(&snapshot.cluster),
                    why: error.to_string(),
                    needs: match error {
                        JournalError::Newer(header) => Some(header.needs.clone()),
                        JournalError::Kube(_) | JournalError::Unreadable { .. } => None,
                    },
                });
            }
        }
    }
}
