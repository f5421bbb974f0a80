//! The journal, as those that only look see it.

use futures::future::join_all;

use super::throw_away::{ThrowAwaysSeen, holder_of_unfinished};
use crate::cluster::{ClusterId, NotVisible, ObjectKind, Snapshot, UnreadableJournal};
use crate::engine::Journal;
use crate::kubernetes::{Kube, KubeError, NamespaceScope, ThrowAwaysFound};
use crate::observe::Observed;
use crate::world::{JournalError, Journals, RecordOf, journal_of, lock_holder, object_name};

/// The journal of a cluster, read once for everything that goes by it; and what was made beside the cluster.
pub(super) struct JournalSeen {
    /// None when no operation has ever run.
    pub(super) journal: Result<Option<Journal>, JournalError>,
    /// Who has the lock, as far as that can be known.
    holder: Option<String>,
    /// Throw-away servers, with the journal of their own.
    pub(super) throw_aways: ThrowAwaysSeen,
}

impl JournalSeen {
    /// Reads it, and looks who has the lock. `found` are the throw-away servers of the namespace.
    pub(super) async fn look(kube: &Kube, cluster: &ClusterId, found: &ThrowAwaysFound) -> Self {
        let (journal, holder, throw_aways) = futures::join!(
            journal_of(kube, cluster, RecordOf::Cluster),
            lock_holder(kube, cluster, RecordOf::Cluster),
            ThrowAwaysSeen::look(kube, cluster, found)
        );
        Self {
            journal,
            holder: holder.ok().flatten().map(|it| it.holder),
            throw_aways,
        }
    }

    /// Looks at those of many clusters by one list, and notes what they tell; `found` are the throw-away servers of the
    /// place. The list is made when the clusters have been looked at: of what was under way then it knows. Who has a lock
    /// is asked only where an operation has not ended. In the order of the clusters.
    pub(super) async fn note_all(
        kube: &Kube,
        place: &NamespaceScope,
        found: &ThrowAwaysFound,
        clusters: &mut [Observed],
    ) -> Vec<Self> {
        let journals = Journals::list(kube, place).await;
        let in_list = |cluster: &ClusterId, of: RecordOf| match &journals {
            Ok(journals) => journals.of(cluster, of),
            Err(error) => Err(JournalError::Kube(KubeError::Unexpected {
                doing: "reading the journals".to_owned(),
                reason: error.to_string(),
            })),
        };
        let seen = clusters.iter().map(async |it| {
            let cluster = &it.snapshot.cluster;
            let journal = in_list(cluster, RecordOf::Cluster);
            let of_throw_aways = in_list(cluster, RecordOf::ThrowAway);
            Self {
                holder: holder_of_unfinished(kube, cluster, RecordOf::Cluster, &journal).await,
                journal,
                throw_aways: ThrowAwaysSeen::of(kube, cluster, found, of_throw_aways).await,
            }
        });
        let seen = join_all(seen).await;
        for (cluster, journal) in clusters.iter_mut().zip(&seen) {
            journal.note(&mut cluster.snapshot);
        }
        seen
    }

    /// Adds to what was seen the operation that has not ended, or why nobody can say whether there is one; and the
    /// throw-away servers.
    pub(super) fn note(&self, snapshot: &mut Snapshot) {
        self.throw_aways.note(snapshot);
        match &self.journal {
            Ok(Some(journal)) => {
                snapshot.unfinished = journal.unfinished_operation(self.holder.clone());
            }
            Ok(None) => {}
            Err(JournalError::Kube(error)) => snapshot.unseen.push(NotVisible {
                what: ObjectKind::Journal,
                why: error.to_string(),
            }),
            Err(error @ (JournalError::Newer(_) | JournalError::Unreadable { .. })) => {
                snapshot.unreadable_journal = Some(UnreadableJournal {
                    config_map: object_name(&snapshot.cluster, RecordOf::Cluster),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture;

    #[test]
    fn a_journal_that_may_not_be_read_is_not_taken_for_an_empty_one() {
        let error = KubeError::Unexpected {
            doing: "reading the journals".to_owned(),
            reason: "forbidden".to_owned(),
        };
        let note = |journal| {
            let mut snapshot = fixture::healthy(1);
            let seen = JournalSeen {
                journal,
                holder: None,
                throw_aways: ThrowAwaysSeen::none(),
            };
            seen.note(&mut snapshot);
            snapshot.operation_unfinished()
        };
        assert_eq!(note(Ok(None)), Some(false));
        assert_eq!(note(Err(error.into())), None);
    }
}
