//! The journal, as those that only look see it.

use futures::future::join_all;

use crate::cluster::{ClusterId, NotVisible, ObjectKind, Snapshot, UnreadableJournal};
use crate::engine::Journal;
use crate::kubernetes::{Kube, KubeError, NamespaceScope};
use crate::observe::Observed;
use crate::world::{JournalError, Journals, RecordOf, journal_of, lock_holder, object_name};

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
        let (journal, holder) = futures::join!(
            journal_of(kube, cluster, RecordOf::Cluster),
            lock_holder(kube, cluster, RecordOf::Cluster)
        );
        Self {
            journal,
            holder: holder.ok().flatten().map(|it| it.holder),
        }
    }

    /// Looks at those of many clusters by one list, and notes what they tell. Who has a lock is asked only
    /// where an operation has not ended. In the order of the clusters.
    pub(super) async fn note_all(
        kube: &Kube,
        place: &NamespaceScope,
        clusters: &mut [Observed],
    ) -> Vec<Self> {
        let journals = Journals::list(kube, place).await;
        let seen = clusters.iter().map(async |it| {
            let cluster = &it.snapshot.cluster;
            let journal = match &journals {
                Ok(journals) => journals.of(cluster),
                Err(error) => Err(JournalError::Kube(KubeError::Unexpected {
                    doing: "reading the journals".to_owned(),
                    reason: error.to_string(),
                })),
            };
            let unfinished = journal.as_ref().is_ok_and(|it| {
                let unfinished = it.as_ref().and_then(Journal::unfinished);
                unfinished.is_some()
            });
            let holder = match unfinished {
                true => lock_holder(kube, cluster, RecordOf::Cluster)
                    .await
                    .ok()
                    .flatten(),
                false => None,
            };
            Self {
                journal,
                holder: holder.map(|it| it.holder),
            }
        });
        let seen = join_all(seen).await;
        for (cluster, journal) in clusters.iter_mut().zip(&seen) {
            journal.note(&mut cluster.snapshot);
        }
        seen
    }

    /// Adds to what was seen the operation that has not ended, or why nobody can say whether there is one.
    pub(super) fn note(&self, snapshot: &mut Snapshot) {
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
            };
            seen.note(&mut snapshot);
            snapshot.operation_unfinished()
        };
        assert_eq!(note(Ok(None)), Some(false));
        assert_eq!(note(Err(error.into())), None);
    }
}
