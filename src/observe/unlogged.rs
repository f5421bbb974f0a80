//! The unlogged tables of a cluster.

use futures::{StreamExt as _, TryStreamExt as _};

use super::builder::Observed;
use super::open::{OpenError, login, open, open_database};
use crate::cluster::Instance;
use crate::kubernetes::Kube;
use crate::plan::UnloggedTables;

/// Databases that one server is asked about at the same time: few, because every connection is one that
/// clients lack.
pub(super) const DATABASES_AT_ONCE: usize = 2;

/// Asks the primary, or a standby when there is none; none when nobody answers, or the user may not
/// know.
pub async fn unlogged_tables(kube: &Kube, observed: &Observed) -> Option<Vec<UnloggedTables>> {
    let server = server_to_ask(observed)?;
    let login = login(observed.credentials.as_ref()?, kube.timeout());
    let namespace = &observed.snapshot.cluster.namespace;
    let asking = async {
        let session = open(kube, namespace, server.name(), &login).await?;
        Ok::<_, OpenError>(session.databases_with_unlogged().await?)
    };
    let databases = asking.await.ok()?;
    unlogged_tables_in(kube, observed, server, databases).await
}

fn server_to_ask(observed: &Observed) -> Option<&Instance> {
    let snapshot = &observed.snapshot;
    snapshot.primary().or_else(|| snapshot.standbys().next())
}

/// The same, of the databases that have some, as this server has said.
pub(super) async fn unlogged_tables_in(
    kube: &Kube,
    observed: &Observed,
    server: &Instance,
    databases: Vec<String>,
) -> Option<Vec<UnloggedTables>> {
    let snapshot = &observed.snapshot;
    let on_primary = snapshot.primary().map(Instance::name) == Some(server.name());
    let server = server.name();
    let login = login(observed.credentials.as_ref()?, kube.timeout());
    let namespace = &snapshot.cluster.namespace;
    let asking = futures::stream::iter(databases).map(async |database| {
        let session = open_database(kube, namespace, server, &login, &database).await;
        let (tables, bytes) = match session {
            Ok(session) => session.unlogged_tables().await?,
            // It lets nobody in: that it has some is known.
            Err(OpenError::Sql(_)) => (1, 0),
            Err(error) => return Err(error),
        };
        Ok::<_, OpenError>(UnloggedTables {
            database,
            tables,
            bytes: Some(bytes).filter(|_| on_primary),
        })
    });
    let asking = asking.buffered(DATABASES_AT_ONCE).try_collect::<Vec<_>>();
    let mut found = asking.await.ok()?;
    found.retain(|it| it.tables > 0);
    Some(found)
}
