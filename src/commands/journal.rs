//! The journal, as those that only look see it.

use crate::cluster::{Snapshot, UnfinishedOperation, UnreadableJournal};
use crate::kubernetes::Kube;
use crate::world::{JournalError, journal_of, lock_holder, object_name};

/// The operation that has not ended, or why nobody can say whether there is one. Who may not read the
/// journal is not told.
pub(super) async fn look_at_journal(kube: &Kube, snapshot: &mut Snapshot) {
    let cluster = snapshot.cluster.clone();
    let (journal, holder) = futures::join!(journal_of(kube, &cluster), lock_holder(kube, &cluster));
    let journal = match journal {
        Ok(Some(journal)) => journal,
        Ok(None) | Err(JournalError::Kube(_)) => return,
        Err(error) => {
            snapshot.unreadable_journal = Some(UnreadableJournal {
                config_map: object_name(&cluster),
                why: error.to_string(),
                needs: match error {
                    JournalError::Newer(header) => Some(header.needs),
                    JournalError::Kube(_) | JournalError::Unreadable { .. } => None,
                },
            });
            return;
        }
    };
    let Some(found) = journal.unfinished() else {
        return;
    };
    let plan = &journal.plan;
    snapshot.unfinished = Some(UnfinishedOperation {
        id: found.id.0,
        title: found.title,
        holder: holder.ok().flatten().map(|it| it.holder),
        resume: plan.resume_command(),
        abort: (!found.past_point_of_no_return).then(|| plan.abort_command()),
    });
}
