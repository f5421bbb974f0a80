//! Which statements a server spends its time with.

use super::open::{OpenError, OpenPod};
use crate::cluster::Statements;

/// In so many databases the view is looked for.
const MAX_DATABASES: usize = 20;

/// Asks a server: `postgres` first, then its other databases, until one has the extension. Its view shows the
/// statements of all databases.
///
/// # Errors
/// When the server does not answer.
pub async fn top_statements(pod: &OpenPod<'_>, count: u32) -> Result<Statements, OpenError> {
    let session = &pod.session;
    if !session.counts_statements().await? {
        return Ok(Statements::NotLoaded);
    }
    if let Some(counts) = session.top_statements(count).await? {
        return Ok(Statements::Counted(counts));
    }
    let names = session.open_database_names().await?;
    let others = names.into_iter().filter(|name| name != "postgres");
    for name in others.take(MAX_DATABASES) {
        // One that lets nobody in has no view for us.
        let Ok(session) = pod.database(&name).await else {
            continue;
        };
        if let Some(counts) = session.top_statements(count).await? {
            return Ok(Statements::Counted(counts));
        }
    }
    Ok(Statements::NoExtension)
}
