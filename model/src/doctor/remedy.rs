//! Commands that several checks offer.

use crate::cluster::Snapshot;
use crate::cluster::names::CONTAINER;
use crate::cluster::words::shell_word;

/// Runs SQL in a database of a pod, as its superuser. Any name and any text is safe to paste.
pub(super) fn psql(snapshot: &Snapshot, pod: &str, database: &str, sql: &str) -> String {
    format!(
        "kubectl -n {} exec {pod} -c {CONTAINER} -- sh -c 'psql -U \"$POSTGRES_USER\" -d \"$1\" -c \"$2\"' psql {} {}",
        snapshot.cluster.namespace,
        shell_word(database),
        shell_word(sql)
    )
}

/// Runs SQL in the database `postgres` of the primary; of the pod that is to be primary when there is none.
pub(super) fn on_primary(snapshot: &Snapshot, sql: &str) -> String {
    in_database(snapshot, "postgres", sql)
}

/// Runs SQL in a database of the primary.
pub(super) fn in_database(snapshot: &Snapshot, database: &str, sql: &str) -> String {
    let primary = snapshot.primary().map(crate::cluster::Instance::name);
    let pod = primary.unwrap_or(&snapshot.topology.primary);
    psql(snapshot, pod, database, sql)
}
