//! What to type, for findings of several checks.

use crate::cluster::suggestion::psql;

/// A command that runs SQL in a pod.
pub(super) fn in_psql(namespace: &str, pod: &str, sql: &str) -> String {
    psql(namespace, pod, "postgres", sql)
}

/// What to type when a database has another password than the Secret.
pub(super) fn mend_password(namespace: &str, secret: &str, key: &str) -> String {
    format!(
        "kubectl -n {namespace} edit secret {secret}   # put the password that PostgreSQL has into {key}: docs/secrets.md"
    )
}
