//! Throw-away servers, as those that only look see them: what there is of each, and the operation that makes one.

use std::collections::BTreeMap;

use crate::cluster::{ClusterId, NotVisible, ObjectKind, Snapshot, ThrowAwayFacts};
use crate::engine::Journal;
use crate::failure::Failure;
use crate::kubernetes::{Kube, NamespaceScope, ThrowAwaysFound};
use crate::world::{JournalError, RecordOf, journal_of, lock_holder};

/// Looks at the cluster of the namespace, and at the same time for throw-away servers there. Nobody waits for these when
/// there is no cluster to tell of.
///
/// # Errors
/// When `cluster` fails.
pub(super) async fn beside<T>(
    kube: &Kube,
    cluster: impl Future<Output = Result<T, Failure>>,
) -> Result<(T, ThrowAwaysFound), Failure> {
    let place = NamespaceScope::Namespace(kube.namespace().to_owned());
    let found = async { Ok::<_, Failure>(kube.throw_aways(&place).await) };
    futures::try_join!(cluster, found)
}

/// What there is of a cluster's throw-away servers, and the journal of their making.
pub(super) struct ThrowAwaysSeen {
    servers: BTreeMap<String, ThrowAwayFacts>,
    /// Why there may be more of them.
    unseen: Option<String>,
    /// None when none was ever made.
    pub(super) journal: Result<Option<Journal>, JournalError>,
    /// Who makes one now, as far as that can be known.
    holder: Option<String>,
}

impl ThrowAwaysSeen {
    /// Those of a cluster among all that were found, with their journal.
    pub(super) async fn look(kube: &Kube, cluster: &ClusterId, found: &ThrowAwaysFound) -> Self {
        let journal = journal_of(kube, cluster, RecordOf::ThrowAway).await;
        Self::of(kube, cluster, found, journal).await
    }

    /// Of what was found in a place, and the journal. Who has the lock is asked only where something has not ended.
    pub(super) async fn of(
        kube: &Kube,
        cluster: &ClusterId,
        found: &ThrowAwaysFound,
        journal: Result<Option<Journal>, JournalError>,
    ) -> Self {
        Self {
            servers: found.of(cluster),
            unseen: found.unseen.clone(),
            holder: holder_of_unfinished(kube, cluster, RecordOf::ThrowAway, &journal).await,
            journal,
        }
    }

    /// What is seen where there is none.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self {
            servers: BTreeMap::new(),
            unseen: None,
            journal: Ok(None),
            holder: None,
        }
    }

    /// Adds to what was seen the throw-away servers, and why there may be more.
    pub(super) fn note(&self, snapshot: &mut Snapshot) {
        let mut unseen: Vec<String> = self.unseen.iter().cloned().collect();
        let mut servers = self.servers.clone();
        match &self.journal {
            Ok(Some(journal)) => add_unfinished(&mut servers, journal, self.holder.as_ref()),
            Ok(None) => {}
            Err(error) => unseen.push(format!("the journal of their making: {error}")),
        }
        snapshot.throw_aways = servers.into_values().collect();
        let unseen = unseen.into_iter().map(|why| NotVisible {
            what: ObjectKind::ThrowAways,
            why,
        });
        snapshot.unseen.extend(unseen);
    }
}

/// Who is at the operation of a journal that has not ended, as far as that can be known; nobody is asked where there is
/// none.
pub(super) async fn holder_of_unfinished(
    kube: &Kube,
    cluster: &ClusterId,
    of: RecordOf,
    journal: &Result<Option<Journal>, JournalError>,
) -> Option<String> {
    journal.as_ref().ok()?.as_ref()?.unfinished()?;
    let holder = lock_holder(kube, cluster, of).await.ok().flatten()?;
    Some(holder.holder)
}

/// The operation that has not ended belongs to a server, whether there is anything of that yet or not.
fn add_unfinished(
    servers: &mut BTreeMap<String, ThrowAwayFacts>,
    journal: &Journal,
    holder: Option<&String>,
) {
    let operation = journal.unfinished_operation(holder.cloned());
    let (Some(operation), Some(name)) = (operation, journal.plan.operation.throw_away()) else {
        return;
    };
    let server = servers
        .entry(name.to_owned())
        .or_insert_with(|| ThrowAwayFacts::named(name));
    server.made(journal.entries.first().map(|it| it.at));
    server.unfinished = Some(operation);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fixture;
    use crate::kubernetes::KubeError;

    #[test]
    fn a_journal_that_may_not_be_read_is_told_and_hides_no_server() {
        let error = KubeError::Unexpected {
            doing: "reading the journals".to_owned(),
            reason: "forbidden".to_owned(),
        };
        let note = |journal| {
            let seen = ThrowAwaysSeen {
                servers: BTreeMap::from([("look".to_owned(), fixture::throw_away("look"))]),
                journal,
                ..ThrowAwaysSeen::none()
            };
            let mut snapshot = fixture::healthy(1);
            seen.note(&mut snapshot);
            assert_eq!(snapshot.throw_aways, [fixture::throw_away("look")]);
            // What the cluster itself has begun is known all the same.
            assert_eq!(snapshot.operation_unfinished(), Some(false));
            snapshot.unseen(ObjectKind::ThrowAways).cloned()
        };
        assert_eq!(note(Ok(None)), None);
        let told = note(Err(error.into())).expect("it is told");
        assert!(told.why.contains("forbidden"), "{told}");
    }
}
