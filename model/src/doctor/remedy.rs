//! Commands that several checks offer.

use crate::cluster::{Instance, Snapshot, suggestion};

/// Runs SQL in a database of a pod.
pub(super) fn psql(snapshot: &Snapshot, pod: &str, database: &str, sql: &str) -> String {
    suggestion::psql(&snapshot.cluster.namespace, pod, database, sql)
}

/// Runs SQL in the database `postgres` of the primary; of the pod that is to be primary when there is none.
pub(super) fn on_primary(snapshot: &Snapshot, sql: &str) -> String {
    in_database(snapshot, "postgres", sql)
}

/// Runs SQL in a database of the primary.
pub(super) fn in_database(snapshot: &Snapshot, database: &str, sql: &str) -> String {
    let primary = snapshot.primary().map(Instance::name);
    let pod = primary.unwrap_or(&snapshot.topology.primary);
    psql(snapshot, pod, database, sql)
}

/// Shows settings of every server, and where they come from.
pub(super) fn show_settings(snapshot: &Snapshot, names: &[&str]) -> String {
    suggestion::show_settings(&snapshot.cluster.namespace, names)
}
